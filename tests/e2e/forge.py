"""Access tokens that no archive should accept, each wrong in one way only.

What must be wrong in its claims is signed with the archive's own key, which the operator reads from its secret, so
that nothing but the claim can be the reason for a refusal.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

_ELSEWHERE = "https://attacker.example"


def encode(part: dict[str, Any] | bytes) -> str:
    """Give a part of a JWT as base64url without padding (RFC 7515 §2)."""
    raw = part if isinstance(part, bytes) else json.dumps(part, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Forge:
    """Makes tokens that differ from a real one."""

    def __init__(self, real: str, private_key: Any, public_jwk: dict[str, Any]) -> None:
        """Start from the token ``real``; ``private_key`` is what signed it, and ``public_jwk`` its public half."""
        self.real = real
        self.header = jwt.get_unverified_header(real)
        self.claims = jwt.decode(real, options={"verify_signature": False})
        self._own_key = private_key
        self._public_jwk = public_jwk
        self._foreign_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def sign(
        self,
        claims: dict[str, Any] | None = None,
        header: dict[str, Any] | None = None,
        key: Any = None,
        algorithm: str | None = None,
    ) -> str:
        """Sign the real claims with changes; a change to None leaves the member out."""
        now = int(time.time())
        fresh = {"iat": now, "exp": now + 600, "jti": str(uuid.uuid4())}
        stated = self.claims | fresh | (claims or {})
        headers = {"typ": "at+jwt", "kid": self.header["kid"]} | (header or {})
        # PyJWT refuses to make some of what is to be refused, so the parts are put together here.
        algorithm = algorithm or self.header["alg"]
        headers = {"alg": algorithm} | {name: value for name, value in headers.items() if value is not None}
        signed = f"{encode(headers)}.{encode({n: v for n, v in stated.items() if v is not None})}"
        signer = jwt.get_algorithm_by_name(algorithm)
        signature = signer.sign(signed.encode(), key or self._own_key)
        return f"{signed}.{encode(signature)}"

    def forged(self) -> dict[str, str]:
        """Give every token to be refused, by what is wrong with it."""
        return {
            **dict(self._tampered()),
            **dict(self._unsigned()),
            **dict(self._with_the_public_key_as_secret()),
            **dict(self._with_foreign_keys()),
            **dict(self._with_wrong_claims()),
            **dict(self._with_wrong_headers()),
        }

    def _tampered(self) -> Iterator[tuple[str, str]]:
        head, body, signature = self.real.split(".")
        more = self.claims | {"scope": self.claims["scope"] + " keys:admin", "client_id": "sa_other"}
        swapped = "A" if signature[20] != "A" else "B"
        yield "claims changed", f"{head}.{encode(more)}.{signature}"
        yield "header changed", f"{encode(self.header | {'x': 1})}.{body}.{signature}"
        yield "signature changed", f"{head}.{body}.{signature[:20]}{swapped}{signature[21:]}"
        yield "signature cut", f"{head}.{body}.{signature[:-8]}"
        yield "signature of another token", f"{head}.{body}.{self.sign().split('.')[2]}"
        yield "two parts", f"{head}.{body}"
        yield "four parts", f"{self.real}.{signature}"
        yield "no token", "x"

    def _unsigned(self) -> Iterator[tuple[str, str]]:
        _, body, signature = self.real.split(".")
        for name in ("none", "None", "NONE", "nOnE", ""):
            header = encode(self.header | {"alg": name})
            yield f"alg {name!r}", f"{header}.{body}."
            yield f"alg {name!r} with a signature", f"{header}.{body}.{signature}"
        yield "no signature", f"{self.real.rpartition('.')[0]}."
        without = {name: value for name, value in self.header.items() if name != "alg"}
        yield "no alg", f"{encode(without)}.{body}.{signature}"

    def _with_the_public_key_as_secret(self) -> Iterator[tuple[str, str]]:
        public = self._own_key.public_key()
        formats = serialization.PublicFormat
        secrets: dict[str, bytes] = {
            "as PEM": public.public_bytes(serialization.Encoding.PEM, formats.SubjectPublicKeyInfo),
            "as DER": public.public_bytes(serialization.Encoding.DER, formats.SubjectPublicKeyInfo),
            "as JWK": json.dumps(self._public_jwk, separators=(",", ":")).encode(),
            "nothing": b"",
        }
        secrets["as PEM without the last line break"] = secrets["as PEM"].rstrip()
        body = encode(self.claims)
        for name, secret in secrets.items():
            for algorithm, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512)):
                signed = f"{encode(self.header | {'alg': algorithm})}.{body}"
                mac = hmac.new(secret, signed.encode(), digest).digest()
                yield f"{algorithm} with the public key {name}", f"{signed}.{encode(mac)}"

    def _with_foreign_keys(self) -> Iterator[tuple[str, str]]:
        own: Callable[..., str] = self.sign
        jwk = RSAAlgorithm.to_jwk(self._foreign_key.public_key(), as_dict=True)
        curve = ec.generate_private_key(ec.SECP256R1())
        foreign = {"key": self._foreign_key, "algorithm": "RS256"}
        yield "foreign key under our kid", own(**foreign)
        yield "foreign key under a kid of its own", own(header={"kid": "foreign"}, **foreign)
        yield "foreign key and no kid", own(header={"kid": None}, **foreign)
        yield "foreign issuer", own({"iss": _ELSEWHERE, "aud": _ELSEWHERE}, **foreign)
        yield "foreign curve under our kid", own(key=curve, algorithm="ES256")
        for kid in (self.header["kid"], "foreign"):
            known = "our kid" if kid != "foreign" else "its own kid"
            embedded = {"jwk": jwk | {"kid": kid, "alg": "RS256"}}
            yield f"jwk in the header, {known}", own(header={"kid": kid} | embedded, **foreign)
            for name in ("jku", "x5u"):
                address = f"{_ELSEWHERE}/.well-known/jwks.json"
                yield f"{name} in the header, {known}", own(header={"kid": kid, name: address}, **foreign)
            yield f"x5c in the header, {known}", own(header={"kid": kid, "x5c": ["MIIB"]}, **foreign)
        point = ECAlgorithm.to_jwk(curve.public_key(), as_dict=True)
        yield "jwk of a curve in the header", own(header={"jwk": point}, key=curve, algorithm="ES256")
        for kid in ("../../dev/null", "' OR 1=1 --", "\x00", "k" * 5000, 7, ["a"], {"$ne": ""}):
            yield f"kid {str(kid)[:20]!r}", own(header={"kid": kid}, **foreign)

    def _with_wrong_claims(self) -> Iterator[tuple[str, str]]:
        now = int(time.time())
        issuer = self.claims["iss"]
        wrong: dict[str, dict[str, Any]] = {
            "audience elsewhere": {"aud": _ELSEWHERE},
            "audience elsewhere, in a list": {"aud": [_ELSEWHERE]},
            "audience with a slash": {"aud": issuer + "/"},
            "audience in capitals": {"aud": issuer.upper()},
            "issuer elsewhere": {"iss": _ELSEWHERE},
            "issuer with a slash": {"iss": issuer + "/"},
            "issuer in a list": {"iss": [issuer]},
            "expired a minute ago": {"iat": now - 660, "exp": now - 60},
            "expired long ago": {"iat": 1, "exp": 2},
            "exp is text": {"exp": "tomorrow"},
            "exp is true": {"exp": True},
            "exp is null-like": {"exp": []},
            "issued in a minute": {"iat": now + 60},
            "issued in a year": {"iat": now + 31_536_000, "exp": now + 31_537_000},
            "iat is text": {"iat": "now"},
            "not before a minute": {"nbf": now + 60},
            "nbf is text": {"nbf": "then"},
            "sub is a number": {"sub": 7},
            "client_id is a list": {"client_id": ["a"]},
            "scope is a list": {"scope": ["files:read"]},
            "jti is a number": {"jti": 7},
        }
        for name in ("iss", "aud", "exp", "iat", "sub", "client_id", "jti", "scope"):
            wrong[f"no {name}"] = {name: None}
        for what, changes in wrong.items():
            yield what, self.sign(changes)

    def _with_wrong_headers(self) -> Iterator[tuple[str, str]]:
        wrong: dict[str, dict[str, Any]] = {
            "typ JWT": {"typ": "JWT"},
            "no typ": {"typ": None},
            "typ is a number": {"typ": 1},
            "no kid": {"kid": None},
            "a critical extension": {"crit": ["exp"]},
            "an empty list of critical extensions": {"crit": []},
            "an unencoded payload": {"b64": False, "crit": ["b64"]},
        }
        for what, changes in wrong.items():
            yield what, self.sign(header=changes)
        if self.header["alg"] == "RS256":
            for algorithm in ("RS384", "RS512", "PS256"):
                yield f"our key by {algorithm}", self.sign(algorithm=algorithm)
