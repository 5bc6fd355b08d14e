"""Putting one person's brief together: read, find what stands out, have it worded, keep it as plain JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from django.conf import settings

from analytics import figures
from analytics import sections as desk
from analytics.brief.collect import LIMIT, Reading, collect
from analytics.brief.formats import Words
from analytics.brief.summary import LIMIT as WORDS_LIMIT
from analytics.brief.summary import write
from analytics.schema import Section, Setting
from core.actors import Actor

Builder = Callable[[Reading, Setting], Section]
BUILDERS: Final[Mapping[str, Builder]] = {
    "approvals": desk.approvals,
    "overdue": desk.overdue,
    "conversations": desk.conversations,
    "paid_ads": figures.paid_ads,
    "rankings": figures.rankings,
    "content": figures.content,
    "audience": figures.audience,
}


def compose(
    *,
    viewer: Actor,
    sections: Sequence[str],
    language: str,
    day: date,
    now: datetime,
    seconds: float = LIMIT,
    words_within: float = WORDS_LIMIT,
) -> dict[str, Any]:
    """Return the content of a brief: what this viewer may see now, masked, in his language and order.

    Speaks to the outside: call it outside a transaction. Sections that his role does not open are left out.
    """
    readings = collect(viewer=viewer, sections=sections, seconds=seconds)
    return assemble(readings=readings, role=viewer.role, language=language, day=day, now=now, words_within=words_within)


def assemble(
    *,
    readings: Mapping[str, Reading],
    role: str,
    language: str,
    day: date,
    now: datetime,
    words_within: float = WORDS_LIMIT,
) -> dict[str, Any]:
    """Return the content of a brief from what was read, in the order of the readings."""
    setting = Setting(Words(language), now, settings.PUBLIC_URL)
    shown = [BUILDERS[key](readings[key], setting) for key in readings if readings[key].trouble != "not_allowed"]
    found = [finding for section in shown for finding in section.findings]
    written = write(findings=found, language=language, role=role, seconds=words_within)
    waiting = readings["approvals"].count if "approvals" in readings else 0
    return {
        "language": language,
        "day": day.isoformat(),
        "waiting": waiting,
        "summary": written.summary,
        "advice": list(written.advice),
        "model": written.model,
        "sections": [section.kept() for section in shown],
    }
