"""How people want to be notified: their own settings, and what follows for one message."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import datetime, time
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction

from accounts.notices import USE
from accounts.selectors import wants_mail, zone_of
from accounts.services import choose_mail
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.clock import zones
from core.errors import Invalid
from hitl.domain.delivery_times import PER_HOUR, Wish, after_quiet_hours
from hitl.domain.message_texts import LANGUAGE
from hitl.models import Notification, NotificationPreference
from hitl.notification_channels import EMAIL, channels

MOST_PER_HOUR: Final = 200


@dataclass(frozen=True, slots=True)
class OwnSettings:
    """A person's settings, and the channels that are on for them."""

    row: NotificationPreference
    channels_on: tuple[str, ...]

    @property
    def email(self) -> bool:
        """Return True if they want emails."""
        return EMAIL in self.channels_on


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """How a person wants to be notified: the channels to use, quiet hours, the digest, and the most per hour."""

    channels_on: Collection[str]
    quiet_from: time | None = None
    quiet_until: time | None = None
    zone: str = ""  # of the profile, as is the language
    language: str = ""
    gather: str = "none"
    every: str = "hourly"
    at: time = time(8, 0)
    per_hour: int = PER_HOUR

    def problems(self, names: Collection[str]) -> dict[str, list[str]]:
        """Return what is wrong, by field; `names` are the channels that there are."""
        wrong = {}
        if not set(self.channels_on) <= set(names):
            wrong["channels_on"] = [f"Choose from {', '.join(sorted(names))}."]
        if (self.quiet_from is None) != (self.quiet_until is None):
            missing = "quiet_from" if self.quiet_from is None else "quiet_until"
            wrong[missing] = ["Quiet hours need a beginning and an end. Leave both empty for none."]
        elif self.quiet_from is not None and self.quiet_from == self.quiet_until:
            wrong["quiet_until"] = [
                "Quiet hours must end at another time than they begin. To get no emails at all, turn the channel off."
            ]
        if self.zone and self.zone not in zones():
            wrong["zone"] = [
                "Choose an IANA time zone such as Europe/Berlin, or leave it empty for that of your profile."
            ]
        if self.language and not LANGUAGE.fullmatch(self.language):
            wrong["language"] = ["Enter a language tag such as de or pt-BR, or leave it empty."]
        choices = {"gather": NotificationPreference.Gather.values, "every": NotificationPreference.Every.values}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                wrong[name] = [f"Choose one of {', '.join(known)}."]
        if not 1 <= self.per_hour <= MOST_PER_HOUR:
            wrong["per_hour"] = [f"Enter a number from 1 to {MOST_PER_HOUR}."]
        return wrong


def person_of(actor: Actor) -> UUID:
    """Return the id of the person behind an actor. Needs `accounts.use_notices`; raises Refused."""
    actor.require(USE)
    return actor.require_person("Only people can change this, and only for themselves.")


def own_settings(*, viewer: Actor) -> OwnSettings:
    """Return the viewer's own settings. Needs `accounts.use_notices`; raises Refused."""
    viewer.require(USE)
    person_id = viewer.require_person("Only people are notified.")
    row = NotificationPreference.objects.filter(person_id=person_id).first()
    off = {*(row.channels_off if row else ()), *(() if wants_mail(person_id) else (EMAIL,))}
    on = tuple(name for name, _ in channels() if name not in off)
    return OwnSettings(row or NotificationPreference(person_id=person_id), on)


def list_own_waiting(*, viewer: Actor, limit: int) -> list[Notification]:
    """Return the viewer's notifications that are held back, the next ones first.

    Needs `accounts.use_notices`. One query.
    """
    viewer.require(USE)
    held = Notification.objects.filter(recipient_id=viewer.user_id, status="held").select_related("approval")
    return list(held.order_by("hold_until", "id")[:limit])


def set_notification_preference(*, actor: Actor, wanted: Wanted, now: datetime | None = None) -> OwnSettings:
    """Save how the actor wants to be notified outside the app.

    Nobody can save another person's. Needs `accounts.use_notices`. What waits already keeps its time. A key cannot
    turn emails on or off. Raises Refused, and Invalid with the fields. Announces nothing. Audited.
    """
    person_id = person_of(actor)
    names = {name for name, _ in channels()}
    times = {name: getattr(wanted, name) for name in ("quiet_from", "quiet_until", "at")}
    wanted = replace(
        wanted, **{name: at and at.replace(second=0, microsecond=0, tzinfo=None) for name, at in times.items()}
    )
    if wrong := wanted.problems(names):
        raise Invalid("These settings aren't valid.", fields=wrong)
    values: dict[str, Any] = asdict(wanted)
    channels_on = set(values.pop("channels_on"))
    values["channels_off"] = sorted(names - {EMAIL} - channels_on)
    with transaction.atomic():
        NotificationPreference.objects.bulk_create([NotificationPreference(person_id=person_id)], ignore_conflicts=True)
        row = NotificationPreference.objects.select_for_update().get(person_id=person_id)
        NotificationPreference.objects.filter(pk=row.pk).update(**values, changed_at=now or clock_now())
        if EMAIL in names and wants_mail(person_id) != (EMAIL in channels_on):
            choose_mail(actor=actor, is_on=EMAIL in channels_on)
        facts = {name: f"{value:%H:%M}" if isinstance(value, time) else value for name, value in values.items()}
        chain.note(actor, "NOTIFICATION_PREFERENCE_SET", row, **facts)
    return own_settings(viewer=actor)


def wish_of(person_id: UUID) -> tuple[Wish, frozenset[str]]:
    """Return how a person wants to be notified, and the channels that are off, except email. For the system."""
    row = NotificationPreference.objects.filter(person_id=person_id).first()
    if row is None:
        return Wish(zone_of(person_id)), frozenset()
    wish = Wish(
        # A zone that the system no longer knows must not keep a message back.
        zone=ZoneInfo(row.zone) if row.zone in zones() else zone_of(person_id),
        quiet_from=row.quiet_from,
        quiet_until=row.quiet_until,
        gather=row.gather,
        every=row.every,
        at=row.at,
        per_hour=row.per_hour,
    )
    return wish, frozenset(row.channels_off)


def alert_may_leave_at(*, person_id: UUID, now: datetime | None = None) -> datetime:
    """Return when an alert's mail may be sent to a person.

    Now, or at the end of their quiet hours. For the system, in the tenant's scope.
    """
    return after_quiet_hours(wish_of(person_id)[0], now or clock_now())
