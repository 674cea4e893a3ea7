"""infra/deployer.yaml against infra/template.yaml: enough to deploy it, and no more."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest

from infra.template import PATH as TEMPLATE
from infra.template import parse
from tests.support.template.iam import ACCOUNT, REGION, Resolver, Statement, allows, statements

DEPLOYER = TEMPLATE.with_name("deployer.yaml")
PREFIX = "artstore"
_S3 = f"arn:aws:s3:::{PREFIX}-edit-{ACCOUNT}-{REGION}"
_TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{PREFIX}-accounts"
_FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{PREFIX}-auth"
_MAPPING = f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:0a1b"
_LAYER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:{PREFIX}-common"
_LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{PREFIX}-auth"
_QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{PREFIX}-events-dlq"
_TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:{PREFIX}-alarms"
_SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{PREFIX}/signing-key-a1B2c3"
_CURSOR_KEY = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{PREFIX}/cursor-key-a1B2c3"
_WEBHOOK_TOKEN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{PREFIX}/webhook-token-a1B2c3"
_DATABASE = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{PREFIX}/database-a1B2c3"
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/{PREFIX}-AuthRole-1A2B3C"
_RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{PREFIX}-rotate-keys"
_API = f"arn:aws:apigateway:{REGION}::/restapis/a1b2"
_REST = ("apigateway:GET", "apigateway:POST", "apigateway:PATCH", "apigateway:PUT", "apigateway:DELETE")

# For each type the calls that create, read, update and delete it with the properties that the template uses: the
# permissions of AWS's resource provider schemas ("handlers"), without those of features that are not used.
NEEDED: dict[str, list[tuple[str, tuple[str, ...]]]] = {
    "AWS::ApiGateway::RestApi": [(_API, _REST), (_API.removesuffix("/a1b2"), ("apigateway:POST",))],
    "AWS::ApiGateway::Deployment": [(f"{_API}/deployments", _REST)],
    "AWS::ApiGateway::Stage": [(f"{_API}/stages/v1", _REST)],
    "AWS::CloudWatch::Alarm": [
        (
            f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{PREFIX}-auth-errors",
            ("cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms"),
        )
    ],
    "AWS::CloudWatch::Dashboard": [
        (
            f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{PREFIX}",
            ("cloudwatch:PutDashboard", "cloudwatch:GetDashboard", "cloudwatch:DeleteDashboards"),
        )
    ],
    "AWS::DynamoDB::Table": [
        (
            _TABLE,
            (
                "dynamodb:CreateTable",
                "dynamodb:DescribeTable",
                "dynamodb:DescribeContinuousBackups",
                "dynamodb:DescribeTimeToLive",
                "dynamodb:UpdateContinuousBackups",
                "dynamodb:UpdateTable",
                "dynamodb:UpdateTimeToLive",
                "dynamodb:DeleteTable",
            ),
        )
    ],
    "AWS::Events::Rule": [
        (
            _RULE,
            (
                "events:PutRule",
                "events:DescribeRule",
                "events:PutTargets",
                "events:ListTargetsByRule",
                "events:RemoveTargets",
                "events:DeleteRule",
            ),
        )
    ],
    "AWS::IAM::Role": [
        (
            _ROLE,
            (
                "iam:CreateRole",
                "iam:GetRole",
                "iam:GetRolePolicy",
                "iam:PutRolePolicy",
                "iam:PutRolePermissionsBoundary",
                "iam:ListAttachedRolePolicies",
                "iam:ListRolePolicies",
                "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole",
                "iam:UpdateRoleDescription",
                "iam:DeleteRolePolicy",
                "iam:DeleteRole",
            ),
        )
    ],
    "AWS::Lambda::EventSourceMapping": [
        (
            _MAPPING,
            (
                "lambda:CreateEventSourceMapping",
                "lambda:GetEventSourceMapping",
                "lambda:UpdateEventSourceMapping",
                "lambda:DeleteEventSourceMapping",
            ),
        )
    ],
    "AWS::Lambda::Function": [
        (
            _FUNCTION,
            (
                "lambda:CreateFunction",
                "lambda:GetFunction",
                "lambda:GetFunctionCodeSigningConfig",
                "lambda:GetFunctionRecursionConfig",
                "lambda:GetRuntimeManagementConfig",
                "lambda:UpdateFunctionCode",
                "lambda:UpdateFunctionConfiguration",
                "lambda:DeleteFunction",
            ),
        ),
        (_ROLE, ("iam:PassRole",)),
        (
            f"arn:aws:s3:::{PREFIX}-artifacts-{ACCOUNT}-{REGION}/auth/1.zip",
            ("s3:GetObject", "s3:GetObjectVersion"),
        ),
        (f"{_LAYER}:1", ("lambda:GetLayerVersion",)),
        ("*", ("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs")),
    ],
    "AWS::Lambda::LayerVersion": [
        (_LAYER, ("lambda:PublishLayerVersion",)),
        (f"{_LAYER}:1", ("lambda:GetLayerVersion", "lambda:DeleteLayerVersion")),
    ],
    "AWS::Lambda::Permission": [
        (_FUNCTION, ("lambda:AddPermission", "lambda:GetPolicy", "lambda:RemovePermission"))
    ],
    "AWS::Logs::LogGroup": [
        (_LOGS, ("logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:DeleteLogGroup")),
        (f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/apigateway/{PREFIX}", ("logs:CreateLogGroup",)),
        ("*", ("logs:DescribeLogGroups",)),
    ],
    "AWS::S3::Bucket": [
        (
            _S3,
            (
                "s3:CreateBucket",
                "s3:ListBucket",
                "s3:GetBucketCORS",
                "s3:GetBucketNotification",
                "s3:GetBucketObjectLockConfiguration",
                "s3:GetBucketOwnershipControls",
                "s3:GetBucketPublicAccessBlock",
                "s3:GetBucketVersioning",
                "s3:GetEncryptionConfiguration",
                "s3:GetLifecycleConfiguration",
                "s3:PutBucketCORS",
                "s3:PutBucketNotification",
                "s3:PutBucketObjectLockConfiguration",
                "s3:PutBucketOwnershipControls",
                "s3:PutBucketPublicAccessBlock",
                "s3:PutBucketVersioning",
                "s3:PutEncryptionConfiguration",
                "s3:PutLifecycleConfiguration",
                "s3:DeleteBucket",
            ),
        )
    ],
    "AWS::S3::BucketPolicy": [(_S3, ("s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:DeleteBucketPolicy"))],
    "AWS::SNS::Subscription": [
        (_TOPIC, ("sns:Subscribe",)),
        (f"{_TOPIC}:0a1b", ("sns:Unsubscribe", "sns:GetSubscriptionAttributes")),
    ],
    "AWS::SNS::Topic": [
        (_TOPIC, ("sns:CreateTopic", "sns:GetTopicAttributes", "sns:SetTopicAttributes", "sns:DeleteTopic"))
    ],
    "AWS::SNS::TopicPolicy": [(_TOPIC, ("sns:SetTopicAttributes",))],
    "AWS::SQS::Queue": [
        (
            _QUEUE,
            (
                "sqs:CreateQueue",
                "sqs:GetQueueAttributes",
                "sqs:GetQueueUrl",
                "sqs:SetQueueAttributes",
                "sqs:DeleteQueue",
            ),
        )
    ],
    "AWS::SQS::QueuePolicy": [(_QUEUE, ("sqs:SetQueueAttributes",))],
    "AWS::SecretsManager::Secret": [
        *(
            (
                secret,
                (
                    "secretsmanager:CreateSecret",
                    "secretsmanager:DescribeSecret",
                    "secretsmanager:UpdateSecret",
                    "secretsmanager:DeleteSecret",
                ),
            )
            for secret in (_SECRET, _CURSOR_KEY, _WEBHOOK_TOKEN)
        ),
        ("*", ("secretsmanager:GetRandomPassword",)),
    ],
    "Custom::SigningKey": [(f"{_FUNCTION}-bootstrap", ("lambda:InvokeFunction",))],
}


@cache
def _template() -> dict[str, Any]:
    return parse(TEMPLATE.read_text("utf-8"))


@cache
def _deployer() -> dict[str, Any]:
    return parse(DEPLOYER.read_text("utf-8"))


def _policy(*names: str) -> list[Statement]:
    resources = {
        "ExecutionRole.Arn": f"arn:aws:iam::{ACCOUNT}:role/artstore/{PREFIX}-execution",
        "Boundary": f"arn:aws:iam::{ACCOUNT}:policy/artstore/{PREFIX}-boundary",
    }
    resolver = Resolver(_deployer(), resources)
    found = _deployer()["Resources"]
    return [
        each
        for name in names
        for each in statements(resolver.resolve(found[name]["Properties"]["PolicyDocument"]))
    ]


EXECUTION = ("ExecutionPolicy", "ExecutionOfFunctionsPolicy")
POLICIES = ("DeployerPolicy", *EXECUTION, "Boundary")


@pytest.mark.parametrize("type_", sorted({each["Type"] for each in _template()["Resources"].values()}))
def test_cloudformation_may_make_change_and_delete_each_type_of_the_template(type_: str) -> None:
    policy = _policy(*EXECUTION)
    assert [
        (action, resource)
        for resource, actions in NEEDED[type_]
        for action in actions
        if not allows(policy, action, resource)
    ] == []


def _kebab(name: str) -> str:
    """Name a resource as the template names it: AuditOutbox is audit-outbox."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def test_every_role_of_the_template_stays_within_the_boundary() -> None:
    names = {
        "Table": "arn:aws:dynamodb:{r}:{a}:table/artstore-{n}",
        "LogGroup": "arn:aws:logs:{r}:{a}:log-group:/aws/lambda/artstore-{n}:log-stream:x",
        "Function": "arn:aws:lambda:{r}:{a}:function:artstore-{n}",
    }
    resources = {"EventsQueue.Arn": _QUEUE.removesuffix("-dlq"), "SigningKeySecret.Id": _SECRET}
    resources["CursorKeySecret.Id"] = _CURSOR_KEY
    resources["WebhookTokenSecret.Id"] = _WEBHOOK_TOKEN
    resources |= {"DeadLetterQueue.Arn": _QUEUE, "EventsMapping": "00000000-0000-0000-0000-000000000000"}
    resources["JobsQueue.Arn"] = resources["EventsQueue.Arn"].replace("-events", "-jobs")
    resources |= {"EditBucket.Arn": _S3, "RwBucket.Arn": _S3.replace("-edit-", "-rw-"), "Api": "a1b2"}
    resources["ExportsBucket.Arn"] = _S3.replace("-edit-", "-exports-")
    for name in _template()["Resources"]:
        for ending, arn in names.items():
            if name.endswith(ending):
                resources[f"{name}.Arn"] = arn.format(r=REGION, a=ACCOUNT, n=_kebab(name.removesuffix(ending)))
    vpc = {"VpcSubnetIds": "subnet-1"}
    resolver = Resolver(_template(), resources, Prefix=PREFIX, DatabaseSecretArn=_DATABASE, **vpc)
    boundary = _policy("Boundary")
    seen = 0
    for name, role in _template()["Resources"].items():
        if role["Type"] != "AWS::IAM::Role":
            continue
        assert role["Properties"]["PermissionsBoundary"]["Fn::If"][0] == "HasBoundary", name
        for policy in resolver.resolve(role["Properties"]["Policies"]):
            for each in statements(policy["PolicyDocument"]):
                for action in each.actions if each.allows else ():
                    for resource in each.resources:
                        seen += 1
                        assert allows(boundary, action, resource), (name, action, resource)
    assert seen > 40


def test_roles_are_made_with_the_boundary_alone() -> None:
    for each in _policy(*EXECUTION):
        if {"iam:CreateRole", "iam:PutRolePolicy"} & set(each.actions):
            assert each.condition == {
                "StringEquals": {
                    "iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/artstore/artstore-boundary"
                }
            }


def test_a_change_set_is_proposed_for_the_execution_role_alone() -> None:
    proposing = [each for each in _policy("DeployerPolicy") if "cloudformation:CreateChangeSet" in each.actions]
    role = f"arn:aws:iam::{ACCOUNT}:role/artstore/artstore-execution"
    assert [each.condition for each in proposing] == [{"StringEquals": {"cloudformation:RoleArn": role}}]


@pytest.mark.parametrize(
    "action",
    [
        "iam:AttachRolePolicy",
        "iam:CreatePolicyVersion",
        "iam:DeleteRolePermissionsBoundary",
        "iam:CreateUser",
        "iam:CreateAccessKey",
        "sts:AssumeRole",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:BypassGovernanceRetention",
        "dynamodb:GetItem",
        "dynamodb:DeleteItem",
        "kms:Decrypt",
    ],
)
def test_nobody_who_deploys_may_do_what_a_deployment_never_needs(action: str) -> None:
    granted = [each for each in _policy("DeployerPolicy", *EXECUTION) if each.allows]
    resources = [resource for each in granted for resource in each.resources] + [
        f"{_S3}/2026/a.pdf",
        _TABLE,
        _ROLE,
    ]
    assert [each for each in resources if allows(granted, action, each)] == []


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:DeleteObject", f"{_S3.replace('-edit-', '-rw-')}/2026/a.pdf"),
        ("s3:DeleteObjectVersion", f"{_S3}/2026/a.pdf"),
        ("s3:PutBucketPolicy", "arn:aws:s3:::somebody-elses"),
        ("dynamodb:DeleteTable", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/other"),
        ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:other"),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/Admin"),
        ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/artstore/artstore-deployer"),
        ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/artstore/artstore-execution"),
        ("cloudformation:DeleteStack", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/other/1"),
    ],
)
def test_what_belongs_to_others_and_documents_are_out_of_reach(policy: str, action: str, resource: str) -> None:
    assert not allows(_policy(policy), action, resource)


def test_neither_who_deploys_nor_cloudformation_reads_documents_or_the_signing_key() -> None:
    policy = _policy("DeployerPolicy", *EXECUTION)
    assert not allows(policy, "s3:GetObject", f"{_S3}/2026/a.pdf")
    assert not allows(policy, "secretsmanager:GetSecretValue", _SECRET)
    assert allows(policy, "secretsmanager:GetSecretValue", _DATABASE)


@pytest.mark.parametrize("policy", POLICIES)
def test_no_action_is_a_bare_wildcard_and_every_resource_is_only_looked_at(policy: str) -> None:
    for each in _policy(policy):
        for action in each.actions:
            service, _, name = action.partition(":")
            assert service
            assert name.replace("*", "")
            if "*" in name:
                assert name.startswith("Get"), action
        if "*" in each.resources and not each.condition and policy != "Boundary":
            harmless = ("Describe", "GetRandomPassword")
            assert [name for name in each.actions if not name.split(":")[1].startswith(harmless)] == []


@pytest.mark.parametrize("policy", POLICIES)
def test_each_policy_is_within_what_iam_takes(policy: str) -> None:
    """6,144 characters a managed policy, whitespace not counted (IAM quotas)."""
    resolver = Resolver(_deployer(), {"ExecutionRole.Arn": "x" * 90, "Boundary": "x" * 90}, Prefix="p" * 20)
    document = resolver.resolve(_deployer()["Resources"][policy]["Properties"]["PolicyDocument"])
    assert len(json.dumps(document, separators=(",", ":"))) <= 6144
