"""What infra.local puts right in MiniStack is right with the corrections, and still wrong without them.

A probe that holds on the emulator as it comes says that its correction is no longer needed, and is to go.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from infra.deploy import Account
from infra.local import processes
from infra.local.emulators import ministack
from infra.local.state import LocalDirectory

_METADATA = "/.well-known/oauth-authorization-server"
_MOCK = {"responses": {}, "x-amazon-apigateway-integration": {"type": "mock"}}
_BODY: dict[str, Any] = {
    "openapi": "3.0.1",
    "info": {"title": "probe", "version": "1"},
    "paths": {_METADATA: {"get": _MOCK, "x-amazon-apigateway-any-method": _MOCK}},
    "x-amazon-apigateway-gateway-responses": {"MISSING_AUTHENTICATION_TOKEN": {"statusCode": "418"}},
}


@dataclass(frozen=True)
class Emulator:
    account: Account
    url: str


def _run(directory: LocalDirectory, command: list[str]) -> Iterator[Emulator]:
    ministack.install()
    for name in ("home", "tmp", "s3", "state"):
        (directory.emulator / name).mkdir(parents=True)
    port = processes.free_port()
    process = subprocess.Popen(
        [str(ministack.ENVIRONMENT / "bin" / "python"), *command],
        cwd=directory.emulator / "home",
        env=ministack.clean_environment(directory, port),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return requests.get(f"{url}/_ministack/health", timeout=5).ok
        except requests.ConnectionError:
            return False

    try:
        assert processes.wait_until(answers, 60)
        yield Emulator(Account(ministack.REGION, url, ministack.ROOT, ministack.ROOT), url)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def as_it_comes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    yield from _run(LocalDirectory(tmp_path_factory.mktemp("plain")), ["-m", "ministack"])


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    yield from _run(LocalDirectory(tmp_path_factory.mktemp("corrected")), ["-P", str(ministack.CORRECTED)])


def reads_versions_as_objects(emulator: Emulator) -> bool:
    s3 = emulator.account.client("s3")
    s3.create_bucket(Bucket="probe")
    s3.put_bucket_versioning(Bucket="probe", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="probe", Key="k", Body=b"0123456789")["VersionId"]
    s3.put_object(Bucket="probe", Key="k", Body=b"newer")
    part = s3.get_object(
        Bucket="probe",
        Key="k",
        VersionId=version,
        Range="bytes=2-4",
        ResponseContentDisposition="attachment",
        ChecksumMode="ENABLED",
    )
    whole = s3.get_object(Bucket="probe", Key="k", VersionId=version, ResponseContentType="a/b")
    try:
        s3.get_object(Bucket="probe", Key="k", VersionId=version, Range="bytes=99-")
        beyond = 200
    except ClientError as error:
        beyond = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return (
        (part["ResponseMetadata"]["HTTPStatusCode"], part.get("ContentRange")) == (206, "bytes 2-4/10")
        and (part["Body"].read(), part["ContentLength"], part.get("ContentDisposition"))
        == (b"234", 3, "attachment")
        and (whole["Body"].read(), whole["ContentType"]) == (b"0123456789", "a/b")
        and beyond == 416
    )


def tells_of_restored_versions(emulator: Emulator) -> bool:
    s3 = emulator.account.client("s3")
    s3.create_bucket(Bucket="cold")
    s3.put_bucket_versioning(Bucket="cold", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="cold", Key="k", Body=b"0", StorageClass="GLACIER")["VersionId"]
    wanted = {"Days": 1, "GlacierJobParameters": {"Tier": "Standard"}}
    s3.restore_object(Bucket="cold", Key="k", VersionId=version, RestoreRequest=wanted)
    told = s3.head_object(Bucket="cold", Key="k", VersionId=version)
    return told["VersionId"] == version and "ongoing-request" in told.get("Restore", "")


def checks_forms(emulator: Emulator) -> bool:
    s3 = emulator.account.client("s3")
    s3.create_bucket(Bucket="forms")
    checksum = base64.b64encode(hashlib.sha256(b"right").digest()).decode()
    fields = {"x-amz-checksum-sha256": checksum}
    form = s3.generate_presigned_post("forms", "k", Fields=fields, Conditions=[fields])

    def send(content: bytes) -> int:
        return requests.post(form["url"], data=form["fields"], files={"file": content}, timeout=10).status_code

    wrong, right = send(b"wrong"), send(b"right")
    head = s3.head_object(Bucket="forms", Key="k", ChecksumMode="ENABLED")
    return (wrong, right, head.get("ChecksumSHA256")) == (400, 204, checksum)


def _deploy(emulator: Emulator, stack: str, description: str = "as it was made") -> str:
    """Make or change a stack that holds an API, and give the API's id."""
    body = _BODY | {"info": {"title": "probe", "version": "1", "description": description}}
    body["paths"] = {**_BODY["paths"], f"/{description.replace(' ', '-')}": {"get": _MOCK}}
    resources = {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": stack, "Body": body}},
        "Deployment": {"Type": "AWS::ApiGateway::Deployment", "Properties": {"RestApiId": {"Ref": "Api"}}},
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {"RestApiId": {"Ref": "Api"}, "DeploymentId": {"Ref": "Deployment"}, "StageName": "v1"},
        },
    }
    cloudformation = emulator.account.client("cloudformation")
    template = json.dumps({"Resources": resources, "Outputs": {"Id": {"Value": {"Ref": "Api"}}}})
    known = [each["StackName"] for each in cloudformation.describe_stacks()["Stacks"]]
    if stack in known:
        cloudformation.update_stack(StackName=stack, TemplateBody=template)
        waiter = cloudformation.get_waiter("stack_update_complete")
    else:
        cloudformation.create_stack(StackName=stack, TemplateBody=template)
        waiter = cloudformation.get_waiter("stack_create_complete")
    waiter.wait(StackName=stack, WaiterConfig={"Delay": 1})
    [output] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    return str(output["OutputValue"])


def imports_any_method(emulator: Emulator) -> bool:
    resources = emulator.account.client("apigateway").get_resources(restApiId=_deploy(emulator, "any"))["items"]
    return ["ANY", "GET"] in [sorted(each.get("resourceMethods", {})) for each in resources]


def imports_gateway_responses(emulator: Emulator) -> bool:
    api = _deploy(emulator, "responses")
    return requests.get(f"{emulator.url}/_aws/execute-api/{api}/v1/nowhere", timeout=10).status_code == 418


def keeps_api_ids(emulator: Emulator) -> bool:
    before, after = _deploy(emulator, "ids"), _deploy(emulator, "ids", "changed")
    paths = {
        each["path"] for each in emulator.account.client("apigateway").get_resources(restApiId=after)["items"]
    }
    stages = emulator.account.client("apigateway").get_stages(restApiId=after)["item"]
    assert "/changed" in paths
    assert "/as-it-was-made" not in paths
    return before == after and [each["stageName"] for each in stages] == ["v1"]


def finds_metadata_by_issuer(emulator: Emulator) -> bool:
    issuer = f"/_aws/execute-api/{_deploy(emulator, 'metadata')}/v1"
    assert requests.get(f"{emulator.url}{issuer}{_METADATA}", timeout=10).ok
    return requests.get(f"{emulator.url}{_METADATA}{issuer}", timeout=10).ok


def names_actions_of_mappings(emulator: Emulator) -> bool:
    iam, name = emulator.account.client("iam"), "looks-at-mappings"
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    actions = ["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"]
    allowed = {"Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=json.dumps(allowed))
    taken = emulator.account.client("sts").assume_role(RoleArn=role, RoleSessionName=name)["Credentials"]
    functions = boto3.client(
        "lambda",
        endpoint_url=emulator.url,
        region_name="us-east-1",
        aws_access_key_id=taken["AccessKeyId"],
        aws_secret_access_key=taken["SecretAccessKey"],
        aws_session_token=taken["SessionToken"],
    )
    nowhere = "00000000-0000-0000-0000-000000000000"
    codes = set()
    for call in (functions.get_event_source_mapping, functions.update_event_source_mapping):
        with pytest.raises(ClientError) as refused:
            call(UUID=nowhere)
        codes.add(refused.value.response["Error"]["Code"])
    return codes == {"ResourceNotFoundException"}


def names_roles_to_policies(emulator: Emulator) -> bool:
    iam, sts, s3 = (emulator.account.client(each) for each in ("iam", "sts", "s3"))
    anyone = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="probe", AssumeRolePolicyDocument=json.dumps({"Statement": [anyone]}))["Role"]
    everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    iam.put_role_policy(
        RoleName="probe",
        PolicyName="all",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everything]}),
    )
    s3.create_bucket(Bucket="guarded")
    but_for_it = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::guarded/*",
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": role["Arn"]}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [but_for_it]})
    s3.put_bucket_policy(Bucket="guarded", Policy=policy)
    session = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="probe")["Credentials"]
    as_role = boto3.client(
        "s3",
        endpoint_url=emulator.url,
        region_name=ministack.REGION,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    try:
        as_role.put_object(Bucket="guarded", Key="k", Body=b"")
    except ClientError:
        return False
    return True


PROBES = [
    reads_versions_as_objects,
    tells_of_restored_versions,
    checks_forms,
    imports_any_method,
    imports_gateway_responses,
    keeps_api_ids,
    finds_metadata_by_issuer,
    names_actions_of_mappings,
    names_roles_to_policies,
]


@pytest.mark.parametrize("probe", PROBES)
def test_the_corrected_emulator_does_as_aws(corrected: Emulator, probe: Callable[[Emulator], bool]) -> None:
    assert probe(corrected)


@pytest.mark.parametrize("probe", PROBES)
def test_each_correction_is_still_needed(as_it_comes: Emulator, probe: Callable[[Emulator], bool]) -> None:
    assert not probe(as_it_comes), f"MiniStack {probe.__name__} by itself now: its correction is to go"
