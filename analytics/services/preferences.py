"""Saving a person's brief preference, and turning the brief off by a mail's link."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from analytics.brief.choices import section_titles
from analytics.brief.texts import TEXTS
from analytics.models import Brief, BriefPreference
from analytics.schedule import next_slot
from analytics.selectors import locale_of, own_preference, person_of
from core.actors import Actor, system
from core.audit import chain
from core.clock import now as clock_now
from core.clock import zones
from core.errors import Invalid

SETTINGS: Final = ("is_on", "at", "zone", "sections", "language")
"""What a person chooses; the rest follows from it."""


def set_preference(
    *,
    actor: Actor,
    is_on: bool,
    at: time,
    zone: str,
    sections: Sequence[str],
    language: str,
    now: datetime | None = None,
) -> BriefPreference:
    """Save the actor's own brief preference; nobody can save another person's.

    Needs `analytics.use_brief`; raises `Invalid` with the fields. Today's brief is sent if its time is in the
    future, or at most `schedule.CATCH_UP` ago and none exists for the date. Audited.
    """
    user_id = person_of(actor)
    wrong, known, moment = {}, section_titles(), now or clock_now()
    if zone and zone not in zones():
        wrong["zone"] = ["Choose an IANA time zone such as Europe/Berlin, or leave it empty for that of your profile."]
    if not sections or len(set(sections)) != len(sections) or not set(sections) <= known.keys():
        wrong["sections"] = [f"Choose each section at most once: {', '.join(known)}."]
    if language and language not in TEXTS:
        wrong["language"] = [f"Choose one of {', '.join(TEXTS)}, or leave it empty for that of your profile."]
    if wrong:
        raise Invalid("These settings aren't valid.", fields=wrong)
    local = at.replace(second=0, microsecond=0, tzinfo=None)
    values = {"is_on": is_on, "at": local, "zone": zone, "sections": list(sections), "language": language}
    with transaction.atomic():
        BriefPreference.objects.bulk_create([BriefPreference(user_id=user_id)], ignore_conflicts=True)
        row: BriefPreference = BriefPreference.objects.select_for_update().get(user_id=user_id)
        was_on, next_due_at = row.is_on, None
        if is_on:
            daily = Brief.objects.filter(user_id=user_id, kind=Brief.Kind.DAILY)
            last = daily.order_by("-local_date").values_list("local_date", flat=True).first()
            here = locale_of(BriefPreference(user_id=user_id, zone=zone, language=language)).zone
            next_due_at = next_slot(at=local, zone=here, now=moment, last=last).moment
        BriefPreference.objects.filter(pk=row.pk).update(**values, next_due_at=next_due_at, changed_at=moment)
        row.refresh_from_db()
        _record(actor, row, was_on, at=f"{local:%H:%M}", zone=zone, language=language, sections=list(sections))
    return row


def change_preference(*, actor: Actor, changes: Mapping[str, Any], now: datetime | None = None) -> BriefPreference:
    """Change single settings of the actor's own brief; the others stay.

    Who may, what it raises and what it does are those of `set_preference`.
    """
    with transaction.atomic():
        # Locked first: two changes of different settings at once keep both.
        unsaved = own_preference(viewer=actor)
        BriefPreference.objects.bulk_create([BriefPreference(user_id=unsaved.user_id)], ignore_conflicts=True)
        row: BriefPreference = BriefPreference.objects.select_for_update().get(user_id=unsaved.user_id)
        kept = {name: getattr(row, name) for name in SETTINGS}
        return set_preference(actor=actor, **{**kept, **changes}, now=now)


def switch_off(*, user_id: UUID) -> bool:
    """Turn off a person's brief by the link in their mail; returns whether it was on.

    Open to the holder of the signed link, in the tenant's scope. Safe to repeat; audited if it was on.
    """
    with transaction.atomic():
        row = BriefPreference.objects.select_for_update().filter(user_id=user_id, is_on=True).first()
        if row is None:
            return False
        BriefPreference.objects.filter(pk=row.pk).update(is_on=False, next_due_at=None, changed_at=clock_now())
        row.is_on = False
        _record(system("unsubscribe-link"), row, True, user=str(user_id))
    return True


def _record(actor: Actor, row: BriefPreference, was_on: bool, **facts: object) -> None:
    old, new = ("on" if is_on else "off" for is_on in (was_on, row.is_on))
    chain.note(actor, "BRIEF_PREFERENCE_SET", row, old_state=old, new_state=new, **facts)
