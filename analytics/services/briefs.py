"""Putting a brief together and handing it to the mail port: claimed, fenced, tried again, parked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse

from accounts.models import Tenant, User
from accounts.services import actor_for_user
from analytics import tokens
from analytics.brief.compose import compose
from analytics.brief.render import Rendered, render
from analytics.models import Brief, BriefPreference
from analytics.schedule import WINDOW
from analytics.selectors import own_preference
from core.actors import Actor, system
from core.clock import now as clock_now
from core.errors import Refused
from core.jobs import dead_letters
from core.tenancy.scope import current_tenant_id, platform_scope
from integrations.mail.services import queue_mail

PARKED_AS: Final = "analytics.brief"
MAIL_TYPE: Final = "brief"
MAKER: Final = system("briefs")
LEASE: Final = timedelta(minutes=2)
# Nobody's holiday note is to answer a brief (RFC 3834).
AUTOMATIC: Final = {"Auto-Submitted": "auto-generated"}
GRACE: Final = timedelta(seconds=5)
MAX_ATTEMPTS: Final = 5
BATCH: Final = 200
State = Brief.State
_enqueue: list[Callable[[UUID, UUID], None]] = []


def on_queued(enqueue: Callable[[UUID, UUID], None]) -> None:
    """Say how a queued brief reaches a worker soon; the sweep finds it in any case."""
    _enqueue[:] = [enqueue]


def queue(brief: Brief) -> None:
    """Wake a worker for a brief after the commit."""
    ids = brief.tenant_id, brief.pk
    for enqueue in _enqueue:
        transaction.on_commit(partial(enqueue, *ids), robust=True)


def list_stuck(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return (tenant, brief) of briefs that nobody works on: lost hints, retries, crashes. For the sweep."""
    with platform_scope():
        open_ones = Brief.objects.filter(state__in=[State.QUEUED, State.WORKING])
        late = open_ones.filter(lease_until__lt=(now or clock_now()) - GRACE).order_by("lease_until")
        return list(late.values_list("tenant_id", "pk")[:BATCH])


def make_brief(*, brief_id: UUID, now: datetime | None = None) -> Brief | None:
    """Collect, word and send one brief; returns None when somebody else has it or it is done.

    Who may: the worker, in the tenant's scope. The brief sees what its person may see now; without a
    seat, or later than `due.WINDOW`, it is left out with a reason. Mail and state change in one
    transaction. Raises whatever breaks; `give_up_for_now` then decides.
    """
    moment = now or clock_now()
    brief = _take(brief_id, moment)
    if brief is None:
        return None
    try:
        actor = actor_for_user(brief.user)
        wanted = own_preference(viewer=actor)
    except Refused:
        return _close(brief, State.SKIPPED, reason="no_seat")
    if brief.kind == Brief.Kind.DAILY and moment - brief.due_at > WINDOW:
        return _close(brief, State.SKIPPED, reason="too_late")
    return _send(brief, _compose(brief, actor, wanted, moment), actor)


def _compose(brief: Brief, actor: Actor, wanted: BriefPreference, moment: datetime) -> dict[str, Any]:
    return compose(viewer=actor, sections=wanted.sections, language=wanted.language, day=brief.local_date, now=moment)


def _take(brief_id: UUID, moment: datetime) -> Brief | None:
    """Claim it; the number of attempts is the fence."""
    free = Q(state=State.QUEUED) | Q(state=State.WORKING, lease_until__lt=moment)
    won = Brief.objects.filter(free, pk=brief_id).update(
        state=State.WORKING, lease_until=moment + LEASE, attempts=F("attempts") + 1
    )
    if not won:
        return None
    brief: Brief = Brief.objects.select_related("user").get(pk=brief_id)
    return brief


def _close(brief: Brief, state: str, **values: Any) -> Brief | None:
    held = Brief.objects.filter(pk=brief.pk, state=State.WORKING, attempts=brief.attempts)
    if not held.update(state=state, lease_until=None, **values):
        return None
    brief.refresh_from_db()
    return brief


def _send(brief: Brief, content: dict[str, Any], actor: Actor) -> Brief | None:
    url = unsubscribe_url(brief.user_id)
    mail = render_for(brief.user, content, unsubscribe=url)
    with transaction.atomic():
        sent = _close(brief, State.SENT, sent_at=clock_now())
        if sent is None:
            return None
        sent.content = content
        sent.delivery_id = _post(sent, mail, url)
        sent.save(update_fields=["content", "delivery_id"])
    return sent


def _post(brief: Brief, mail: Rendered, url: str) -> UUID:
    delivery = queue_mail(
        actor=MAKER,
        type=MAIL_TYPE,
        recipient=brief.user.email,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        ref=brief.pk,
        key=mail_key(brief),
        headers={"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"} | AUTOMATIC,
        user_id=brief.user_id,
    )
    found: UUID = delivery.pk
    return found


def mail_key(brief: Brief) -> str:
    """Return the key of a brief's one mail."""
    return f"brief:{brief.pk}"


def render_for(user: User, content: dict[str, Any], *, unsubscribe: str = "") -> Rendered:
    """Return the mail of a brief for this person, in the tenant's scope. One query."""
    tenant = Tenant.objects.only("name").get(pk=current_tenant_id()).name
    return render(content=content, name=user.first_name, tenant=tenant, unsubscribe_url=unsubscribe)


def unsubscribe_url(user_id: UUID) -> str:
    """Return the address that switches this person's brief off."""
    token = tokens.issue(tenant_id=current_tenant_id(), user_id=user_id)
    return f"{settings.PUBLIC_URL}{reverse('brief_unsubscribe', args=[token])}"


def give_up_for_now(*, brief_id: UUID, error: str, now: datetime | None = None) -> None:
    """After a failure: let the sweep try again later, or park the brief when it was tried often enough.

    Who may: the worker, in the tenant's scope. `error` names the kind of failure.
    """
    moment = now or clock_now()
    with transaction.atomic():
        brief = Brief.objects.select_for_update().filter(pk=brief_id, state=State.WORKING).first()
        if brief is None:
            return
        if brief.attempts < MAX_ATTEMPTS:
            again = moment + timedelta(seconds=30) * brief.attempts
            Brief.objects.filter(pk=brief.pk).update(state=State.QUEUED, lease_until=again)
            return
        Brief.objects.filter(pk=brief.pk).update(state=State.FAILED, lease_until=None, reason="failed")
        dead_letters.park(kind=PARKED_AS, ref=brief.pk, error=error)


def make_again(brief_id: UUID) -> None:
    """Queue a failed brief again; the replayer of its dead letter."""
    failed = Brief.objects.filter(pk=brief_id, state=State.FAILED)
    if failed.update(state=State.QUEUED, attempts=0, reason="", lease_until=clock_now()):
        queue(Brief.objects.get(pk=brief_id))
