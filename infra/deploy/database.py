"""What is seen of the index's database before anything is changed, and the migrations of its schema."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from botocore.exceptions import ClientError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy.exc import SQLAlchemyError

from infra.deploy import certificates
from infra.deploy.account import Account
from infra.deploy.stage import ELSEWHERE, VERIFY_FULL, Database
from infra.errors import CommandError
from infra.migrate import current_revision, upgrade
from infra.rewording import reword


class DatabaseNotReady(CommandError):
    """The secret or the server is not what the functions need; the text never holds the URL."""


@dataclass(frozen=True)
class DatabaseSecret:
    """The secret behind DatabaseSecretArn. ``url`` is None when the deployer may not read it."""

    arn: str
    url: str | None = field(repr=False)


def find_secret(account: Account, database: Database) -> DatabaseSecret:
    """Find the secret and read it. A deployer who migrates elsewhere need not be allowed to read it.

    Raises DatabaseNotReady when it is not there, or cannot be read though it must.
    """
    secrets = account.client("secretsmanager")
    try:
        arn = secrets.describe_secret(SecretId=database.secret)["ARN"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        raise DatabaseNotReady(
            f"There is no secret {database.secret} in {account.region}. "
            "Make it, with the URL of the index as its text."
        ) from None
    try:
        return DatabaseSecret(arn, secrets.get_secret_value(SecretId=arn).get("SecretString", ""))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ResourceNotFoundException":
            raise DatabaseNotReady(f"The secret {database.secret} has no value yet.") from None
        if code != "AccessDeniedException" or database.migrate != ELSEWHERE:
            raise
        return DatabaseSecret(arn, None)


def check_url(url: str, database: Database) -> str:
    """Check that the functions can use the URL, and verify the server with it. Gives where it leads, for a person.

    Raises DatabaseNotReady, naming what is wrong and never the URL.
    """
    if urllib.parse.urlsplit(url).scheme not in {"postgresql", "postgres"}:
        raise DatabaseNotReady(f"The text of the secret {database.secret} is no postgresql:// URL.")
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The message may quote the URL, and the URL holds the password.
        raise DatabaseNotReady(f"The URL in the secret {database.secret} is malformed.") from None
    problem = _tls_problem(given, database)
    if problem is not None:
        raise DatabaseNotReady(f"The URL in the secret {database.secret}: {problem}")
    mode = given.get("sslmode", "prefer, the default, which verifies nothing")
    return f"{given.get('host', 'localhost')}:{given.get('port', 5432)}, sslmode {mode}"


def _tls_problem(given: Mapping[str, object], database: Database) -> str | None:
    """What keeps a function from verifying the server, though the stage demands it."""
    root = given.get("sslrootcert")
    if root == certificates.MOUNTED and database.ca is None:
        return f"sslrootcert is {certificates.MOUNTED}, but the stage names no file as database.ca"
    if database.tls != VERIFY_FULL:
        return None
    if given.get("sslmode") != "verify-full":
        return (
            f"sslmode is {given.get('sslmode', 'not given')}, so anyone between could read and change the index. "
            'Make it verify-full, or set database.tls = "as-given" in the stage file'
        )
    if root in {certificates.MOUNTED, certificates.PUBLIC_MOUNTED}:
        return None
    return (
        f"sslrootcert is {root or 'not given'}, where no function has certificates. "
        f"Make it {certificates.MOUNTED} and name the file as database.ca in the stage file; or, for a server "
        f"whose certificate a public authority signed, make it {certificates.PUBLIC_MOUNTED}"
    )


def url_from_here(url: str, ca: Path | None) -> str:
    """The URL with the certificates read where they lie on this machine, not where a function finds them."""
    root = conninfo_to_dict(url).get("sslrootcert")
    return url if root is None else make_conninfo(url, sslrootcert=certificates.local_path(str(root), ca))


def schema_of(url: str) -> str | None:
    """The revision of the schema that the server has now; None when it has none.

    Raises DatabaseNotReady when it cannot be reached from here.
    """
    try:
        return current_revision(url)
    except (psycopg.Error, SQLAlchemyError) as error:
        raise DatabaseNotReady(_unreachable(error)) from None


def migrate(url: str) -> tuple[str | None, str | None]:
    """Bring the schema up to date; revision before and after. Raises DatabaseNotReady."""
    try:
        return upgrade(url)
    except (psycopg.Error, SQLAlchemyError) as error:
        raise DatabaseNotReady(_unreachable(error)) from None


def index_anew(url: str) -> int:
    """Index anew what an older version indexed; how many documents. Raises DatabaseNotReady."""
    try:
        return reword(url)
    except psycopg.Error as error:
        raise DatabaseNotReady(_unreachable(error)) from None


def _unreachable(error: Exception) -> str:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return (
        f"The database does not do what it is asked from here: {first}\n"
        'If this machine cannot reach it, set database.migrate = "elsewhere" in the stage file, and run the '
        "migrations from one that can."
    )
