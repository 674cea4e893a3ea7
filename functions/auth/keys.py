"""Signing keys: the private half in Secrets Manager, the public half in the signing-keys table.

The secret's text is JSON: ``{"active": kid, "keys": [{"kid", "private_key" (PEM, PKCS #8), "created_at"}]}``.
Only the functions of this folder may read it. The kid is the key's RFC 7638 thumbprint.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from artstore.errors import Unavailable
from artstore.secret_store import read_secret, write_secret
from artstore.security import ALGORITHM
from artstore.tables import SigningKeyRecord, bind, reaching_dynamodb

if TYPE_CHECKING:
    from collections.abc import Mapping

_RSA_BITS = 2048


class StoredKey(msgspec.Struct, frozen=True):
    """One private key as the secret holds it."""

    kid: str
    private_key: str
    created_at: str


class KeyRing(msgspec.Struct, frozen=True):
    """The text of the secret."""

    active: str
    keys: tuple[StoredKey, ...]


class SigningKey:
    """A private key ready to sign; parsing the PEM once is what makes signing cheap."""

    def __init__(self, stored: StoredKey) -> None:
        """Parse the PEM. Raises ValueError when it is not an RSA key."""
        key = serialization.load_pem_private_key(stored.private_key.encode(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("the signing key is not an RSA key")  # noqa: TRY004  # a wrong value of the secret
        self.kid = stored.kid
        self.private_key = key

    def public_jwk(self) -> dict[str, Any]:
        """Give the public JWK (RFC 7517 §4) with kid, use and alg."""
        return _public_jwk(self.private_key.public_key())


def generate_key() -> StoredKey:
    """Make an RSA key of 2048 bits."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return StoredKey(kid=_public_jwk(key.public_key())["kid"], private_key=pem.decode(), created_at=now)


def _public_jwk(key: rsa.RSAPublicKey) -> dict[str, Any]:
    jwk = RSAAlgorithm.to_jwk(key, as_dict=True)
    members = {name: jwk[name] for name in ("e", "kty", "n")}
    canonical = msgspec.json.encode(members, order="sorted")  # RFC 7638 §3.3
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()
    return {**members, "kid": thumbprint, "use": "sig", "alg": ALGORITHM}


class KeySecret:
    """The secret that holds the private keys."""

    def __init__(self, secret_id: str) -> None:
        """Use the secret of that id or ARN; no call is made yet."""
        self._secret_id = secret_id

    def read(self) -> KeyRing | None:
        """Read the ring, or None when the secret has no value yet. Raises Unavailable."""
        text = read_secret(self._secret_id)
        return msgspec.json.decode(text, type=KeyRing) if text else None

    def write(self, ring: KeyRing) -> None:
        """Replace the ring. Raises Unavailable."""
        write_secret(self._secret_id, msgspec.json.encode(ring).decode())


class PublishedKeys:
    """The public keys in the signing-keys table, under their issuer."""

    def __init__(self, prefix: str, issuer: str) -> None:
        """Use the table of the deployment ``prefix``."""
        self._table = bind(SigningKeyRecord, prefix)
        self._issuer = issuer

    def list(self) -> list[Mapping[str, Any]]:
        """Read all public JWKs; one Query."""
        with reaching_dynamodb():
            return [record.jwk for record in self._table.query(self._issuer)]

    def publish(self, key: SigningKey, created_at: str) -> None:
        """Publish the public half of ``key``; writing it again changes nothing."""
        with reaching_dynamodb():
            self._table(self._issuer, key.kid, jwk=key.public_jwk(), created_at=created_at).save()


def ensure_signing_key(secret: KeySecret, published: PublishedKeys) -> str:
    """Make the first signing key unless there is one, publish its public half, and give the active kid.

    Safe to repeat after a crash at any point: the private half is kept before the public one is shown.
    """
    ring = secret.read()
    if ring is None:
        stored = generate_key()
        ring = KeyRing(active=stored.kid, keys=(stored,))
        secret.write(ring)
    for stored in ring.keys:
        published.publish(SigningKey(stored), stored.created_at)
    return ring.active


class ActiveKey:
    """The key that signs now, read at the first token of the process."""

    def __init__(self, secret: KeySecret) -> None:
        """Read from ``secret``, later."""
        self._secret = secret
        self._key: SigningKey | None = None

    def get(self) -> SigningKey:
        """Give the active key. Raises Unavailable when there is none yet, or it cannot be read."""
        if self._key is None:
            ring = self._secret.read()
            if ring is None:
                raise Unavailable("the archive has no signing key yet")
            self._key = SigningKey(next(stored for stored in ring.keys if stored.kid == ring.active))
        return self._key
