"""Names of what a workflow refers to, in sentences for staff."""

from collections.abc import Iterable
from uuid import UUID

from accounts.models import Membership
from accounts.permissions.roles import OWN, name_of_role
from accounts.selectors import list_members
from hitl.killswitch import targets
from hitl.models import ApproverGroup
from hitl.policy.workflows.describe import Label

ROLE_NAMES = {
    "owner": "Owners",
    "admin": "Admins",
    "approver": "Approvers",
    "support": "Support",
    "compliance": "Compliance",
    "viewer": "Viewers",
}
MODES = {
    "any": "Any one of them",
    "all": "All of them",
    "quorum": "A set number of them",
    "per_group": "One from each group",
}
"""Who must approve at a level."""


def labels(members: Iterable[Membership] | None = None) -> Label:
    """Return the names of people, groups, agents and kinds of the current tenant.

    Two queries, one more for the active members unless they are given, and one for each own role that is asked for.
    """
    people = list_members() if members is None else members
    known: dict[tuple[str, str], str] = {
        ("group", str(pk)): name for pk, name in ApproverGroup.objects.values_list("pk", "name")
    }
    known |= {("user", str(m.user_id)): m.user.get_full_name() or "a member" for m in people}
    known |= targets.names()
    known |= {("role", role): name for role, name in ROLE_NAMES.items()}

    def label(what: str, value: str) -> str:
        if what == "agent":
            return known.get((what, value)) or f"agent {UUID(value).hex[-6:]}"
        if what == "role" and value.startswith(OWN) and (what, value) not in known:
            known[what, value] = name_of_role(value)
        gone = {"group": "a deleted group", "user": "a former member"}.get(what, value.replace("_", " "))
        return known.get((what, value), gone)

    return label
