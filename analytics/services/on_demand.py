"""A brief in between, sent at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from analytics.models import Brief
from analytics.selectors import own_preference, person_of
from analytics.services import briefs
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.errors import Conflict, TooMany

PAUSE: Final = timedelta(minutes=1)


def ask_for_brief(*, actor: Actor, now: datetime | None = None) -> Brief:
    """Send the actor his brief now, whether or not the daily one is on, at most one a minute.

    Needs `analytics.use_brief`; raises `Refused`, `TooMany`, or `Conflict` while one is on its way.
    Audited; the mail goes to his own address.
    """
    user_id = person_of(actor)
    moment = now or clock_now()
    wanted = own_preference(viewer=actor)
    asked = Brief.objects.filter(user_id=user_id, kind=Brief.Kind.ASKED)
    if asked.filter(created_at__gt=moment - PAUSE).exists():
        raise TooMany("One was sent to you within the last minute. Look into your mailbox first.")
    brief = Brief(
        user_id=user_id, kind=Brief.Kind.ASKED, local_date=moment.astimezone(ZoneInfo(wanted.zone)).date(),
        due_at=moment, lease_until=moment, created_at=moment,
    )  # fmt: skip
    try:
        with transaction.atomic():
            brief.save(force_insert=True)
            briefs.queue(brief)
            chain.record(
                actor=actor, action="BRIEF_ASKED_FOR", object_type="analytics.brief", object_id=brief.pk,
                new_state=brief.state,
            )  # fmt: skip
    except IntegrityError:
        raise Conflict("One is on its way to you.", code="brief_on_its_way") from None
    return brief
