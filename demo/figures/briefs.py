"""Turns on the daily brief for two members of a demo organisation, with briefs of the last two weeks."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from accounts.models import User
from accounts.services import actor_for_user
from analytics.brief.choices import OWN
from analytics.brief.collect import Reading, collect
from analytics.brief.compose import assemble
from analytics.models import Brief, BriefPreference
from analytics.schedule import slot_of
from analytics.selectors import person_of
from analytics.services import set_preference
from core import clock
from core.actors import Actor
from demo.cast import MARKETER, Organisation
from hitl.models import Approval

DAYS: Final = 13
MISSED: Final = 9
"""How many days ago the installation was down and sent none."""
Readings = dict[str, Reading]


@dataclass(frozen=True, slots=True)
class Reader:
    """A member who receives the daily brief, with sections for which `_varied` has a past."""

    key: str
    at: time
    language: str
    sections: tuple[str, ...]


READERS: Final = (
    Reader("approver", time(7, 30), "en", (*OWN, "paid_ads", "rankings", "content", "audience")),
    Reader(MARKETER, time(8, 15), "de", ("paid_ads", "rankings", "content", "audience", "conversations")),
)


def ensure_briefs(organisation: Organisation, people: dict[str, User]) -> None:
    """Create what is missing. Runs in the organisation's scope, after its history."""
    requests = list(Approval.objects.order_by("created_at"))
    for reader in READERS:
        user = people[reader.key]
        if BriefPreference.objects.filter(user=user).exists():
            continue
        actor, zone = actor_for_user(user), ZoneInfo(organisation.timezone)
        readings = collect(viewer=actor, sections=reader.sections)
        Brief.objects.bulk_create(_past(reader, actor, zone, readings, requests))
        wish = {"at": reader.at, "zone": zone.key, "sections": reader.sections, "language": reader.language}
        set_preference(actor=actor, is_on=True, **wish)  # type: ignore[arg-type]


def _past(
    reader: Reader, actor: Actor, zone: ZoneInfo, readings: Readings, requests: list[Approval]
) -> Iterator[Brief]:
    today = clock.now().astimezone(zone).date()
    for back in range(DAYS, -1, -1):
        slot = slot_of(today - timedelta(days=back), reader.at, zone)
        if slot and slot.moment < clock.now():
            rows = [row for row in requests if row.created_at <= slot.moment < (row.decided_at or row.expires_at)]
            late = [row for row in rows if row.sla_due_at and row.sla_due_at < slot.moment]
            desk = {"approvals": Reading(rows, len(rows)), "overdue": Reading(late, len(late))}
            desk["conversations"] = Reading()
            # Requests as they were open at that time, and figures of another week.
            then = {key: desk.get(key) or _varied(reading, key, back) for key, reading in readings.items()}
            content = assemble(readings=then, role=actor.role, language=reader.language, day=slot.day, now=slot.moment)
            fate = _fate(slot.moment, back, content)
            yield Brief(
                user_id=person_of(actor), local_date=slot.day, due_at=slot.moment, created_at=slot.moment, **fate
            )


def _fate(moment: datetime, back: int, content: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a past brief: most were read, some clicked, one day was missed."""
    if back == MISSED:
        return {"state": Brief.State.SKIPPED, "reason": "outage"}
    read = moment + timedelta(minutes=7 + back * 11 % 50)
    opened = read if back % 5 else None
    clicked = read + timedelta(minutes=2) if opened and back % 3 == 1 else None
    facts = {"sent_at": moment + timedelta(seconds=4), "opened_at": opened, "clicked_at": clicked}
    return {"state": Brief.State.SENT, "content": content, **facts}


def _varied(reading: Reading, key: str, back: int) -> Reading:
    change = {"paid_ads": _campaign, "rankings": _ranking, "content": _content, "audience": _audience}[key]
    return replace(reading, rows=[change(row, back) for row in reading.rows])


def _drawn(name: str, back: int) -> int:
    """Return a number from 0 to 99 that is the same at every start."""
    return hashlib.sha256(f"{name}:{back}".encode()).digest()[0] * 100 // 256


def _campaign(row: Any, back: int) -> Any:
    share = Decimal(86 + _drawn(row.id, back) * 22 // 100) / 100
    return replace(row, spend=row.spend * share, conversions=int(row.conversions * share))


def _ranking(row: Any, back: int) -> Any:
    change = _drawn(f"{row.keyword}:{row.slug}", back) % 9 - 4 if back else row.change
    return replace(row, position=max(1, row.position + back % 4 - 1), change=change)


def _content(row: Any, back: int) -> Any:
    return replace(row, views=row.views * (100 - 3 * back) // 100)


def _audience(row: Any, back: int) -> Any:
    last = row.last_contacted - timedelta(days=back) if row.last_contacted else None
    return replace(row, size=row.size * (1000 - 2 * back) // 1000, last_contacted=last)
