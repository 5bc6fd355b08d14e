"""Groups that the directory pushes: who is in them, and who has to follow them now."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import transaction

from accounts.company.directory.people import check_seen, query_people
from accounts.company.people import make_due
from accounts.models import DirectoryGroup, DirectoryMember, DirectoryPerson, IdentityProvider
from accounts.permissions.role_limits import MANAGE
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.errors import Invalid, check_fields
from core.text.clean import text_problem

MISSING: Final = "There is no such group."
LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Content:
    """What the directory says of a group; `people` are ids of pushed people."""

    name: str
    external: str = ""
    people: frozenset[UUID] = frozenset()


Change = Callable[[Content], Content]


def content_of(row: DirectoryGroup) -> Content:
    """Return a group as the directory knows it. One query."""
    people = DirectoryMember.objects.filter(group=row).values_list("person_id", flat=True)
    return Content(row.name, row.external, frozenset(people))


def version_of(row: DirectoryGroup) -> str:
    """Return what changes with a group."""
    return f"{int(row.changed_at.timestamp() * 1_000_000):x}"


def add_group(*, actor: Actor, content: Content) -> DirectoryGroup:
    """Keep a group that the directory has pushed. Its people get the role and teams that it gives in a moment.

    For the directory. Needs `accounts.manage_membership`. Raises `Refused`, and `Invalid` with the fields. Writes
    `DIRECTORY_GROUP_ADDED`.
    """
    actor.require(MANAGE)
    _check(content)
    with transaction.atomic():
        row: DirectoryGroup = DirectoryGroup.objects.create(name=content.name, external=content.external)
        _make_due(content.people, by=(content,))
        _enter(row, content.people)
        chain.note(actor, "DIRECTORY_GROUP_ADDED", row, joined=len(content.people))
    return row


def revise_group(*, actor: Actor, group_id: UUID, change: Change, seen: Collection[str] = ()) -> DirectoryGroup:
    """Change a group's name or its people, who get and lose what it gives in a moment. Writes nothing for no change.

    `change` makes the new content of the one of now, under the lock. For the directory. Needs
    `accounts.manage_membership`. Raises `Refused`, `NotFound`, `Invalid` with the fields, and `Conflict`
    ("stale_version"). Writes `DIRECTORY_GROUP_CHANGED`.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        row = locked(DirectoryGroup, group_id, MISSING)
        check_seen(version_of(row), seen)
        before = content_of(row)
        after = change(before)
        if after == before:
            return row
        _check(after, there=before.people)
        joined, left = after.people - before.people, before.people - after.people
        row.name, row.external, row.changed_at = after.name, after.external, clock_now()
        row.save()
        is_same = (before.name, before.external) == (after.name, after.external)
        # People before their places, as where one is removed.
        _make_due(joined | left if is_same else before.people | after.people, by=(before, after))
        _enter(row, joined)
        DirectoryMember.objects.filter(group=row, person_id__in=left).delete()
        chain.note(actor, "DIRECTORY_GROUP_CHANGED", row, joined=len(joined), left=len(left), renamed=not is_same)
    return row


def remove_group(*, actor: Actor, group_id: UUID, seen: Collection[str] = ()) -> None:
    """Forget a group; its people lose what it gave them in a moment.

    For the directory. Needs `accounts.manage_membership`. Raises `Refused`, `NotFound`, and `Conflict`
    ("stale_version"). Writes `DIRECTORY_GROUP_REMOVED`.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        row = locked(DirectoryGroup, group_id, MISSING)
        check_seen(version_of(row), seen)
        before, gone = content_of(row), row.pk
        _make_due(before.people, by=(before,))
        row.delete()
        chain.record(
            actor, "DIRECTORY_GROUP_REMOVED", "accounts.directorygroup", gone, facts={"left": len(before.people)}
        )


def _check(content: Content, *, there: frozenset[UUID] = frozenset()) -> None:
    """Raise `Invalid` for texts that can't be kept, and for people that the directory hasn't pushed."""
    problems = {
        "displayName": text_problem(content.name, LONGEST, needed=True),
        "externalId": text_problem(content.external, LONGEST),
    }
    check_fields(problems)
    wanted = content.people - there
    if query_people().filter(pk__in=wanted).count() < len(wanted):
        problem = "Push each person before the groups that they are in."
        raise Invalid(problem, fields={"members": [problem]})


def _enter(row: DirectoryGroup, people: Iterable[UUID]) -> None:
    DirectoryMember.objects.bulk_create(DirectoryMember(group=row, person_id=one) for one in sorted(people))


def _make_due(people: Collection[UUID], *, by: Collection[Content]) -> None:
    """Let people follow their groups again, if a rule names the group that they joined or left."""
    rules = IdentityProvider.objects.values_list("rules", flat=True).first() or []
    named = {rule["group"] for rule in rules}
    if people and any({one.name, one.external} & named for one in by):
        make_due(DirectoryPerson.objects.filter(pk__in=people))
