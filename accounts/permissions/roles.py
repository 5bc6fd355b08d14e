"""The permissions of each role."""

from typing import Final

VIEWER: Final = frozenset(
    {
        "accounts.use_notices",
        "accounts.use_profile",
        "accounts.use_saved_views",
        "hitl.view_approval",
        "conversations.view_conversation",
        "agents.view_agent",
        "analytics.use_brief",
    }
)
SUPPORT: Final = VIEWER | {
    "hitl.propose_approval",
    "hitl.cancel_approval",
    "conversations.reply_conversation",
    "conversations.view_contact",
    "agents.view_agentrun",
    "channels_app.view_channelaccount",
    "core.view_consent",
    "core.record_consent",
    "analytics.view_team_figures",
    "conversations.merge_contact",
}
APPROVER: Final = VIEWER | {
    "hitl.propose_approval",
    "hitl.decide_approval",
    "hitl.cancel_approval",
    "hitl.revoke_approval",
    "hitl.view_approvalworkflow",
    "conversations.view_contact",
    "agents.view_agentrun",
}
COMPLIANCE: Final = VIEWER | {
    "hitl.view_approvalworkflow",
    "hitl.hold_approval",
    "hitl.use_killswitch",
    "hitl.review_override",
    "hitl.flag_approval",
    "hitl.export_evidence",
    "hitl.export_approval",
    "analytics.export_data",
    "conversations.view_contact",
    "accounts.view_pii",
    "accounts.view_membership",
    "agents.view_agentrun",
    "channels_app.view_channelaccount",
    "core.view_auditentry",
    "core.view_deadletter",
    "core.view_erasures",
    "integrations.view_connection",
    "integrations.view_webhooks",
    "core.view_consent",
    "analytics.view_figures",
    "analytics.view_team_figures",
}
# Not part of the admin role: what can't be undone is not daily work.
ERASER: Final = frozenset({"conversations.erase_contact", "accounts.erase_member", "core.manage_retention"})
ADMIN: Final = (
    SUPPORT
    | APPROVER
    | COMPLIANCE
    | {
        "hitl.resolve_approval",
        "hitl.reassign_approval",
        "hitl.manage_workflow",
        "accounts.change_tenant",
        "accounts.manage_membership",
        "accounts.manage_apikey",
        "core.replay_deadletter",
        "agents.change_agent",
        "agents.activate_agent",
        "agents.manage_knowledge",
        "agents.manage_routes",
        "channels_app.change_channelaccount",
        "channels_app.deliver_message",
        "conversations.assign_conversation",
        "conversations.manage_desk",
        "core.change_reach",
        "integrations.manage_connection",
        "integrations.manage_webhooks",
        "analytics.view_briefpreference",
        "analytics.manage_alerts",
    }
)
# A provider signs in owners, too: who sets it could become one of them.
OWNER: Final = (
    ADMIN
    | ERASER
    | {
        "hitl.override_approval",
        "hitl.manage_links",
        "agents.override_checks",
        "accounts.manage_sign_in",
    }
)

PERMISSIONS: Final[dict[str, frozenset[str]]] = {
    "owner": OWNER,
    "admin": ADMIN,
    "approver": APPROVER,
    "support": SUPPORT,
    "compliance": COMPLIANCE | ERASER,
    "viewer": VIEWER,
}
ROLES: Final = tuple(PERMISSIONS)
ALL_PERMISSIONS: Final = OWNER


def permissions_of(role: str) -> frozenset[str]:
    """Return the permissions of a role; an unknown role has none."""
    return PERMISSIONS.get(role, frozenset())
