"""Uploads as clients see them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from artstore.tables import UploadRecord
from functions.upload.uploads.models import Method, UploadState
from functions.upload.uploads.placing import status_of


def show(record: UploadRecord, now: datetime) -> UploadState:
    """Show where an upload stands at ``now``."""
    return UploadState(
        file_id=UUID(record.file_id),
        status=status_of(record, now),
        original_filename=record.original_filename,
        size=int(record.size),
        created_at=record.created_at,
        expires_at=record.expires_at,
        reason=record.reason,
        stored_at=record.stored_at,
        notice=record.notice,
        method=Method(record.kind or Method.PUT),
    )
