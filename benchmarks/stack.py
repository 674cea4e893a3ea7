"""The running local stack, as a function inside it sees it, for functions called in this process."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import botocore.session

from infra.local import answering
from infra.local.commands.serve import environment
from infra.local.settings import Settings
from infra.local.state import LocalDirectory, StackFile


@dataclass(frozen=True)
class Stack:
    """stack.json, and clients of the emulator with the rights of the stack's owner."""

    file: StackFile
    directory: LocalDirectory

    def client(self, service: str) -> Any:
        """A low-level client: what a floor is measured with."""
        return botocore.session.Session().create_client(
            service,
            region_name=self.file.region,
            endpoint_url=self.file.aws_endpoint,
            aws_access_key_id=self.file.aws_access_key_id,
            aws_secret_access_key=self.file.aws_secret_access_key,
        )

    def become(self) -> None:
        """Take on the environment that the deployed functions have, so that their code runs here as there.

        The rights are the stack owner's, since a role can only be taken on inside the emulator; a client's
        limit of requests a minute is lifted, since a benchmark is nothing but requests.
        """
        os.environ.update(environment(self.file))
        os.environ["ARTSTORE_TOKEN_REQUESTS_PER_MINUTE"] = "100000"
        os.environ.pop("AWS_SESSION_TOKEN", None)


def running_stack() -> Stack:
    """The stack of this checkout (or of ARTSTORE_LOCAL_DIR). Raises CommandError when none runs."""
    directory = LocalDirectory(Settings.from_environment().directory)
    return Stack(answering.running_stack(directory), directory)


def rest_event(
    method: str, path: str, *, headers: dict[str, str], body: str, parameters: dict[str, str] | None = None
) -> dict[str, Any]:
    """The event of a REST API's proxy integration (payload 1.0); ``parameters`` fill the route ``path``."""
    return {
        "resource": path,
        "path": path.format(**parameters or {}),
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": parameters,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": path,
            "httpMethod": method,
            "path": path.format(**parameters or {}),
            "stage": "v1",
            "requestId": str(uuid.uuid4()),
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": body,
        "isBase64Encoded": False,
    }


def invoke(handler: Any, event: dict[str, Any], expected_status: int) -> dict[str, Any]:
    """Call a function's entry point as Lambda does; give the JSON it answers.

    Raises RuntimeError for another status: a benchmark of failures measures nothing.
    """
    name = urlsplit(event["path"]).path
    context = SimpleNamespace(
        aws_request_id=event["requestContext"]["requestId"],
        function_name="benchmark",
        function_version="$LATEST",
        invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:benchmark",
        memory_limit_in_mb=512,
        log_group_name="benchmark",
        log_stream_name="benchmark",
        get_remaining_time_in_millis=lambda: 30_000,
    )
    response = handler(event, context)
    if response["statusCode"] != expected_status:
        raise RuntimeError(f"{name} answered {response['statusCode']}: {response['body']}")
    answer: dict[str, Any] = json.loads(response["body"])
    return answer
