"""What a change of a conversation leaves behind: events, an audit entry, and teams that have room or work now."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from core.audit import chain
from core.events import streams
from core.jobs import queues


@dataclass(frozen=True, slots=True)
class Change:
    """What one changed conversation leaves behind; `wakes` are the teams whose waiting conversations are looked at."""

    events: tuple[streams.NewEvent, ...]
    fact: chain.Fact
    wakes: tuple[UUID | None, ...] = ()


def keep(changes: Iterable[Change | None]) -> None:
    """Write what changes leave behind, as the last statements before the commit. None changed nothing."""
    made = [change for change in changes if change is not None]
    for team_id in dict.fromkeys(team for change in made for team in change.wakes if team is not None):
        wake_after_commit(team_id)
    streams.append_all([event for change in made for event in change.events])
    chain.record_all([change.fact for change in made])


def wake_after_commit(team_id: UUID) -> None:
    """Assign what waits for a team after the commit; the sweep finds it anyway."""
    queues.enqueue_after_commit("assign_waiting", team_id)
