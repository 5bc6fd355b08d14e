"""Who does something: a person, an agent, a contact, an API key, a rule or a named part of the system."""

from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID

from core.errors import Refused

ActorKind = Literal["user", "agent", "contact", "system", "rule", "api_key"]


@dataclass(frozen=True, slots=True)
class Actor:
    """One acting party with what it may do, in one tenant.

    `id` names the party of its kind, `user_id` the person behind it where there is one.
    `name` is opaque (a user's id, a sweep's name): never a person's name or address.
    """

    kind: ActorKind
    id: UUID | None = None
    user_id: UUID | None = None
    role: str = ""
    name: str = ""
    address: str = ""
    user_agent: str = ""
    auth_strength: str = "none"
    permissions: frozenset[str] = field(default_factory=frozenset)
    all_permissions: bool = False
    proven_lately: bool = False
    """Whether he has proven within the last minutes, by password or code, that it is he who sits there."""
    scopes: frozenset[str] | None = None
    """What an API key names, whoever made it; None where no key is used."""

    @property
    def has_second_factor(self) -> bool:
        """Whether the actor signed in with one; an API key never did."""
        return self.auth_strength == "mfa"

    def may(self, permission: str) -> bool:
        """Tell whether this actor holds the permission, such as `hitl.decide_approval`."""
        return self.all_permissions or permission in self.permissions

    def require(self, permission: str) -> None:
        """Raise `Refused` unless this actor holds the permission."""
        if not self.may(permission):
            raise Refused("Your role doesn't allow this.", permission=permission)

    def names(self, permission: str) -> bool:
        """Tell whether the key that is used, if any, was made for this: what a right on one object needs besides."""
        return self.scopes is None or permission in self.scopes

    def limited_to(self, permissions: frozenset[str]) -> "Actor":
        """Return this actor with no more than the given permissions (an API key's scopes)."""
        scopes = permissions if self.scopes is None else self.scopes & permissions
        return replace(self, permissions=self.permissions & permissions, all_permissions=False, scopes=scopes)


def system(name: str) -> Actor:
    """Return the named part of the system that acts on its own, such as a sweep."""
    return Actor(kind="system", name=name, role="system", all_permissions=True)
