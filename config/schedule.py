"""The schedule of beat: the sweeps of the code, kept as rows so that a restart remembers when each ran."""

import contextlib
import time
from typing import Any, Final
from uuid import uuid4

from django.conf import settings
from django.core.cache import cache
from django_celery_beat.schedulers import DatabaseScheduler

from core.db import replica
from core.observability import health

LOOK_EVERY: Final = 5.0
TURN_KEPT: Final = 15
"""Seconds after which another beat takes the turn of one that is gone."""
OF_CELERY: Final = "celery.backend_cleanup"

# The library has no types.
_DatabaseScheduler: Any = DatabaseScheduler


class SweepScheduler(_DatabaseScheduler):
    """Looks for changed rows and records its heartbeat every few seconds, not several times at each tick.

    Of several beats one has the turn. Two would harm nothing, as sweeps claim their rows, and do all of it twice.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.look_at = self.beat_at = self.position_at = self.turn_until = 0.0
        self.me = uuid4().hex
        # A start doesn't wait for the beat of the last one, which may have been killed.
        self.turn = f"beat:turn:{settings.RUN}"
        self.compared_at = -1.0
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Make the rows those of the code: a sweep that was renamed or removed would be sent for good."""
        self.Model.objects.exclude(name__in=[*self.app.conf.beat_schedule, OF_CELERY]).delete()
        super().setup_schedule()

    def schedule_changed(self) -> bool:
        if time.monotonic() < self.look_at:
            return False
        self.look_at = time.monotonic() + LOOK_EVERY
        return bool(super().schedule_changed())

    def schedules_equal(self, *args: Any, **kwargs: Any) -> bool:
        """Compare the schedule with the last one after a look at the rows: at each tick it took a quarter of beat."""
        if self.compared_at == self.look_at:
            return True
        self.compared_at = self.look_at
        return bool(super().schedules_equal(*args, **kwargs))

    def adjust(self, n: Any, drift: float = 0.002) -> Any:
        """Wake just after a sweep is due: the library wakes 10 ms before, and spins until then, half of beat's time."""
        return super().adjust(n, drift)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due and return the seconds until the next; the heartbeat does not pass through the queue.

        A busy worker would delay it there, and beat would be called dead.
        """
        if not self.has_turn():
            return LOOK_EVERY
        seconds: float = super().tick(*args, **kwargs)
        if time.monotonic() >= self.position_at:
            # Not by a task either: while queues are long, the replica has to take its share.
            self.position_at = time.monotonic() + replica.NOTE_EVERY
            replica.note_position()
        if time.monotonic() >= self.beat_at:
            self.beat_at = time.monotonic() + LOOK_EVERY
            health.keep_beat("beat")
        return seconds

    def has_turn(self) -> bool:
        """Take or renew the turn every few seconds; False while another beat has it."""
        if time.monotonic() < self.turn_until:
            return True
        try:
            is_mine = cache.add(self.turn, self.me, TURN_KEPT)
            is_mine = is_mine or (cache.get(self.turn) == self.me and cache.touch(self.turn, TURN_KEPT))
        except health.AWAY:
            return True  # it is where tasks are queued: nobody can send anything
        if is_mine:
            self.turn_until = time.monotonic() + LOOK_EVERY
        return bool(is_mine)

    def close(self) -> None:
        """Write down when each sweep ran, and leave the turn to another beat at once."""
        super().close()
        self.turn_until = 0.0
        with contextlib.suppress(*health.AWAY):
            if cache.get(self.turn) == self.me:
                cache.delete(self.turn)
