"""Public keys that a client registers to authenticate by private_key_jwt (RFC 7523, RFC 7517)."""

from __future__ import annotations

from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from artstore.errors import Invalid

MAX_KEYS = 5
_MIN_RSA_BITS, _MAX_RSA_BITS = 2048, 8192
_MAX_EXPONENT_BITS = 32
_MAX_KID_CHARACTERS = 100
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})  # RFC 7518 §6.2.2, §6.3.2, §6.4.1
_KINDS: dict[str, tuple[str, str | None, tuple[str, ...]]] = {
    "RSA": ("RS256", None, ("n", "e")),
    "EC": ("ES256", "P-256", ("crv", "x", "y")),
    "OKP": ("EdDSA", "Ed25519", ("crv", "x")),
}
"""For each ``kty``: its algorithm, its curve, and the members that make the key."""
_RENAMED = {"EdDSA": "Ed25519"}
"""What RFC 9864 §2.2 calls an algorithm with its one curve here."""


def validate_jwks(jwks: dict[str, Any]) -> dict[str, Any]:
    """Give ``jwks`` (RFC 7517 §5) as it is kept: 1 to 5 public keys, known members only, each with ``alg``.

    Raises Invalid (``invalid_jwks``) for anything else: a private or symmetric key, an RSA key of less than 2048
    bits, a curve other than P-256 and Ed25519, a ``kid`` that is missing or repeated, a use other than ``sig``.
    """
    keys = jwks.get("keys")
    if set(jwks) != {"keys"} or not isinstance(keys, list) or not 1 <= len(keys) <= MAX_KEYS:
        raise _invalid(f'it must be {{"keys": [...]}} with 1 to {MAX_KEYS} keys')
    kept = [_validate(each) for each in keys]
    if len({each["kid"] for each in kept}) != len(kept):
        raise _invalid("each kid must be there once")
    return {"keys": kept}


def _validate(jwk: object) -> dict[str, Any]:
    if not isinstance(jwk, dict):
        raise _invalid("a key must be an object")
    if _PRIVATE & set(jwk):
        raise _invalid("a key is private: register its public half, and make a new pair, since this one was shown")
    kty, kid = jwk.get("kty"), jwk.get("kid")
    if not isinstance(kty, str) or kty not in _KINDS:
        raise _invalid("kty must be RSA, EC or OKP")
    if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID_CHARACTERS or not kid.isprintable():
        raise _invalid(f"each key needs a kid of at most {_MAX_KID_CHARACTERS} printable characters")
    algorithm, curve, members = _KINDS[kty]
    if jwk.get("crv") != curve:
        raise _invalid(f"the curve of a key of type {kty} must be {curve}")
    names = (algorithm, _RENAMED.get(algorithm, algorithm))
    if jwk.get("alg", algorithm) not in names or jwk.get("use", "sig") != "sig":
        raise _invalid(f"a key of type {kty} is for signatures by {algorithm}")
    kept: dict[str, Any] = {name: jwk.get(name) for name in members}
    if not all(isinstance(value, str) for value in kept.values()):
        raise _invalid(f"a key of type {kty} needs {', '.join(members)}")
    kept |= {"kty": kty, "kid": kid, "alg": algorithm, "use": "sig"}
    try:
        key = jwt.PyJWK(kept, algorithm=algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise _invalid("a key is malformed") from error
    if isinstance(key, RSAPublicKey):
        if not _MIN_RSA_BITS <= key.key_size <= _MAX_RSA_BITS:
            raise _invalid(f"an RSA key must have {_MIN_RSA_BITS} to {_MAX_RSA_BITS} bits")
        if key.public_numbers().e.bit_length() > _MAX_EXPONENT_BITS:  # verifying would take as long as signing
            raise _invalid(f"an RSA key's exponent must have at most {_MAX_EXPONENT_BITS} bits")
    return kept


def _invalid(fact: str) -> Invalid:
    return Invalid(f"jwks: {fact}", code="invalid_jwks", field="jwks")
