"""moto stands in botocore's place; here it answers what is sent without botocore, too."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from typing import Any

from artstore.aws.wire import Incoming, Wire

_open = Wire.open


def lead_to_moto() -> None:
    """Let moto answer wherever it is on (``mock_aws``); everything else goes where it always goes."""
    wire: Any = Wire
    wire.open = _through_moto


def _through_moto(
    self: Wire, method: str, path: str, headers: Mapping[str, str], body: bytes, **limits: float
) -> Incoming:
    models = sys.modules.get("moto.core.models")
    if models is None or not models.botocore_stubber.enabled:
        return _open(self, method, path, headers, body, **limits)
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.compat import HTTPHeaders

    sent = HTTPHeaders()
    for name, value in headers.items():
        sent[name] = value
    url = f"{self.url.rstrip('/')}{path}"
    answered = models.botocore_stubber.process_request(AWSPreparedRequest(method, url, sent, body, False))
    if answered is None:  # not of AWS
        return _open(self, method, path, headers, body, **limits)
    status, received, content = answered
    content = content.encode() if isinstance(content, str) else content
    return Incoming(status, {name.lower(): str(value) for name, value in received.items()}, io.BytesIO(content))
