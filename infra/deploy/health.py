"""Whether the deployed API answers."""

from __future__ import annotations

import time
from collections.abc import Mapping

import requests

from infra.deploy.account import Account
from infra.deploy.errors import DeploymentFailed

_TIMEOUT_SECONDS = 90


def api_url(account: Account, outputs: Mapping[str, str]) -> str:
    """Where the API answers. Emulators have no names of their own: theirs is a path below the endpoint."""
    if account.foreign_endpoint is None:
        return outputs["ApiUrl"]
    return f"{account.foreign_endpoint}/_aws/execute-api/{outputs['ApiId']}/{outputs['StageName']}"


def await_ready(url: str, timeout_seconds: float = _TIMEOUT_SECONDS) -> str:
    """Ask GET /health/ready until it answers 200, and give what it says of each dependency.

    Raises DeploymentFailed with its last answer when it does not get there in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            answer = requests.get(f"{url}/health/ready", timeout=30)
            if answer.status_code == requests.codes.ok:
                found: dict[str, str] = answer.json()["dependencies"]
                return ", ".join(f"{name} {state}" for name, state in found.items())
            said = f"HTTP {answer.status_code} {answer.text[:1000]}"
        except requests.RequestException as error:
            said = str(error)
        if time.monotonic() > deadline:
            raise DeploymentFailed(
                f"The stack is deployed, but GET {url}/health/ready does not answer 200: {said}\n"
                "docs/operations.md says what each dependency needs."
            )
        time.sleep(2)
