"""A brief on request, sent at once."""

from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction

from analytics.models import Brief
from analytics.selectors import locale_of, own_preference, person_of
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.errors import Conflict, TooMany
from core.jobs import queues

PAUSE: Final = timedelta(minutes=1)


def request_brief(*, actor: Actor, now: datetime | None = None) -> Brief:
    """Send the actor a brief now, at most one a minute, even if the daily one is off.

    Needs `analytics.use_brief`; raises `Refused`, `TooMany`, or `Conflict` while one is in progress.
    Audited; the mail goes to the actor's own address.
    """
    user_id = person_of(actor)
    moment = now or clock_now()
    zone = locale_of(own_preference(viewer=actor)).zone
    requested = Brief.objects.filter(user_id=user_id, kind=Brief.Kind.ASKED)
    if requested.filter(created_at__gt=moment - PAUSE).exists():
        raise TooMany("You got a brief less than a minute ago. Check your inbox first.")
    brief = Brief(
        user_id=user_id, kind=Brief.Kind.ASKED, local_date=moment.astimezone(zone).date(),
        due_at=moment, lease_until=moment, created_at=moment,
    )  # fmt: skip
    try:
        with transaction.atomic():
            brief.save(force_insert=True)
            queues.enqueue_after_commit("make_brief", brief.pk)
            chain.note(actor, "BRIEF_ASKED_FOR", brief, new_state=brief.state)
    except IntegrityError:
        raise Conflict("A brief is already on its way to you.", code="brief_on_its_way") from None
    return brief
