"""Who does which kind of job. A runner is built when its first job comes: most runs need one of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from artstore.jobs import Job
from functions.maintenance import dependencies
from functions.maintenance.steps import Runner, Step


def _finalizer() -> Runner:
    from functions.maintenance.finalizing.building import finalizer

    return finalizer()


def _sweep_runner() -> Runner:
    from functions.maintenance.sweep_dependencies import sweep_runner

    return sweep_runner()


def _reconciliation() -> Runner:
    from functions.maintenance.reconciling_dependencies import reconciliation

    return reconciliation()


def _fixity_runner() -> Runner:
    from functions.maintenance.fixity_dependencies import fixity_runner

    return fixity_runner()


def _reindexing() -> Runner:
    from functions.maintenance.reindexing_dependencies import reindexing

    return reindexing()


class _Parts:
    """Does the parts of whatever was cut into some: each says whose it is."""

    def step(self, job: Job, time_left: Callable[[], float]) -> Step:
        """See Runner."""
        if "rebuild" in job.request:
            from functions.maintenance.reindexing_dependencies import part_runner as of_rebuild

            return of_rebuild().step(job, time_left)
        from functions.maintenance.reconciling_dependencies import part_runner

        return part_runner().step(job, time_left)


def _export_runner() -> Runner:
    from functions.maintenance.exporting.building import export_runner

    return export_runner()


def _migration() -> Runner:
    from functions.maintenance.reconciling_dependencies import migration

    return migration()


def _decision_runner() -> Runner:
    from functions.maintenance.retention.building import decision_runner

    return decision_runner()


RUNNERS: Mapping[str, Callable[[], Runner]] = {
    "bulk": dependencies.bulk_runner,
    "element_mode": dependencies.mode_change,
    "export": _export_runner,
    "finalize": _finalizer,
    "fixity": _fixity_runner,
    "hash": dependencies.hash_runner,
    "migrate": _migration,
    "part": _Parts,
    "reconcile": _reconciliation,
    "redrive": dependencies.redrive_runner,
    "reindex": _reindexing,
    "retention": _decision_runner,
    "scan": dependencies.scan_runner,
    "sweep": _sweep_runner,
}
"""By kind, what builds its runner."""


@functools.cache
def runner_of(kind: str) -> Runner | None:
    """Give the runner of a kind, None for one that nobody does."""
    build = RUNNERS.get(kind)
    return None if build is None else build()
