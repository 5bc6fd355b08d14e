"""What a permission allows, in words that an admin understands."""

from collections.abc import Iterable
from typing import Final

from django.utils.html import format_html, format_html_join

WORDS: Final = {
    "hitl.view_approval": "See approvals",
    "hitl.propose_approval": "Ask for something risky",
    "hitl.decide_approval": "Sign and reject",
    "hitl.cancel_approval": "Withdraw requests",
    "hitl.revoke_approval": "Take an approval back",
    "hitl.resolve_approval": "Settle an unknown outcome",
    "hitl.reassign_approval": "Give a seat to somebody else",
    "hitl.hold_approval": "Put approvals on hold",
    "hitl.override_approval": "Approve alone in an emergency",
    "hitl.review_override": "Review emergencies",
    "hitl.use_killswitch": "Stop agents and actions",
    "hitl.view_approvalworkflow": "See workflows and limits",
    "hitl.manage_workflow": "Change workflows and limits",
    "hitl.manage_links": "Switch links that decide on and off",
    "conversations.view_conversation": "Read conversations, masked",
    "conversations.reply_conversation": "Answer customers",
    "conversations.view_contact": "See contacts, masked",
    "conversations.erase_contact": "Erase contacts for good",
    "accounts.view_pii": "See personal data, with a reason",
    "accounts.view_membership": "See people",
    "accounts.manage_membership": "Manage people and their roles",
    "accounts.erase_member": "Erase people for good",
    "accounts.manage_apikey": "Make and revoke API keys",
    "agents.view_agent": "See agents",
    "agents.view_agentrun": "See what agents did",
    "agents.change_agent": "Change agents",
    "channels_app.view_channelaccount": "See channels and mail",
    "channels_app.change_channelaccount": "Connect and change channels",
    "analytics.use_brief": "Have a daily brief",
    "analytics.view_briefpreference": "See who has a daily brief",
    "core.view_auditentry": "Read the audit trail",
    "core.view_erasures": "See who was erased",
    "core.view_deadletter": "See dead letters",
    "core.replay_deadletter": "Replay dead letters",
}


AREAS: Final = {
    "hitl": "Approvals",
    "conversations": "Conversations and contacts",
    "accounts": "People and personal data",
    "agents": "Agents",
    "channels_app": "Channels and mail",
    "analytics": "Daily briefs",
    "core": "Audit and failures",
}


def by_area(permissions: Iterable[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return permissions as the choices of a form, those of one area together; each with its code."""
    areas: dict[str, list[tuple[str, str]]] = {}
    for name in _in_order(permissions):
        app = name.partition(".")[0]
        areas.setdefault(AREAS.get(app, app), []).append((name, f"{power(name)} ({name})"))
    return list(areas.items())


def power(permission: str) -> str:
    """Return one permission in words."""
    return WORDS.get(permission) or permission.rpartition(".")[2].replace("_", " ").capitalize()


def powers(permissions: Iterable[str]) -> str:
    """Return several as a list of words, in the order of their areas."""
    ranked = _in_order(permissions)
    rows = format_html_join("", "<li>{}</li>", ((power(name),) for name in ranked))
    return format_html('<ul class="wk-list">{}</ul>', rows) if ranked else "–"


def _in_order(permissions: Iterable[str]) -> list[str]:
    order = {name: place for place, name in enumerate(WORDS)}
    return sorted(permissions, key=lambda name: (order.get(name, 99), name))
