"""Do the same with many conversations, each for itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from conversations.services import assignment, snoozing, states, tags
from core.actors import Actor
from core.errors import Invalid, WalkerError

MOST: Final = 500
CHANGES: Final[dict[str, tuple[Any, frozenset[str]]]] = {
    "assign": (states.assign, frozenset({"user_id"})),
    "team": (assignment.move_to_team, frozenset({"team_id"})),
    "tags": (tags.change_tags, frozenset()),
    "priority": (snoozing.set_priority, frozenset({"priority"})),
    "close": (states.close, frozenset({"resolved"})),
}
"""What can be done with many: the service for one, and the values it can't do without."""


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of one conversation; `code` and `detail` say why nothing did."""

    id: UUID
    code: str = ""
    detail: str = ""

    @property
    def done(self) -> bool:
        """Return True if it changed, or was so already."""
        return not self.code


def change_many(
    *,
    actor: Actor,
    conversation_ids: Sequence[UUID],
    change: str,
    values: Mapping[str, Any],
    dry_run: bool = False,
) -> list[RowResult]:
    """Change up to 500 conversations, and return what became of each.

    They are assigned, moved, tagged, prioritised or closed, each in a transaction of its own, by the service for one
    and with its rights and audit entry, so that one that can't be changed holds up no other. Safe to repeat. With
    `dry_run` everything is rolled back. Needs `conversations.reply_conversation`; raises `Refused`, and `Invalid` for
    no or too many conversations, an unknown change, or a missing value.
    """
    actor.require(assignment.REPLY)
    wanted = list(dict.fromkeys(conversation_ids))
    if not 0 < len(wanted) <= MOST:
        raise Invalid("Too many or none.", fields={"ids": [f"Choose 1 to {MOST} conversations."]})
    service, required = CHANGES.get(change, (None, frozenset()))
    if service is None:
        raise Invalid("This change isn't known.", fields={"change": ["Choose a change."]})
    if missing := sorted(required - values.keys()):
        raise Invalid("A value is missing.", fields={name: ["This is needed."] for name in missing})
    return [_change(service, actor, pk, values, dry_run=dry_run) for pk in wanted]


def _change(service: Any, actor: Actor, pk: UUID, values: Mapping[str, Any], *, dry_run: bool) -> RowResult:
    try:
        with transaction.atomic():
            service(actor=actor, conversation_id=pk, **values)
            transaction.set_rollback(dry_run)
    except WalkerError as problem:
        return RowResult(pk, problem.code, _said(problem))
    return RowResult(pk)


def _said(problem: WalkerError) -> str:
    """Return the words about a value if there are any: they say more than those about the whole."""
    fields = problem.facts.get("fields")
    words = [text for texts in fields.values() for text in texts] if isinstance(fields, dict) else []
    return " ".join(words) or problem.detail
