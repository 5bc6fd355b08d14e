"""Actors: a person, an agent, a contact, an API key, a rule or a named part of the system."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID

from core.errors import Refused

ActorKind = Literal["user", "agent", "contact", "system", "rule", "api_key"]


@dataclass(frozen=True, slots=True)
class Actor:
    """An actor with its permissions, in one tenant; `name` is opaque: never a person's name or address."""

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
    """True if the person confirmed their identity by password or code in the last minutes."""
    scopes: frozenset[str] | None = None
    """The scopes of the API key that is used; None without a key."""
    teams: frozenset[UUID] | None = None
    """The teams whose conversations the actor sees, beside those assigned to them; None for all."""
    role_version: int = 0
    """The version of a role that the organisation made itself; 0 for all others."""
    by_company: bool = False
    """True in a session that the organisation's identity provider began: it speaks for this organisation alone."""
    read_shares: Callable[[], frozenset[str]] = field(default=frozenset, compare=False, repr=False)
    """Reads what shares lend the person, as `kind:permission`; asked only where the role allows less."""

    @classmethod
    def of_user(
        cls,
        user_id: UUID,
        role: str,
        *,
        role_version: int = 0,
        address: str = "",
        user_agent: str = "",
        auth_strength: str = "none",
    ) -> "Actor":
        """Return a person without permissions: for entries about what they did, or to add permissions to."""
        name, agent = str(user_id), user_agent[:200]
        return cls("user", user_id, user_id, role, name, address, agent, auth_strength, role_version=role_version)

    @property
    def sealed_role(self) -> str:
        """Return the role as entries and decisions keep it: of an organisation's own one with its version."""
        return f"{self.role}@{self.role_version}" if self.role_version else self.role

    @property
    def has_second_factor(self) -> bool:
        """Return True if the actor signed in with a second factor; API keys never did."""
        return self.auth_strength in ("mfa", "key")

    def may(self, permission: str) -> bool:
        """Return True if this actor has a permission, such as `hitl.decide_approval`."""
        return self.all_permissions or permission in self.permissions

    def has_share(self, kind: str, permission: str) -> bool:
        """Return True if something of a kind is shared with this person, and that lends the permission on it.

        It opens pages and lists, which show what is shared alone. A key needs the permission as a scope. One query an
        actor at most.
        """
        return bool(kind) and self.names(permission) and f"{kind}:{permission}" in self.read_shares()

    def require(self, permission: str) -> None:
        """Raise Refused unless this actor has the permission."""
        if not self.may(permission):
            raise Refused("Your role doesn't allow this.", permission=permission)

    def require_person(self, sentence: str, *, by_key: bool = True) -> UUID:
        """Return the id of the person behind this actor; an API key stands for its person only if `by_key`.

        Raises Refused ("not_a_person") with the sentence.
        """
        if self.user_id is None or not (by_key or (self.kind == "user" and self.scopes is None)):
            raise Refused(sentence, code="not_a_person")
        return self.user_id

    def names(self, permission: str) -> bool:
        """Return True unless an API key without this scope is used. Object permissions need it as well."""
        return self.scopes is None or permission in self.scopes

    def limited_to(self, permissions: frozenset[str]) -> "Actor":
        """Return this actor, limited to the given permissions (an API key's scopes)."""
        scopes = permissions if self.scopes is None else self.scopes & permissions
        return replace(self, permissions=self.permissions & permissions, all_permissions=False, scopes=scopes)


def system(name: str) -> Actor:
    """Return the named part of the system that acts on its own, such as a sweep."""
    return Actor(kind="system", name=name, role="system", all_permissions=True)
