"""Requests that RFC 6749 has the token, introspection and revocation endpoints refuse, and some it has not."""

from __future__ import annotations

import base64
import json

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
CLIENT, SECRET = "sa_reader", "reader-secret_0123456789"
OTHER = "sa_other"
ASSERTION_TYPE = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
REQUIRED = {"token": "grant_type=client_credentials", "introspect": "token=x.y.z", "revoke": "token=x.y.z"}
"""What each endpoint cannot do without, well-formed."""


def basic(client_id: str = CLIENT, secret: str = SECRET) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def encoded(credentials: bytes) -> str:
    return "Basic " + base64.b64encode(credentials).decode()


BADLY_ENCODED: dict[str, str | bytes] = {
    "a percent sign at the end": "{required}&x=%",
    "a percent sign and one digit": "{required}&x=%2",
    "a percent sign and no digits": "{required}&x=%zz",
    "a percent sign and a sign": "{required}&x=%+1",
    "a bad percent-encoding in a name": "{required}&x%=1",
    "percent-encoded bytes that are not UTF-8": "{required}&x=%ff%fe",
    "half a character": "{required}&x=%d0",
    "an overlong NUL": "{required}&x=%c0%80",
    "a surrogate": "{required}&x=%ed%a0%80",
}
"""Forms whose percent-encoding is none, or not of UTF-8."""

FORMS: dict[str, str | bytes] = {
    "a parameter twice": "{required}&{required}",
    "a parameter twice, once without a value": "{required}&{name}=",
    "a parameter twice, once percent-encoded": "{required}&%{first:02x}{rest}=x",
    "an unknown parameter twice": "{required}&x=1&x=1",
    "an empty parameter twice": "{required}&x&x",
    "a nameless parameter twice": "{required}&=1&=1",
    "scope twice": "{required}&scope=files%3Aread&scope=files%3Aread",
    "client_id twice": "{required}&client_id=" + CLIENT + "&client_id=" + CLIENT,
    "Basic and client_secret": "{required}&client_secret=" + SECRET,
    "Basic and both of the body": "{required}&client_id=" + CLIENT + "&client_secret=" + SECRET,
    "Basic and an assertion": "{required}&client_assertion=a.b.c&client_assertion_type=" + ASSERTION_TYPE,
    "Basic and half an assertion": "{required}&client_assertion=a.b.c",
    "Basic and the other half": "{required}&client_assertion_type=" + ASSERTION_TYPE,
    "Basic and another client_id": "{required}&client_id=" + OTHER,
    "raw bytes that are not UTF-8": b"{required}&x=\xff\xfe",
    "NUL, percent-encoded": "{required}&x=a%00b",
    "NUL in a name": "{required}&x%00=b",
    "NUL, raw": b"{required}&x=a\x00b",
    "21 parameters": "{required}" + "".join(f"&p{number}=1" for number in range(20)),
    "16,385 bytes": "{required}&x={filler}",
    "a megabyte": "{required}&x=" + "x" * 1_000_000,
    "nothing": "",
    "ampersands alone": "&&&",
    "the required parameter without a value": "{name}=",
    "the required parameter without an equals sign": "{name}",
    "the required parameter in capitals": "{NAME}=client_credentials",
    "the required parameter with a space": "{name}+=client_credentials",
    "JSON in a form": '{"grant_type": "client_credentials", "token": "x"}',
    "semicolons for ampersands": "x=1;{required}",
}
FORMS |= BADLY_ENCODED
"""Forms beside which the client authenticates by Basic; braces are filled in by ``fill``."""

WELL_FORMED: dict[str, str] = {
    "as it is": "{required}",
    "with the authenticated client_id": "{required}&client_id=" + CLIENT,
    "with an unknown parameter": "{required}&resource=https%3A%2F%2Fa.example",
    "with ampersands to spare": "&{required}&",
    "with parameters that have no value": "{required}&scope=&client_secret=&client_assertion=",
    "20 parameters": "{required}" + "".join(f"&p{number}=1" for number in range(19)),
    "with a plus sign and every character escaped": "{required}&x=+%2B%41",
    "in Cyrillic": "{required}&x=%D0%96",
}

DOCUMENTS: dict[str, str | bytes] = {
    "nothing": "",
    "half an object": "{",
    "null": "null",
    "a list": "[]",
    "a text": '"grant_type"',
    "a number for a value": '{"grant_type": 1, "token": 1}',
    "null for a value": '{"grant_type": null, "token": null}',
    "a list for a value": '{"grant_type": ["client_credentials"], "token": ["x"]}',
    "an object for a value": '{"grant_type": {}, "token": {}}',
    "an empty value": '{"grant_type": "", "token": ""}',
    "no member": "{}",
    "a member twice": '{"grant_type": "client_credentials", "token": "x", "x": "1", "x": "1"}',
    "the required member twice": '{"token": "a", "token": "a", "grant_type": "a", "grant_type": "a"}',
    "21 members": json.dumps(
        {"grant_type": "client_credentials", "token": "x"} | {f"p{number}": "1" for number in range(20)}
    ),
    "NUL": '{"grant_type": "client_credentials", "token": "x", "x": "a\\u0000b"}',
    "NUL in a name": '{"grant_type": "client_credentials", "token": "x", "x\\u0000": "b"}',
    "a lone surrogate": '{"grant_type": "client_credentials", "token": "x", "x": "\\ud800"}',
    "bytes that are not UTF-8": b'{"grant_type": "client_credentials", "token": "x", "x": "\xff"}',
    "UTF-16": '{"grant_type": "client_credentials", "token": "x"}'.encode("utf-16"),
    "more after the object": '{"grant_type": "client_credentials", "token": "x"} {}',
    "deep": '{"grant_type":' * 2000,
    "a megabyte": json.dumps({"grant_type": "client_credentials", "token": "x" * 1_000_000}),
    "a form": "grant_type=client_credentials&token=x",
    "Basic and a secret": json.dumps(
        {"grant_type": "client_credentials", "token": "x", "client_id": CLIENT, "client_secret": SECRET}
    ),
}
"""JSON bodies beside which the client authenticates by Basic."""

AUTHORIZATIONS: dict[str, str | None] = {
    "none": None,
    "empty": "",
    "Basic alone": "Basic",
    "Basic without credentials": "Basic ",
    "Bearer": "Bearer x.y.z",
    "Digest": 'Digest username="a"',
    "not base64": "Basic ???",
    "base64 of another alphabet": "Basic " + base64.urlsafe_b64encode(b"\xfb\xff:\xfe").decode(),
    "not ASCII": "Basic Ж",
    "no colon": encoded(CLIENT.encode()),
    "no client_id": encoded(f":{SECRET}".encode()),
    "no secret": encoded(f"{CLIENT}:".encode()),
    "a bad percent-encoding": encoded(f"{CLIENT}:%zz".encode()),
    "not UTF-8": encoded(CLIENT.encode() + b":\xff"),
    "NUL": encoded(f"{CLIENT}\0:{SECRET}".encode()),
    "an unknown client": basic("sa_nobody"),
    "a wrong secret": basic(secret="wrong"),
    "a secret of 100 characters": basic(secret="x" * 100),
    "a secret that begins right": basic(secret=SECRET[:-1]),
    "a secret that goes on": basic(secret=SECRET + "x"),
    "an id in capitals": basic(CLIENT.upper()),
    "an id of 5,000 characters": basic("a" * 5000),
}
"""Authorization headers that authenticate nobody."""


def fill(form: str | bytes, endpoint: str) -> bytes:
    """Give the bytes of a row of FORMS or WELL_FORMED for an endpoint."""
    required = REQUIRED[endpoint]
    name = required.partition("=")[0]
    raw = form if isinstance(form, bytes) else form.encode()
    parts = {
        "required": required,
        "name": name,
        "NAME": name.upper(),
        "first:02x": f"{ord(name[0]):02x}",
        "rest": name[1:],
        "filler": "x" * (16_385 - len(f"{required}&x=")),
    }
    for part, value in parts.items():
        raw = raw.replace(b"{" + part.encode() + b"}", value.encode())
    return raw
