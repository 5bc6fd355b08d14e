"""What a message about a request says in Slack: masked, as plain text, with buttons while they decide."""

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from accounts.selectors import erased_people, tenant_zone, zone_of
from channels_app.approver_channels.slack import payloads
from core.actors import Actor, system
from core.clock import now
from core.privacy.erasure.person import NOBODY
from core.privacy.visible_text import visible
from hitl.approvals.state.conflicts import by_whom, winner
from hitl.display import RISKS, STATES
from hitl.domain.state_machine import State
from hitl.models import Approval, Assignment, Decision
from hitl.notification_channels import ASKS, TITLES
from hitl.services import why_not_press

ACTOR: Final[Actor] = system("slack")
TITLE_LIMIT: Final = 140
TEXT_LIMIT: Final = 600
BODY_LIMIT: Final = 2000
ROWS: Final = 10
Block = dict[str, Any]
NOT_ASKED: Final = "This step doesn't need your decision."
IN_CONSOLE: Final = {
    "risk": "This request is too risky to decide in Slack. Decide it in Walker.",
    "strength": "This step requires a stronger sign-in. Decide it in Walker.",
    "off": "Decisions outside the console are disabled for this installation. Decide it in Walker.",
    "off_here": "Decisions outside the console are disabled for your organisation. Decide it in Walker.",
    "twice": "Someone already decided without signing in. The next decision requires signing in to Walker.",
    "mail": "An approver of this request manages the connection to Slack, so it has to be decided in Walker.",
}
"""Why a request has no buttons, by the reason's code."""


def render(
    approval: Approval,
    *,
    template: str,
    person_id: UUID | None = None,
    own: str = "",
    is_reminder: bool = False,
    forgers: Collection[UUID] = (),
) -> Block:
    """Return `text` and `blocks` of a message as the request is now.

    `person_id` is whose direct message it is, None for a channel. `own` is the organisation's own text, if any.
    Buttons are there while they decide, and carry what is shown.
    """
    is_over = not approval.is_undecided
    words = TITLES.get("approval_reminder" if is_reminder else template, "needs you")
    title = approval.reference if is_over else f"{approval.reference} {words}"
    if is_over and template in ASKS:
        own = ""  # nobody is asked any more
    lines = [own or title, _headline(approval)]
    blocks = [
        {"type": "header", "text": _plain(_headline(approval), TITLE_LIMIT)},
        _section(own or title),
        *([] if is_over else _content(approval)),
        _note(_facts(approval, person_id)),
    ]
    if is_over:
        lines.append(_outcome(approval))
        blocks.append(_section(_outcome(approval)))
    elif template in ASKS:
        blocks += _decision(approval, person_id, forgers)
    link = {"type": "button", "action_id": "walker_open", "text": _plain("Open in Walker", 75)}
    link["url"] = console_url(approval.pk)
    blocks.append({"type": "actions", "block_id": f"open:{approval.pk}", "elements": [link]})
    return {"text": escape("\n".join(lines))[:TEXT_LIMIT], "blocks": blocks}


def _decision(approval: Approval, person_id: UUID | None, forgers: Collection[UUID]) -> list[Block]:
    """Return the buttons, or why there are none."""
    if approval.state != State.PENDING:
        return [_note(f"This request isn't waiting for a decision: {STATES[approval.state][0].lower()}.")]
    mine = _last_verdict(approval, person_id)
    if mine:
        left = f" {approval.votes_received} of {approval.votes_required} approvals so far."
        return [_note(f"You have {mine} this request.{left}")]
    if person_id is not None:
        here = Assignment.objects.filter(approval=approval, revision=approval.revision, level=approval.level)
        if not here.filter(person_id=person_id, closed_at=None).exists():
            return [_note(NOT_ASKED)]
    why = why_not_press(approval=approval, forgers=forgers, moment=now())
    if why:
        return [_note(IN_CONSOLE[why])]
    value = payloads.value_of(approval.pk, approval.digest)
    buttons = [
        {
            **_button("Approve", payloads.APPROVE, "primary", value),
            "confirm": {
                "title": _plain(f"Approve {approval.reference}?", 100),
                "text": _plain(_headline(approval), 300),
                "confirm": _plain("Approve", 30),
                "deny": _plain("Cancel", 30),
            },
        },
        _button("Reject", payloads.REJECT, "danger", value),
    ]
    return [{"type": "actions", "block_id": f"approval:{approval.pk}", "elements": buttons}]


def _last_verdict(approval: Approval, person_id: UUID | None) -> str:
    if person_id is None:
        return ""
    mine = Decision.objects.filter(
        approval=approval, revision=approval.revision, level=approval.level, person_id=person_id
    ).filter(verdict__in=("approve", "reject"))
    verdict = mine.order_by("-id").values_list("verdict", flat=True).first()
    return {"approve": "approved", "reject": "rejected"}.get(verdict or "", "")


def _outcome(approval: Approval) -> str:
    """Say what became of the request, and who decided it."""
    facts = winner(approval, ACTOR)
    who = by_whom(facts) if approval.decided_at else ""
    state = STATES.get(approval.state, (approval.state, "", ""))[0]
    word = {"approved": "Approved", "rejected": "Rejected"}.get(approval.decided_as, state)
    said = f"{word} by {who}." if who else f"{word}."
    return said if word == state else f"{said} {state}."


def _content(approval: Approval) -> list[Block]:
    preview = approval.preview
    lines = [
        [_masked(approval, row.get(name, "")) for name in ("label", "before", "after")]
        for row in (preview.get("rows") or [])[:ROWS]
    ]
    rows = [f"{label}: {before or '–'} → {after}" for label, before, after in lines]
    body = _masked(approval, preview.get("body") or "")
    if len(body) > BODY_LIMIT:
        body = f"{body[:BODY_LIMIT]}…\n(Open the request to read the full text.)"
    parts = [_masked(approval, approval.summary), "\n".join(rows), body]
    return [_section(part) for part in parts if part]


def _facts(approval: Approval, person_id: UUID | None) -> str:
    risk = RISKS.get(approval.risk_level, (approval.risk_level, "", ""))[0]
    asker = "an agent"
    if approval.requester is not None:
        is_erased = approval.requester_id in erased_people()
        asker = NOBODY if is_erased else str(approval.requester.get_full_name())
    zone = tenant_zone() if person_id is None else zone_of(person_id)
    due = (approval.sla_due_at or approval.expires_at).astimezone(zone)
    said = [approval.reference, f"{risk} risk ({approval.risk_score} of 100)", f"requested by {asker}"]
    return " · ".join([*said, f"due {due:%d %B %Y, %H:%M %Z}"] if approval.is_undecided else said)


def _headline(approval: Approval) -> str:
    return _masked(approval, approval.preview.get("headline") or approval.summary) or approval.reference


def _masked(approval: Approval, value: object) -> str:
    return visible(approval.masked(str(value)))


def console_url(approval_id: UUID) -> str:
    """Return the address of a request's page."""
    return f"{settings.PUBLIC_URL}{reverse('admin:hitl_approval_change', args=[approval_id])}"


def _button(words: str, action_id: str, style: str, value: str) -> Block:
    return {"type": "button", "action_id": action_id, "text": _plain(words, 75), "style": style, "value": value}


def reason_form(press: payloads.Press, approval: Approval) -> Block:
    """Return the form that asks for the reason of a rejection."""
    field = {"type": "plain_text_input", "action_id": payloads.REASON, "multiline": True, "max_length": 2000}
    return {
        "type": "modal",
        "callback_id": payloads.REJECT,
        "private_metadata": payloads.metadata_of(press),
        "title": _plain(f"Reject {approval.reference}", 24),
        "submit": _plain("Reject", 24),
        "close": _plain("Cancel", 24),
        "blocks": [
            _section(_headline(approval)),
            {
                "type": "input",
                "block_id": payloads.REASON,
                "label": _plain("Reason", 75),
                "hint": _plain("The requester can read it. Don't include personal data.", 150),
                "element": field,
            },
        ],
    }


def _section(text: str) -> Block:
    return {"type": "section", "text": _plain(text, 3000)}


def _note(text: str) -> Block:
    return {"type": "context", "elements": [_plain(text, 2000)]}


def _plain(text: str, limit: int) -> Block:
    """Return a text that Slack shows as it is: without mentions, links or formatting."""
    return {"type": "plain_text", "text": text[:limit] or "–", "emoji": False}


def escape(text: str) -> str:
    """Return a text without mentions and links, for the places where Slack formats."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
