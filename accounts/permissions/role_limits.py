"""What nobody gives or takes: a role that there is not, or one that allows more than his own."""

from accounts.models import Membership
from accounts.permissions.roles import ERASER, permissions_of
from core.actors import Actor
from core.errors import Invalid, Refused

MANAGE = "accounts.manage_membership"
STRONG = ERASER | {"hitl.decide_approval", "hitl.override_approval"}
"""What may ask for a second factor: whoever is let in to do it brings one of his own."""


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


def refuse_weak(actor: Actor, role: str) -> None:
    """Refuse to let somebody in for what may ask for a second factor, without the one that the actor has set up.

    Else who finds his browser open, or his key, makes an account of his own and gives that one a factor. Who has
    none types his password; a key of his was made so (`refuse_unproven`).
    """
    from allauth.mfa.models import Authenticator  # noqa: PLC0415  (needs the app registry)

    if actor.has_second_factor or actor.user_id is None or not permissions_of(role) & STRONG:
        return
    if Authenticator.objects.filter(user_id=actor.user_id, type=Authenticator.Type.TOTP).exists():
        raise Refused("This role may sign or erase: sign in again with your second factor.", code="weak_sign_in")
    if actor.scopes is None:
        refuse_unproven(actor)


def refuse_unproven(actor: Actor) -> None:
    """Refuse a person in a session who has not given password or code within the last minutes."""
    if actor.kind == "user" and not actor.proven_lately:
        raise Refused("Confirm with your password that it is you, then do it again.", code="confirm_first")
