"""A brief's sections about people's work: approvals, overdue requests and conversations."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.urls import reverse

from analytics.brief.collect import MOST_ROWS, Reading
from analytics.schema import BriefContext, Section, limit_rows
from core.privacy.pii import mask_text
from hitl.models import Approval
from integrations.ports import Finding, Row, Tone, counted

NOTHING = timedelta(0)
TONES: dict[str, Tone] = {"low": "good", "medium": "warn", "high": "danger", "critical": "danger"}


def approvals(reading: Reading, context: BriefContext) -> Section:
    """Return requests that need this person's approval, soonest due first."""
    url = f"{context.console}{reverse('admin:hitl_approval_changelist')}?mine=sign"
    rows = [_approval_row(row, context, by_link=row.pk in reading.by_link) for row in reading.rows]
    section = _section("approvals", reading, context, url, rows)
    first = reading.rows[0] if reading.rows else None
    oldest = min((row.created_at for row in reading.rows), default=None)
    return replace(section, findings=_findings("waiting", 70, reading, first, context, oldest))


def overdue(reading: Reading, context: BriefContext) -> Section:
    """Return overdue requests, most overdue first."""
    url = f"{context.console}{reverse('admin:hitl_approval_changelist')}?overdue=yes"
    section = _section("overdue", reading, context, url, [_approval_row(row, context) for row in reading.rows])
    worst = reading.rows[0] if reading.rows else None
    return replace(section, findings=_findings("overdue", 90, reading, worst, context, worst and worst.sla_due_at))


def conversations(reading: Reading, context: BriefContext) -> Section:
    """Return conversations that need a person, longest waiting first; names and texts are masked."""
    words, rows = context.words, []
    for row in reading.rows:
        name = row.contact.masked_name or words.say("visitor")
        text = mask_text(row.last_text or "")
        waited = words.span(context.now - (row.escalated_at or row.last_message_at))
        page = reverse("admin:conversations_conversation_change", args=[row.pk])
        rows.append(
            Row(
                title=f"{name} · {row.channel_account.get_kind_display()}",
                note=f"“{text[:90]}…”" if len(text) > 90 else f"“{text}”" if text else "",
                value=words.say("waits_for", span=waited),
                tone="warn",
                url=f"{context.console}{page}",
            )
        )
    url = f"{context.console}{reverse('admin:conversations_conversation_changelist')}?state=needs_person"
    section = _section("conversations", reading, context, url, rows)
    first = reading.rows[0] if reading.rows else None
    since = first and (first.escalated_at or first.last_message_at)
    return replace(section, findings=_findings("conversations", 80, reading, first, context, since))


def _section(key: str, reading: Reading, context: BriefContext, url: str, rows: list[Row]) -> Section:
    words = context.words
    listed, more = limit_rows(rows, reading.count, MOST_ROWS, words)
    sentence = "" if rows else words.say(reading.trouble or f"{key}_none", seconds=0)
    return Section(
        key, words.say(key), rows=listed, more=more, sentence=sentence, trouble=reading.trouble,
        button=words.say(f"{key}_open") if rows else "", url=url if rows else "",
    )  # fmt: skip


def _findings(
    code: str, weight: int, reading: Reading, first: Any, context: BriefContext, since: Any
) -> tuple[Finding, ...]:
    if first is None:
        return ()
    span = context.words.span(context.now - since)
    return (counted(code, reading.count, weight, span=span, reference=getattr(first, "reference", "")),)


def _approval_row(row: Approval, context: BriefContext, *, by_link: bool = False) -> Row:
    words, url = context.words, reverse("admin:hitl_approval_change", args=[row.pk])
    left = (row.sla_due_at or row.expires_at) - context.now
    when = (
        words.say("due_in", span=words.span(left)) if left > NOTHING else words.say("over_by", span=words.span(-left))
    )
    risk = words.say("risk", level=words.say(row.risk_level))
    return Row(
        title=mask_text(row.summary), note=f"{row.reference} · {when}", value=risk,
        tone=TONES.get(row.risk_level, "neutral"), url=f"{context.console}{url}",
        decide=str(row.pk) if by_link else "",
    )  # fmt: skip
