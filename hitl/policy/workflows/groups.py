"""Create, change and delete approver groups."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from accounts.selectors import is_active_member, names_of
from accounts.versioning import lock_version, unique
from core.actors import Actor
from core.errors import Invalid
from core.events.outbox import Announcement, announce_all
from hitl.models import ApprovalLevel, ApproverGroup, GroupMember
from hitl.policy.versions import change_locked, refuse_used
from hitl.seals import rules

MANAGE: Final = "hitl.manage_workflow"
MISSING: Final = "This group doesn't exist."
IN_USE: Final = "This group is used by {}. Change or retire the workflow first."
NAME_IN_USE: Final = "A group with this name already exists."


def create_group(*, actor: Actor, name: str, people: Iterable[UUID]) -> ApproverGroup:
    """Create a group of people who are asked together.

    Who may: holders of `hitl.manage_workflow`. Raises Refused, Invalid, Conflict for a name in use.
    """
    actor.require(MANAGE)
    members, name = _checked_people(people), _checked_name(name)
    with unique(actor, ApproverGroup.objects.filter(name=name), NAME_IN_USE):
        rules.lock_intact(actor)
        group: ApproverGroup = ApproverGroup.objects.create(name=name)
        for person in members:
            GroupMember.objects.create(group=group, user_id=person)
        _audit(actor, "APPROVER_GROUP_CREATED", group, members=len(members))
    return group


def revise_group(
    *, actor: Actor, group_id: UUID, name: str, people: Iterable[UUID], seen_version: int | None = None
) -> ApproverGroup:
    """Change a group's name and members, also for waiting requests.

    Who may: holders of `hitl.manage_workflow`. `seen_version` is the version the change is based on.
    Raises Refused, NotFound, Invalid, Conflict (also `stale_version`). Announces rights_changed for each
    person added or removed.
    """
    actor.require(MANAGE)
    wanted = set(_checked_people(people))
    with unique(actor, ApproverGroup.objects.filter(name=name.strip()[:80]), NAME_IN_USE):
        rules.lock_intact(actor)
        group = lock_version(actor, ApproverGroup, group_id, seen_version, MISSING)
        change_locked(actor, group, None, name=_checked_name(name))
        there = set(GroupMember.objects.filter(group=group).values_list("user_id", flat=True))
        GroupMember.objects.filter(group=group, user_id__in=there - wanted).delete()
        for person in sorted(wanted - there):
            GroupMember.objects.create(group=group, user_id=person)
        _announce(there ^ wanted)
        _audit(actor, "APPROVER_GROUP_REVISED", group, added=len(wanted - there), removed=len(there - wanted))
    return group


def delete_group(*, actor: Actor, group_id: UUID, seen_version: int | None = None) -> None:
    """Delete a group that no active workflow uses.

    Who may: holders of `hitl.manage_workflow`. Raises Refused, NotFound, Conflict that names the
    workflows, or (`stale_version`) who changed it. Waiting requests lose its approvers. Announces
    rights_changed for each member.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        rules.lock_intact(actor)
        group = lock_version(actor, ApproverGroup, group_id, seen_version, MISSING)
        asked = [{"type": "group", "value": str(group_id)}]
        refuse_used(actor, ApprovalLevel.objects.filter(workflow__is_active=True, approvers__contains=asked), IN_USE)
        members = list(GroupMember.objects.filter(group=group).values_list("user_id", flat=True))
        ApproverGroup.objects.filter(pk=group_id).delete()
        _announce(members)
        _audit(actor, "APPROVER_GROUP_DELETED", group)


def _announce(people: Iterable[UUID]) -> None:
    announce_all(Announcement("rights_changed", person, {}) for person in sorted(people))


def _checked_name(name: str) -> str:
    if not name.strip():
        raise Invalid("Enter a name for the group.", fields={"name": ["Enter a name."]})
    return name.strip()[:80]


def _checked_people(people: Iterable[UUID]) -> list[UUID]:
    members = sorted(set(people))
    left = [person for person in members if not is_active_member(person)]
    if left:
        names = names_of(left)
        texts = [f"{names.get(person, 'This person')} is no longer a member. Remove this person." for person in left]
        raise Invalid("Choose active members only.", fields={"people": texts})
    return members


def _audit(actor: Actor, action: str, group: ApproverGroup, **facts: Any) -> None:
    rules.note(actor, action, group, **facts)
