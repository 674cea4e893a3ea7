"""What the operator of a deployment can see and do beside the API: buckets, queues and functions."""

from __future__ import annotations

import json
from typing import Any

import boto3

from infra.local.commands.logs import log_groups_of
from infra.local.state import StackFile


class Operator:
    """AWS clients of the stack's owner, and the names of its resources."""

    def __init__(self, stack: StackFile) -> None:
        session = boto3.session.Session(
            aws_access_key_id=stack.aws_access_key_id,
            aws_secret_access_key=stack.aws_secret_access_key,
            region_name=stack.region,
        )
        self.s3: Any = session.client("s3", endpoint_url=stack.s3_endpoint)
        self.sqs: Any = session.client("sqs", endpoint_url=stack.aws_endpoint)
        self.functions: Any = session.client("lambda", endpoint_url=stack.aws_endpoint)
        self.dynamodb: Any = session.client("dynamodb", endpoint_url=stack.aws_endpoint)
        self.logs: Any = session.client("logs", endpoint_url=stack.aws_endpoint)
        self._secrets: Any = session.client("secretsmanager", endpoint_url=stack.aws_endpoint)
        self.region = stack.region
        self.prefix = stack.prefix
        self.emulator = stack.emulator
        self.edit_bucket = stack.edit_bucket
        self.rw_bucket = stack.rw_bucket
        self.events_queue_url = stack.events_queue_url
        self.dead_letter_queue_url = stack.dead_letter_queue_url
        self.function_names = stack.functions

    def setting(self, function: str, name: str) -> str:
        """Give what the environment of a function says."""
        found = self.functions.get_function_configuration(FunctionName=self.function_names[function])
        return str(found["Environment"]["Variables"][name])

    def secret(self, name: str) -> str:
        """Read a secret."""
        return str(self._secrets.get_secret_value(SecretId=name)["SecretString"])

    def log_lines(self, function: str, text: str) -> list[dict[str, Any]]:
        """Give the log lines of a function that hold a text."""
        found: list[str] = []
        for group in log_groups_of(self.logs, self.function_names[function]):
            asked = {"logGroupName": group, "filterPattern": f'"{text}"'}
            for page in self.logs.get_paginator("filter_log_events").paginate(**asked):
                found += (line for event in page["events"] for line in event["message"].splitlines())
        return [json.loads(line) for line in found if text in line and line.startswith("{")]
