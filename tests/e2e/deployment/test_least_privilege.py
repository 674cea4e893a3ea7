"""Each function's role may do what its function does, and no more.

A probe function runs under the role of the function that is tried, and says what storage answers it.
"""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.archive import Archive, eventually
from tests.e2e.operator import Operator

PROBE = """
import botocore.session
from botocore.exceptions import ClientError


def handler(event, context):
    client = botocore.session.get_session().create_client(event["service"])
    try:
        getattr(client, event["operation"])(**event["arguments"])
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"
"""
DENIED = {"AccessDenied", "AccessDeniedException", "403"}

Try = Callable[[str, str, str, dict[str, Any]], str]

NOT_ENFORCED = "IAM policies are stored and not enforced"
without_iam = pytest.mark.lacking("localstack", NOT_ENFORCED)
without_iam_harmful = pytest.mark.lacking("localstack", NOT_ENFORCED, harmful=True)


@pytest.fixture(scope="module")
def attempt(operator: Operator) -> Iterator[Try]:
    """Give a way to try an operation as the role of a function."""
    probes: dict[str, str] = {}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("probe.py", PROBE)

    def probe(function: str) -> str:
        if function not in probes:
            like = operator.functions.get_function_configuration(FunctionName=operator.function_names[function])
            # Of botocore, which AWS and MiniStack have in their runtime, LocalStack's knows nothing.
            layers = [each["Arn"] for each in like.get("Layers", [])] if operator.emulator == "localstack" else []
            name = f"{operator.prefix}-probe-{uuid.uuid4().hex[:8]}"
            operator.functions.create_function(
                FunctionName=name,
                Runtime=like["Runtime"],
                Architectures=like.get("Architectures", ["x86_64"]),
                Role=like["Role"],
                Handler="probe.handler",
                Code={"ZipFile": archive.getvalue()},
                Layers=layers,
                Timeout=20,
            )
            probes[function] = name
            eventually(lambda: active(name))
        return probes[function]

    def active(name: str) -> bool | None:
        return operator.functions.get_function_configuration(FunctionName=name)["State"] == "Active" or None

    def try_as(function: str, service: str, operation: str, arguments: dict[str, Any]) -> str:
        payload = json.dumps({"service": service, "operation": operation, "arguments": arguments})
        answer = operator.functions.invoke(FunctionName=probe(function), Payload=payload)
        said: str = json.loads(answer["Payload"].read())
        return said

    yield try_as
    for name in probes.values():
        operator.functions.delete_function(FunctionName=name)


def some_object(operator: Operator, suffix: str = "") -> dict[str, str]:
    return {"Bucket": operator.edit_bucket, "Key": f"probe/{uuid.uuid4().hex}{suffix}"}


FUNCTIONS = ("auth", "upload", "query", "storage-events", "documents", "maintenance")
OTHERS = ("documents", "maintenance", "maintenance-worker")


@without_iam
@pytest.mark.parametrize("function", ["auth", "query", "storage-events", *OTHERS])
def test_only_upload_may_write_documents(attempt: Try, operator: Operator, function: str) -> None:
    assert attempt(function, "s3", "put_object", some_object(operator)) in DENIED


def test_upload_may_write_documents(attempt: Try, operator: Operator) -> None:
    assert attempt("upload", "s3", "put_object", some_object(operator)) == "allowed"


@without_iam
@pytest.mark.parametrize("function", ["auth", "upload", "query", "maintenance"])
def test_only_storage_events_may_write_attributes(attempt: Try, operator: Operator, function: str) -> None:
    assert attempt(function, "s3", "put_object", some_object(operator, ".attr.json")) in DENIED


def test_storage_events_may_create_attributes_and_replace_those_of_documents_that_may_change(
    attempt: Try, operator: Operator
) -> None:
    """That it may replace none where versions are kept is a condition that this emulator's policies do not see."""
    edit = some_object(operator, ".attr.json")
    assert attempt("storage-events", "s3", "put_object", edit) == "allowed"
    assert attempt("storage-events", "s3", "put_object", edit) == "allowed"
    kept = {"Bucket": operator.rw_bucket, "Key": f"probe/{uuid.uuid4().hex}.attr.json", "IfNoneMatch": "*"}
    assert attempt("storage-events", "s3", "put_object", kept) == "allowed"
    assert attempt("storage-events", "s3", "put_object", kept) == "PreconditionFailed"


@without_iam
@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_may_delete_a_document(attempt: Try, operator: Operator, function: str) -> None:
    existing = some_object(operator)
    operator.s3.put_object(**existing, Body=b"")
    assert attempt(function, "s3", "delete_object", existing) in DENIED


@without_iam
def test_only_the_worker_deletes_and_only_where_documents_may_change(attempt: Try, operator: Operator) -> None:
    existing = some_object(operator)
    operator.s3.put_object(**existing, Body=b"")
    assert attempt("maintenance-worker", "s3", "delete_object", existing) == "allowed"
    kept = {"Bucket": operator.rw_bucket, "Key": f"probe/{uuid.uuid4().hex}"}
    operator.s3.put_object(**kept, Body=b"")
    own = {"Bucket": operator.edit_bucket, "Key": f".artstore/probe/{uuid.uuid4().hex}"}
    for each in (kept, own):
        assert attempt("maintenance-worker", "s3", "delete_object", each) in DENIED


def test_changes_and_jobs_may_replace_attributes(attempt: Try, operator: Operator) -> None:
    for function in ("documents", "maintenance-worker"):
        assert attempt(function, "s3", "put_object", some_object(operator, ".attr.json")) == "allowed"


@without_iam
def test_changes_read_what_is_said_of_documents_and_not_their_bytes(attempt: Try, operator: Operator) -> None:
    existing, beside = some_object(operator), some_object(operator, ".attr.json")
    for each in (existing, beside):
        operator.s3.put_object(**each, Body=b"")
    assert attempt("documents", "s3", "head_object", existing) in DENIED
    assert attempt("documents", "s3", "head_object", beside) == "allowed"


@without_iam
def test_maintenance_behind_the_api_touches_no_document(attempt: Try, operator: Operator) -> None:
    existing = some_object(operator)
    operator.s3.put_object(**existing, Body=b"")
    assert attempt("maintenance", "s3", "get_object", existing) in DENIED
    table = f"{operator.prefix}-jobs"
    assert attempt("maintenance", "dynamodb", "get_item", {"TableName": table, "Key": {"job_id": {"S": "x"}}}) == (
        "allowed"
    )


@without_iam
@pytest.mark.parametrize("function", ["upload", "documents", "query", "storage-events", "maintenance-worker"])
def test_only_the_guard_may_write_bucket_policies(attempt: Try, operator: Operator, function: str) -> None:
    """Who writes them could undo every other protection."""
    bucket = {"Bucket": operator.rw_bucket}
    assert attempt(function, "s3", "put_bucket_policy", bucket | {"Policy": "{}"}) in DENIED
    assert attempt(function, "s3", "delete_bucket_policy", bucket) in DENIED


@without_iam
def test_the_guard_may_do_nothing_else(attempt: Try, operator: Operator) -> None:
    existing = {"Bucket": operator.rw_bucket, "Key": f"probe/{uuid.uuid4().hex}"}
    operator.s3.put_object(**existing, Body=b"")
    for operation in ("get_object", "put_object", "delete_object"):
        assert attempt("storage-guard", "s3", operation, existing) in DENIED, operation
    edit = {"Bucket": operator.edit_bucket, "Policy": "{}"}
    assert attempt("storage-guard", "s3", "put_bucket_policy", edit) in DENIED
    assert attempt("storage-guard", "s3", "delete_bucket_policy", {"Bucket": operator.rw_bucket}) in DENIED
    assert attempt("storage-guard", "s3", "get_bucket_policy", {"Bucket": operator.rw_bucket}) == "allowed"


@without_iam
@pytest.mark.parametrize("function", ["upload", "query", "storage-events", *OTHERS])
def test_only_auth_may_read_the_signing_key(attempt: Try, operator: Operator, function: str) -> None:
    secret = {"SecretId": f"{operator.prefix}/signing-key"}
    assert attempt(function, "secretsmanager", "get_secret_value", secret) in DENIED


@without_iam_harmful
@pytest.mark.parametrize("function", ["upload", "query", "storage-events"])
def test_only_auth_may_replace_the_signing_key_or_publish_one(
    attempt: Try, operator: Operator, function: str
) -> None:
    secret = {"SecretId": f"{operator.prefix}/signing-key", "SecretString": "x"}
    assert attempt(function, "secretsmanager", "put_secret_value", secret) in DENIED
    key = {"TableName": f"{operator.prefix}-signing-keys", "Item": {"issuer": {"S": "x"}, "kid": {"S": "x"}}}
    assert attempt(function, "dynamodb", "put_item", key) in DENIED


@without_iam_harmful
@pytest.mark.parametrize("function", ["auth", "auth-scheduled"])
def test_no_function_may_delete_a_signing_key(attempt: Try, operator: Operator, function: str) -> None:
    assert (
        attempt(function, "secretsmanager", "get_secret_value", {"SecretId": f"{operator.prefix}/signing-key"})
        == "allowed"
    )
    secret = {"SecretId": f"{operator.prefix}/signing-key"}
    assert attempt(function, "secretsmanager", "delete_secret", secret) in DENIED
    key = {"TableName": f"{operator.prefix}-signing-keys", "Key": {"issuer": {"S": "x"}, "kid": {"S": "x"}}}
    assert attempt(function, "dynamodb", "delete_item", key) in DENIED


@without_iam
@pytest.mark.parametrize("function", ["upload", "query"])
def test_revoked_tokens_are_read_by_all_and_written_by_auth_alone(
    attempt: Try, operator: Operator, function: str
) -> None:
    table = f"{operator.prefix}-revocations"
    asked = {
        "TableName": table,
        "KeyConditionExpression": "#p = :p",
        "ExpressionAttributeNames": {"#p": "partition"},
        "ExpressionAttributeValues": {":p": {"S": "revoked"}},
        "Limit": 1,
    }
    item = {"TableName": table, "Item": {"partition": {"S": "probe"}, "id": {"S": "0"}}}
    for each in (function, "auth"):
        assert attempt(each, "dynamodb", "query", asked) == "allowed"
    assert attempt(function, "dynamodb", "put_item", item) in DENIED
    assert attempt("auth", "dynamodb", "put_item", item) == "allowed"


@without_iam
@pytest.mark.parametrize("function", ["upload", "query", "storage-events", *OTHERS])
def test_only_auth_may_read_accounts(attempt: Try, operator: Operator, function: str) -> None:
    item = {"TableName": f"{operator.prefix}-accounts", "Key": {"client_id": {"S": "x"}}}
    assert attempt(function, "dynamodb", "get_item", item) in DENIED
    assert attempt("auth", "dynamodb", "get_item", item) == "allowed"


@without_iam
@pytest.mark.parametrize("function", ["auth", "auth-scheduled"])
def test_accounts_are_kept_for_ever_and_scheduled_work_makes_none(
    attempt: Try, operator: Operator, function: str
) -> None:
    table = f"{operator.prefix}-accounts"
    key = {"client_id": {"S": f"probe-{uuid.uuid4().hex}"}}
    assert attempt(function, "dynamodb", "scan", {"TableName": table, "Limit": 1}) == "allowed"
    assert attempt(function, "dynamodb", "delete_item", {"TableName": table, "Key": key}) in DENIED
    assert attempt("auth-scheduled", "dynamodb", "put_item", {"TableName": table, "Item": key}) in DENIED


@without_iam
@pytest.mark.parametrize("function", ["auth", "query"])
def test_only_the_write_side_may_touch_upload_records(attempt: Try, operator: Operator, function: str) -> None:
    item = {"TableName": f"{operator.prefix}-uploads", "Item": {"file_id": {"S": "x"}}}
    assert attempt(function, "dynamodb", "put_item", item) in DENIED


APPENDING = ("auth", "auth-scheduled", "upload", "documents", "maintenance-worker")


def an_audit_item(operator: Operator) -> dict[str, Any]:
    """A key of the audit table, outside the log."""
    return {"TableName": f"{operator.prefix}-audit", "Key": {"log": {"S": "probe"}, "seq": {"N": "1"}}}


@without_iam
@pytest.mark.parametrize("function", APPENDING)
def test_who_appends_to_the_audit_log_may_neither_change_nor_delete(
    attempt: Try, operator: Operator, function: str
) -> None:
    one = an_audit_item(operator)
    put = {"TableName": one["TableName"], "Item": one["Key"] | {"moment": {"S": "x"}}}
    change = {"UpdateExpression": "SET moment = :m", "ExpressionAttributeValues": {":m": {"S": "y"}}}
    assert attempt(function, "dynamodb", "put_item", put) == "allowed"
    end = {"KeyConditionExpression": "#l = :l", "ExpressionAttributeNames": {"#l": "log"}, "Limit": 1}
    end |= {"TableName": one["TableName"], "ExpressionAttributeValues": {":l": one["Key"]["log"]}}
    assert attempt(function, "dynamodb", "query", end) == "allowed"
    assert attempt(function, "dynamodb", "update_item", one | change) in DENIED
    assert attempt(function, "dynamodb", "delete_item", one) in DENIED
    batch = {"RequestItems": {one["TableName"]: [{"DeleteRequest": {"Key": one["Key"]}}]}}
    assert attempt(function, "dynamodb", "batch_write_item", batch) in DENIED
    deletion = {"TransactItems": [{"Delete": one}]}
    assert attempt(function, "dynamodb", "transact_write_items", deletion) in DENIED
    assert attempt(function, "dynamodb", "delete_table", {"TableName": one["TableName"]}) in DENIED


@without_iam
@pytest.mark.parametrize("function", ["auth", "upload", "query", "storage-events"])
def test_only_the_scheduled_function_takes_events_out_of_the_outbox(
    attempt: Try, operator: Operator, function: str
) -> None:
    table = f"{operator.prefix}-audit-outbox"
    one = {"TableName": table, "Key": {"partition": {"S": "probe"}, "id": {"S": "1"}}}
    put = {"TableName": table, "Item": one["Key"]}
    assert (attempt(function, "dynamodb", "put_item", put) == "allowed") == (function == "auth")
    for operation in ("get_item", "delete_item"):
        assert attempt(function, "dynamodb", operation, one) in DENIED
    assert attempt("auth-scheduled", "dynamodb", "delete_item", one) == "allowed"


@without_iam
@pytest.mark.parametrize("function", ["query", "storage-events", "maintenance"])
def test_nobody_else_touches_the_audit_log(attempt: Try, operator: Operator, function: str) -> None:
    one = an_audit_item(operator)
    assert attempt(function, "dynamodb", "get_item", one) in DENIED
    put = {"TableName": one["TableName"], "Item": one["Key"] | {"moment": {"S": "x"}}}
    assert attempt(function, "dynamodb", "put_item", put) in DENIED


@without_iam
@pytest.mark.parametrize("function", ["auth", "upload", "query", "storage-events"])
@pytest.mark.parametrize("suffix", ["jsonl", "attr.json"])
def test_only_the_scheduled_function_writes_exports(
    attempt: Try, operator: Operator, function: str, suffix: str
) -> None:
    export = {"Bucket": operator.rw_bucket, "Key": f".artstore/audit/probe/{uuid.uuid4().hex}.{suffix}"}
    assert attempt(function, "s3", "put_object", export) in DENIED
    assert attempt("auth-scheduled", "s3", "put_object", export) == "allowed"
    readable = "allowed" if function == "auth" else "denied"
    assert ("allowed" if attempt(function, "s3", "get_object", export) == "allowed" else "denied") == readable


@without_iam
def test_the_scheduled_function_writes_exports_and_no_documents(attempt: Try, operator: Operator) -> None:
    document = {"Bucket": operator.rw_bucket, "Key": f"2026/11/21/07/{uuid.uuid4().hex}.pdf"}
    assert attempt("auth-scheduled", "s3", "put_object", document) in DENIED
    assert attempt("auth", "s3", "list_objects_v2", {"Bucket": operator.rw_bucket}) in DENIED


def test_an_upload_url_cannot_write_attributes(operator: Operator, archive: Archive) -> None:
    """The role behind an upload URL is denied attributes, whatever name a client thinks of."""
    started = archive.start(b"{}", "sly.attr.json", content_type="application/json")
    assert not started["upload"]["url"].partition("?")[0].endswith(".attr.json")


@without_iam_harmful
def test_the_webhook_tells_the_queue_and_may_do_nothing_else(attempt: Try, operator: Operator) -> None:
    existing = some_object(operator)
    operator.s3.put_object(**existing, Body=b"")
    for operation in ("get_object", "put_object", "delete_object"):
        assert attempt("storage-webhook", "s3", operation, existing) in DENIED, operation
    token = {"SecretId": f"{operator.prefix}/webhook-token"}
    assert attempt("storage-webhook", "secretsmanager", "get_secret_value", token) == "allowed"
    assert (
        attempt("storage-webhook", "secretsmanager", "put_secret_value", token | {"SecretString": "x"}) in DENIED
    )
    for name in ("signing-key", "cursor-key"):
        secret = {"SecretId": f"{operator.prefix}/{name}"}
        assert attempt("storage-webhook", "secretsmanager", "get_secret_value", secret) in DENIED, name
    queue = {"QueueUrl": operator.events_queue_url}
    look = {"look": {"bucket": existing["Bucket"], "key": existing["Key"]}}
    sent = queue | {"MessageBody": json.dumps(look)}
    assert attempt("storage-webhook", "sqs", "send_message", sent) == "allowed"
    assert attempt("storage-webhook", "sqs", "receive_message", queue) in DENIED
    table = {"TableName": f"{operator.prefix}-uploads", "Key": {"file_id": {"S": "x"}}}
    assert attempt("storage-webhook", "dynamodb", "get_item", table) in DENIED


@without_iam
@pytest.mark.parametrize("function", ["auth", "upload", "query", "storage-events", *OTHERS])
def test_only_the_webhook_reads_its_token(attempt: Try, operator: Operator, function: str) -> None:
    token = {"SecretId": f"{operator.prefix}/webhook-token"}
    assert attempt(function, "secretsmanager", "get_secret_value", token) in DENIED
