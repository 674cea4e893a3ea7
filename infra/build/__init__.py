"""Builds what Lambda runs: the layer and one zip per function, for one target.

    python -m infra.build --target local|aws-x86_64|aws-arm64

``local`` is the interpreter that runs the build, for a stack on this machine; the ``aws-`` targets are Python 3.13
on Amazon Linux 2023. Everything lands in ``.build/TARGET/``: ``layer.zip``, ``auth.zip``, ``upload.zip``,
``query.zip``, ``storage_events.zip`` and ``manifest.json``. The same inputs give the same bytes. An artifact whose
inputs did not change is left alone, so calling ``build`` again costs a fraction of a second.

What a deployer must know
-------------------------
1. ``manifest = build("local")``; ``manifest.artifacts[NAME]`` has ``path``, ``sha256``, ``zip_bytes`` and
   ``unzipped_bytes``; ``manifest.runtime`` is the template's ``LambdaRuntime`` (python3.13 and so on),
   ``manifest.architecture`` its ``LambdaArchitecture``.
2. Upload each zip to a bucket **before** the stack, under ``artifact.key``: it ends in the content's hash, so that
   a changed function has a changed key. CloudFormation compares keys, not bytes: under an unchanged key new code
   is not deployed. The template takes them as LayerKey, AuthKey, UploadKey, QueryKey and StorageEventsKey
   (``manifest.template_parameters()`` gives all seven parameters that come from the build).
3. Create the stack with ``CAPABILITY_IAM``. CloudFormation takes at most 51,200 bytes as ``TemplateBody``; the
   template is near that, so upload it beside the zips and pass ``TemplateURL``.
4. The secret behind ``DatabaseSecretArn`` exists before the stack; its text is a ``postgresql://`` URL.
5. After the stack: migrations, then invoke the function named by the output BootstrapFunctionName with
   ``{"action": "create-first-administrator"}``. The signing key is already there: the stack's custom resource
   made it.
6. Buckets, tables and the signing key stay when the stack is deleted. A stack made anew finds their names taken:
   import them, or delete them first.

Where CloudFormation is not AWS's own
-------------------------------------
Without TLS the parameter ``RequireTls`` must be ``false``: emulators apply the policies too. MiniStack 1.5.33
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
