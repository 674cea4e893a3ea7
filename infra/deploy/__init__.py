"""Deploys infra/template.yaml to an AWS account, or to whatever answers at an endpoint like one.

Nothing here knows an emulator: the same calls deploy to LocalStack and to AWS. Each step looks at what is there
and changes only what differs, so that a deployment can be repeated, and repaired after a crash anywhere in it.
"""

from infra.deploy.account import Account
from infra.deploy.errors import DeploymentFailed
from infra.deploy.functions import await_idle_queue, invoke
from infra.deploy.release.artifacts import artifacts_bucket, upload_artifacts, upload_template
from infra.deploy.secret import put_secret
from infra.deploy.stack import Deployed, delete_stack, deploy_stack, stack_outputs

__all__ = [
    "Account",
    "Deployed",
    "DeploymentFailed",
    "artifacts_bucket",
    "await_idle_queue",
    "delete_stack",
    "deploy_stack",
    "invoke",
    "put_secret",
    "stack_outputs",
    "upload_artifacts",
    "upload_template",
]
