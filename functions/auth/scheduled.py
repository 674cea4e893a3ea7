"""What the authorization server does by the clock: one function, one task for each invocation.

EventBridge invokes it with ``{"task": ...}``, every minute to move events and every hour for the rest; the stream
of the outbox does, with its records, as soon as there is something to move. Each task may run twice, late or not
at all, and says what it did. The metric TasksFinished counts the runs that came to their end: when it stays away,
an alarm tells.

``rotate-keys``    lets the next signing key take over when the active one has signed for a day; mends and tidies
                   the ring otherwise -> ``{"rotated": bool, ...}``
``warn-expiring-secrets``  tells operators, once, of each secret that ends within 14 days
                   -> ``{"expiring": n, "warned": n}``
``move-audit-events``  moves what waits in the outbox into the audit log -> ``{"moved": n}``
``export-audit``   does the same, then writes the audit log's new entries to the locked bucket -> ``{"entries": n,
                   "keys": [...], "problem": null}``; a problem is what is wrong with the log
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aws_lambda_powertools.metrics import MetricUnit

from artstore import telemetry
from artstore.errors import Conflict
from functions.auth import dependencies

_MOVING_SECONDS = 30
"""Half of what the function may take; the next minute goes on."""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run the task that ``event`` names. Raises ValueError for an unknown one, and what the task raises."""
    task = "move-audit-events" if "Records" in event else event.get("task")
    run = TASKS.get(str(task))
    if run is None:
        raise ValueError(f"unknown task {task!r}")
    outcome = run()
    logger = telemetry.get_logger("auth-scheduled", dependencies.settings().log_level)
    logger.info("task", extra={"task": task, **outcome})
    _emit({"TasksFinished": (MetricUnit.Count, 1)}, {"task": str(task)})
    return {"task": task, **outcome}


def _rotate_keys() -> dict[str, Any]:
    try:
        rotation = dependencies.key_rotation().rotate_if_due()
    except Conflict as error:  # another run is at it
        return {"rotated": False, "reason": error.code}
    if rotation is None:
        return {"rotated": False, "reason": "not_due"}
    return {"rotated": True, "retired": rotation.retired, "activated": rotation.activated}


def _warn_expiring_secrets() -> dict[str, Any]:
    report = dependencies.secret_expiry().warn()
    logger = telemetry.get_logger("auth-scheduled", dependencies.settings().log_level)
    for each in report.warned:
        about = {"client_id": each.client_id, "account": each.name, "expires_at": each.expires_at}
        logger.warning("a client secret ends soon", extra=about)
    _emit({"ExpiringSecrets": (MetricUnit.Count, report.expiring)})
    return {"expiring": report.expiring, "warned": len(report.warned)}


def _move_audit_events() -> dict[str, Any]:
    return {"moved": dependencies.audit_outbox().move(dependencies.audit_log(), _MOVING_SECONDS)}


def _export_audit() -> dict[str, Any]:
    _move_audit_events()
    exports = dependencies.audit_exports()
    if exports is None:
        return {"entries": 0, "keys": [], "problem": None, "reason": "no_bucket"}
    exported = exports.export(dependencies.audit_log())
    outcome: dict[str, Any] = msgspec.to_builtins(exported)
    if exported.problem is not None:
        logger = telemetry.get_logger("auth-scheduled", dependencies.settings().log_level)
        logger.error("the audit log is not what was written", extra={"problem": outcome["problem"]})
    _emit(
        {
            "AuditEntriesExported": (MetricUnit.Count, exported.entries),
            "AuditProblems": (MetricUnit.Count, int(exported.problem is not None)),
        }
    )
    return outcome


def _emit(values: Mapping[str, tuple[MetricUnit, float]], dimensions: Mapping[str, str] | None = None) -> None:
    telemetry.emit_metrics("auth-scheduled", dependencies.settings().prefix, values, dimensions)


TASKS: dict[str, Callable[[], dict[str, Any]]] = {
    "rotate-keys": _rotate_keys,
    "warn-expiring-secrets": _warn_expiring_secrets,
    "move-audit-events": _move_audit_events,
    "export-audit": _export_audit,
}
