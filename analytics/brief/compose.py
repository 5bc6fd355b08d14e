"""Compose one person's brief as plain JSON. Collects data, finds what stands out and writes the summary."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from django.conf import settings
from django.urls import reverse

from analytics.brief.collect import LIMIT, MOST_ROWS, Reading, collect
from analytics.brief.formats import Words
from analytics.brief.summary import LIMIT as WORDS_LIMIT
from analytics.brief.summary import write_summary
from analytics.schema import BriefContext, Section, limit_rows
from analytics.sections import approvals, conversations, overdue
from core.actors import Actor
from integrations import platforms
from integrations.ports import BriefSection, finding

Builder = Callable[[Reading, BriefContext], Section]
BUILDERS: Final[Mapping[str, Builder]] = {
    "approvals": approvals,
    "overdue": overdue,
    "conversations": conversations,
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
    outside = {section.key: section for _, section in platforms.sections()}
    sections = [
        BUILDERS[key](reading, context) if key in BUILDERS else _of_platform(outside[key], reading, context)
        for key, reading in readings.items()
        if reading.trouble != "not_allowed"
    ]
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


def _of_platform(asked: BriefSection, reading: Reading, context: BriefContext) -> Section:
    """Return a platform's section: what it builds of its rows, or why there are none."""
    key, words = asked.key, replace(context.words, own=asked.texts)
    if reading.trouble:
        missing = (finding("trouble", 0),) if reading.trouble in ("slow", "failed") else ()
        sentence = words.say(reading.trouble, seconds=round(LIMIT))
        return Section(key, words.say(key), sentence=sentence, trouble=reading.trouble, findings=missing)
    found = asked.build(reading.rows, words, context.now)
    top = found.figures
    listed, more = limit_rows(found.rows, len(found.rows), MOST_ROWS, words)
    old = words.say("not_current", span=words.span(context.now - reading.read_at)) if reading.read_at else ""
    queue = reverse("admin:hitl_approval_changelist")
    return Section(
        key, words.say(key), top, listed, more, sentence=old if top else words.say(f"{key}_none"),
        button=words.say(f"{key}_open") if top else "",
        url=f"{context.console}{queue}?kind={asked.kind}&state=all" if top else "", findings=tuple(found.findings),
    )  # fmt: skip
