"""The address at which a local stack's API answers, and its deployment under that address.

It is the issuer of tokens, and every URL that the API hands out begins with it. On AWS the template makes it from
the API's id by itself; here the API answers below the emulator's own address, so it is given, as one would give a
domain of one's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from infra import deploy


def api_url(emulator_url: str, outputs: Mapping[str, str]) -> str:
    """Give the address of the API of a stack with those outputs."""
    return f"{emulator_url}/_aws/execute-api/{outputs['ApiId']}/{outputs['StageName']}"


def deploy_stack(
    account: deploy.Account,
    name: str,
    template: Path,
    template_bucket: str,
    parameters: Mapping[str, str],
    emulator_url: str,
    progress: Callable[[str], None],
) -> deploy.Deployed:
    """Deploy as ``infra.deploy`` does, with the API's address as issuer.

    The id in that address is known once there is an API, so what makes one is a deployment of two parts.
    """

    def deployed_as(issuer: str | None) -> deploy.Deployed:
        given = {**parameters, **({"IssuerUrl": issuer} if issuer else {})}
        return deploy.deploy_stack(account, name, template, template_bucket, given, progress)

    before = deploy.stack_outputs(account, name)
    issuer = api_url(emulator_url, before) if {"ApiId", "StageName"} <= before.keys() else None
    deployed = deployed_as(issuer)
    if (address := api_url(emulator_url, deployed.outputs)) != issuer:
        deployed = deploy.Deployed(deployed_as(address).outputs, deployed.change)
    return deployed
