"""Retention schedules for tests that are not about their table."""

from __future__ import annotations

from artstore.schedules import Schedule, ScheduleAction


class TenYears:
    """Where one retention schedule is kept, ``ten-years``."""

    def schedule(self, name: str) -> Schedule | None:
        """See artstore.schedules."""
        if name != "ten-years":
            return None
        return Schedule(name=name, period="P10Y", trigger="created", action=ScheduleAction.REVIEW)


class MemorySchedules:
    """Schedules in a dictionary."""

    def __init__(self, *schedules: Schedule) -> None:
        """Keep these."""
        self.kept = {each.name: each for each in schedules}

    def schedule(self, name: str) -> Schedule | None:
        """See artstore.schedules."""
        return self.kept.get(name)

    def all(self) -> dict[str, Schedule]:
        """See ScheduleTable."""
        return dict(self.kept)
