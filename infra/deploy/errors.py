"""What a deployment says when it does not get there."""

from __future__ import annotations

from infra.errors import CommandError


class DeploymentFailed(CommandError):
    """The account could not be brought to what was asked; the text names the resources and why."""
