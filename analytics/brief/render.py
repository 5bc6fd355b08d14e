"""Rendering a brief's content as a mail: subject, HTML and plain text."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from analytics.brief.decision_buttons import console_url, placeholder
from analytics.brief.formats import Words
from analytics.brief.styles import STYLES
from analytics.brief.summary import LOCAL
from analytics.brief.texts import TEXTS

URGENT: Final = ("approvals", "overdue", "conversations")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered mail."""

    subject: str
    html: str
    text: str


def render(
    *, content: Mapping[str, Any], name: str, tenant: str, unsubscribe_url: str = "", brief_id: UUID | None = None
) -> Rendered:
    """Return the mail of a brief for a person with this first name, without reading anything.

    With `brief_id` its decision buttons hold placeholders, which become links when the mail is sent; without, as in
    a preview, they lead to the approvals' pages.
    """
    words = Words(content["language"])
    day = words.day(date.fromisoformat(content["day"]))
    waiting = int(content["waiting"])
    subject = words.count("subject_waiting", waiting, day=day) if waiting else words.say("subject", day=day)
    is_local = content["model"] == LOCAL
    # The first section about people's work gets the strong button.
    urgent = next((row["key"] for row in content["sections"] if row["key"] in URGENT and row["button"]), "")
    context = {
        **content,
        "subject": subject,
        "date": day[:1].upper() + day[1:],
        "tenant": tenant,
        "hello": words.say("hello", name=name) if name else words.say("hello_nobody"),
        "preheader": content["summary"] or words.say("preheader", tenant=tenant),
        "sections": [
            {
                **section,
                "urgent": section["key"] == urgent,
                "rows": [_with_button(row, brief_id) for row in section["rows"]],
                "acts": any(row.get("decide") for row in section["rows"]),
            }
            for section in content["sections"]
        ],
        "written_by": words.say("by_rules") if is_local else words.say("by_model", model=content["model"]),
        "why": words.say("why", tenant=tenant),
        "t": TEXTS[words.language],
        "s": STYLES,
        "settings_url": f"{settings.PUBLIC_URL}{reverse('admin:analytics_brief_changelist')}",
        "console_url": f"{settings.PUBLIC_URL}{reverse('admin:index')}",
        "unsubscribe_url": unsubscribe_url,
    }
    html = render_to_string("mail/brief.html", context)
    return Rendered(subject, html, render_to_string("mail/brief.txt", context).strip() + "\n")


def _with_button(row: Mapping[str, Any], brief_id: UUID | None) -> dict[str, Any]:
    if not row.get("decide"):
        return dict(row)
    approval_id = UUID(row["decide"])
    return {**row, "decide_url": placeholder(brief_id, approval_id) if brief_id else console_url(approval_id)}
