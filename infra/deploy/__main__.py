"""The command line: python -m infra.deploy package | deploy | releases | administrator STAGE.

Exit status: 0 done or nothing to do, 1 failed, 2 shown but not executed, 130 for Ctrl-C.
"""

from __future__ import annotations

import argparse
import signal
import sys

import botocore.exceptions

from infra.console import Console
from infra.deploy.account import Account
from infra.deploy.deployment import Outcome, Request, administrator, check_account, deploy
from infra.deploy.errors import DeploymentFailed
from infra.deploy.release.artifacts import artifacts_bucket
from infra.deploy.release.history import History
from infra.deploy.release.package import make_package
from infra.deploy.stack import state as stack_state
from infra.deploy.stage import Stage, find_stage, read_stage
from infra.errors import CommandError


def main(arguments: list[str] | None = None) -> int:
    """Run one command and give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.deploy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    packaged = commands.add_parser("package", help="build and check what a stage deploys")
    deployed = commands.add_parser("deploy", help="show what would change, ask, and change it")
    listed = commands.add_parser("releases", help="list what was deployed")
    admitted = commands.add_parser(
        "administrator", help="create the first administrator and show the secret, once"
    )
    for command in (packaged, deployed, listed, admitted):
        command.add_argument("stage", help="a name in infra/stages, or the path of a .toml file")
    deployed.add_argument("--yes", action="store_true", help="execute what is shown without asking")
    deployed.add_argument("--release", help="deploy this earlier release, as it was")
    deployed.add_argument("--dry-run", action="store_true", help="deploy to an emulator that is thrown away")
    deployed.add_argument(
        "--allow-loss", nargs="*", default=[], metavar="ID", help="resources that may be replaced"
    )
    given = parser.parse_args(arguments)
    if given.command == "deploy" and given.dry_run and given.release:
        parser.error("a dry run is of this tree: an earlier release is in an account's bucket only")
    console = Console()
    # A polite request to end is what Ctrl-C is: what was started is stopped, what was made to be seen discarded.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _run(given, read_stage(find_stage(given.stage)), console)
    except CommandError as error:
        console.warn(str(error))
        return 1
    except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
        console.warn(f"AWS: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


def _run(given: argparse.Namespace, stage: Stage, console: Console) -> int:
    if given.command == "package":
        console.say(f"The package of the stage {stage.name}")
        package = make_package(stage, console)
        console.say(f"  release {package.release.id}, {package.release.origin}\n  in {package.folder}")
        return 0
    if given.command == "releases":
        _list(stage, console)
        return 0
    if given.command == "administrator":
        _create_administrator(stage, console)
        return 0
    return _deploy(given, stage, console)


def _deploy(given: argparse.Namespace, stage: Stage, console: Console) -> int:
    if given.dry_run:
        from infra.dry_run import dry_run  # it starts emulators, which no deployment has to know

        dry_run(stage, console)
        return 0
    console.say(f"ArtStore to the stage {stage.name}")
    account = Account(stage.region)
    check_account(stage, account, console)
    if given.release:
        release = _history(stage, account).find(given.release)
        files = {}
    else:
        package = make_package(stage, console)
        release = package.release
        files = {each.key: package.path(each) for each in (release.template, *release.artifacts.values())}
    request = Request(
        stage,
        account,
        release,
        files,
        approve=(lambda: True) if given.yes else lambda: _ask(console),
        reveal=_reveal if sys.stdout.isatty() else None,
        may_be_lost=given.allow_loss,
    )
    outcome = deploy(request, console)
    console.say(f"  {outcome.value}, in {console.total():.0f} s")
    return 2 if outcome is Outcome.DECLINED else 0


def _ask(console: Console) -> bool:
    """Ask at the terminal; without one, say how to go on."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        console.warn("nobody is there to ask: nothing was executed. YES=1 executes without asking")
        return False
    return input("Execute? Only 'yes' is taken for it: ").strip() == "yes"


def _reveal(client_id: str, client_secret: str) -> None:
    """Print the first administrator's credentials, on a terminal alone."""
    print(
        "\nThe first administrator. The secret is shown this once and kept nowhere:\n"
        f"  client_id      {client_id}\n  client_secret  {client_secret}\n",
        flush=True,
    )


def _list(stage: Stage, console: Console) -> None:
    account = Account(stage.region)
    check_account(stage, account, console)
    for each in _history(stage, account).deployments():
        console.say(f"  {each.at}  {each.release}  {each.change:<9}  {(each.commit or '-')[:10]:<10}  {each.by}")


def _create_administrator(stage: Stage, console: Console) -> None:
    if not sys.stdout.isatty():
        raise DeploymentFailed("The secret is shown at a terminal only, never into a file or a log.")
    account = Account(stage.region)
    check_account(stage, account, console)
    outputs = stack_state.outputs(account.client("cloudformation"), stage.stack)
    if "BootstrapFunctionName" not in outputs:
        raise DeploymentFailed(f"There is no stack {stage.stack} yet.")
    administrator(account, outputs["BootstrapFunctionName"], _reveal, console)


def _history(stage: Stage, account: Account) -> History:
    return History(account, artifacts_bucket(account, stage.prefix), stage.stack)


if __name__ == "__main__":
    sys.exit(main())
