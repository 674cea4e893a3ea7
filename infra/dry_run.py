"""A deployment that needs no account: the package of a stage, deployed to a MiniStack that is thrown away.

The template is the package's, byte for byte, and the code that deploys it is the one that deploys to AWS. What
cannot be the same is listed: the zips are built for the Python that MiniStack runs, the database is a local one
without TLS, and there is neither a VPC nor another region.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from infra.build import Manifest, build
from infra.console import Console
from infra.deploy.account import Account
from infra.deploy.deployment import Outcome, Request, check_account, deploy
from infra.deploy.errors import DeploymentFailed
from infra.deploy.release import File, Release
from infra.deploy.release.package import REPOSITORY, Package, make_package
from infra.deploy.secret import put_secret
from infra.deploy.stack import state as stack_state
from infra.deploy.stage import AS_GIVEN, HERE, Stage
from infra.local import postgres
from infra.local.emulators import ministack
from infra.local.state import LocalDirectory, exclusive

SUBSTITUTES: Mapping[str, str] = {
    "RequireTls": "false",
    "CreateOnlyAttributes": "false",
    "VpcSubnetIds": "",
    "VpcSecurityGroupIds": "",
    "PermissionsBoundaryArn": "",
}
"""Parameters that cannot be as the stage has them: there is no TLS, policies know no conditional writes, no
network to be in, no policy beside."""


def dry_run(stage: Stage, console: Console) -> str:
    """Package the stage and deploy it twice. Gives the URL that the API answered at.

    Raises CommandError when anything of it fails. Whatever it started is stopped and removed at its end.
    """
    console.say(f"Dry run of the stage {stage.name}: no account is asked, no AWS is reached")
    package = make_package(stage, console)
    manifest = build_for_here(console)
    release = substituted(package.release, manifest)
    for line in differences(package.release, release, stage):
        console.say(f"    here only: {line}")
    with emulated(stage, console) as (account, here):
        check_account(here, account, console)
        files = {package.release.template.key: package.path(package.release.template)}
        files |= {each.key: each.path for each in manifest.artifacts.values()}
        first = _deploy(here, account, release, files, console)
        if first is not Outcome.DEPLOYED:
            raise DeploymentFailed(f"The first deployment was {first.value}")
        _compare_template(account, here, package, console)
        console.say("The same once more")
        second = _deploy(here, account, release, files, console)
        if second is not Outcome.UNCHANGED:
            raise DeploymentFailed("A deployment of the same found something to change")
    console.say(f"Dry run of {package.release.id} held, in {console.total():.0f} s; nothing of it is left")
    return package.release.id


def substituted(release: Release, manifest: Manifest) -> Release:
    """The release with zips that run here, and without what is not here."""
    parameters = {**release.parameters, **manifest.template_parameters(), **SUBSTITUTES}
    artifacts = {
        name: File(each.path.name, each.key, each.sha256, each.zip_bytes)
        for name, each in manifest.artifacts.items()
    }
    return dataclasses.replace(
        release,
        python=manifest.python,
        architecture=manifest.architecture,
        bytecode=manifest.pyc,
        artifacts=artifacts,
        parameters=parameters,
    )


def differences(packaged: Release, here: Release, stage: Stage) -> Iterator[str]:
    """Say what the dry run does not share with the deployment, one line for each thing."""
    made_for = [f"Python {each.python} on {each.architecture}" for each in (here, packaged)]
    yield f"the zips are for {made_for[0]}, not {made_for[1]}"
    for name, value in SUBSTITUTES.items():
        if packaged.parameters.get(name, "") != value:
            yield f"{name} is {value or 'empty'}, not {packaged.parameters.get(name, 'its default')}"
    yield f"the secret {stage.database.secret} leads to a local PostgreSQL without TLS, migrated from here"
    yield f"the region is {ministack.REGION}, not {stage.region}; the account is the emulator's"
    yield "the artifacts bucket takes requests without TLS"


def build_for_here(console: Console) -> Manifest:
    """Build the zips for the Python that runs this, which is also the emulator's."""
    with console.step("build") as outcome, exclusive(REPOSITORY / ".build" / "build.lock"):
        manifest = build("local", report=lambda line: console.say(f"    {line}"))
        outcome.append(f"{len(manifest.artifacts)} zips for Python {manifest.python}, which the emulator runs")
    return manifest


@contextmanager
def emulated(stage: Stage, console: Console) -> Iterator[tuple[Account, Stage]]:
    """An empty AWS and an empty PostgreSQL, and the stage as it is there; both are gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="artstore-dry-run-"))
    directory = LocalDirectory(root)
    try:
        with postgres.temporary() as url:
            with console.step("MiniStack") as outcome:
                ministack.install()
                emulator = ministack.start(directory)
                outcome.append(f"empty, on {emulator.url}, beside an empty PostgreSQL")
            account = Account(ministack.REGION, emulator.url, ministack.ROOT, ministack.ROOT)
            secret, _ = put_secret(account, f"{stage.prefix}/dry-run", url)
            database = dataclasses.replace(stage.database, secret=secret, tls=AS_GIVEN, migrate=HERE)
            here = dataclasses.replace(stage, account=None, execution_role=None, database=database)
            yield account, dataclasses.replace(here, region=ministack.REGION)
    finally:
        ministack.stop(directory)
        shutil.rmtree(root, ignore_errors=True)


def _deploy(
    stage: Stage, account: Account, release: Release, files: Mapping[str, Path], console: Console
) -> Outcome:
    # The secret is of a stack that ends in a moment: nobody needs to see it.
    return deploy(Request(stage, account, release, files, approve=lambda: True, reveal=lambda *_: None), console)


def _compare_template(account: Account, stage: Stage, package: Package, console: Console) -> None:
    """Raises DeploymentFailed when CloudFormation has another template than the package."""
    with console.step("template") as outcome:
        deployed = stack_state.template_text(account.client("cloudformation"), stage.stack).encode()
        packaged = package.path(package.release.template).read_bytes()
        if deployed != packaged:
            raise DeploymentFailed("CloudFormation has another template than the package")
        outcome.append(f"what CloudFormation has is the package's, all {len(packaged):,} bytes of it")
