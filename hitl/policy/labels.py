"""Names of what a workflow refers to, for sentences that staff read."""

from __future__ import annotations

from uuid import UUID

from accounts.selectors import list_members
from hitl.killswitch import targets
from hitl.models import ApproverGroup
from hitl.policy.describe import Label

ROLE_NAMES = {
    "owner": "Owners",
    "admin": "Admins",
    "approver": "Approvers",
    "support": "Support",
    "compliance": "Compliance",
    "viewer": "Viewers",
}


def labels() -> Label:
    """Return how people, groups, agents and kinds of the tenant in scope are called. Three queries."""
    known: dict[tuple[str, str], str] = {
        ("group", str(pk)): name for pk, name in ApproverGroup.objects.values_list("pk", "name")
    }
    known |= {("user", str(m.user_id)): m.user.get_full_name() or "a member" for m in list_members()}
    known |= targets.names()
    known |= {("role", role): name for role, name in ROLE_NAMES.items()}

    def label(what: str, value: str) -> str:
        return known.get((what, value), _unknown(what, value))

    return label


def _unknown(what: str, value: str) -> str:
    if what == "agent":
        return f"agent {UUID(value).hex[-6:]}"
    return {"group": "a deleted group", "user": "a former member"}.get(what, value.replace("_", " "))
