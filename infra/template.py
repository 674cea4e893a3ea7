"""Reads infra/template.yaml and keeps its deployment of the API in step with the API.

API Gateway serves a snapshot, the deployment. CloudFormation makes a new one only for a new logical id, so that id
ends in a hash of the API's properties (paths, gateway responses and all). Whoever changes them calls ``stamp``, or

    python -m infra.template

which does it in the file; ``--check`` changes nothing and fails when the id is stale.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).resolve().parent / "template.yaml"

_DEPLOYMENT = re.compile(r"\bApiDeployment[0-9a-f]{10}\b")


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, read as the long ones: ``!Ref X`` is ``{"Ref": "X"}``."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def parse(text: str) -> dict[str, Any]:
    """Parse a CloudFormation template; raises yaml.YAMLError."""
    loader = _Loader(text)
    try:
        document: dict[str, Any] = loader.get_single_data()
    finally:
        loader.dispose()
    return document


def deployment_id(text: str) -> str:
    """Give the logical id that the deployment must have for the API in the template ``text``."""
    api = parse(text)["Resources"]["Api"]["Properties"]
    digest = hashlib.sha256(json.dumps(api, sort_keys=True).encode()).hexdigest()
    return f"ApiDeployment{digest[:10]}"


def stamp(text: str) -> str:
    """Give the template ``text`` with the deployment's logical id, wherever it stands, brought up to date."""
    return _DEPLOYMENT.sub(deployment_id(text), text)


def main(arguments: list[str] | None = None) -> int:
    """Stamp the file, or check that it is stamped."""
    parser = argparse.ArgumentParser(prog="python -m infra.template", description=stamp.__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when the id is stale")
    options = parser.parse_args(arguments)
    text = PATH.read_text(encoding="utf-8")
    stamped = stamp(text)
    if stamped == text:
        return 0
    if options.check:
        print(f"{PATH.name}: the API changed; run python -m infra.template", file=sys.stderr)
        return 1
    PATH.write_text(stamped, encoding="utf-8")
    print(f"{PATH.name}: the deployment is now {deployment_id(stamped)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
