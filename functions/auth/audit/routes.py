"""Routes of the audit log."""

from __future__ import annotations

from artstore.http import Reply, endpoint
from artstore.security import Scope
from functions.auth import dependencies
from functions.auth.audit.reading import AuditList, AuditListQuery, AuditVerification, VerificationRequest

_NO_STORE = {"Cache-Control": "no-store"}


@endpoint("GET", "/api/v1/audit", scope=Scope.AUDIT_READ, summary="Read the audit log")
def list_audit_entries(query: AuditListQuery) -> Reply[AuditList]:
    """List entries newest first, filtered by who acted, on what, how and when.

    An entry just written may take a moment to appear here; verifying sees it at once.
    """
    return Reply(dependencies.audit_reader().list(query), _NO_STORE)


@endpoint("POST", "/api/v1/audit/verify", scope=Scope.AUDIT_READ, summary="Verify the audit log")
def verify_audit_log(body: VerificationRequest) -> Reply[AuditVerification]:
    """Follow the chain of hashes from the beginning of the log, and compare it with the last export.

    A long log takes several calls, each with the next_cursor of the one before. A changed, missing, reordered or
    forked entry is named by its seq, and so is an end that was cut off after it had been exported.
    """
    return Reply(dependencies.audit_reader().verify(body), _NO_STORE)


ENDPOINTS = (list_audit_entries, verify_audit_log)
