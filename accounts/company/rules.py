"""What the rules of the company's sign-in give now: an own role only where who set the rules could give it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from accounts.company.claims import Place, place_of
from accounts.models import IdentityProvider, Membership, Role
from accounts.permissions.role_limits import MANAGE, has_all_of
from accounts.permissions.roles import OWN, permissions_of
from accounts.services import actor_for_user
from core.actors import Actor
from core.errors import Refused

ROLES: Final = tuple(role for role in Membership.Role.values if role != Membership.Role.OWNER)
"""The built-in roles that groups can lead to. Owners are made by owners."""


@dataclass(frozen=True, slots=True)
class Given:
    """The roles among those of a provider's rules, and of everyone else, that can be given now; "" is one of them."""

    provider: IdentityProvider
    roles: frozenset[str]
    lacking: tuple[str, ...]
    """The others that are named there."""

    def place(self, groups: Collection[str], *, has: str = "") -> Place:
        """Return what groups lead to, with the role of everyone else where no rule gives one, or "" for none.

        The role that somebody `has` counts as one that can be given: a rule that means it for them doesn't take it.
        """
        able = self.roles | {has}
        rules = [rule if rule["role"] in able else {**rule, "role": ""} for rule in self.provider.rules]
        place, default = place_of(rules, groups), self.provider.default_role
        return Place(place.role or (default if default in able else ""), place.teams)

    def withheld(self, groups: Collection[str]) -> tuple[str, ...]:
        """Return the roles that rules mean for groups and that can't be given."""
        meant = (rule["role"] for rule in self.provider.rules if rule["group"] in groups)
        return tuple(dict.fromkeys(role for role in meant if role not in self.roles))


def given_now(provider: IdentityProvider, *, maker: Actor | None = None) -> Given:
    """Return what rules can give now, to be read under the lock of own roles where it is given.

    An own role has to be there, and the person who set the rules has to be able to give it to people: with all that it
    allows now. The directory gives nothing above its token's `maker` either. Four queries at most, none without own
    roles.
    """
    named = {"", provider.default_role, *(rule["role"] for rule in provider.rules)}
    found = {role: permissions_of(role) for role in named if role in ("", *ROLES)}
    own = [role for role in named if role.startswith(OWN)]
    if own and (giver := giver_of(provider)) is not None:
        for key, granted in Role.objects.filter(key__in=own, deleted_at=None).values_list("key", "permissions"):
            permissions = permissions_of(key, granted)
            if has_all_of(giver, key, permissions):
                found[key] = permissions
    able = (role for role, granted in found.items() if maker is None or has_all_of(maker, role, granted))
    roles = frozenset(able)
    return Given(provider, roles, tuple(sorted(named - roles)))


def giver_of(provider: IdentityProvider) -> Actor | None:
    """Return who set a provider's rules; None once they can't give roles any more. Two queries."""
    if provider.rules_by is None:
        return None
    try:
        giver = actor_for_user(provider.rules_by)
    except Refused:  # they left
        return None
    return giver if giver.may(MANAGE) else None


def groups_giving(role: str) -> list[str]:
    """Return what of the company's sign-in gives a role in the tenant in scope, in words. One query."""
    found = IdentityProvider.objects.values_list("rules", "default_role").first() or ((), "")
    named = [f"the group “{rule['group']}”" for rule in found[0] if rule["role"] == role]
    return [*named, *(["everyone else"] if found[1] == role else [])]
