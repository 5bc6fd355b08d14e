"""Sections about people's work: what waits for a signature, what is overdue, who needs a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.urls import reverse

from analytics.brief.collect import SHOWN, Reading
from analytics.schema import Finding, Row, Section, Setting, Tone, counted, shown
from core.privacy.pii import mask_text
from hitl.models import Approval

NOTHING = timedelta(0)
TONES: dict[str, Tone] = {"low": "good", "medium": "warn", "high": "danger", "critical": "danger"}


def approvals(reading: Reading, setting: Setting) -> Section:
    """Return what waits for this person's signature, the soonest due first."""
    url = f"{setting.console}{reverse('admin:hitl_approval_changelist')}?mine=sign"
    section = _section("approvals", reading, setting, url, [_approval(row, setting) for row in reading.rows])
    first = reading.rows[0] if reading.rows else None
    oldest = min((row.created_at for row in reading.rows), default=None)
    return replace(section, findings=_found("waiting", 70, reading, first, setting, oldest))


def overdue(reading: Reading, setting: Setting) -> Section:
    """Return what should have been decided by now, the most overdue first."""
    url = f"{setting.console}{reverse('admin:hitl_approval_changelist')}?overdue=yes"
    section = _section("overdue", reading, setting, url, [_approval(row, setting) for row in reading.rows])
    worst = reading.rows[0] if reading.rows else None
    return replace(section, findings=_found("overdue", 90, reading, worst, setting, worst and worst.sla_due_at))


def conversations(reading: Reading, setting: Setting) -> Section:
    """Return who waits for a person, the longest first. Names and words are masked."""
    url = f"{setting.console}{reverse('admin:conversations_conversation_changelist')}?state=needs_person"
    section = _section("conversations", reading, setting, url, [_conversation(row, setting) for row in reading.rows])
    first = reading.rows[0] if reading.rows else None
    since = first and (first.escalated_at or first.last_message_at)
    return replace(section, findings=_found("conversations", 80, reading, first, setting, since))


def _section(key: str, reading: Reading, setting: Setting, url: str, rows: list[Row]) -> Section:
    words = setting.words
    kept, more = shown(rows, reading.count, SHOWN, words)
    sentence = "" if rows else words.say(reading.trouble or f"{key}_none", seconds=0)
    return Section(
        key, words.say(key), rows=kept, more=more, sentence=sentence, trouble=reading.trouble,
        button=words.say(f"{key}_open") if rows else "", url=url if rows else "",
    )  # fmt: skip


def _found(code: str, weight: int, reading: Reading, first: Any, setting: Setting, since: Any) -> tuple[Finding, ...]:
    if first is None:
        return ()
    span = setting.words.span(setting.now - since)
    return (counted(code, reading.count, weight, span=span, reference=getattr(first, "reference", "")),)


def _approval(row: Approval, setting: Setting) -> Row:
    words, url = setting.words, reverse("admin:hitl_approval_change", args=[row.pk])
    left = (row.sla_due_at or row.expires_at) - setting.now
    when = (
        words.say("due_in", span=words.span(left)) if left > NOTHING else words.say("over_by", span=words.span(-left))
    )
    risk = words.say("risk", level=words.say(row.risk_level))
    return Row(
        title=mask_text(row.summary), note=f"{row.reference} · {when}", value=risk,
        tone=TONES.get(row.risk_level, "neutral"), url=f"{setting.console}{url}",
    )  # fmt: skip


def _conversation(row: Any, setting: Setting) -> Row:
    words, url = setting.words, reverse("admin:conversations_conversation_change", args=[row.pk])
    waited = words.span(setting.now - (row.escalated_at or row.last_message_at))
    name = row.contact.masked_name or words.say("visitor")
    said = mask_text(row.last_text or "")
    note = f"“{said[:90]}…”" if len(said) > 90 else f"“{said}”" if said else ""
    return Row(
        title=f"{name} · {row.channel_account.get_kind_display()}", note=note,
        value=words.say("waits_for", span=waited), tone="warn", url=f"{setting.console}{url}",
    )  # fmt: skip
