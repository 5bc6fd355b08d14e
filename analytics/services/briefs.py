"""Making a brief and queueing its mail: claimed by one worker, fenced, retried, finally parked."""

from datetime import datetime, timedelta
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
from analytics.models import Brief
from analytics.schedule import WINDOW
from analytics.selectors import locale_of, own_preference
from core.clock import now as clock_now
from core.errors import Refused
from core.jobs import dead_letters, queues
from core.reliability import lease
from core.tenancy.scope import current_tenant_id
from integrations.mail.services import queue_mail
from integrations.mail.types import AUTOMATIC, NewMail

PARKED_AS: Final = "analytics.brief"
MAIL_TYPE: Final = "brief"
LEASE: Final = timedelta(minutes=2)
GRACE: Final = timedelta(seconds=5)
MAX_ATTEMPTS: Final = 5
BATCH: Final = 200
State = Brief.State


def list_stuck(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return (tenant, brief) of open briefs without a worker. For the sweep.

    Their task was lost, is to be retried, or crashed.
    """
    unfinished = Q(state__in=[State.QUEUED, State.WORKING], lease_until__isnull=False)
    return lease.list_free(Brief, unfinished, order="lease_until", limit=BATCH, now=(now or clock_now()) - GRACE)


def claim_brief(*, brief_id: UUID, now: datetime | None = None) -> Brief | None:
    """Claim a brief for the worker; returns None if it is another's or done."""
    rows, working = Brief.objects.select_related("user").filter(pk=brief_id), Q(state=State.WORKING)
    facts = {"state": State.WORKING, "attempts": F("attempts") + 1}
    return lease.claim(rows, LEASE, where=working, queued=Q(state=State.QUEUED), now=now, **facts)


def make_brief(*, brief: Brief, now: datetime | None = None) -> Brief | None:
    """Collect, compose and send one claimed brief; return None if the claim is lost.

    For the worker, in the tenant's scope. The brief contains what its person may see now; it is skipped with a reason
    if they are no longer a member, or later than `schedule.WINDOW`. Mail and state change in one transaction. Any error
    is raised; the caller then calls `record_failure`.
    """
    moment = now or clock_now()
    try:
        actor = actor_for_user(brief.user)
        wish = own_preference(viewer=actor)
    except Refused:
        return _close(brief, State.SKIPPED, reason="not_a_member")
    if brief.kind == Brief.Kind.DAILY and moment - brief.due_at > WINDOW:
        return _close(brief, State.SKIPPED, reason="too_late")
    language = locale_of(wish).language
    content = compose(viewer=actor, sections=wish.sections, language=language, day=brief.local_date, now=moment)
    return _send(brief, content)


def _close(brief: Brief, state: str, **values: Any) -> Brief | None:
    if not lease.release(brief, where=Q(state=State.WORKING), state=state, **values):
        return None
    brief.refresh_from_db()
    return brief


def _send(brief: Brief, content: dict[str, Any]) -> Brief | None:
    url = unsubscribe_url(brief.user_id)
    mail = render_for(brief.user, content, unsubscribe=url, brief_id=brief.pk)
    with transaction.atomic():
        sent = _close(brief, State.SENT, sent_at=clock_now())
        if sent is None:
            return None
        unsubscribe = {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
        delivery = queue_mail(
            NewMail(
                type=MAIL_TYPE,
                recipient=sent.user.mail_address,
                subject=mail.subject,
                text=mail.text,
                html=mail.html,
                ref=sent.pk,
                key=mail_key(sent),
                headers=unsubscribe | AUTOMATIC,
                user_id=sent.user_id,
            )
        )
        sent.content, sent.delivery_id = content, delivery.pk
        sent.save(update_fields=["content", "delivery_id"])
    return sent


def mail_key(brief: Brief) -> str:
    """Return the key of a brief's only mail."""
    return f"brief:{brief.pk}"


def render_for(user: User, content: dict[str, Any], *, unsubscribe: str = "", brief_id: UUID | None = None) -> Rendered:
    """Return the mail of a brief for this person, in the tenant's scope. One query.

    Only the mail that is sent gets the `brief_id`, and by it decision links.
    """
    tenant = Tenant.objects.only("name").get(pk=current_tenant_id()).name
    return render(content=content, name=user.first_name, tenant=tenant, unsubscribe_url=unsubscribe, brief_id=brief_id)


def unsubscribe_url(user_id: UUID) -> str:
    """Return the URL that turns this person's brief off."""
    token = tokens.issue(tenant_id=current_tenant_id(), user_id=user_id)
    return f"{settings.PUBLIC_URL}{reverse('brief_unsubscribe', args=[token])}"


def record_failure(*, brief: Brief, error: str) -> None:
    """Requeue a failed brief for a later attempt, or park it after `MAX_ATTEMPTS`.

    For the worker that claimed it, in the tenant's scope: one that has lost it writes nothing. `error` names the kind
    of failure.
    """
    if brief.attempts < MAX_ATTEMPTS:
        again = clock_now() + timedelta(seconds=30) * brief.attempts
        lease.release(brief, until=again, where=Q(state=State.WORKING), state=State.QUEUED)
        return
    with transaction.atomic():
        if _close(brief, State.FAILED, reason="failed"):
            dead_letters.park(kind=PARKED_AS, ref=brief.pk, error=error)


def requeue_brief(brief_id: UUID) -> None:
    """Queue a failed brief again, when its failed job is retried."""
    failed = Brief.objects.filter(pk=brief_id, state=State.FAILED)
    # A lease that no worker has needs a fence that no worker knows.
    fresh = {"state": State.QUEUED, "attempts": 0, "reason": "", "lease_until": clock_now(), "fence": F("fence") + 1}
    if failed.update(**fresh):
        queues.enqueue_after_commit("make_brief", brief_id)
