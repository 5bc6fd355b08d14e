"""Compose one person's brief as plain JSON.

Collects data, finds what stands out and writes the summary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from django.conf import settings

from analytics.brief import platform_sections
from analytics.brief.collect import LIMIT, Reading, collect
from analytics.brief.formats import Words
from analytics.brief.summary import LIMIT as WORDS_LIMIT
from analytics.brief.summary import write_summary
from analytics.schema import BriefContext, Section
from analytics.sections import approvals, conversations, overdue
from core.actors import Actor

Builder = Callable[[Reading, BriefContext], Section]
BUILDERS: Final[Mapping[str, Builder]] = {
    "approvals": approvals,
    "overdue": overdue,
    "conversations": conversations,
    "paid_ads": platform_sections.paid_ads,
    "rankings": platform_sections.rankings,
    "content": platform_sections.content,
    "audience": platform_sections.audience,
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
    """Return a brief's content: what this viewer may see now, masked, in their language and order.

    Calls outside services, so call it outside a transaction. Sections their role can't see are left out.
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
    """Return a brief's content from the collected data, in the order of the readings."""
    context = BriefContext(Words(language), now, settings.PUBLIC_URL)
    sections = [BUILDERS[key](readings[key], context) for key in readings if readings[key].trouble != "not_allowed"]
    findings = [finding for section in sections for finding in section.findings]
    summary = write_summary(findings=findings, language=language, role=role, seconds=words_within)
    waiting = readings["approvals"].count if "approvals" in readings else 0
    return {
        "language": language,
        "day": day.isoformat(),
        "waiting": waiting,
        "summary": summary.text,
        "advice": list(summary.advice),
        "model": summary.model,
        "sections": [section.as_json() for section in sections],
    }
