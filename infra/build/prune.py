"""Which files of each package a function needs at run time.

The rule for a package that is not named here keeps its modules, shared libraries and JSON data. Patterns are those
of ``fnmatch`` on the path inside the wheel, where ``*`` also crosses ``/``. A pattern that drops too much fails in
tests/unit/deployment/test_build_contents.py, which imports all that functions use from the result alone.
"""

from __future__ import annotations

import dataclasses
from fnmatch import fnmatchcase

_CODE = ("*.py", "*.so", "*.so.*", "*.dylib", "*.json", "*.json.gz", "*.pem", "chardet/models/*.bin")
_NEVER = ("*.dist-info/*", "*.data/*", "*/tests/*", "*/test/*", "*/testing/*", "*/__pycache__/*")


@dataclasses.dataclass(frozen=True)
class Rule:
    """Keep what matches ``keep`` and not ``drop``. ``version`` keeps a METADATA with the name and version only."""

    keep: tuple[str, ...] = _CODE
    drop: tuple[str, ...] = ()
    version: bool = False

    def keeps(self, name: str) -> bool:
        """Tell whether the file ``name`` of the wheel is shipped."""
        return _matches(name, self.keep) and _matches(name, _CODE) and not _matches(name, (*_NEVER, *self.drop))


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


_POWERTOOLS = "aws_lambda_powertools"
BOTOCORE_SERVICES = (
    "dynamodb/2012-08-10",
    "lambda/2015-03-31",
    "s3/2006-03-01",
    "secretsmanager/2017-10-17",
    "sqs/2012-11-05",
    "sts/2011-06-15",
)

RULES: dict[str, Rule] = {
    # Logger, Metrics and batch, and the subpackages that importing these loads.
    "aws-lambda-powertools": Rule(
        keep=(
            f"{_POWERTOOLS}/__init__.py",
            f"{_POWERTOOLS}/package_logger.py",
            *(
                f"{_POWERTOOLS}/{name}/*"
                for name in (
                    "exceptions",
                    "logging",
                    "metrics",
                    "middleware_factory",
                    "shared",
                    "tracing",
                    "utilities/batch",
                    "utilities/data_classes",
                    "utilities/jmespath_utils",
                    "utilities/typing",
                    "warnings",
                )
            ),
            f"{_POWERTOOLS}/utilities/__init__.py",
            f"{_POWERTOOLS}/utilities/serialization.py",
        ),
        drop=("*/datadog/*", "*/datadog.py"),
    ),
    # boto3.resource is not used, and only it reads boto3/data.
    "boto3": Rule(drop=("boto3/data/*", "boto3/examples/*")),
    "botocore": Rule(
        keep=(
            "botocore/*.py",
            "botocore/cacert.pem",
            "botocore/data/_retry.json",
            "botocore/data/endpoints.json",
            "botocore/data/partitions.json",
            "botocore/data/sdk-default-configuration.json",
            *(f"botocore/data/{service}/*" for service in BOTOCORE_SERVICES),
        ),
        drop=("*/examples-1.json",),
    ),
    # The rest of the package is the command line and the local server.
    "chalice": Rule(keep=("chalice/__init__.py", "chalice/app.py")),
    # cryptography loads the compiled backend alone; the package, and pycparser under it, are for building.
    "cffi": Rule(keep=("_cffi_backend*",)),
    "pycparser": Rule(keep=()),
    # A database of time zones, used where the system has none, and the tool that makes it.
    "python-dateutil": Rule(drop=("dateutil/zoneinfo/rebuild.py",)),
    # The command lines.
    "chardet": Rule(keep=(*_CODE, "chardet/models/*.bin"), drop=("chardet/cli.py", "chardet/__main__.py")),
    "exifread": Rule(drop=("exifread/cli.py", "exifread/__main__.py")),
    "urllib3": Rule(drop=("urllib3/contrib/emscripten/*",)),
    # These ask importlib.metadata for their version when imported.
    "psycopg": Rule(version=True),
    "psycopg-binary": Rule(version=True),
    "rehashes": Rule(version=True),
}

DEFAULT = Rule()


def rule_for(distribution: str) -> Rule:
    """Give the rule for a distribution, by its name in requirements.txt."""
    return RULES.get(distribution.lower().replace("_", "-"), DEFAULT)
