"""What nobody gives or takes: a role that there is not, or one that allows more than his own."""

from accounts.models import Membership
from accounts.roles import permissions_of
from core.actors import Actor
from core.errors import Invalid, Refused

MANAGE = "accounts.manage_membership"


def check_role(role: str) -> None:
    """Raise `Invalid` for what is no role."""
    if role not in Membership.Role.values:
        raise Invalid("There is no such role.", fields={"role": ["Choose one of the roles."]})


def refuse_above(actor: Actor, role: str) -> None:
    """Refuse to give or take what the actor does not hold himself: an admin makes and unmakes no owner."""
    if not may_give(actor, role):
        raise Refused("This role allows more than yours.", code="role_above_yours")


def may_give(actor: Actor, role: str) -> bool:
    """Tell whether the actor holds all that the role allows."""
    return all(actor.may(permission) for permission in permissions_of(role))
