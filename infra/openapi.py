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
from functions.query import app as query
from functions.upload import app as upload
from infra.template import PATH as TEMPLATE
from infra.template import stamp

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "functions" / "query" / "openapi.json"
VERSION = "0.1.0"

ENDPOINTS_OF: Mapping[str, tuple[Endpoint, ...]] = {
    "auth": auth.ENDPOINTS,
    "upload": upload.ENDPOINTS,
    "query": query.ENDPOINTS,
}


_MARKED = re.compile(
    r"(?P<begin>^(?P<indent> *)# BEGIN GENERATED PATHS[^\n]*\n)(?:.*\n)??(?P<end> *# END GENERATED PATHS)",
    re.MULTILINE | re.DOTALL,
)
_PATH_PARAMETER = "      - {{name: {name}, in: path, required: true, schema: {{type: string}}}}"
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
        description="A long-term document archive that other applications use over HTTP.",
    )
    return json.dumps(built, indent=2, ensure_ascii=False) + "\n"


def paths() -> str:
    """Give the REST API's ``paths`` as YAML text, without indentation."""
    lines: list[str] = []
    of_path: dict[str, list[tuple[str, Endpoint]]] = {}
    for function, endpoints in ENDPOINTS_OF.items():
        for each in endpoints:
            of_path.setdefault(each.path, []).append((function, each))
    for path in sorted(of_path):
        lines.append(f"{path}:")
        for function, each in sorted(of_path[path], key=lambda pair: pair[1].method):
            lines += _operation(function, each)
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


def _operation(function: str, each: Endpoint) -> list[str]:
    parameters = re.findall(r"{(\w+)}", each.path)
    lines = [f"  {each.method.lower()}:", f"    operationId: {each.operation_id}"]
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
