"""A signing key: made here, its private half an object ready to sign, its public half a JSON Web Key.

The kid is the key's RFC 7638 thumbprint, so that a key is named alike wherever it is found.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from artstore.security import ES256, RS256

_RSA_BITS = 2048

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class StoredKey(msgspec.Struct, frozen=True):
    """One key as the secret holds it."""

    kid: str
    private_key: str
    """PEM (PKCS #8); empty once the key is retired, since it never signs again."""
    created_at: datetime
    algorithm: str = RS256
    public_jwk: dict[str, str] = msgspec.field(default_factory=dict)
    activated_at: datetime | None = None
    """Since when it signs or signed."""
    retired_at: datetime | None = None

    def __repr__(self) -> str:
        """Show nothing of the private half, wherever this is shown."""
        return f"StoredKey(kid={self.kid!r}, algorithm={self.algorithm!r})"


class SigningKey:
    """A private key ready to sign; parsing the PEM once is what makes signing cheap."""

    def __init__(self, stored: StoredKey) -> None:
        """Parse the PEM. Raises ValueError when it is not a key of its algorithm."""
        self.kid = stored.kid
        self.algorithm = stored.algorithm
        self.private_key: PrivateKey = _parse(stored)

    def public_jwk(self) -> dict[str, str]:
        """Give the public JWK (RFC 7517 §4) with kid, use and alg."""
        return _public_jwk(self.private_key, self.algorithm)


def generate_key(algorithm: str = RS256, now: datetime | None = None) -> StoredKey:
    """Make a key: RSA of 2048 bits for RS256, P-256 for ES256 (RFC 7518 §3.3, §3.4)."""
    key: PrivateKey
    if algorithm == ES256:
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    jwk = _public_jwk(key, algorithm)
    return StoredKey(
        kid=jwk["kid"],
        private_key=pem.decode(),
        created_at=now or datetime.now(UTC),
        algorithm=algorithm,
        public_jwk=jwk,
    )


def _parse(stored: StoredKey) -> PrivateKey:
    # Our own key: checking its numbers again would cost 40 ms in every process.
    key = serialization.load_pem_private_key(
        stored.private_key.encode(), password=None, unsafe_skip_rsa_key_validation=True
    )
    if stored.algorithm == RS256 and isinstance(key, rsa.RSAPrivateKey):
        return key
    if stored.algorithm == ES256 and isinstance(key, ec.EllipticCurvePrivateKey):
        return key
    raise ValueError(f"the signing key is not one for {stored.algorithm}")


def _public_jwk(key: PrivateKey, algorithm: str) -> dict[str, str]:
    if isinstance(key, rsa.RSAPrivateKey):
        jwk = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        members = {name: str(jwk[name]) for name in ("e", "kty", "n")}
    else:
        jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        members = {name: str(jwk[name]) for name in ("crv", "kty", "x", "y")}
    canonical = msgspec.json.encode(members, order="sorted")  # RFC 7638 §3.2, §3.3
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()
    return {**members, "kid": thumbprint, "use": "sig", "alg": algorithm}
