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
    rows = [_approval_row(row, context, by_link=row.pk in reading.by_link) for row in reading.rows]
    section = _section("approvals", reading, context, "hitl_approval_changelist", "mine=sign", rows)
    oldest = min((row.created_at for row in reading.rows), default=None)
    return replace(section, findings=_findings("waiting", 70, reading, context, oldest))


def overdue(reading: Reading, context: BriefContext) -> Section:
    """Return overdue requests, most overdue first."""
    rows = [_approval_row(row, context) for row in reading.rows]
    section = _section("overdue", reading, context, "hitl_approval_changelist", "overdue=yes", rows)
    due = reading.rows[0].sla_due_at if reading.rows else None
    return replace(section, findings=_findings("overdue", 90, reading, context, due))


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
                title=f"{name} · {row.channel_account.kind_label}",
                note=f"“{text[:90]}…”" if len(text) > 90 else f"“{text}”" if text else "",
                value=words.say("waits_for", span=waited),
                tone="warn",
                url=f"{context.console}{page}",
            )
        )
    section = _section("conversations", reading, context, "inbox", "view=waiting", rows)
    since = next((row.escalated_at or row.last_message_at for row in reading.rows), None)
    return replace(section, findings=_findings("conversations", 80, reading, context, since))


def _section(key: str, reading: Reading, context: BriefContext, page: str, query: str, rows: list[Row]) -> Section:
    words, url = context.words, f"{context.console}{reverse(f'admin:{page}')}?{query}"
    listed, more = limit_rows(rows, reading.count, MOST_ROWS, words)
    sentence = "" if rows else words.say(reading.trouble or f"{key}_none", seconds=0)
    return Section(
        key, words.say(key), rows=listed, more=more, sentence=sentence, trouble=reading.trouble,
        button=words.say(f"{key}_open") if rows else "", url=url if rows else "",
    )  # fmt: skip


def _findings(code: str, weight: int, reading: Reading, context: BriefContext, since: Any) -> tuple[Finding, ...]:
    if not reading.rows:
        return ()
    reference = getattr(reading.rows[0], "reference", "")
    return (counted(code, reading.count, weight, span=context.words.span(context.now - since), reference=reference),)


def _approval_row(row: Approval, context: BriefContext, *, by_link: bool = False) -> Row:
    words, url = context.words, reverse("admin:hitl_approval_change", args=[row.pk])
    left = (row.sla_due_at or row.expires_at) - context.now
    when = words.say("due_in" if left > NOTHING else "over_by", span=words.span(abs(left)))
    risk = words.say("risk", level=words.say(row.risk_level))
    return Row(
        title=row.masked(row.summary), note=f"{row.reference} · {when}", value=risk,
        tone=TONES.get(row.risk_level, "neutral"), url=f"{context.console}{url}",
        decide=str(row.pk) if by_link else "",
    )  # fmt: skip
