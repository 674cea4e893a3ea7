"""Rules of the house that no single module can keep: one list of routes, documented settings, lean imports."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

import app as combined
from artstore import config
from artstore.http import Endpoint
from infra import openapi
from infra.template import PATH as TEMPLATE
from infra.template import parse

ANY = "X-AMAZON-APIGATEWAY-ANY-METHOD"
ROOT = Path(__file__).resolve().parents[3]
ENDPOINTS: list[Endpoint] = [each for endpoints in openapi.ENDPOINTS_OF.values() for each in endpoints]
SETTINGS = [
    config.AuthSettings,
    config.UploadSettings,
    config.DocumentsSettings,
    config.QuerySettings,
    config.StorageEventsSettings,
    config.MaintenanceSettings,
    config.WorkerSettings,
    config.WebhookSettings,
]


def operations(paths: dict[str, Any]) -> set[tuple[str, str]]:
    return {(method.upper(), path) for path, methods in paths.items() for method in methods}


def integration(body: dict[str, Any], method: str, path: str) -> Any:
    return body["paths"][path][method.lower()]["x-amazon-apigateway-integration"]


def declared() -> set[tuple[str, str]]:
    return {(each.method, each.path) for each in ENDPOINTS}


def test_the_template_routes_each_operation_to_its_function_and_all_else_to_the_fallback() -> None:
    body = parse(TEMPLATE.read_text(encoding="utf-8"))["Resources"]["Api"]["Properties"]["Body"]
    heads = {("HEAD", path) for method, path in declared() if method == "GET"}
    any_other = {(ANY, path) for path in {*(path for _, path in declared()), "/", "/{proxy+}"}}
    assert operations(body["paths"]) == declared() | heads | any_other
    for method, path in heads:
        assert integration(body, method, path) == integration(body, "GET", path)
    for method, path in any_other:
        assert "${Prefix}-query/invocations" in json.dumps(integration(body, method, path))
    for function, endpoints in openapi.ENDPOINTS_OF.items():
        for each in endpoints:
            found = json.dumps(integration(body, each.method, each.path))
            assert f"${{Prefix}}-{function}/invocations" in found


def test_the_openapi_document_and_the_template_are_generated_from_the_code_as_it_is() -> None:
    for path, text in openapi.generated().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python -m infra.openapi --write"


def test_the_openapi_document_describes_each_operation() -> None:
    assert operations(json.loads(openapi.document())["paths"]) == declared()


def test_every_operation_has_a_summary_and_a_description_and_a_name_of_its_own() -> None:
    assert all(each.summary and each.description for each in ENDPOINTS)
    assert len({each.operation_id for each in ENDPOINTS}) == len(ENDPOINTS)


def test_only_named_operations_are_public() -> None:
    assert {each.operation_id for each in ENDPOINTS if each.scope is None} == {
        "issue_token",
        "introspect_token",
        "revoke_token",
        "show_jwks",
        "show_server_metadata",
        "show_liveness",
        "show_readiness",
        "show_openapi",
        "take_minio_event",
        "probe_minio_webhook",
        "take_seaweedfs_event",
        "probe_seaweedfs_webhook",
    }


def test_one_process_serves_every_route_for_chalice_local() -> None:
    routes = {(method, path) for path, methods in combined.app.routes.items() for method in methods}
    assert routes == declared() | {("HEAD", path) for method, path in declared() if method == "GET"}


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda each: str(each.__name__))
def test_every_setting_is_documented_with_its_default(settings: type[config.CommonSettings]) -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    defaults = {field.name: field.default for field in dataclasses.fields(settings)}
    for name, field in config.setting_names(settings).items():
        line = next((line for line in text.splitlines() if f"`{name}`" in line), None)
        assert line, f"docs/configuration.md does not describe {name}"
        default = defaults[field]
        if default not in (dataclasses.MISSING, None, ()):
            assert re.search(rf"\b{default}\b", line), f"docs/configuration.md: {name} is {default} by default"


def test_every_template_parameter_is_documented() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    parameters = parse(TEMPLATE.read_text(encoding="utf-8"))["Parameters"]
    assert [name for name in parameters if f"`{name}`" not in text] == []


def test_a_number_of_the_template_means_the_setting_that_it_becomes() -> None:
    """The same default, in the documents too, and no value that the function would refuse."""
    template = parse(TEMPLATE.read_text(encoding="utf-8"))
    lines = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8").splitlines()
    numbers = {name: each for name, each in template["Parameters"].items() if each["Type"] == "Number"}
    functions = [each for each in template["Resources"].values() if each["Type"] == "AWS::Lambda::Function"]
    passed = {
        name: value["Ref"]
        for each in functions
        for name, value in each["Properties"].get("Environment", {}).get("Variables", {}).items()
        if isinstance(value, dict) and value.get("Ref") in numbers
    }
    assert {"ARTSTORE_UPLOAD_GRACE_SECONDS", "ARTSTORE_ORPHAN_DAYS", "ARTSTORE_TRASH_DAYS"} <= set(passed)
    for settings in SETTINGS:
        for field in dataclasses.fields(settings):
            name = field.metadata["artstore.setting"]
            if name not in passed:
                continue
            parameter = numbers[passed[name]]
            assert field.default in (parameter["Default"], dataclasses.MISSING), name
            for bound in ("MinValue", "MaxValue"):
                field.metadata["artstore.parse"](str(parameter[bound]))
            [line] = [each for each in lines if each.startswith(f"| `{passed[name]}` |")]
            assert f"| {parameter['Default']} |" in line


def test_every_audited_action_is_documented() -> None:
    sources = "".join(path.read_text("utf-8") for path in ROOT.glob("functions/auth/**/*.py"))
    actions = set(re.findall(r'"((?:service_account|signing_key|secret|token|operation)\.[a-z_]+)"', sources))
    documented = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", (ROOT / "docs" / "audit.md").read_text("utf-8")))
    assert len(actions) > 5
    assert actions <= documented


def test_documents_are_deleted_in_one_module_and_always_by_their_etag_or_version() -> None:
    sources = [*ROOT.glob("layers/common/python/artstore/**/*.py"), *ROOT.glob("functions/**/*.py")]
    calls = {
        path.relative_to(ROOT).as_posix(): re.findall(r"delete_objects?\(.*\)", path.read_text("utf-8"))
        for path in sources
        if re.search(r"\.delete_objects?\(", path.read_text("utf-8"))
    }
    [copies] = calls.pop("functions/maintenance/exporting/storage.py")
    assert "Bucket=self.bucket," in copies, "of exports, there is nothing but copies there"
    assert list(calls) == ["functions/maintenance/removing.py"]
    by_etag, by_version = calls["functions/maintenance/removing.py"]
    assert "IfMatch=if_match" in by_etag
    assert "VersionId=version_id" in by_version


def test_the_environment_is_read_in_one_module() -> None:
    sources = [*ROOT.glob("layers/common/python/artstore/**/*.py"), *ROOT.glob("functions/**/*.py")]
    readers = {path.name for path in sources if re.search(r"os\.(environ|getenv)", path.read_text("utf-8"))}
    assert readers == {"config.py"}
