"""What the rules of the company's sign-in give now: an own role only where who set the rules could give it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from accounts.company.claims import Place, gives_roles, place_of
from accounts.models import IdentityProvider, Membership, Role
from accounts.permissions.role_limits import MANAGE
from accounts.permissions.roles import permissions_of
from accounts.selectors import roles_now

ROLES: Final = tuple(role for role in Membership.Role.values if role != Membership.Role.OWNER)
"""The built-in roles that groups can lead to, and those that everyone else can get. Owners are made by owners."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a provider's rules give now."""

    provider: IdentityProvider
    lacking: Mapping[str, str]
    """The roles that they name and that can't be given now: their names by key."""

    def place(self, groups: Collection[str], *, has: str = "") -> Place:
        """Return what groups lead to, with the role of everyone else, a built-in one, where no rule gives one.

        The role that somebody `has` counts as one that can be given: a rule that means it for them doesn't take it.
        Owners keep theirs, and so does everybody where the rules give teams alone.
        """
        lacking = self.lacking.keys() - {has}
        rules = [{**rule, "role": ""} if rule["role"] in lacking else rule for rule in self.provider.rules]
        place = place_of(rules, groups)
        keeps = has == Membership.Role.OWNER or (has and not gives_roles(self.provider.rules))
        return Place(has if keeps else place.role or self.provider.default_role, place.teams)

    def withheld(self, groups: Collection[str]) -> tuple[str, ...]:
        """Return the names of the roles that rules mean for groups and that can't be given."""
        meant = dict.fromkeys(rule["role"] for rule in self.provider.rules if rule["group"] in groups)
        return tuple(self.lacking[role] for role in meant if role in self.lacking)


def given_now(provider: IdentityProvider) -> Given:
    """Return what rules can give now, to be read under the lock of own roles where it is given.

    An own role has to be there, and the person who set the rules has to be able to give it to people: with all that it
    allows now. Two queries, none without own roles.
    """
    named = {rule["role"] for rule in provider.rules}
    lacking = {role: role for role in sorted(named.difference(ROLES, [""]))}
    if not lacking:
        return Given(provider, {})
    person = provider.rules_by_id
    setter = roles_now([person]).get(person) if person is not None else None
    allowed = setter.permissions if setter is not None else frozenset()
    for role in Role.objects.filter(key__in=lacking):
        lacking[role.key] = role.name
        if role.deleted_at is None and MANAGE in allowed and permissions_of(role.key, role.permissions) <= allowed:
            del lacking[role.key]
    return Given(provider, lacking)
