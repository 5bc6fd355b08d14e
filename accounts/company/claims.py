"""What an identity provider says of a person: who they are, what they proved, and what follows for both."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from accounts.members.invitations import check_address
from accounts.models import Membership
from core.errors import Invalid
from core.text.clean import clean_text

MOST_GROUPS: Final = 1000
NAME_LIMIT: Final = 80
SHOWN: Final = frozenset("iss aud azp exp iat auth_time amr acr email_verified".split())
"""Claims that tell nothing of a person."""
MOST_METHODS: Final = 50
LEVELS: Final = {"password": "password", "mfa": "second factor", "key": "key"}
"""What a claim can count as, the weakest first, and how owners write it."""
ONLY_SIGNED: Final = frozenset({"amr", "acr", "auth_time"})
"""Claims that count in the ID token alone."""


@dataclass(frozen=True, slots=True)
class Place:
    """The role and the teams that groups lead to; the role is "" where they lead to none."""

    role: str
    teams: frozenset[UUID]


def groups_of(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    """Return the groups in the claim of that name: a list of texts, or one text."""
    return frozenset(list_of(claims.get(name))[:MOST_GROUPS])


def list_of(value: Any) -> list[str]:
    """Return the texts of a claim that is a list of them, or one; what isn't a text is left out."""
    found = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [one for one in found if isinstance(one, str)]


def place_of(rules: Sequence[Mapping[str, Any]], groups: Collection[str]) -> Place:
    """Return what groups lead to: the role of the first rule that has one, never owner, and the teams of all."""
    met = [rule for rule in rules if rule["group"] in groups]
    role = next((rule["role"] for rule in met if rule["role"] not in ("", Membership.Role.OWNER)), "")
    return Place(role, frozenset(UUID(team) for rule in met for team in rule["teams"]))


def level_of(proofs: Sequence[Mapping[str, Any]], claims: Mapping[str, Any]) -> str:
    """Return the strongest level that an ID token proves by the organisation's lines, "password" without any.

    `amr` is a list of texts, or one text, and `acr` a text; what isn't, is ignored. Without `auth_time` nothing counts:
    it may be weeks ago that the provider asked.
    """
    if not asked_at(claims):
        return "password"
    acr = claims.get("acr")
    said = {("amr", one) for one in list_of(claims.get("amr"))[:MOST_METHODS]}
    said |= {("acr", acr)} if isinstance(acr, str) else set()
    met = {"password", *(proof["level"] for proof in proofs if (proof["claim"], proof["value"]) in said)}
    return next(level for level in reversed(LEVELS) if level in met)


def asked_at(claims: Mapping[str, Any]) -> float:
    """Return when the provider says that it asked the person (`auth_time`), 0 where it doesn't say."""
    at = claims.get("auth_time")
    return at if isinstance(at, int | float) and not isinstance(at, bool) else 0


def acr_values(proofs: Sequence[Mapping[str, Any]], wanted: str) -> str:
    """Return the `acr` values to ask the provider for, so that it proves a level or a stronger one; "" for none."""
    ranks = list(LEVELS)
    enough = [one for one in proofs if one["claim"] == "acr" and ranks.index(one["level"]) >= ranks.index(wanted)]
    return " ".join(one["value"] for one in sorted(enough, key=lambda one: ranks.index(one["level"])))


def teams_in(rules: Sequence[Mapping[str, Any]]) -> frozenset[UUID]:
    """Return the teams that the provider's groups decide about."""
    return frozenset(UUID(team) for rule in rules for team in rule["teams"])


def gives_roles(rules: Sequence[Mapping[str, Any]]) -> bool:
    """Return True if the provider's groups decide about roles."""
    return any(rule["role"] for rule in rules)


def address_of(claims: Mapping[str, Any]) -> str:
    """Return the email address that the provider says, "" for none that mail can go to."""
    value = claims.get("email")
    try:
        return check_address(value) if isinstance(value, str) else ""
    except Invalid:
        return ""


def names_of(claims: Mapping[str, Any]) -> tuple[str, str]:
    """Return first and last name as the provider says them, "" where it doesn't."""
    first, last = (_text(claims.get(name)) for name in ("given_name", "family_name"))
    if not first and not last:
        first, _, last = _text(claims.get("name"), 2 * NAME_LIMIT).partition(" ")
    return first[:NAME_LIMIT].strip(), last[:NAME_LIMIT].strip()


def shown(claims: Mapping[str, Any], groups_claim: str) -> list[tuple[str, str]]:
    """Return claims for people's eyes, by name; what may tell of a person is masked."""
    return [
        (name[:60], str(value)[:400] if name in SHOWN or name == groups_claim else masked(value))
        for name, value in sorted(claims.items())
    ]


def masked(value: Any) -> str:
    """Return the beginning of a text that may tell of a person."""
    text = value if isinstance(value, str) else ""
    return f"{text[:2]}…" if len(text) > 2 else "…"


def _text(value: Any, limit: int = NAME_LIMIT) -> str:
    return " ".join(clean_text(value, limit).split()) if isinstance(value, str) else ""
