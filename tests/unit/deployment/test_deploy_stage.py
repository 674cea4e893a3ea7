"""What a stage file may say, and that everything wrong with one is said at once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from infra.deploy.parameters import SET_BY_DEPLOYMENT
from infra.deploy.stage import STAGES, Database, Stage, StageInvalid, find_stage, read_stage
from infra.template import PATH as TEMPLATE
from infra.template import parse

LEAST = """
region = "eu-central-1"
prefix = "artstore"
[database]
secret = "artstore/database"
"""


def _problems(tmp_path: Path, text: str) -> str:
    path = tmp_path / "test.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(StageInvalid) as caught:
        read_stage(path)
    return str(caught.value)


@pytest.mark.parametrize("path", sorted(STAGES.glob("*.toml")), ids=lambda path: str(path.stem))
def test_every_stage_in_the_repository_is_valid(path: Path) -> None:
    assert read_stage(path).name == path.stem


def test_the_least_that_a_stage_must_say_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "test.toml"
    path.write_text(LEAST, "utf-8")
    stage = read_stage(path)
    assert (stage.stack, stage.architecture, stage.account) == ("artstore", "arm64", None)
    assert (stage.database.tls, stage.database.migrate) == ("verify-full", "here")


def test_values_become_what_cloudformation_takes(tmp_path: Path) -> None:
    path = tmp_path / "test.toml"
    path.write_text(
        f'{LEAST}[parameters]\nAccessLogging = true\nApiMemory = 1024\nAllowedOrigins = ["https://a", "https://b"]\n'
    )
    assert read_stage(path).parameters == {
        "AccessLogging": "true",
        "ApiMemory": "1024",
        "AllowedOrigins": "https://a,https://b",
    }


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Retention = 3", "Retention is no parameter of the template"),
        ('LayerKey = "layer.zip"', "LayerKey is set by the deployment itself"),
        ('RetentionMode = "governance"', "must be one of GOVERNANCE, COMPLIANCE"),
        ("RetentionDays = 0", "must be at least 1"),
        ("ApiMemory = 20000", "must be at most 10240"),
        ('ApiMemory = "much"', "must be a number"),
        ('StageName = "v 1"', "StageName is 'v 1'"),
        ('AllowedOrigins = ["https://a,https://b"]', "without commas"),
        ("LogLevel = 2026-11-21", "must be a string, a number"),
        ("ThrottlingRate = 50", "AuthThrottlingRate is 50, must be below ThrottlingRate, which is 50"),
        (
            "AuthThrottlingBurst = 2000",
            "AuthThrottlingBurst is 2000, must be below ThrottlingBurst, which is 1000",
        ),
        ('VpcSubnetIds = ["subnet-1"]', "VpcSubnetIds needs VpcSecurityGroupIds"),
    ],
)
def test_a_wrong_parameter_is_named(tmp_path: Path, line: str, said: str) -> None:
    assert said in _problems(tmp_path, f"{LEAST}[parameters]\n{line}\n")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('region = "eu-central-1"\n', "", "region is missing"),
        ('region = "eu-central-1"', 'region = "Frankfurt"', "region is 'Frankfurt'"),
        ('prefix = "artstore"', 'prefix = "Art"', "prefix is 'Art'"),
        (
            'prefix = "artstore"',
            'prefix = "artstore"\nstack = "archive"',
            "stack must be 'artstore' or begin with",
        ),
        ('prefix = "artstore"', 'prefix = "artstore"\naccount = 123456789012', "account is 123456789012"),
        ('prefix = "artstore"', 'prefix = "artstore"\narchitecture = "arm"', "one of arm64, x86_64"),
        ('prefix = "artstore"', 'prefix = "artstore"\nregoin = "eu-west-1"', "regoin is not known"),
        ("[database]", '[database]\npassword = "x"', "database.password is not known"),
        ("[database]", '[database]\ntls = "require"', "one of verify-full, as-given"),
        ("[database]", '[database]\nca = "none.pem"', "there is no file"),
        (
            '"artstore/database"',
            '"arn:aws:secretsmanager:eu-west-1:111122223333:secret:a"',
            "secret is in another region or account",
        ),
        ("[database]", "[database", "test.toml"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in LEAST
    assert said in _problems(tmp_path, LEAST.replace(old, new))


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    said = _problems(tmp_path, 'region = "x"\n[parameters]\nApiMemory = 1\nUnknown = 1\n')
    assert all(word in said for word in ("region", "prefix", "secret", "ApiMemory", "Unknown"))


def test_a_stage_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(StageInvalid, match="production"):
        find_stage("prodution")
    with pytest.raises(StageInvalid):
        find_stage("")


def test_a_deployment_sets_exactly_the_parameters_without_a_default_and_what_the_build_decides() -> None:
    declared = parse(TEMPLATE.read_text("utf-8"))["Parameters"]
    without_default = {name for name, rules in declared.items() if "Default" not in rules}
    assert {"Prefix", "LambdaRuntime", "LambdaArchitecture"} | without_default == SET_BY_DEPLOYMENT


def test_every_key_of_a_stage_file_is_documented() -> None:
    page = (STAGES.parents[1] / "docs" / "deploying.md").read_text("utf-8")
    keys = {field.name for field in dataclasses.fields(Stage)} - {"name", "database"}
    keys |= {f"database.{field.name}" for field in dataclasses.fields(Database)}
    assert [key for key in sorted(keys) if f"| `{key}` |" not in page] == []
