"""A stage: one deployment of the archive, described by a TOML file in infra/stages.

    region       where it goes
    prefix       begins the name of everything; also the stack's name, unless `stack` gives another
    account      its twelve digits; a deployment with credentials of another account stops
    architecture arm64 or x86_64
    execution_role  what CloudFormation becomes to make the stack (infra/deployer.yaml); else it is the caller
    [database]   secret, ca, tls, migrate
    [parameters] parameters of infra/template.yaml that differ from their defaults

A stage file holds no secret: that of the database is named, and stays where it is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.deploy.parameters import as_text, problems
from infra.errors import CommandError
from infra.template import PATH as TEMPLATE
from infra.template import parse

STAGES = Path(__file__).resolve().parents[1] / "stages"

VERIFY_FULL, AS_GIVEN = "verify-full", "as-given"
HERE, ELSEWHERE = "here", "elsewhere"

_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d")
_ACCOUNT = re.compile(r"\d{12}")
_STACK = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_SECRET = re.compile(
    r"arn:[a-z-]+:secretsmanager:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):secret:.+|[\w/+=.@-]{1,512}"
)
_ROLE = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/.+")
_TEXTS = {"region", "prefix", "stack", "account", "architecture", "execution_role"}
_CHOICES = {
    "architecture": ("arm64", "x86_64"),
    "tls": (VERIFY_FULL, AS_GIVEN),
    "migrate": (HERE, ELSEWHERE),
}


class StageInvalid(CommandError):
    """The stage file cannot be used; the text names everything wrong with it."""


@dataclass(frozen=True)
class Database:
    """Where the index is. ``secret`` is the name or ARN of the secret whose text is its postgresql:// URL.

    ``ca`` is a file of certificates (PEM) that is shipped in the layer, for a server whose certificate no public
    authority has signed. ``tls`` verify-full demands that the URL has the server's certificate verified, as-given
    does not. ``migrate`` is here when the machine that deploys reaches the server, else elsewhere.
    """

    secret: str
    ca: Path | None = None
    tls: str = VERIFY_FULL
    migrate: str = HERE


@dataclass(frozen=True)
class Stage:
    """One deployment. ``parameters`` are those of the template that differ from their defaults, as text."""

    name: str
    region: str
    prefix: str
    stack: str
    database: Database
    architecture: str
    account: str | None
    parameters: Mapping[str, str]
    execution_role: str | None = None


def find_stage(name: str) -> Path:
    """Give the file of a stage: ``production`` is infra/stages/production.toml; anything with a suffix is a path.

    Raises StageInvalid when there is no such file.
    """
    path = Path(name) if name.endswith(".toml") else STAGES / f"{name}.toml"
    if not name or not path.is_file():
        known = ", ".join(sorted(each.stem for each in STAGES.glob("*.toml")))
        raise StageInvalid(f"There is no stage {name!r}. There are: {known}; or give the path of a .toml file.")
    return path


def read_stage(path: Path, template: Path = TEMPLATE) -> Stage:
    """Read and check a stage file against the template. Raises StageInvalid, naming every problem at once."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StageInvalid(f"{path}: {error}") from error
    reader = _Reader(path, document)
    stage = reader.stage(parse(template.read_text(encoding="utf-8"))["Parameters"])
    if reader.found:
        raise StageInvalid("\n".join([f"{path} cannot be used:", *(f"  {each}" for each in reader.found)]))
    return stage


class _Reader:
    """Reads one document and collects what is wrong with it."""

    def __init__(self, path: Path, document: dict[str, Any]) -> None:
        self._path = path
        self._document = document
        self.found: list[str] = []

    def stage(self, declared: Mapping[str, Mapping[str, Any]]) -> Stage:
        top = self._document
        self._known(top, "", {*_TEXTS, "database", "parameters"})
        prefix = self._text(top, "prefix", re.compile(declared["Prefix"]["AllowedPattern"]))
        region = self._text(top, "region", _REGION)
        account = self._text(top, "account", _ACCOUNT, "")
        stack = self._text(top, "stack", _STACK, prefix)
        if stack != prefix and not stack.startswith(f"{prefix}-"):
            # The names of the functions' roles begin with the stack's, and the deploying role may make only those.
            self.found.append(f"stack must be {prefix!r} or begin with {prefix + '-'!r}")
        return Stage(
            name=self._path.stem,
            region=region,
            prefix=prefix,
            stack=stack,
            database=self._database(region, account),
            architecture=self._choice(top, "architecture", "arm64"),
            account=account or None,
            parameters=self._parameters(declared),
            execution_role=self._text(top, "execution_role", _ROLE, "") or None,
        )

    def _database(self, region: str, account: str) -> Database:
        table = self._table("database")
        self._known(table, "database.", {"secret", "ca", "tls", "migrate"})
        secret = self._text(table, "secret", _SECRET)
        arn = _SECRET.fullmatch(secret)
        if arn and arn["region"] and (arn["region"] != region or account not in ("", arn["account"])):
            self.found.append("secret is in another region or account than the stage")
        ca = self._text(table, "ca", re.compile(".+"), "")
        file = (self._path.parent / ca).resolve() if ca else None
        if file is not None and not file.is_file():
            self.found.append(f"ca: there is no file {file}")
        return Database(
            secret, file, self._choice(table, "tls", VERIFY_FULL), self._choice(table, "migrate", HERE)
        )

    def _parameters(self, declared: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
        given = {}
        for name, value in self._table("parameters").items():
            try:
                given[name] = as_text(value)
            except ValueError as error:
                self.found.append(f"{name} {error}")
        self.found += problems(given, declared)
        if given.get("VpcSubnetIds") and not given.get("VpcSecurityGroupIds"):
            self.found.append("VpcSubnetIds needs VpcSecurityGroupIds")
        return given

    def _table(self, name: str) -> dict[str, Any]:
        table = self._document.get(name, {})
        if isinstance(table, dict):
            return table
        self.found.append(f"{name} must be a table, [{name}]")
        return {}

    def _known(self, table: dict[str, Any], place: str, names: set[str]) -> None:
        for name in sorted(table.keys() - names):
            self.found.append(f"{place}{name} is not known; there are {', '.join(sorted(names))}")

    def _text(self, table: dict[str, Any], name: str, pattern: re.Pattern[str], default: str | None = None) -> str:
        value = table.get(name, default)
        if value is None:
            self.found.append(f"{name} is missing")
        elif value != default and (not isinstance(value, str) or pattern.fullmatch(value) is None):
            self.found.append(f"{name} is {value!r}, which does not match {pattern.pattern}")
        else:
            return str(value)
        return default or ""

    def _choice(self, table: dict[str, Any], name: str, default: str) -> str:
        choices = _CHOICES[name]
        value = table.get(name, default)
        if value in choices:
            return str(value)
        self.found.append(f"{name} is {value!r}, must be one of {', '.join(choices)}")
        return default
