"""Do the same with many conversations, each for itself."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from conversations.inbox import assignment, changes, snoozes, states, tags
from conversations.inbox.changes import Change
from conversations.models import Conversation
from conversations.transitions import CLOSED
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Invalid, NotFound, WalkerError

MOST: Final = 500
CHUNK: Final = 25
"""How many share a transaction, with one statement for all their events; they are locked until its end."""
Step = Callable[[Conversation], Change | None]


def _assign(actor: Actor, user_id: UUID, *, even_if_full: bool = False) -> Step:
    states.require_replier(user_id)
    return partial(states.assign_locked, actor, user_id=user_id, even_if_full=even_if_full)


def _move(actor: Actor, team_id: UUID | None) -> Step:
    return partial(assignment.move_locked, actor, team_id=team_id, moment=clock_now())


def _tag(actor: Actor, add: Collection[UUID] = (), remove: Collection[UUID] = ()) -> Step:
    tags.require_tags(add)
    return partial(tags.tag_locked, actor, add=add, remove=remove)


def _prioritise(actor: Actor, priority: int) -> Step:
    snoozes.require_priority(priority)
    return partial(snoozes.prioritise_locked, actor, priority=priority, moment=clock_now())


def _close(actor: Actor, *, resolved: bool) -> Step:
    return partial(states.close_locked, actor, resolved=resolved, moment=clock_now())


CHANGES: Final[dict[str, tuple[Callable[..., Step], frozenset[str]]]] = {
    "assign": (_assign, frozenset({"user_id"})),
    "team": (_move, frozenset({"team_id"})),
    "tags": (_tag, frozenset()),
    "priority": (_prioritise, frozenset({"priority"})),
    "close": (_close, frozenset({"resolved"})),
}
"""What can be done with many, and the values it can't do without. The first checks what is the same for all."""


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
    *, actor: Actor, conversation_ids: Sequence[UUID], change: str, values: Mapping[str, Any], dry_run: bool = False
) -> list[RowResult]:
    """Change up to 500 conversations, and return what became of each.

    They are assigned, moved, tagged, prioritised or closed, each wholly or not at all, by the rules and rights for
    one and with its audit entry: one that can't be changed holds up no other. 25 at a time share a transaction; if
    that fails, those before it stay done. Safe to repeat. With `dry_run` everything is rolled back. Needs
    `conversations.reply_conversation`; raises `Refused`, and `Invalid` for no or too many conversations, an unknown
    change, or a missing value.
    """
    actor.require(assignment.REPLY)
    wanted = list(dict.fromkeys(conversation_ids))
    if not 0 < len(wanted) <= MOST:
        raise Invalid("Too many or none.", fields={"ids": [f"Choose 1 to {MOST} conversations."]})
    begin, required = CHANGES.get(change, (None, frozenset()))
    if begin is None:
        raise Invalid("This change isn't known.", fields={"change": ["Choose a change."]})
    if missing := sorted(required - values.keys()):
        raise Invalid("A value is missing.", fields={name: ["This is needed."] for name in missing})
    # A dry run counts the room of people over all of it, so it is one transaction.
    size = MOST if dry_run else CHUNK
    found: list[RowResult] = []
    for first in range(0, len(wanted), size):
        ids = wanted[first : first + size]
        step = partial(begin, actor, **values)
        found += _change_chunk(actor, ids, step, team_id=values.get("team_id"), dry_run=dry_run)
    return found


def _change_chunk(
    actor: Actor, ids: Sequence[UUID], begin: Callable[[], Step], *, team_id: UUID | None, dry_run: bool
) -> list[RowResult]:
    """Change conversations, to `team_id` if they move, in one transaction that tells of them at its end."""
    made: list[Change | None] = []
    with transaction.atomic():
        try:
            step = begin()
        except WalkerError as problem:
            return [_refused(pk, problem) for pk in ids]
        rows = states.lock_all(ids, actor=actor)
        assignment.lock_rooms(*(row.team_id for row in rows.values() if row.state != CLOSED), team_id)
        results = [_change_one(step, pk, rows.get(pk), made) for pk in ids]
        if dry_run:
            transaction.set_rollback(True)
        else:
            changes.keep(made)
    return results


def _change_one(step: Step, pk: UUID, row: Conversation | None, made: list[Change | None]) -> RowResult:
    """Change one locked conversation; what fails leaves nothing of it."""
    try:
        if row is None:
            raise NotFound("There is no such conversation.")
        with transaction.atomic():
            made.append(step(row))
    except WalkerError as problem:
        return _refused(pk, problem)
    return RowResult(pk)


def _refused(pk: UUID, problem: WalkerError) -> RowResult:
    """Return why nothing happened, in the words about a value if there are any: they say more than the whole's."""
    fields = problem.facts.get("fields")
    words = [text for texts in fields.values() for text in texts] if isinstance(fields, dict) else []
    return RowResult(pk, problem.code, " ".join(words) or problem.detail)
