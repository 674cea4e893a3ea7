"""What the environment may decide about a local stack. The only module of infra.local that reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Settings:
    """The choices of whoever starts a stack; every one has a default.

    `directory` holds one complete, independent stack. Ports are TCP ports on the loopback interface; None
    means any free one, remembered afterwards.
    """

    directory: Path
    database_url: str | None = None
    port: int | None = None
    database_port: int | None = None
    admin_client_id: str | None = None
    admin_client_secret: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read ARTSTORE_LOCAL_DIR, ARTSTORE_DATABASE_URL, ARTSTORE_LOCAL_PORT, ARTSTORE_LOCAL_DATABASE_PORT,
        ARTSTORE_ADMIN_CLIENT_ID and ARTSTORE_ADMIN_CLIENT_SECRET; an empty value counts as absent.

        Raises ValueError, naming the variable, for a port that is none and for half a pair of credentials.
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
        directory = text("ARTSTORE_LOCAL_DIR")
        return cls(
            directory=Path(directory).expanduser().resolve() if directory else REPOSITORY / ".local",
            database_url=text("ARTSTORE_DATABASE_URL"),
            port=port("ARTSTORE_LOCAL_PORT"),
            database_port=port("ARTSTORE_LOCAL_DATABASE_PORT"),
            admin_client_id=client_id,
            admin_client_secret=client_secret,
        )
