"""What a build made: the file ``manifest.json`` and its reading."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

FILE_NAME = "manifest.json"

_TEMPLATE_KEYS = {
    "layer": "LayerKey",
    "auth": "AuthKey",
    "upload": "UploadKey",
    "query": "QueryKey",
    "storage_events": "StorageEventsKey",
    "maintenance": "MaintenanceKey",
}


@dataclasses.dataclass(frozen=True)
class Artifact:
    """One zip. ``inputs`` is the hash of all it was made from, ``sha256`` that of the file; both in hex."""

    name: str
    path: Path
    sha256: str
    zip_bytes: int
    unzipped_bytes: int
    inputs: str

    @property
    def key(self) -> str:
        """Give the object key to upload it under: changed content, changed key."""
        return f"{self.name}/{self.sha256}.zip"


@dataclasses.dataclass(frozen=True)
class Manifest:
    """All artifacts of one target. ``python`` is as in 3.13; ``pyc`` tells whether .pyc files are shipped."""

    target: str
    python: str
    platform: str
    architecture: str
    pyc: bool
    artifacts: dict[str, Artifact]

    @property
    def runtime(self) -> str:
        """Give Lambda's name of the interpreter."""
        return f"python{self.python}"

    def template_parameters(self) -> dict[str, str]:
        """Give the parameters of infra/template.yaml that come from the build."""
        keys = {_TEMPLATE_KEYS[name]: artifact.key for name, artifact in self.artifacts.items()}
        return {**keys, "LambdaRuntime": self.runtime, "LambdaArchitecture": self.architecture}

    def save(self, folder: Path) -> None:
        """Write ``manifest.json`` into ``folder``; paths in it are relative to that folder."""
        document: dict[str, Any] = {
            "target": self.target,
            "python": self.python,
            "platform": self.platform,
            "architecture": self.architecture,
            "pyc": self.pyc,
            "artifacts": {
                name: {
                    "path": artifact.path.name,
                    "sha256": artifact.sha256,
                    "zip_bytes": artifact.zip_bytes,
                    "unzipped_bytes": artifact.unzipped_bytes,
                    "inputs": artifact.inputs,
                }
                for name, artifact in self.artifacts.items()
            },
        }
        temporary = folder / f".{FILE_NAME}"
        temporary.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        temporary.replace(folder / FILE_NAME)


def load(folder: Path) -> Manifest | None:
    """Read the manifest of an earlier build in ``folder``; None when there is none or it cannot be understood."""
    try:
        document = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        artifacts = {
            name: Artifact(
                name=name,
                path=folder / entry["path"],
                sha256=entry["sha256"],
                zip_bytes=entry["zip_bytes"],
                unzipped_bytes=entry["unzipped_bytes"],
                inputs=entry["inputs"],
            )
            for name, entry in document["artifacts"].items()
        }
        return Manifest(
            target=document["target"],
            python=document["python"],
            platform=document["platform"],
            architecture=document["architecture"],
            pyc=document["pyc"],
            artifacts=artifacts,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
