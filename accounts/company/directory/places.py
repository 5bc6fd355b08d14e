"""The role and the teams of pushed people, by their groups: a sweep gives them to those whose groups changed."""

from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, Window
from django.db.models.functions import RowNumber

from accounts.company.claims import teams_in
from accounts.company.directory.tokens import actor_of
from accounts.company.rules import given_now
from accounts.models import Directory, DirectoryMember, DirectoryPerson, Membership
from accounts.permissions.role_limits import can_grant_role
from accounts.permissions.team_scope import place_in_teams
from accounts.selectors import hold_membership
from accounts.services import SIGN_IN_RULE, add_member
from core.db.locks import advisory_lock
from core.errors import WalkerError
from core.observability.logging import get_logger
from core.tenancy.scope import platform_scope

log = get_logger(__name__)
AT_ONCE: Final = 200


def list_due() -> list[tuple[UUID, UUID]]:
    """Return tenant and id of pushed people whose role and teams have to follow their groups."""
    with platform_scope():
        # The first of each organisation before the second of any: a push of thousands keeps no other waiting.
        place = Window(RowNumber(), partition_by=F("tenant_id"), order_by=F("due_at").asc())
        rows = DirectoryPerson.objects.exclude(due_at=None).annotate(place=place).order_by("place", "due_at")
        return list(rows.values_list("tenant_id", "pk")[:AT_ONCE])


def follow_groups(*, person_id: UUID) -> None:
    """Give a pushed person the role and the teams that their groups lead to. Safe to repeat; for the sweep.

    Owners stay owners, and nobody gets or loses a role above that of the owner who made the token, nor gets an own role
    that the person who set the rules couldn't give.
    """
    person = DirectoryPerson.objects.exclude(due_at=None).filter(pk=person_id).first()
    if person is None:
        return
    directory = Directory.objects.select_related("provider", "made_by").first()
    if directory is not None and person.gone_at is None:
        try:
            give_place(directory, person)
        except WalkerError as problem:
            # Its maker left, or lost rights. Another token makes everybody due again.
            log.warning("directory_place_refused", code=problem.code)
    # Groups that changed meanwhile made the person due again.
    DirectoryPerson.objects.filter(pk=person.pk, due_at=person.due_at).update(due_at=None)


def give_place(directory: Directory, person: DirectoryPerson) -> None:
    """Give a pushed person what their groups lead to, as the owner who made the token could. Raises `Refused`.

    Who was never in a group that a rule names keeps what they have: people are pushed before groups, if these are.
    """
    actor, provider = actor_of(directory), directory.provider
    named = DirectoryMember.objects.filter(person=person).values_list("group__name", "group__external")
    groups = {one for names in named for one in names if one}
    if not person.by_groups:
        if not any(rule["group"] in groups for rule in provider.rules):
            return
        DirectoryPerson.objects.filter(pk=person.pk).update(by_groups=True)
    with transaction.atomic():
        # Before the member's row, as where the rule changes.
        advisory_lock(SIGN_IN_RULE, shared=True)
        hold_membership(person.user_id)
        member = Membership.objects.select_related("user").filter(user_id=person.user_id, is_active=True).first()
        if member is None:
            return
        place = given_now(provider).place(groups, has=member.role)
        if place.role != member.role and can_grant_role(actor, member.role):
            add_member(actor=actor, user=member.user, role=place.role)
    # Not in the same transaction: the audit log's head is locked last.
    place_in_teams(actor=actor, user_id=person.user_id, wanted=place.teams, among=teams_in(provider.rules))
