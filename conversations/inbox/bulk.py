"""Do the same with many conversations, each for itself: at once, or by a worker that keeps how far it is."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, cast
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Q

from accounts.services import actor_for_user
from conversations.inbox import assignment, changes, snoozes, states, tags
from conversations.inbox.changes import Change
from conversations.models import BulkChange, Conversation
from conversations.transitions import CLOSED
from core import retention
from core.actors import Actor
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid, NotFound, WalkerError
from core.jobs import queues
from core.reliability import lease

MOST: Final = 500
CHUNK: Final = 25
"""How many share a transaction, with one statement for all their events; they are locked until its end."""
LEASE: Final = timedelta(seconds=30)
LIFE: Final = timedelta(hours=1)
"""After which what is left of a change is dropped: nobody expects it any more."""
ATTEMPTS: Final = 3
KEPT: Final = timedelta(days=7)
TOO_LATE: Final = "It waited for more than an hour, so it wasn't changed. Select it again."
BROKE: Final = "It couldn't be changed because of an error. Ask your operator to check the log."
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


class _Lost(Exception):
    """Another worker has the change."""


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
    wanted, begin = _checked(actor, conversation_ids, change, values)
    # A dry run counts the room of people over all of it, so it is one transaction.
    size = MOST if dry_run else CHUNK
    found: list[RowResult] = []
    for first in range(0, len(wanted), size):
        ids = wanted[first : first + size]
        step = partial(begin, actor, **values)
        found += _change_chunk(actor, ids, step, team_id=values.get("team_id"), dry_run=dry_run)
    return found


def start_change(
    *, actor: Actor, conversation_ids: Sequence[UUID], change: str, values: Mapping[str, Any], key: UUID
) -> BulkChange:
    """Start a change of many conversations, and return how far it is.

    They are changed as by `change_many`: up to 25 now, more by a worker. Sent under the same key again it is the same
    change, and with other content `Conflict` ("id_reused"). Needs `conversations.reply_conversation` and a person;
    raises as `change_many`.
    """
    wanted, _ = _checked(actor, conversation_ids, change, values)
    maker = actor.require_person("Only a person can start this.")
    given = {"change": change, "values": dict(values), "conversation_ids": wanted}
    with transaction.atomic():
        row, is_new = BulkChange.objects.get_or_create(maker_id=maker, key=key, defaults=given)
        as_json = partial(json.dumps, cls=DjangoJSONEncoder, sort_keys=True)
        if as_json(given) != as_json({name: getattr(row, name) for name in given}):
            problem = "This was started before, with other conversations or values. Select them in the inbox again."
            raise Conflict(problem, code="id_reused")
        if is_new and len(wanted) > CHUNK:
            queues.enqueue_after_commit("work_bulk_change", row.pk)
    if len(wanted) <= CHUNK:
        work_change(change_id=row.pk, actor=actor)
    return get_change(viewer=actor, change_id=row.pk)


def get_change(*, viewer: Actor, change_id: UUID) -> BulkChange:
    """Return one's own change with the results so far. Raises `NotFound`."""
    rows = BulkChange.objects.filter(pk=change_id, maker_id=viewer.user_id)
    found: BulkChange = get_or_missing(rows, "There is no such change.")
    return found


def work_change(*, change_id: UUID, actor: Actor | None = None, now: datetime | None = None) -> bool:
    """Make what is left of a change, and return True when it is finished.

    With the rights that its maker has at each part. For the worker; safe to call at any time. Results are kept in the
    transaction of their conversations, so a worker that follows one that died goes on after them.
    """
    moment = now or clock_now()
    row = lease.claim(BulkChange.objects.filter(pk=change_id, finished_at=None), LEASE, now=moment)
    if row is None:
        return False
    stop = TOO_LATE if moment - row.created_at > LIFE else BROKE if row.fence > ATTEMPTS else ""
    values = {  # JSON has no ids
        name: [UUID(one) for one in value] if name in ("add", "remove")
        else UUID(value) if value and name.endswith("_id") else value
        for name, value in row.values.items()
    }  # fmt: skip
    try:
        while left := row.conversation_ids[len(row.results) :]:
            try:
                by = actor or actor_for_user(row.maker)
                by.require(assignment.REPLY)
            except WalkerError as problem:
                stop = problem.detail
            if stop:
                _keep(row, [RowResult(pk, "stopped", stop) for pk in left])
                continue
            step = partial(CHANGES[row.change][0], by, **values)
            team_id = cast("UUID | None", values.get("team_id"))
            _change_chunk(by, left[:CHUNK], step, team_id=team_id, keep=partial(_keep, row))
    except _Lost:
        return False
    return lease.release(row, finished_at=clock_now())


def list_abandoned(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return tenant and id of changes that no worker is making. For the sweep."""
    return lease.list_free(BulkChange, Q(finished_at=None), now=now)


def prune_changes(*, now: datetime | None = None) -> int:
    """Delete changes of more than a week ago; return how many. For the sweep."""
    return retention.remove(BulkChange, retention.made_before((now or clock_now()) - KEPT))


def _keep(row: BulkChange, results: Sequence[RowResult]) -> None:
    """Keep the results of the next conversations, and the lease; raises `_Lost`."""
    row.results = [*row.results, *([one.code, one.detail] for one in results)]
    if not lease.renew(row, LEASE, results=row.results):
        raise _Lost


def _checked(
    actor: Actor, conversation_ids: Sequence[UUID], change: str, values: Mapping[str, Any]
) -> tuple[list[UUID], Callable[..., Step]]:
    """Return each conversation once, and what begins the change; raises `Refused` and `Invalid`."""
    actor.require(assignment.REPLY)
    wanted = list(dict.fromkeys(conversation_ids))
    if not 0 < len(wanted) <= MOST:
        raise Invalid("Too many or none.", fields={"ids": [f"Choose 1 to {MOST} conversations."]})
    begin, required = CHANGES.get(change, (None, frozenset()))
    if begin is None:
        raise Invalid("This change isn't known.", fields={"change": ["Choose a change."]})
    if missing := sorted(required - values.keys()):
        raise Invalid("A value is missing.", fields={name: ["This is needed."] for name in missing})
    return wanted, begin


def _change_chunk(
    actor: Actor,
    ids: Sequence[UUID],
    begin: Callable[[], Step],
    *,
    team_id: UUID | None,
    dry_run: bool = False,
    keep: Callable[[list[RowResult]], None] = lambda _: None,
) -> list[RowResult]:
    """Change conversations, to `team_id` if they move, in one transaction that tells of them at its end."""
    made: list[Change | None] = []
    with transaction.atomic():
        try:
            step = begin()
        except WalkerError as problem:
            refused = [_refused(pk, problem) for pk in ids]
            keep(refused)
            return refused
        rows = states.lock_all(ids, actor=actor)
        assignment.lock_rooms(*(row.team_id for row in rows.values() if row.state != CLOSED), team_id)
        results = [_change_one(step, pk, rows.get(pk), made) for pk in ids]
        if dry_run:
            transaction.set_rollback(True)
        else:
            keep(results)
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
