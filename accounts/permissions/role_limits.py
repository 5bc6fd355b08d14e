"""Limits on granting roles: never above one's own, and sensitive ones only after a strong sign-in."""

from collections.abc import Collection
from typing import Final

from accounts.models import Membership, Role
from accounts.permissions.roles import ERASER, SUPPORT, permissions_here
from core.actors import Actor
from core.errors import Invalid, Refused

MANAGE = "accounts.manage_membership"
STRONG = ERASER | {"hitl.decide_approval", "hitl.override_approval"}
"""Permissions that may require a second factor from the person who has them."""
TIED: Final = {"admin": ("owner", "admin"), "owner": ("owner",)}
"""Built-in roles with more than permissions, such as to erase an owner, and who has that: no own role does."""
FACTORS = ("totp", "webauthn")
"""The kinds of `allauth.mfa` that are a second factor: recovery codes stand in for one."""


def check_role(role: str) -> None:
    """Raise `Invalid` for an unknown role, or an own one that was deleted. One query unless it is built in."""
    if not is_role(role):
        raise Invalid("There is no such role.", fields={"role": ["Choose one of the roles."]})


def is_role(role: str) -> bool:
    """Return True for a built-in role, or an own one that is there. One query unless it is built in."""
    return role in Membership.Role.values or Role.objects.filter(key=role, deleted_at=None).exists()


def refuse_higher_role(actor: Actor, role: str) -> None:
    """Refuse to grant or withdraw a role above the actor's: an admin can't make or remove an owner."""
    if not can_grant_role(actor, role):
        raise Refused("This role has more permissions than yours.", code="role_above_yours")


def can_grant_role(actor: Actor, role: str) -> bool:
    """Return True if the actor has every permission of the role, and what is tied to it. One query for an own role."""
    return has_all_of(actor, role, permissions_here(role))


def has_all_of(actor: Actor, role: str, permissions: Collection[str]) -> bool:
    """Return True if the actor has these permissions of a role, and what is tied to it beside them."""
    is_tied = role in TIED and actor.kind != "system" and actor.role not in TIED[role]
    return not is_tied and all(map(actor.may, permissions))


def refuse_weak_sign_in(actor: Actor, role: str) -> None:
    """Refuse to grant a sensitive role without the second factor that the actor has set up."""
    refuse_weak_grant(actor, permissions_here(role))


def refuse_weak_grant(actor: Actor, permissions: Collection[str]) -> None:
    """Refuse to grant more than Support's permissions without the second factor that the actor has set up.

    Otherwise someone who finds an open browser or a key could create an account of their own and give that
    one a factor. An actor without a factor confirms the password; for an API key that happened when it was
    made (`refuse_stale_sign_in`).
    """
    from allauth.mfa.models import Authenticator  # noqa: PLC0415  (needs the app registry)

    if actor.has_second_factor or actor.user_id is None or SUPPORT.issuperset(permissions):
        return
    if Authenticator.objects.filter(user_id=actor.user_id, type__in=FACTORS).exists():
        raise Refused(
            "This role can do more than Support. Sign in again with your second factor.",
            code="weak_sign_in",
        )
    if actor.scopes is None:
        refuse_stale_sign_in(actor)


def refuse_stale_sign_in(actor: Actor) -> None:
    """Refuse a person in a session who hasn't entered password or code within the last minutes."""
    if actor.kind == "user" and not actor.proven_lately:
        raise Refused("Confirm your password, then try again.", code="confirm_first")
