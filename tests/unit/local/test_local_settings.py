"""What the environment may decide about a local stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.local.emulators import ministack
from infra.local.settings import REPOSITORY, Settings
from infra.local.state import LocalDirectory


def test_a_stack_lives_in_the_checkout_unless_told_otherwise() -> None:
    assert Settings.from_environment({}).directory == REPOSITORY / ".local"
    assert Settings.from_environment({"ARTSTORE_LOCAL_DIR": "/srv/one"}).directory == Path("/srv/one")


def test_an_empty_variable_is_as_good_as_none() -> None:
    empty = {"ARTSTORE_DATABASE_URL": "", "ARTSTORE_LOCAL_PORT": "", "ARTSTORE_ADMIN_CLIENT_ID": ""}
    assert Settings.from_environment(empty) == Settings.from_environment({})


@pytest.mark.parametrize("value", ["0", "65536", "-1", "eighty", "80 "])
def test_a_port_that_is_none_is_refused_by_name(value: str) -> None:
    with pytest.raises(ValueError, match="ARTSTORE_LOCAL_DATABASE_PORT"):
        Settings.from_environment({"ARTSTORE_LOCAL_DATABASE_PORT": value})


@pytest.mark.parametrize("given", ["ARTSTORE_ADMIN_CLIENT_ID", "ARTSTORE_ADMIN_CLIENT_SECRET"])
def test_half_a_pair_of_credentials_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="go together"):
        Settings.from_environment({given: "something"})


def test_template_parameters_are_given_as_a_shell_has_them() -> None:
    given = "RevocationDelaySeconds=2 AllowedOrigins='https://a.example, https://b.example' IssuerUrl="
    assert Settings.from_environment({"ARTSTORE_LOCAL_PARAMETERS": given}).parameters == {
        "RevocationDelaySeconds": "2",
        "AllowedOrigins": "https://a.example, https://b.example",
        "IssuerUrl": "",
    }


@pytest.mark.parametrize("given", ["RevocationDelaySeconds", "=2", "A=1 B"])
def test_a_template_parameter_without_a_name_or_a_value_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="ARTSTORE_LOCAL_PARAMETERS"):
        Settings.from_environment({"ARTSTORE_LOCAL_PARAMETERS": given})


@pytest.mark.parametrize("value", ["aws", "LocalStack", "localstack "])
def test_an_emulator_that_is_none_is_refused_by_name(value: str) -> None:
    with pytest.raises(ValueError, match="ARTSTORE_LOCAL_EMULATOR"):
        Settings.from_environment({"ARTSTORE_LOCAL_EMULATOR": value})


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        ({}, None),
        ({"AWS_ENDPOINT_URL": "http://10.0.0.7:4566/"}, "http://10.0.0.7:4566"),
        ({"LOCALSTACK_HOST": "emulators.example"}, "http://emulators.example:4566"),
        ({"LOCALSTACK_HOST": "emulators.example:80"}, "http://emulators.example:80"),
        ({"AWS_ENDPOINT_URL": "http://one:1", "LOCALSTACK_HOST": "two:2"}, "http://one:1"),
    ],
)
def test_an_endpoint_is_named_as_every_tool_names_it(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], endpoint: str | None
) -> None:
    for name in ("AWS_ENDPOINT_URL", "LOCALSTACK_HOST", "USE_SSL"):
        monkeypatch.delenv(name, raising=False)
    assert Settings.from_environment(given).endpoint == endpoint


@pytest.mark.parametrize(
    "given", [{"AWS_ENDPOINT_URL": "127.0.0.1:4566"}, {"LOCALSTACK_HOST": "localhost:many"}], ids=str
)
def test_an_endpoint_that_is_none_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with pytest.raises(ValueError, match=next(iter(given))):
        Settings.from_environment(given)


def test_the_emulator_inherits_nothing_of_the_developers_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a real one")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    environment = ministack.clean_environment(LocalDirectory(Path("/srv/one")), 20001)
    assert not [name for name in environment if name.startswith("AWS_") or "PROXY" in name]
    assert "a real one" not in environment.values()


def test_the_emulator_checks_rights_and_listens_to_this_machine_alone() -> None:
    environment = ministack.clean_environment(LocalDirectory(Path("/srv/one")), 20001)
    assert environment["AUTH"] == "true"
    assert environment["BIND_HOST"] == "127.0.0.1"
    assert environment["GATEWAY_PORT"] == "20001"


def test_two_stacks_share_no_path_of_the_emulator() -> None:
    one = ministack.clean_environment(LocalDirectory(Path("/srv/one")), 20001)
    two = ministack.clean_environment(LocalDirectory(Path("/srv/two")), 20002)
    for name in ("HOME", "TMPDIR", "STATE_DIR", "S3_DATA_DIR"):
        assert one[name] != two[name]
        assert one[name].startswith("/srv/one/")
