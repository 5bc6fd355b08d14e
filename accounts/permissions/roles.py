"""The permissions of each built-in role, and how those of an organisation's own roles are read with its rows."""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

from django.db.models import Case, Model, OuterRef, QuerySet, Subquery, When

from accounts.models import Invitation, Membership, Role

M = TypeVar("M", bound=Model)
OWN: Final = "own-"
"""How the key of an own role begins. No built-in role has such a key, so a later one never takes its place."""
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
    "analytics.handle_requests",
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
        "accounts.share_objects",
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
NEEDS: Final = {
    "accounts.erase_member": "accounts.view_membership",
    "accounts.manage_membership": "accounts.view_membership",
    "agents.": "agents.view_agent",
    "agents.view_agentrun": "conversations.view_conversation",
    "channels_app.": "channels_app.view_channelaccount",
    "conversations.assign_conversation": "conversations.view_conversation",
    "conversations.erase_contact": "conversations.view_contact",
    "conversations.manage_desk": "conversations.view_conversation",
    "conversations.merge_contact": "conversations.view_contact",
    "conversations.reply_conversation": "conversations.view_conversation",
    "core.change_reach": "core.view_consent",
    "core.record_consent": "core.view_consent",
    "core.replay_deadletter": "core.view_deadletter",
    "hitl.": "hitl.view_approval",
    "hitl.manage_workflow": "hitl.view_approvalworkflow",
    "integrations.manage_connection": "integrations.view_connection",
    "integrations.manage_webhooks": "integrations.view_webhooks",
}
"""What permissions that begin so can't be used without: pages for them read it, too. Each built-in role has both."""


def permissions_of(role: str, own: Iterable[str] | None = None) -> frozenset[str]:
    """Return the permissions of a built-in role, or those that were read of an own one; an unknown role has none."""
    return PERMISSIONS.get(role) or frozenset(own or ()) & ALL_PERMISSIONS


def missing_beside(permissions: Collection[str]) -> list[str]:
    """Return what these permissions can't be used without and isn't among them."""
    needed = {need for begin, need in NEEDS.items() if any(name.startswith(begin) for name in permissions)}
    return sorted(needed.difference(permissions))


def permissions_here(role: str) -> frozenset[str]:
    """Return the permissions of a role in the tenant in scope. One query for an own role."""
    if not role.startswith(OWN):
        return permissions_of(role)
    return permissions_of(role, Role.objects.filter(key=role).values_list("permissions", flat=True).first())


def name_of_role(role: str) -> str:
    """Return what people call a role in the tenant in scope, also a deleted one. One query for an own role."""
    if not role.startswith(OWN):
        return Membership.Role(role).label
    return Role.objects.filter(key=role).values_list("name", flat=True).first() or role


def version_of_role(role: str) -> int:
    """Return the version of an own role in the tenant in scope, 0 of a built-in one. One query for an own role."""
    own = role.startswith(OWN)
    return (own and Role.objects.filter(key=role).values_list("version", flat=True).first()) or 0


class Named(NamedTuple):
    """A role as people know it, with what it allows."""

    name: str
    permissions: frozenset[str]
    pk: UUID | None = None
    """The row of an own one."""


def roles_here() -> dict[str, Named]:
    """Return the roles of the tenant in scope by key: the built-in ones, then its own ones by name. One query."""
    found = {role: Named(label, permissions_of(role)) for role, label in Membership.Role.choices}
    for role in Role.objects.filter(deleted_at=None).order_by("name"):
        found[role.key] = Named(role.name, permissions_of(role.key, role.permissions), role.pk)
    return found


def role_choices() -> list[tuple[str, str]]:
    """Return the roles of the tenant in scope as a form's choices. One query."""
    return [(key, role.name) for key, role in roles_here().items()]


def own_role(column: str) -> Case:
    """Return a column of the own role that a row names in `role`, read in the row's statement; null for a built-in one.

    It is the role of the row's tenant, whichever scope reads it.
    """
    named = Role.objects.filter(tenant_id=OuterRef("tenant_id"), key=OuterRef("role"))
    return Case(When(role__startswith=OWN, then=Subquery(named.values(column)[:1])))


def with_role(rows: QuerySet[M]) -> QuerySet[M]:
    """Return memberships or invitations with what is known of the own roles that they name. No query more."""
    columns = {f"own_{column}": own_role(column) for column in ("name", "permissions", "sees")}
    annotated: QuerySet[M] = rows.annotate(**columns)
    return annotated


def label_of(row: Membership | Invitation) -> str:
    """Return what people call the role of a row that `with_role` read."""
    return row.own_name or row.get_role_display()
