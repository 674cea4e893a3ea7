"""What the environment may decide about a local stack. The only module of infra.local that reads it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Settings:
    """The choices of whoever starts a stack; every one has a default.

    `directory` holds one complete, independent stack. `emulator` is "ministack" or "localstack", None the one it
    has, and `endpoint` is where a LocalStack answers. `function_database_url` is the database as functions reach
    it, when they do not reach it as this machine does. Ports are TCP ports on the loopback interface; None means
    any free one, remembered afterwards. `parameters` are template parameters to give.
    """

    directory: Path
    emulator: str | None = None
    endpoint: str | None = None
    database_url: str | None = None
    function_database_url: str | None = None
    port: int | None = None
    database_port: int | None = None
    admin_client_id: str | None = None
    admin_client_secret: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read ARTSTORE_LOCAL_DIR, ARTSTORE_LOCAL_EMULATOR, ARTSTORE_DATABASE_URL,
        ARTSTORE_FUNCTION_DATABASE_URL, ARTSTORE_LOCAL_PORT, ARTSTORE_LOCAL_DATABASE_PORT,
        ARTSTORE_LOCAL_PARAMETERS, ARTSTORE_ADMIN_CLIENT_ID and ARTSTORE_ADMIN_CLIENT_SECRET; an empty value counts
        as absent.
        The endpoint is AWS_ENDPOINT_URL, or LOCALSTACK_HOST as localstack-client reads it.

        Raises ValueError, naming the variable, for an emulator or a port that is none, for an endpoint without a
        scheme, for a parameter without a value, and for half a pair of credentials.
        """
        given = os.environ if environment is None else environment

        def text(name: str) -> str | None:
            return given.get(name) or None

        def port(name: str) -> int | None:
            value = text(name)
            if value is None:
                return None
            if not value.isdecimal() or not 0 < int(value) < 65536:
                raise ValueError(f"{name} must be a TCP port, not {value!r}")
            return int(value)

        client_id, client_secret = text("ARTSTORE_ADMIN_CLIENT_ID"), text("ARTSTORE_ADMIN_CLIENT_SECRET")
        if (client_id is None) != (client_secret is None):
            raise ValueError("ARTSTORE_ADMIN_CLIENT_ID and ARTSTORE_ADMIN_CLIENT_SECRET go together")
        emulator = text("ARTSTORE_LOCAL_EMULATOR")
        if emulator not in (None, "ministack", "localstack"):
            raise ValueError(f"ARTSTORE_LOCAL_EMULATOR (STACK) must be ministack or localstack, not {emulator!r}")
        directory = text("ARTSTORE_LOCAL_DIR")
        return cls(
            directory=Path(directory).expanduser().resolve() if directory else REPOSITORY / ".local",
            emulator=emulator,
            endpoint=_endpoint(text("AWS_ENDPOINT_URL"), text("LOCALSTACK_HOST")),
            database_url=text("ARTSTORE_DATABASE_URL"),
            function_database_url=text("ARTSTORE_FUNCTION_DATABASE_URL"),
            port=port("ARTSTORE_LOCAL_PORT"),
            database_port=port("ARTSTORE_LOCAL_DATABASE_PORT"),
            admin_client_id=client_id,
            admin_client_secret=client_secret,
            parameters=_parameters(text("ARTSTORE_LOCAL_PARAMETERS") or ""),
        )


def _parameters(given: str) -> dict[str, str]:
    """Template parameters written as a shell has them: Name=value, and quotes around a value with spaces."""
    pairs = [word.partition("=") for word in shlex.split(given)]
    if any(not name or not sign for name, sign, _ in pairs):
        raise ValueError(f"ARTSTORE_LOCAL_PARAMETERS must be Name=value and more of them, not {given!r}")
    return {name: value for name, _, value in pairs}


def _endpoint(url: str | None, host: str | None) -> str | None:
    """Where an emulator is said to answer. Raises ValueError for what is not the address of one."""
    if url is not None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"AWS_ENDPOINT_URL must be an http:// or https:// URL, not {url!r}")
        return url.rstrip("/")
    if host is None:
        return None
    from localstack_client import config as localstack_config  # it imports boto3, which most commands do without

    try:
        return str(localstack_config.get_service_endpoint("cloudformation", host))
    except RuntimeError as error:
        raise ValueError(f"LOCALSTACK_HOST: {error}") from None
