"""Makes the package of a stage: a folder with all that is deployed, checked, and nothing that is secret.

    template.yaml     infra/template.yaml, byte for byte
    layer.zip …       what infra.build made for the stage's architecture
    parameters.json   for whoever deploys by hand, as the aws command takes it
    release.json      the record: see infra.deploy.release

The same tree and stage file give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.build import Manifest, build
from infra.console import Console
from infra.deploy import certificates
from infra.deploy.release import File, Release, inspection
from infra.deploy.stage import Stage
from infra.errors import CommandError
from infra.migrate import newest_revision
from infra.template import PATH as TEMPLATE

REPOSITORY = Path(__file__).resolve().parents[3]
PACKAGES = REPOSITORY / ".build" / "package"
TEMPLATE_LIMIT_BYTES = 1_000_000
"""CloudFormation takes 1 MB as TemplateURL (its quotas, "template body size in an S3 object")."""


class PackageInvalid(CommandError):
    """What was built cannot be deployed."""


@dataclass(frozen=True)
class Package:
    """A release and the folder that its files lie in."""

    folder: Path
    release: Release

    def path(self, file: File) -> Path:
        """Where a file of the release lies."""
        return self.folder / file.name


def make_package(stage: Stage, console: Console, folder: Path | None = None, template: Path = TEMPLATE) -> Package:
    """Build, check and write the package of a stage into ``folder`` (default .build/package/STAGE).

    Raises PackageInvalid, BuildError, and CertificatesInvalid for the file that ``database.ca`` names.
    """
    folder = folder or PACKAGES / stage.name
    layer_files = {}
    if stage.database.ca is not None:
        with console.step("database CA") as outcome:
            outcome.append(certificates.describe(stage.database.ca))
        layer_files[certificates.LAYER_FILE] = stage.database.ca
    with console.step("build") as outcome:
        manifest = build(
            f"aws-{stage.architecture}",
            folder,
            report=lambda line: console.say(f"    {line}"),
            layer_files=layer_files,
        )
        total = sum(artifact.zip_bytes for artifact in manifest.artifacts.values())
        outcome.append(f"{len(manifest.artifacts)} zips, {manifest.architecture}, {total / 1e6:.1f} MB")
    with console.step("inspection") as outcome:
        found = inspection.problems(manifest)
        if found:
            raise PackageInvalid("\n".join(["Lambda would not run this:", *(f"  {each}" for each in found)]))
        largest = max(artifact.unzipped_bytes for artifact in manifest.artifacts.values())
        outcome.append(
            f"libraries are for {manifest.architecture}, the largest zip unpacks to {largest / 1e6:.0f} MB"
        )
    shutil.copyfile(template, folder / "template.yaml")
    with console.step("cfn-lint") as outcome:
        outcome.append(_lint(folder / "template.yaml", stage.region))
    package = Package(folder, _describe(stage, manifest, folder / "template.yaml"))
    (folder / "release.json").write_bytes(package.release.to_json())
    as_cloudformation = [
        {"ParameterKey": key, "ParameterValue": value} for key, value in sorted(package.release.parameters.items())
    ]
    (folder / "parameters.json").write_text(json.dumps(as_cloudformation, indent=2) + "\n", encoding="utf-8")
    return package


def _describe(stage: Stage, manifest: Manifest, template: Path) -> Release:
    content = template.read_bytes()
    if len(content) > TEMPLATE_LIMIT_BYTES:
        raise PackageInvalid(
            f"The template has {len(content):,} bytes; CloudFormation takes {TEMPLATE_LIMIT_BYTES:,}"
        )
    digest = hashlib.sha256(content).hexdigest()
    commit, committed_at, modified = _origin()
    return Release(
        stage=stage.name,
        commit=commit,
        committed_at=committed_at,
        modified=modified,
        schema=newest_revision(),
        python=manifest.python,
        architecture=manifest.architecture,
        bytecode=manifest.pyc,
        template=File(template.name, f"template/{digest}.yaml", digest, len(content)),
        artifacts={
            name: File(each.path.name, each.key, each.sha256, each.zip_bytes)
            for name, each in manifest.artifacts.items()
        },
        # Said by name, though it is the template's default: a first creation has to know of it.
        parameters={
            "Prefix": stage.prefix,
            "DeletionProtection": "true",
            **manifest.template_parameters(),
            **stage.parameters,
        },
    )


def _lint(template: Path, region: str) -> str:
    """Run cfn-lint for the stage's region. Raises PackageInvalid with its findings."""
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", region, "--", str(template)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PackageInvalid(f"cfn-lint refuses the template:\n{(done.stdout + done.stderr).strip()[-4000:]}")
    return f"the template is valid in {region}"


def _origin() -> tuple[str | None, str | None, bool]:
    """The commit, its date, and whether the tree differs from it; nothing of that outside of git."""
    shown = _git("show", "--no-patch", "--format=%H %cI", "HEAD")
    if shown is None:
        return None, None, False
    commit, _, date = shown.partition(" ")
    return commit, date, bool(_git("status", "--porcelain"))


def _git(*arguments: str) -> str | None:
    git = shutil.which("git")
    if git is None or not (REPOSITORY / ".git").exists():
        return None
    done = subprocess.run([git, "-C", str(REPOSITORY), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
