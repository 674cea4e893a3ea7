"""Keys that a client registers: public, strong, of a kind verified here, each under a name of its own."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from artstore.errors import Invalid
from functions.auth.accounts.client_keys import validate_jwks
from tests.support.authorization.account_world import World


def rsa_jwk(bits: int = 2048, *, private: bool = False) -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    jwk: dict[str, Any] = RSAAlgorithm.to_jwk(key if private else key.public_key(), as_dict=True)
    jwk.pop("key_ops", None)
    return jwk | {"kid": "r"}


def ec_jwk(curve: ec.EllipticCurve, *, private: bool = False) -> dict[str, Any]:
    key = ec.generate_private_key(curve)
    return ECAlgorithm.to_jwk(key if private else key.public_key(), as_dict=True) | {"kid": "e"}


def okp_jwk(kind: Any = ed25519.Ed25519PrivateKey, *, private: bool = False) -> dict[str, Any]:
    key = kind.generate()
    return OKPAlgorithm.to_jwk(key if private else key.public_key(), as_dict=True) | {"kid": "o"}


RSA, EC, OKP = rsa_jwk(), ec_jwk(ec.SECP256R1()), okp_jwk()


def test_rsa_p256_and_ed25519_keys_are_kept_with_their_algorithm_and_known_members_alone() -> None:
    extra = {"x5u": "https://evil.example/", "use": "sig", "comment": "mine"}
    kept = validate_jwks({"keys": [RSA | extra, EC | extra, OKP | extra]})["keys"]
    assert [each["alg"] for each in kept] == ["RS256", "ES256", "EdDSA"]
    assert [set(each) - {"kty", "kid", "alg", "use"} for each in kept] == [
        {"n", "e"},
        {"crv", "x", "y"},
        {"crv", "x"},
    ]
    for each in kept:
        assert jwt.PyJWK(each).key


def test_an_ed25519_key_may_name_its_algorithm_as_rfc_9864_does() -> None:
    assert [each["alg"] for each in validate_jwks({"keys": [OKP | {"alg": "Ed25519"}]})["keys"]] == ["EdDSA"]


@pytest.mark.parametrize(
    "jwks",
    [
        {},
        {"keys": []},
        {"keys": {}},
        {"keys": ["x"]},
        {"keys": [RSA], "more": 1},
        {"keys": [RSA | {"kid": str(number)} for number in range(6)]},
        {"keys": [RSA, EC | {"kid": "r"}]},
        {"keys": [{name: value for name, value in RSA.items() if name != "kid"}]},
        {"keys": [RSA | {"kid": ""}]},
        {"keys": [RSA | {"kid": 1}]},
        {"keys": [RSA | {"kid": "x" * 101}]},
        {"keys": [RSA | {"kid": "a\nb"}]},
        {"keys": [RSA | {"alg": "HS256"}]},
        {"keys": [RSA | {"alg": "PS256"}]},
        {"keys": [RSA | {"use": "enc"}]},
        {"keys": [RSA | {"n": 1}]},
        {"keys": [RSA | {"n": "!"}]},
        {"keys": [RSA | {"e": "AQ"}]},
        {"keys": [RSA | {"e": "AQAAAAAAAAAAAQ"}]},
        {"keys": [EC | {"y": EC["x"]}]},
        {"keys": [EC | {"crv": "P-384"}]},
        {"keys": [OKP | {"x": "AAAA"}]},
        {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "s"}]},
        {"keys": [{"kty": None, "kid": "s"}]},
        {"keys": [{"kty": ["RSA"], "kid": "s"}]},
        {"keys": [rsa_jwk(1024)]},
        {"keys": [ec_jwk(ec.SECP384R1())]},
        {"keys": [ec_jwk(ec.SECP256K1())]},
        {"keys": [okp_jwk(ed448.Ed448PrivateKey)]},
    ],
)
def test_any_other_key_is_refused(jwks: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        validate_jwks(jwks)
    assert refused.value.code == "invalid_jwks"


@pytest.mark.parametrize(
    "jwk", [rsa_jwk(private=True), ec_jwk(ec.SECP256R1(), private=True), okp_jwk(private=True)]
)
def test_a_private_key_is_refused_and_not_repeated(world: World, jwk: dict[str, Any]) -> None:
    answer = world.send("POST", payload={"name": "x", "role": "USER", "jwks": {"keys": [jwk]}})
    assert (answer.status, answer.json["code"], answer.json["field"]) == (400, "invalid_jwks", "jwks")
    assert "private" in answer.json["detail"]
    assert jwk["d"] not in answer.text


def test_an_account_with_keys_has_no_secret_until_one_is_made(world: World) -> None:
    created = world.create(jwks={"keys": [EC]})
    assert (created["client_secret"], created["secrets"]) == (None, [])
    assert [each["kid"] for each in created["jwks"]["keys"]] == ["e"]
    assert world.rotate(created["client_id"]).json["client_secret"]


def test_keys_are_replaced_and_taken_away_and_the_audit_log_keeps_them(world: World) -> None:
    client_id = world.create(jwks={"keys": [EC]})["client_id"]
    assert world.patch(client_id, jwks={"keys": [OKP]}).json["jwks"]["keys"][0]["kid"] == "o"
    assert world.patch(client_id, jwks=None).json["jwks"] is None
    last = world.audit.entries[-1]
    assert last.before is not None
    assert last.before["jwks"]["keys"][0]["x"] == OKP["x"]
    assert json.dumps(last.after).find('"jwks": null') >= 0
