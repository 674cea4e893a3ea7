"""A release: everything that a deployment is made of, named by its content.

The record of a release is a JSON object. It names the template and the zips by their hashes, holds the parameters,
and says what they were made from. Two packagings of the same tree and stage file give the same record, byte for
byte, and so the same id: nothing in it tells the time or the machine.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.errors import CommandError

ID_LENGTH = 12


class ReleaseInvalid(CommandError):
    """A record that cannot be read, or is not what its id says."""


@dataclass(frozen=True)
class File:
    """One file of a release: its name in the package's folder, its key in the artifacts bucket, its content."""

    name: str
    key: str
    sha256: str
    size: int

    @property
    def checksum(self) -> str:
        """The hash as S3 writes it."""
        return base64.b64encode(bytes.fromhex(self.sha256)).decode()


@dataclass(frozen=True)
class Release:
    """What is deployed. ``commit`` is None outside of git; ``modified`` tells of changes since that commit.

    ``schema`` is the newest revision of the index's schema that this version knows; ``bytecode`` tells whether the
    zips hold .pyc files. ``parameters`` are all but those that only the account knows: ArtifactsBucket and
    DatabaseSecretArn.
    """

    stage: str
    commit: str | None
    committed_at: str | None
    modified: bool
    schema: str
    python: str
    architecture: str
    bytecode: bool
    template: File
    artifacts: Mapping[str, File]
    parameters: Mapping[str, str]

    @property
    def id(self) -> str:
        """The first digits of the hash of the record."""
        return hashlib.sha256(self.to_json()).hexdigest()[:ID_LENGTH]

    @property
    def origin(self) -> str:
        """What it was made from, for a person."""
        commit = "no commit" if self.commit is None else f"commit {self.commit[:10]} of {self.committed_at}"
        return f"{commit}{', with changes that are not committed' if self.modified else ''}"

    def to_json(self) -> bytes:
        """The record, always the same bytes for the same release."""
        return (json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True) + "\n").encode()


def from_json(data: bytes, expected_id: str | None = None) -> Release:
    """Read a record. Raises ReleaseInvalid, also when it is not the record of ``expected_id``."""
    try:
        document: dict[str, Any] = json.loads(data)
        document["template"] = File(**document["template"])
        document["artifacts"] = {name: File(**each) for name, each in document["artifacts"].items()}
        release = Release(**document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReleaseInvalid(f"The record of release {expected_id or '?'} cannot be read: {error}") from error
    if expected_id is not None and release.id != expected_id:
        raise ReleaseInvalid(
            f"The record of release {expected_id} was changed: its content is that of {release.id}"
        )
    return release
