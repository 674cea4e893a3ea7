"""Tells what of a local stack runs, and where."""

from __future__ import annotations

import requests

from infra.console import Console
from infra.local import emulators, postgres, state
from infra.local.postgres import home as postgres_home
from infra.local.settings import Settings
from infra.local.state import LocalDirectory


def status(settings: Settings, console: Console) -> None:
    """Print what runs, and whether the API says that it is ready."""
    directory = LocalDirectory(settings.directory)
    if not directory.decisions.exists():
        console.say(f"  No stack in {directory.root}: `make up` starts one.")
        return
    home = postgres_home.home_of(directory.root)
    stack = state.read_stack(directory)
    emulator = emulators.emulator_of(directory, settings)
    runs = emulator.is_running()
    database = settings.database_url is not None or (home.data.is_dir() and postgres.is_running(home))
    ready = stack is not None and runs and _is_ready(f"{stack.api_url}/health/ready")
    console.say(f"  directory   {directory.root}")
    console.say(f"  {emulator.name:<11} {'runs' if runs else 'does not run'}")
    console.say(f"  PostgreSQL  {'runs' if database else 'does not run'}")
    console.say(f"  API         {'ready' if ready else 'not ready'}")
    if stack is not None:
        console.say(f"  api_url     {stack.api_url}")
        console.say(f"  client_id   {stack.client_id}   (its secret: {directory.stack})")


def _is_ready(url: str) -> bool:
    try:
        return requests.get(url, timeout=10).ok
    except requests.RequestException:
        return False
