"""The deployment's template: what every change of it must keep."""

from __future__ import annotations

import copy
import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from artstore import config
from infra import template as module
from tests.support.template import rules
from tests.support.template.rules import Template, of_type

TEXT = module.PATH.read_text(encoding="utf-8")
Rule = Callable[[Template], list[str]]
Break = Callable[[dict[str, Any]], object]


@pytest.fixture
def template() -> Template:
    return module.parse(TEXT)


def statement(resources: dict[str, Any], role: str, number: int) -> Any:
    return resources[role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][number]


def allow(role: str, action: str, resource: Any) -> Break:
    """Give a change that grants a role one more right."""

    def change(resources: dict[str, Any]) -> None:
        granted = {"Sid": "Extra", "Effect": "Allow", "Action": action, "Resource": resource}
        resources[role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].append(granted)

    return change


def deny_nothing(resources: dict[str, Any], role: str, sid: str) -> None:
    """Take a statement out of a role."""
    document = resources[role]["Properties"]["Policies"][0]["PolicyDocument"]
    document["Statement"] = [one for one in document["Statement"] if one["Sid"] != sid]


AUDIT_TABLE = {"Fn::GetAtt": ["AuditTable", "Arn"]}
ELEMENTS_TABLE = {"Fn::GetAtt": ["ElementsTable", "Arn"]}
ANY_OBJECT = {"Fn::Sub": "${RwBucket.Arn}/*"}
SIGNING_KEY = {"Fn::GetAtt": ["SigningKeySecret", "Id"]}
PAIRS: list[tuple[Rule, Break]] = [
    (rules.transforms, lambda r: r["Api"]["Properties"].update({"Fn::Transform": {"Name": "AWS::Include"}})),
    (
        rules.shared_roles,
        lambda r: r["QueryFunction"]["Properties"].update(Role={"Fn::GetAtt": ["UploadRole", "Arn"]}),
    ),
    (rules.broad_rights, allow("QueryRole", "*", ANY_OBJECT)),
    (rules.broad_rights, allow("QueryRole", "s3:Get*", ANY_OBJECT)),
    (rules.broad_rights, allow("AuthRole", "dynamodb:GetItem", "*")),
    (
        rules.broad_rights,
        lambda r: r["AuthRole"]["Properties"].update(ManagedPolicyArns=["arn:aws:iam::aws:policy/X"]),
    ),
    (rules.readers_of_the_signing_key, allow("StorageEventsRole", "secretsmanager:GetSecretValue", SIGNING_KEY)),
    (rules.readers_of_the_signing_key, allow("QueryRole", "secretsmanager:*", "*")),
    (rules.writers_of_attributes, lambda r: deny_nothing(r, "UploadRole", "NeverAttributes")),
    (rules.writers_of_attributes, allow("QueryRole", "s3:PutObject", ANY_OBJECT)),
    (rules.writers_of_attributes, allow("StorageEventsRole", "s3:PutObject", ANY_OBJECT)),
    (rules.rewriters_of_the_audit_log, allow("StorageEventsRole", "dynamodb:UpdateItem", AUDIT_TABLE)),
    (rules.rewriters_of_the_audit_log, allow("QueryRole", "dynamodb:PutItem", AUDIT_TABLE)),
    (rules.rewriters_of_the_audit_log, lambda r: deny_nothing(r, "AuthRole", "NeverRewriteAuditLog")),
    (
        rules.readers_of_the_audit_log,
        allow("DocumentsRole", "dynamodb:Query", {"Fn::Sub": "${AuditTable.Arn}/index/*"}),
    ),
    (rules.readers_of_bytes, allow("DocumentsRole", "s3:GetObject", ANY_OBJECT)),
    (rules.readers_of_bytes, allow("UploadRole", "s3:GetObjectVersion", ANY_OBJECT)),
    (
        rules.writers_of_upload_records,
        allow("MaintenanceWorkerRole", "dynamodb:PutItem", {"Fn::GetAtt": ["UploadsTable", "Arn"]}),
    ),
    (rules.intruders_on_our_own_records, lambda r: deny_nothing(r, "UploadRole", "NotOurOwnRecords")),
    (rules.intruders_on_our_own_records, lambda r: deny_nothing(r, "QueryRole", "NotOurOwnRecords")),
    (rules.intruders_on_our_own_records, lambda r: deny_nothing(r, "StorageEventsRole", "NotOurOwnRecords")),
    (rules.intruders_on_our_own_records, allow("AuthRole", "s3:PutObject", ANY_OBJECT)),
    (rules.deleters, allow("UploadRole", "s3:DeleteObject", ANY_OBJECT)),
    (rules.deleters, allow("DocumentsRole", "s3:DeleteObject", {"Fn::Sub": "${EditBucket.Arn}/*"})),
    (rules.deleters, allow("MaintenanceWorkerRole", "s3:DeleteObject", ANY_OBJECT)),
    (rules.deleters, allow("AuthRole", "dynamodb:DeleteItem", {"Fn::GetAtt": ["AuditOutboxTable", "Arn"]})),
    (rules.deleters, allow("StorageEventsRole", "s3:DeleteObjectVersion", ANY_OBJECT)),
    (rules.deleters, allow("StorageEventsRole", "s3:BypassGovernanceRetention", ANY_OBJECT)),
    (rules.deleters, allow("MaintenanceWorkerRole", "s3:PutBucketPolicy", {"Fn::GetAtt": ["RwBucket", "Arn"]})),
    (rules.deleters, allow("StorageGuardRole", "s3:PutBucketPolicy", {"Fn::GetAtt": ["EditBucket", "Arn"]})),
    (rules.guards_that_do_more, allow("StorageGuardRole", "s3:GetObject", ANY_OBJECT)),
    (rules.definers_of_elements, allow("StorageEventsRole", "dynamodb:PutItem", ELEMENTS_TABLE)),
    (rules.definers_of_elements, allow("StorageEventsRole", "dynamodb:UpdateItem", ELEMENTS_TABLE)),
    (rules.missing_log_groups, lambda r: r["QueryFunction"]["Properties"].pop("LoggingConfig")),
    (rules.missing_log_groups, lambda r: r["QueryLogGroup"]["Properties"].pop("RetentionInDays")),
    (rules.missing_log_groups, allow("AuthRole", "logs:CreateLogGroup", "*")),
    (
        rules.missing_log_groups,
        lambda r: r["QueryLogGroup"]["Properties"]["LogGroupName"]["Fn::Sub"].__setitem__(0, "x"),
    ),
    (rules.passing_logs, lambda r: r["QueryLogGroup"].update(DeletionPolicy="Delete")),
    (rules.passing_logs, lambda r: r["AccessLogGroup"].pop("UpdateReplacePolicy")),
    (
        rules.passing_logs,
        lambda r: r["QueryLogGroup"]["Properties"].update(LogGroupName={"Fn::Sub": "/x/${Prefix}"}),
    ),
    (rules.unbounded_strangers, lambda r: r["ApiStage"]["Properties"]["MethodSettings"].pop()),
    (
        rules.unbounded_strangers,
        lambda r: r["ApiStage"]["Properties"]["MethodSettings"][1].update(
            ThrottlingRateLimit={"Ref": "ThrottlingRate"}
        ),
    ),
    (
        rules.unbounded_strangers,
        lambda r: r["ApiStage"]["Properties"]["MethodSettings"][2].update(ResourcePath="/~1api~1v1~1auth~1tokens"),
    ),
    (rules.unbounded_copies, lambda r: r["QueryFunction"]["Properties"].pop("ReservedConcurrentExecutions")),
    (
        rules.unbounded_copies,
        lambda r: r["AuthFunction"]["Properties"].update(ReservedConcurrentExecutions={"Ref": "AuthConcurrency"}),
    ),
    (rules.short_visibility, lambda r: r["StorageEventsFunction"]["Properties"].update(Timeout=61)),
    (rules.unprotected_data, lambda r: r["UploadsTable"].pop("UpdateReplacePolicy")),
    (
        rules.unprotected_data,
        lambda r: r["AuditTable"]["Properties"].update(DeletionProtectionEnabled=False),
    ),
    (rules.unprotected_data, lambda r: r["SigningKeySecret"].update(DeletionPolicy="Delete")),
    (
        rules.open_queue,
        lambda r: r["EventsQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"][0].pop("Condition"),
    ),
    (
        rules.open_queue,
        lambda r: r["EventsQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"][1].pop("Condition"),
    ),
    (rules.broken_schedules, lambda r: r.pop("RotateKeysPermission")),
    (rules.broken_schedules, lambda r: r.pop("RotateKeysRule")),
    (
        rules.broken_schedules,
        lambda r: r["RotateKeysRule"]["Properties"]["Targets"][0].update(Input='{"task": "nap"}'),
    ),
    (rules.outlasting_the_lock, lambda r: r["AuthScheduledFunction"]["Properties"].update(Timeout=900)),
    (rules.secret_values, lambda r: r["SigningKeySecret"]["Properties"].update(GenerateSecretString={})),
    (rules.secret_values, lambda r: r["SigningKeySecret"]["Properties"].update(SecretString="x")),
    (
        rules.secret_values,
        allow("StorageEventsRole", "secretsmanager:GetSecretValue", {"Fn::GetAtt": ["CursorKeySecret", "Id"]}),
    ),
    (
        rules.secret_values,
        allow("QueryRole", "secretsmanager:GetSecretValue", {"Fn::GetAtt": ["WebhookTokenSecret", "Id"]}),
    ),
    (rules.unreachable_functions, lambda r: r.pop("AuthPermission")),
]


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _ in PAIRS), ids=lambda rule: rule.__name__)
def test_the_template_obeys(template: Template, rule: Rule) -> None:
    assert rule(template) == []


@pytest.mark.parametrize(("rule", "change"), PAIRS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_template_that_breaks_the_rule_is_found(template: Template, rule: Rule, change: Break) -> None:
    broken = copy.deepcopy(template)
    change(broken["Resources"])
    assert rule(broken) != []


def test_cfn_lint_finds_nothing() -> None:
    lint = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([str(lint), str(module.PATH)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_nothing_in_it_is_special_to_an_emulator() -> None:
    lowered = TEXT.lower()
    words = ("localhost", "127.0.0.1", "ministack", "localstack", "moto", "aws_endpoint_url", "000000000000")
    assert [word for word in words if word in lowered] == []


def test_a_changed_api_gets_another_deployment() -> None:
    assert module.stamp(TEXT) == TEXT, "run python -m infra.template"
    for old, new in (("operationId: issue_token", "operationId: give_token"), ("THROTTLED", "EXPIRED_TOKEN")):
        changed = module.stamp(TEXT.replace(old, new))
        assert module.deployment_id(changed) != module.deployment_id(TEXT)
        assert changed.count(module.deployment_id(changed)) == TEXT.count(module.deployment_id(TEXT)) == 2
    assert module.deployment_id(TEXT.replace("Default: 1800", "Default: 900")) == module.deployment_id(TEXT)


def test_the_gateways_own_errors_are_problem_documents(template: Template) -> None:
    responses = template["Resources"]["Api"]["Properties"]["Body"]["x-amazon-apigateway-gateway-responses"]
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "MISSING_AUTHENTICATION_TOKEN", "THROTTLED", "REQUEST_TOO_LARGE"} <= set(
        responses
    )
    for response in responses.values():
        problem = json.loads(response["responseTemplates"]["application/json"])
        assert {"type", "title", "detail", "code", "request_id"} <= set(problem)
        assert str(problem.get("status", "")) == response.get("statusCode", "")
        headers = response["responseParameters"]
        assert headers["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
    assert responses["MISSING_AUTHENTICATION_TOKEN"]["statusCode"] == "404"


@pytest.mark.parametrize(
    ("function", "settings"),
    [
        ("AuthFunction", config.AuthSettings),
        ("AuthBootstrapFunction", config.AuthSettings),
        ("AuthScheduledFunction", config.AuthSettings),
        ("UploadFunction", config.UploadSettings),
        ("DocumentsFunction", config.DocumentsSettings),
        ("MaintenanceFunction", config.MaintenanceSettings),
        ("MaintenanceWorkerFunction", config.WorkerSettings),
        ("StorageGuardFunction", config.GuardSettings),
        ("QueryFunction", config.QuerySettings),
        ("StorageEventsFunction", config.StorageEventsSettings),
        ("StorageWebhookFunction", config.WebhookSettings),
    ],
)
def test_a_function_is_given_the_settings_it_reads_and_no_others(
    template: Template, function: str, settings: type[config.CommonSettings]
) -> None:
    given = set(template["Resources"][function]["Properties"]["Environment"]["Variables"])
    names = config.setting_names(settings)
    required = {
        name
        for name, field in names.items()
        if {one.name: one.default for one in dataclasses.fields(settings)}[field] is dataclasses.MISSING
    }
    assert given <= set(names)
    assert required <= given


def test_timeouts_fit_the_gateway_and_only_the_users_of_the_database_enter_the_vpc(template: Template) -> None:
    functions = {name: one["Properties"] for name, one in of_type(template, "AWS::Lambda::Function").items()}
    assert {name: one["Timeout"] for name, one in functions.items()} == {
        "AuthFunction": 15,
        "UploadFunction": 15,
        "DocumentsFunction": 15,
        "MaintenanceFunction": 15,
        "MaintenanceWorkerFunction": 300,
        "StorageGuardFunction": 60,
        "QueryFunction": 15,
        "AuthBootstrapFunction": 60,
        "AuthScheduledFunction": 60,
        "StorageEventsFunction": 60,
        "StorageWebhookFunction": 15,
    }
    users = {f"{name}Function" for name in rules.USERS_OF_THE_DATABASE}
    assert {name for name, one in functions.items() if "VpcConfig" in one} == users
    readers = rules.roles_that_may(template, "secretsmanager:GetSecretValue", "DatabaseSecretArn")
    assert readers == {f"{name}Role" for name in rules.USERS_OF_THE_DATABASE}


EVERYTHING_THAT_HAPPENS = (
    "s3:ObjectCreated:*",
    "s3:ObjectRemoved:*",
    "s3:LifecycleExpiration:*",
    "s3:ObjectRestore:*",
)


def test_buckets_tell_the_queue_and_let_browsers_see_what_they_sign_and_check(template: Template) -> None:
    for name in ("EditBucket", "RwBucket"):
        bucket = template["Resources"][name]
        properties = bucket["Properties"]
        cors = properties["CorsConfiguration"]["CorsRules"][0]
        events = properties["NotificationConfiguration"]["QueueConfigurations"]
        assert {one["Event"] for one in events} == set(EVERYTHING_THAT_HAPPENS), name
        assert bucket["DependsOn"] == "EventsQueuePolicy"
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert {"ETag", "x-amz-version-id", "x-amz-checksum-sha256"} <= set(cors["ExposedHeaders"])
        assert {"content-type", "if-none-match", "x-amz-*"} <= set(cors["AllowedHeaders"])
        lifecycle = properties["LifecycleConfiguration"]["Rules"]
        assert lifecycle[0]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_the_rw_bucket_locks_versions_and_refuses_deletion(template: Template) -> None:
    resources = template["Resources"]
    properties = resources["RwBucket"]["Properties"]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["ObjectLockConfiguration"]["Rule"]["DefaultRetention"] == {
        "Mode": {"Ref": "RetentionMode"},
        "Days": {"Ref": "RetentionDays"},
    }
    policy = resources["RwBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    denied = {one["Action"]: one for one in policy if str(one.get("Sid")).startswith("NoDeletion")}
    assert set(denied) == {"s3:DeleteObject", "s3:DeleteObjectVersion"}
    assert all((one["Effect"], one["Principal"]) == ("Deny", "*") for one in denied.values())
    assert "Condition" not in denied["s3:DeleteObject"]
    worker = {"ArnNotEquals": {"aws:PrincipalArn": {"Fn::GetAtt": ["MaintenanceWorkerRole", "Arn"]}}}
    assert denied["s3:DeleteObjectVersion"]["Condition"] == worker


def test_nobody_may_bypass_the_locks_of_versions(template: Template) -> None:
    assert "BypassGovernanceRetention" not in json.dumps(template, default=str)


def test_where_versions_are_kept_ingest_creates_attributes_and_replaces_none(template: Template) -> None:
    assert template["Parameters"]["CreateOnlyAttributes"]["Default"] == "true"
    policy = template["Resources"]["StorageEventsRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    puts = [one for one in policy["Statement"] if one["Effect"] == "Allow" and one["Action"] == "s3:PutObject"]
    kept = [one for one in puts if "RwBucket" in str(one["Resource"])]
    only_new = {"StringEquals": {"s3:if-none-match": "*"}}
    assert [one["Condition"] for one in kept] == [{"Fn::If": ["CreatesOnly", only_new, {"Ref": "AWS::NoValue"}]}]
    assert [one["Resource"] for one in puts if one not in kept] == [{"Fn::Sub": "${EditBucket.Arn}/*.attr.json"}]


def test_bags_are_made_by_the_worker_alone_and_go_by_themselves(template: Template) -> None:
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        assert rules.roles_that_may(template, action, "ExportsBucket/bags/x") == {"MaintenanceWorkerRole"}
    properties = template["Resources"]["ExportsBucket"]["Properties"]
    dropped = [rule.get("ExpirationInDays") for rule in properties["LifecycleConfiguration"]["Rules"]]
    assert {"Ref": "ExportsDays"} in dropped
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}


def test_buckets_and_queues_refuse_plain_http_unless_told_otherwise(template: Template) -> None:
    assert template["Parameters"]["RequireTls"]["Default"] == "true"
    kinds = ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy")
    policies = {name: one for kind in kinds for name, one in of_type(template, kind).items()}
    assert len(policies) == 7
    for name, policy in policies.items():
        found = [
            one["Fn::If"][1] if "Fn::If" in one else one
            for one in policy["Properties"]["PolicyDocument"]["Statement"]
            if "Fn::If" in one or policy.get("Condition") == "NeedsTls"
        ]
        assert [one["Condition"] for one in found] == [{"Bool": {"aws:SecureTransport": "false"}}], name


def test_tables_are_on_demand_and_can_be_restored_to_a_point_in_time(template: Template) -> None:
    tables = of_type(template, "AWS::DynamoDB::Table")
    assert {"AccountsTable", "UploadsTable", "SigningKeysTable", "RevocationsTable"} <= set(tables)
    for table in tables.values():
        assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"
        assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert "TimeToLiveSpecification" not in tables["AuditTable"]["Properties"]
    assert template["Parameters"]["DeletionProtection"]["Default"] == "true"
    for name in rules.PASSING:
        # The stack deletes it, and could not if DynamoDB protected it.
        assert "DeletionProtectionEnabled" not in tables[name]["Properties"]
    for name in ("UploadsTable", "RevocationsTable", "SigningKeysTable", "JobsTable"):
        ttl = tables[name]["Properties"]["TimeToLiveSpecification"]
        assert ttl == {"AttributeName": "expires_at_epoch", "Enabled": True}


def test_a_failed_message_is_retried_alone_and_then_kept(template: Template) -> None:
    mapping = of_type(template, "AWS::Lambda::EventSourceMapping")["EventsMapping"]["Properties"]
    queue = template["Resources"]["EventsQueue"]["Properties"]
    dead = template["Resources"]["DeadLetterQueue"]["Properties"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
    assert queue["MessageRetentionPeriod"] == dead["MessageRetentionPeriod"] == 14 * 24 * 3600
