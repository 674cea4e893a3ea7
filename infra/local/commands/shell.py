"""Points every tool of a shell at the running stack, in the one way that they all understand.

boto3 and the AWS SDKs, the `aws` command, localstack-client, Terraform's provider and our own commands read
AWS_ENDPOINT_URL (AWS SDKs and Tools Reference Guide, "Service-specific endpoints"), so that nothing needs an
option of its own.
"""

from __future__ import annotations

import shlex

from infra.console import Console
from infra.local.answering import running_stack
from infra.local.settings import Settings
from infra.local.state import LocalDirectory, StackFile

UNSET = ("AWS_PROFILE", "AWS_SESSION_TOKEN")
"""What would make a tool look for other credentials than those it is given."""


def variables(stack: StackFile) -> dict[str, str]:
    """The environment in which a tool finds the stack's emulator, as its owner."""
    return {
        "AWS_ENDPOINT_URL": stack.aws_endpoint,
        "AWS_REGION": stack.region,
        "AWS_DEFAULT_REGION": stack.region,
        "AWS_ACCESS_KEY_ID": stack.aws_access_key_id,
        "AWS_SECRET_ACCESS_KEY": stack.aws_secret_access_key,
    }


def env(settings: Settings, console: Console) -> None:
    """Print lines for a POSIX shell: eval "$(make -s env)". Raises CommandError when no stack runs."""
    stack = running_stack(LocalDirectory(settings.directory))
    console.say(f"unset {' '.join(UNSET)}")
    for name, value in variables(stack).items():
        console.say(f"export {name}={shlex.quote(value)}")
