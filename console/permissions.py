"""Labels for permissions, as admins see them."""

from collections.abc import Iterable
from typing import Final

from django.utils.html import format_html, format_html_join

LABELS: Final = {
    "hitl.view_approval": "View requests",
    "hitl.propose_approval": "Submit requests",
    "hitl.decide_approval": "Approve and reject requests",
    "hitl.cancel_approval": "Withdraw requests",
    "hitl.revoke_approval": "Revoke approvals",
    "hitl.resolve_approval": "Record unknown outcomes",
    "hitl.reassign_approval": "Change approvers",
    "hitl.hold_approval": "Put requests on hold",
    "hitl.override_approval": "Approve alone in an emergency",
    "hitl.flag_approval": "Set and clear compliance flags",
    "hitl.export_evidence": "Export evidence",
    "hitl.export_approval": "Export the list of requests",
    "hitl.review_override": "Review emergency approvals",
    "hitl.use_killswitch": "Use the emergency stop",
    "hitl.view_approvalworkflow": "View workflows and spending limits",
    "hitl.manage_workflow": "Edit workflows and spending limits",
    "hitl.manage_links": "Turn approve-by-email links on and off",
    "conversations.view_conversation": "Read conversations (masked)",
    "conversations.reply_conversation": "Reply to customers",
    "conversations.assign_conversation": "Move conversations between teams",
    "conversations.manage_desk": "Manage teams",
    "conversations.view_contact": "View contacts (masked)",
    "conversations.merge_contact": "Merge contacts of the same person",
    "conversations.erase_contact": "Erase contacts permanently",
    "accounts.use_notices": "Receive notices",
    "accounts.use_profile": "Change one's own name and picture, and end one's own sessions",
    "accounts.use_saved_views": "Save views of lists",
    "accounts.view_pii": "Reveal personal data, with a reason",
    "accounts.change_tenant": "Change the organisation's settings, and see what it uses",
    "accounts.view_membership": "View people",
    "accounts.manage_membership": "Manage people and their roles",
    "accounts.erase_member": "Erase people permanently",
    "accounts.manage_sign_in": "Connect the company's sign-in and require it",
    "accounts.share_objects": "Share single conversations, requests, contacts and agents",
    "accounts.manage_apikey": "Create and revoke API keys",
    "agents.view_agent": "View agents",
    "agents.view_agentrun": "View agent runs",
    "agents.change_agent": "Edit agents' drafts",
    "agents.activate_agent": "Activate agents' drafts and earlier versions",
    "agents.override_checks": "Activate agents although a check fails",
    "agents.manage_knowledge": "Write and upload what agents know",
    "agents.manage_routes": "Manage models, their budgets and usage",
    "channels_app.view_channelaccount": "View channels and email",
    "channels_app.change_channelaccount": "Connect and edit channels",
    "channels_app.deliver_message": "Deliver customers' messages from your app",
    "integrations.view_connection": "View connections with outside systems",
    "integrations.manage_connection": "Connect and disconnect outside systems",
    "integrations.view_webhooks": "View webhooks and what they told",
    "integrations.manage_webhooks": "Manage webhooks",
    "analytics.use_brief": "Receive a daily brief",
    "analytics.view_briefpreference": "View who receives a daily brief",
    "analytics.view_figures": "View all figures",
    "analytics.view_team_figures": "View the figures of teams one leads",
    "analytics.manage_alerts": "Manage alert rules and silence them",
    "analytics.export_data": "Export conversations, approvals and figures as files",
    "analytics.handle_requests": "Record and answer privacy requests",
    "core.view_consent": "Read the consent ledger",
    "core.record_consent": "Record consent, block and unblock contacts",
    "core.change_reach": "Change the rules for marketing messages and the words of consents",
    "core.view_auditentry": "Read the audit log",
    "core.view_erasures": "View data deletion, retention and legal holds",
    "core.manage_retention": "Choose for how long data is kept, and place legal holds",
    "core.view_deadletter": "View failed jobs",
    "core.replay_deadletter": "Retry failed jobs",
}


AREAS: Final = {
    "hitl": "Approvals",
    "conversations": "Conversations and contacts",
    "accounts": "People and personal data",
    "agents": "Agents",
    "channels_app": "Channels and email",
    "integrations": "Connections and webhooks",
    "analytics": "Daily briefs and figures",
    "core": "Audit and failed jobs",
}


def group_by_area(permissions: Iterable[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return permissions as form choices, grouped by area, each with its code."""
    areas: dict[str, list[tuple[str, str]]] = {}
    for name in _sort(permissions):
        app = name.partition(".")[0]
        areas.setdefault(AREAS.get(app, app), []).append((name, f"{label_of(name)} ({name})"))
    return list(areas.items())


def label_of(permission: str) -> str:
    """Return the label of a permission."""
    return LABELS.get(permission) or permission.rpartition(".")[2].replace("_", " ").capitalize()


def list_permissions(permissions: Iterable[str]) -> str:
    """Return permissions as an HTML list, ordered by area."""
    ranked = _sort(permissions)
    rows = format_html_join("", "<li>{}</li>", ((label_of(name),) for name in ranked))
    return format_html('<ul class="wk-list">{}</ul>', rows) if ranked else "–"


def _sort(permissions: Iterable[str]) -> list[str]:
    order = {name: place for place, name in enumerate(LABELS)}
    return sorted(permissions, key=lambda name: (order.get(name, 99), name))
