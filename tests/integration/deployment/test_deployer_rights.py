"""A stage deployed by somebody who has the deployer's policy alone, on an emulator that enforces IAM.

MiniStack does not know the condition key cloudformation:RoleArn, so that one statement is given without it; and
its CloudFormation makes resources without asking IAM, so the execution role is not tried here (test_deployer.py).
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra import dry_run
from infra.console import Console
from infra.deploy import Account, health
from infra.deploy.deployment import Outcome, Request, deploy
from infra.deploy.release import File, Release
from infra.deploy.stack import state as stack_state
from infra.deploy.stage import Database, Stage
from infra.migrate import newest_revision
from infra.template import PATH as TEMPLATE
from tests.e2e.archive import Archive

STAGE = Stage("rights", "us-east-1", "artstore", "artstore", Database("artstore/dry-run"), "arm64", None, {})

_PROPOSE_CHANGES = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "cloudformation:CreateChangeSet",
            "Resource": "arn:aws:cloudformation:us-east-1:000000000000:stack/artstore/*",
        }
    ],
}


class World:
    """The emulator, its root, the deployer, and what the deployment showed."""

    def __init__(self, root: Account, here: Stage) -> None:
        self.root = root
        self.console = Console()
        self.shown: list[tuple[str, str]] = []
        self.made = self._apply_deployer()
        iam = root.client("iam")
        iam.create_user(UserName="deployer")
        iam.attach_user_policy(UserName="deployer", PolicyArn=self.made["DeployerPolicy"])
        iam.put_user_policy(
            UserName="deployer", PolicyName="without-role-arn", PolicyDocument=json.dumps(_PROPOSE_CHANGES)
        )
        key = iam.create_access_key(UserName="deployer")["AccessKey"]
        self.deployer = Account(root.region, root.endpoint_url, key["AccessKeyId"], key["SecretAccessKey"])
        role = iam.get_role(RoleName="artstore-execution")["Role"]["Arn"]
        self.stage = dataclasses.replace(here, execution_role=role)
        manifest = dry_run.build_for_here(self.console)
        template = File(TEMPLATE.name, "template/0.yaml", "00" * 32, 0)
        base = Release(
            "rights", None, None, False, newest_revision(), "", "", True, template, {}, {"Prefix": "artstore"}
        )
        self.release = dry_run.substituted(base, manifest)
        self.files = {template.key: TEMPLATE} | {each.key: each.path for each in manifest.artifacts.values()}

    def _apply_deployer(self) -> dict[str, str]:
        """What an administrator does once; the physical ids by logical ones."""
        formation = self.root.client("cloudformation")
        formation.create_stack(
            StackName="deployer",
            TemplateBody=TEMPLATE.with_name("deployer.yaml").read_text("utf-8"),
            Parameters=[
                {"ParameterKey": "Trusted", "ParameterValue": "arn:aws:iam::000000000000:root"},
                {"ParameterKey": "DatabaseSecretName", "ParameterValue": STAGE.database.secret},
            ],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        assert stack_state.settled_status(formation, "deployer") == "CREATE_COMPLETE"
        found = formation.describe_stack_resources(StackName="deployer")["StackResources"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}

    def deploy(self, account: Account, **parameters: str) -> Outcome:
        release = dataclasses.replace(self.release, parameters={**self.release.parameters, **parameters})

        def reveal(client_id: str, client_secret: str) -> None:
            self.shown.append((client_id, client_secret))

        return deploy(Request(self.stage, account, release, self.files, lambda: True, reveal), self.console)

    def outputs(self) -> dict[str, str]:
        return stack_state.outputs(self.root.client("cloudformation"), "artstore")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with dry_run.emulated(STAGE, Console()) as (account, here):
        world = World(account, here)
        assert world.deploy(world.deployer) is Outcome.DEPLOYED
        yield world


def test_the_deployer_creates_updates_and_looks_with_this_policy_alone(world: World) -> None:
    assert world.deploy(world.deployer, LogLevel="DEBUG") is Outcome.DEPLOYED
    assert world.deploy(world.deployer, LogLevel="DEBUG") is Outcome.UNCHANGED


def test_the_archive_works_within_the_boundary(world: World) -> None:
    iam = world.root.client("iam")
    roles = [each["RoleName"] for each in iam.list_roles()["Roles"] if each["RoleName"].startswith("artstore-")]
    bounded = [each for each in roles if each.split("-")[1].endswith("Role")]
    assert len(bounded) == 11
    for name in bounded:
        iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=world.made["Boundary"])
    url = health.api_url(world.root, world.outputs())
    assert "postgresql ok" in health.await_ready(url)
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback has no TLS, and oauthlib insists on it
    archive = Archive(url, *world.shown[0])
    file_id = archive.store(b"within the boundary")
    assert archive.request("GET", f"/api/v1/files/{file_id}/download").status_code == 307


def _first_document(world: World) -> dict[str, str]:
    bucket = world.outputs()["EditBucket"]
    world.root.client("s3").put_object(Bucket=bucket, Key="2026/a.txt", Body=b"a document")
    return {"Bucket": bucket, "Key": "2026/a.txt"}


@pytest.mark.parametrize(
    ("service", "call", "arguments"),
    [
        ("s3", "delete_object", _first_document),
        ("s3", "get_object", _first_document),
        ("s3", "put_object", lambda world: {**_first_document(world), "Body": b"another"}),
        ("s3", "delete_bucket", lambda world: {"Bucket": world.outputs()["EditBucket"]}),
        ("s3", "delete_object", lambda world: {"Bucket": _artifacts(world), "Key": "template/0.yaml"}),
        ("secretsmanager", "get_secret_value", lambda _: {"SecretId": "artstore/signing-key"}),
        ("secretsmanager", "put_secret_value", lambda _: {"SecretId": "artstore/dry-run", "SecretString": "x"}),
        ("dynamodb", "scan", lambda _: {"TableName": "artstore-accounts"}),
        ("dynamodb", "delete_table", lambda _: {"TableName": "artstore-audit"}),
        ("lambda", "invoke", lambda _: {"FunctionName": "artstore-auth"}),
        ("lambda", "delete_function", lambda _: {"FunctionName": "artstore-auth"}),
        ("iam", "create_user", lambda _: {"UserName": "another"}),
        (
            "iam",
            "attach_user_policy",
            lambda _: {"UserName": "deployer", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
        ),
        ("cloudformation", "delete_stack", lambda _: {"StackName": "deployer"}),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_a_deployment_never_needs_is_refused(
    world: World, service: str, call: str, arguments: Callable[[World], dict[str, Any]]
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(world.deployer.client(service), call)(**arguments(world))
    assert caught.value.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException", "403"}, json.dumps(
        caught.value.response["Error"]
    )


def _artifacts(world: World) -> str:
    return f"artstore-artifacts-000000000000-{world.root.region}"
