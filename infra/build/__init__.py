"""Builds what Lambda runs: the layer and one zip per function, for one target.

    python -m infra.build --target local|aws-x86_64|aws-arm64

``local`` is the interpreter that runs the build, for a stack on this machine; the ``aws-`` targets are Python
3.13 on Amazon Linux 2023. Everything lands in ``.build/TARGET/``: ``layer.zip``, ``auth.zip``, ``upload.zip``,
``query.zip``, ``storage_events.zip``, ``maintenance.zip`` and ``manifest.json``. The same inputs give the same
bytes. An artifact whose inputs did not change is left alone, so calling ``build`` again costs a fraction of a
second.

For whoever deploys
-------------------
``manifest = build("local")``; ``manifest.artifacts[NAME]`` has ``path``, ``sha256``, ``zip_bytes`` and
``unzipped_bytes``, and ``manifest.template_parameters()`` gives the eight parameters of infra/template.yaml that
come from the build. Each zip is uploaded before the stack under ``artifact.key``, which ends in a hash of it:
CloudFormation compares keys, not bytes, and does not deploy new code under an unchanged key. infra.deploy does all
that follows; docs/deploying.md tells how.

Where CloudFormation is not AWS's own
-------------------------------------
Without TLS the parameter ``RequireTls`` must be ``false``: emulators apply the policies too. On MiniStack
``CreateOnlyAttributes`` must be, since its policies do not see whether a write is conditional. MiniStack 1.5.33
makes the stack in a second and applies roles, bucket and queue policies, but of the template it leaves out the rw
bucket's Object Lock, lifecycles, TTL, point-in-time recovery and gateway responses; Object Lock can be put on
afterwards through S3 (PutObjectLockConfiguration), which it honours. An event that arrives in the very moment in
which a function is updated may fail there, and comes back after the queue's visibility timeout (six minutes).

infra/template.yaml says in its own comments what each parameter means and how the API is redeployed.
"""

from infra.build.manifest import Artifact, Manifest
from infra.build.pipeline import build
from infra.build.targets import TARGETS, BuildError, Target

__all__ = ["TARGETS", "Artifact", "BuildError", "Manifest", "Target", "build"]
