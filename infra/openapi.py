"""Generates what is derived from the endpoints: the OpenAPI document and the paths of the REST API.

    python -m infra.openapi --write    writes functions/query/openapi.json and infra/template.yaml's paths
    python -m infra.openapi --check    exits 1 when they differ from the code

The document is what clients read. The template holds only paths, methods and integrations: API Gateway needs
no more, and its requests are validated in one place, the functions.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping

from artstore.http import Endpoint
from artstore.http.openapi import build_document
from functions.auth import app as auth
from functions.maintenance import app as maintenance
from functions.query import app as query
from functions.storage_events.webhook import app as webhook
from functions.upload import app as upload
from functions.upload.documents import app as documents
from infra.template import PATH as TEMPLATE
from infra.template import stamp

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "functions" / "query" / "openapi.json"
VERSION = "0.1.0"

ENDPOINTS_OF: Mapping[str, tuple[Endpoint, ...]] = {
    "auth": auth.ENDPOINTS,
    "upload": upload.ENDPOINTS,
    "documents": documents.ENDPOINTS,
    "query": query.ENDPOINTS,
    "maintenance": maintenance.ENDPOINTS,
    "storage-webhook": webhook.ENDPOINTS,
}
FALLBACK = "query"
"""The function that answers for what no operation is: unknown paths, other methods, browsers' preflights."""

_DESCRIPTION = """\
A long-term document archive that other applications use over HTTP.

Answers are JSON, whatever Accept says, and errors `application/problem+json` (RFC 9457) with a stable `code`;
the endpoints of OAuth 2 refuse in the form of RFC 6749 §5.2. Wherever GET is, HEAD is as well, and OPTIONS
everywhere. An unknown path is 404, another method of a known one 405 with `Allow`. Where an answer has an `ETag`,
If-None-Match may save sending it again. A body whose members are all optional may be left out. Pages of other
origins may use the API where the deployment allows theirs (CORS)."""
_TAGS = (
    (
        "Documents",
        "Finding, showing, changing and deleting what is in the archive",
        (
            "query /api/v1/files",
            "query /api/v1/trash",
            "documents /api/v1/files",
            "documents /api/v1/finalizations",
        ),
    ),
    ("Uploads", "Putting documents into it", ("upload /api/v1/files", "upload /api/v1/uploads")),
    ("Storage elements", "The places for documents, and their modes", ("upload /api/v1/storage-elements",)),
    (
        "Spaces",
        "The parts of the archive, their limits and what they hold",
        ("upload /api/v1/spaces", "query /api/v1/usage"),
    ),
    (
        "Retention",
        "How long documents are kept, what is due, and decisions about it",
        ("documents /api/v1/retention",),
    ),
    (
        "Maintenance",
        "Jobs and sweeps, and what is kept from everybody",
        ("maintenance /api/v1/maintenance/", "query /api/v1/quarantine"),
    ),
    ("Events", "Where storage of another kind tells what happened in it", ("storage-webhook /api/v1/events/",)),
    ("Tokens", "Access tokens (RFC 6749, RFC 7662, RFC 7009)", ("auth /api/v1/auth/",)),
    ("Service accounts", "The archive's clients and their secrets", ("auth /api/v1/service-accounts",)),
    ("Signing keys", "The keys that sign tokens", ("auth /api/v1/jwt-keys",)),
    ("Audit log", "Who did what", ("auth /api/v1/audit",)),
    (
        "Discovery",
        "What a client can learn before it asks for anything",
        ("auth /.well-known/", "query /openapi.json"),
    ),
    ("Health", "Whether the archive answers", ("query /health/",)),
)
"""The groups of operations: name, description, and how the function and path of theirs begin."""


_MARKED = re.compile(
    r"(?P<begin>^(?P<indent> *)# BEGIN GENERATED PATHS[^\n]*\n)(?:.*\n)??(?P<end> *# END GENERATED PATHS)",
    re.MULTILINE | re.DOTALL,
)
_ANY = "x-amazon-apigateway-any-method"
_INTEGRATION = (
    "arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/"
    "arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:${{Prefix}}-{function}/invocations"
)


def document() -> str:
    """Give the text of the OpenAPI document."""
    built = build_document(
        (each for endpoints in ENDPOINTS_OF.values() for each in endpoints),
        title="ArtStore",
        version=VERSION,
        description=_DESCRIPTION,
        tags={name: text for name, text, _ in _TAGS},
        tag_of=_tag_of,
    )
    return json.dumps(built, indent=2, ensure_ascii=False) + "\n"


def _tag_of(each: Endpoint) -> str:
    function = next(name for name, endpoints in ENDPOINTS_OF.items() if each in endpoints)
    named = f"{function} {each.path}"
    return next(name for name, _, prefixes in _TAGS if named.startswith(prefixes))


def paths() -> str:
    """Give the REST API's ``paths`` as YAML text, without indentation.

    HEAD goes where GET goes. All else goes to the fallback: any other method of a path, and any path that is none.
    """
    lines: list[str] = []
    of_path: dict[str, list[tuple[str, Endpoint]]] = {}
    for function, endpoints in ENDPOINTS_OF.items():
        for each in endpoints:
            of_path.setdefault(each.path, []).append((function, each))
    for path in sorted(of_path):
        lines.append(f"{path}:")
        for function, each in sorted(of_path[path], key=lambda pair: pair[1].method):
            lines += _method(path, each.method.lower(), function, each.operation_id)
            if each.method == "GET":
                lines += _method(path, "head", function)
        lines += _method(path, _ANY, FALLBACK)
    for path in ("/", "/{proxy+}"):
        lines += [f"{path}:", *_method(path, _ANY, FALLBACK)]
    return "\n".join(lines)


def template(text: str) -> str:
    """Give the template ``text`` with the paths between its markers made anew, and its deployment stamped."""
    body = paths()

    def replace(match: re.Match[str]) -> str:
        return match["begin"] + textwrap.indent(body, match["indent"]) + "\n" + match["end"]

    return stamp(_MARKED.sub(replace, text))


def generated() -> dict[pathlib.Path, str]:
    """Give the text of every generated file."""
    return {DOCUMENT: document(), TEMPLATE: template(TEMPLATE.read_text(encoding="utf-8"))}


def _method(path: str, method: str, function: str, operation_id: str | None = None) -> list[str]:
    parameters = re.findall(r"{(\w+)\+?}", path)
    lines = [f"  {method}:"]
    if operation_id is not None:
        lines.append(f"    operationId: {operation_id}")
    if parameters:
        lines.append("    parameters:")
        lines += [
            f"      - {{name: {name}, in: path, required: true, schema: {{type: string}}}}" for name in parameters
        ]
    return [
        *lines,
        "    responses: {}",
        "    x-amazon-apigateway-integration:",
        "      type: aws_proxy",
        "      httpMethod: POST",
        "      passthroughBehavior: when_no_match",
        "      uri:",
        f"        Fn::Sub: {_INTEGRATION.format(function=function)}",
    ]


def main(arguments: Iterable[str] | None = None) -> int:
    """Write or check the generated files; 1 when a check finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m infra.openapi")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    stale = False
    for path, text in generated().items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale = True
        if chosen.write:
            path.write_text(text, encoding="utf-8")
        print(f"{'written' if chosen.write else 'differs from the code'}: {path.relative_to(ROOT)}")
    return 1 if stale and chosen.check else 0


if __name__ == "__main__":
    sys.exit(main())
