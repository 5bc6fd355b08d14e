"""Who is there to answer: chosen by hand, and followed by the pages of the console that a person has open."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.selectors import is_active_member
from conversations.inbox.changes import wake_after_commit
from conversations.inbox.states import REPLY
from conversations.models import Availability, Draft, TeamMember
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import advisory_lock
from core.errors import Invalid, Refused
from core.events import streams
from core.tenancy.scope import platform_scope

PRESENCE: Final = "presence"
"""The stream of who is there."""
SEEN_EVERY: Final = timedelta(seconds=45)
GONE_AFTER: Final = timedelta(seconds=150)
"""A person without a sign of an open page for this long is offline: a page gives one about once a minute."""
State, Source = Availability.State, Availability.Source


def current_availability(*, user_id: UUID) -> Availability | None:
    """Return a person's availability now, or None; for the system."""
    return Availability.objects.filter(user_id=user_id, until=None).first()


def set_availability(*, actor: Actor, state: str, reason: str = "", now: datetime | None = None) -> Availability:
    """Say that one is available, away or offline.

    `reason` is a few words such as "Lunch". Pages that are opened or closed do not change what was chosen,
    except that nobody stays available without one. Needs `conversations.reply_conversation`. Raises `Refused` and
    `Invalid`. Writes `AVAILABILITY_CHANGED`.
    """
    actor.require(REPLY)
    person = actor.require_person("Only a person can do this.")
    if state not in State.values:
        raise Invalid("This can't be saved.", fields={"state": ["Choose online, away or offline."]})
    words = " ".join(reason.replace("\0", "").split())
    if len(words) > 60:
        raise Invalid("This can't be saved.", fields={"reason": ["Use at most 60 characters."]})
    with transaction.atomic():
        return _change(actor, person, state, Source.HAND, now or clock_now(), reason=words)


def note_open_page(*, actor: Actor, now: datetime | None = None) -> None:
    """Note that a person has a page of the console open.

    A person who was offline without choosing it becomes available. Safe to repeat: it writes at most every 45
    seconds. Does nothing for people who may not reply or are in no team.
    """
    if actor.user_id is None or not actor.may(REPLY):
        return
    moment = now or clock_now()
    rows = Availability.objects.filter(user_id=actor.user_id, until=None)
    current = rows.first()
    if current is not None and (current.state != State.OFFLINE or current.source == Source.HAND):
        if current.seen_at is None or current.seen_at <= moment - SEEN_EVERY:
            rows.filter(pk=current.pk).update(seen_at=moment)
        return
    if not TeamMember.objects.filter(user_id=actor.user_id).exists():
        return
    with transaction.atomic():
        _change(actor, actor.user_id, State.ONLINE, Source.PAGE, moment)


def list_gone(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return tenant and id of people who are available without a page."""
    before = (now or clock_now()) - GONE_AFTER
    with platform_scope():
        rows = Availability.objects.filter(until=None, state=State.ONLINE)
        return list(rows.filter(_silent_since(before)).values_list("tenant_id", "user_id")[:200])


def end_silent(*, actor: Actor, user_id: UUID, now: datetime | None = None) -> None:
    """Make a person offline who has had no page of the console open.

    Safe to repeat. For the system. Raises `Refused`. Writes `AVAILABILITY_CHANGED`.
    """
    _require_system(actor)
    moment = now or clock_now()
    with transaction.atomic():
        rows = Availability.objects.filter(user_id=user_id, until=None, state=State.ONLINE)
        if rows.filter(_silent_since(moment - GONE_AFTER)).exists():
            _change(actor, user_id, State.OFFLINE, Source.GONE, moment)


def leave_teams(*, actor: Actor, user_id: UUID, now: datetime | None = None) -> None:
    """End a former member's availability, places in teams and drafts.

    Safe to repeat. For the system. Raises `Refused`. Writes `AVAILABILITY_CHANGED`.
    """
    _require_system(actor)
    if is_active_member(user_id):
        return
    with transaction.atomic():
        TeamMember.objects.filter(user_id=user_id).delete()
        Draft.objects.filter(writer_id=user_id).delete()
        if Availability.objects.filter(user_id=user_id, until=None).exclude(state=State.OFFLINE).exists():
            _change(actor, user_id, State.OFFLINE, Source.SEAT, now or clock_now())


def _require_system(actor: Actor) -> None:
    if actor.kind != "system":
        raise Refused


def _silent_since(before: datetime) -> Q:
    return Q(seen_at__lte=before) | Q(seen_at=None, since__lte=before)


def _change(
    actor: Actor, user_id: UUID, state: str, source: str, moment: datetime, *, reason: str = ""
) -> Availability:
    """End the current time and begin another; the same again changes nothing."""
    # Two pages that open at once would both begin one.
    advisory_lock(f"availability {user_id}")
    current = current_availability(user_id=user_id)
    if current is not None:
        if (current.state, current.source, current.reason) == (state, source, reason):
            return current
        Availability.objects.filter(pk=current.pk).update(until=moment)
    made: Availability = Availability.objects.create(
        user_id=user_id, state=state, source=source, reason=reason, since=moment, seen_at=moment
    )
    facts = {"person": str(user_id), "state": str(state), "since": moment.isoformat()}
    streams.append(PRESENCE, "availability_changed", facts)
    if state == State.ONLINE:
        for team_id in TeamMember.objects.filter(user_id=user_id).values_list("team_id", flat=True):
            wake_after_commit(team_id)
    states = {"old_state": current.state if current else "", "new_state": state}
    chain.note(actor, "AVAILABILITY_CHANGED", made, **states, user=str(user_id), source=str(source))
    return made
