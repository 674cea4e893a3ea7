"""MiniStack, with what it does otherwise than AWS put right: run by its path in place of ``-m ministack``.

It runs in MiniStack's own environment and imports nothing of ours. Each correction says what AWS does, and goes
when MiniStack does it too: tests/integration/local/test_ministack_corrections.py fails on that day.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import ministack.app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import apigateway_v1, iam, s3
from ministack.services.cloudformation import provisioners

Answer = tuple[int, dict[str, str], bytes]

_ANY = "x-amazon-apigateway-any-method"
_RESPONSES = "x-amazon-apigateway-gateway-responses"
_METADATA = "/.well-known/oauth-authorization-server"
_EXECUTE = "/_aws/execute-api/"


def read_versions_as_objects() -> None:
    """GetObject with versionId heeds Range and response-*, as it does without."""
    read = s3._get_object

    def corrected(bucket: str, key: str, headers: dict[str, str], query: dict[str, Any] | None = None) -> Answer:
        status, answered, body = read(bucket, key, headers, query)
        if status != 200 or not s3._qp(query or {}, "versionId", ""):
            return status, answered, body
        if asked := headers.get("range", ""):
            found = s3._parse_range(asked, len(body))
            if found is None:
                unsatisfied = {"Content-Type": "application/xml", "Content-Range": f"bytes */{len(body)}"}
                return 416, unsatisfied, s3._xml_body(s3._range_error_xml(bucket, key))
            first, last = found
            answered = {
                name: value for name, value in answered.items() if not name.lower().startswith("x-amz-checksum")
            }
            answered["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
            status, body = 206, body[first : last + 1]
            answered["Content-Length"] = str(len(body))
        s3._apply_response_overrides(answered, query or {})
        return status, answered, body

    s3._get_object = corrected


def tell_of_restored_versions() -> None:
    """HeadObject with the versionId of the latest version tells of its restore, as it does without."""
    head = s3._head_object

    def corrected(
        bucket: str, key: str, headers: dict[str, str] | None = None, query: dict[str, Any] | None = None
    ) -> Answer:
        asked = s3._qp(query or {}, "versionId", "")
        latest = (s3._ensure_bucket(bucket) or {}).get("objects", {}).get(key)
        if asked and latest is not None and latest.get("version_id") == asked:
            query = {name: value for name, value in (query or {}).items() if name != "versionId"}
        answer: Answer = head(bucket, key, headers, query)
        return answer

    s3._head_object = corrected


def check_forms() -> None:
    """A form's fields ``x-amz-checksum-*`` are held against its file, and stay with the object."""
    post, build = s3._post_object, s3._build_object_record
    checked: ContextVar[dict[str, str] | None] = ContextVar("checked", default=None)

    def corrected(bucket: str, body: bytes, headers: dict[str, str]) -> Answer:
        parts = s3._parse_multipart_form(headers.get("content-type", ""), body) or []
        told = {name.lower(): value.decode() for name, _, _, value in parts if _is_checksum(name)}
        file = next((value for name, _, _, value in parts if name == "file"), b"")
        checksums, refusal = s3._resolve_object_checksums(file, told)
        if refusal:
            answer: Answer = refusal
            return answer
        token = checked.set(checksums)
        try:
            answer = post(bucket, body, headers)
        finally:
            checked.reset(token)
        return answer

    def built(body: bytes, headers: dict[str, str], **named: Any) -> Any:
        if named.get("checksums") is None:
            named["checksums"] = checked.get()
        return build(body, headers, **named)

    s3._post_object = corrected
    s3._build_object_record = built


def _is_checksum(field: str) -> bool:
    return field.lower().startswith("x-amz-checksum-")


def import_any_method() -> None:
    """An OpenAPI body may give a path one integration for all methods that it does not name."""
    import_operation = apigateway_v1._import_operation
    apigateway_v1._OPENAPI_HTTP_METHODS.add(_ANY)

    def corrected(api_id: str, resource_id: str, method: str, *rest: Any, **named: Any) -> Any:
        known = "ANY" if method.lower() == _ANY else method
        return import_operation(api_id, resource_id, known, *rest, **named)

    apigateway_v1._import_operation = corrected


def import_gateway_responses() -> None:
    """An OpenAPI body brings the gateway's own answers with it."""
    import_api = apigateway_v1._import_rest_api

    def corrected(body: dict[str, Any], *rest: Any, **named: Any) -> str:
        api_id: str = import_api(body, *rest, **named)
        for kind, response in (body.get(_RESPONSES) or {}).items():
            apigateway_v1._put_gateway_response(api_id, kind, response)
        return api_id

    apigateway_v1._import_rest_api = corrected


def keep_api_ids() -> None:
    """A REST API whose body changes in CloudFormation stays the same API, with its id and its stages."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::ApiGateway::RestApi"]
    update = handler["update"]
    replaced = ("_resources", "_authorizers_v1", "_models", "_gateway_responses")

    def corrected(api_id: str, before: dict[str, Any], after: dict[str, Any], *rest: Any, **named: Any) -> Any:
        if isinstance(after.get("Body"), dict) and after["Body"] != before.get("Body"):
            imported = apigateway_v1._import_rest_api(after["Body"], {"name": after.get("Name")})
            for name in replaced:
                kept = getattr(apigateway_v1, name)
                kept[api_id] = kept[imported]
            apigateway_v1._delete_rest_api(imported)
            before = {**before, "Body": after["Body"]}
        return update(api_id, before, after, *rest, **named)

    handler["update"] = corrected


def find_metadata_by_issuer() -> None:
    """The metadata of an issuer with a path is found where RFC 8414 §3 puts it, before that path.

    On AWS a domain of one's own does this, whose issuer has no path.
    """
    serve: Callable[[dict[str, Any], Any, Any], Awaitable[None]] = ministack.app.app

    async def corrected(scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = str(scope.get("path", ""))
        if path.startswith(_METADATA + _EXECUTE):
            found = path.removeprefix(_METADATA).rstrip("/") + _METADATA
            scope = {**scope, "path": found, "raw_path": found.encode()}
        await serve(scope, receive, send)

    ministack.app.app = corrected


def name_actions_of_mappings() -> None:
    """Showing, changing and deleting one event source mapping are actions of their own, as IAM names them."""
    name = iam_actions._lambda_action
    actions = {
        "GET": "GetEventSourceMapping",
        "PUT": "UpdateEventSourceMapping",
        "DELETE": "DeleteEventSourceMapping",
    }

    def corrected(method: str, path: str) -> str | None:
        parts = [each for each in path.split("/") if each]
        if len(parts) == 3 and parts[1] == "event-source-mappings":
            return actions.get(method)
        named: str | None = name(method, path)
        return named

    iam_actions._lambda_action = corrected


def name_roles_to_policies() -> None:
    """aws:PrincipalArn of a role that was assumed is the role's ARN, not the session's (IAM User Guide)."""
    resolve = iam_evaluator._resolve_condition_key

    def corrected(key: str, context: Any) -> Any:
        found = resolve(key, context)
        if key.lower() == "aws:principalarn" and ":assumed-role/" in str(found):
            role = iam._roles.get(str(found).split(":assumed-role/", 1)[1].split("/", 1)[0])
            return role["Arn"] if role else found
        return found

    iam_evaluator._resolve_condition_key = corrected


CORRECTIONS = (
    read_versions_as_objects,
    tell_of_restored_versions,
    check_forms,
    import_any_method,
    import_gateway_responses,
    keep_api_ids,
    find_metadata_by_issuer,
    name_actions_of_mappings,
    name_roles_to_policies,
)

if __name__ == "__main__":
    for correct in CORRECTIONS:
        correct()
    ministack.app.main()
