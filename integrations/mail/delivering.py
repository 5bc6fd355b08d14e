"""Handing queued mail over: claim, call, outcome; what was cut off is told apart from what never left."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from core.clock import now as clock_now
from core.errors import Conflict, Unavailable
from core.jobs import dead_letters
from core.observability.logging import get_logger
from core.observability.metrics import counter
from core.tenancy.scope import platform_scope, tenant_scope
from integrations.mail import events, routes
from integrations.mail.progress import Report
from integrations.mail.tracking import move
from integrations.mail.types import Mail, Outcome, Rejected, Taken, Unknown
from integrations.models import MailDelivery

log = get_logger(__name__)

KIND: Final = "integrations.maildelivery"
LEASE: Final = timedelta(seconds=120)
BACK_OFF: Final = (10, 30, 120, 600, 1800, 3600)
ATTEMPTS: Final = len(BACK_OFF) + 1
# An event of the provider can still settle whether a cut-off mail left; after this a person decides.
SETTLED: Final = timedelta(minutes=15)
BATCH: Final = 50
LONGEST: Final = timedelta(seconds=20)
OUTCOMES = counter("walker_mail_total", "Attempts to hand mail over, by provider and outcome.", ["provider", "outcome"])
Status = MailDelivery.Status


def deliver_due(*, now: datetime | None = None) -> int:
    """Hand over what is due, over all tenants, for a while; returns how many mails were tried."""
    begun = clock_now()
    tried = 0
    while clock_now() - begun < LONGEST:
        found = _due(now or clock_now(), Status.QUEUED)
        worked = 0
        for tenant_id, delivery_id in found:
            with tenant_scope(tenant_id):
                worked += bool(deliver_mail(delivery_id, now=now))
        tried += worked
        if not worked:
            break
    return tried


def _due(moment: datetime, status: str) -> list[tuple[UUID, UUID]]:
    with platform_scope():
        rows = MailDelivery.objects.filter(status=status, due_at__lte=moment).order_by("due_at")
        return list(rows.values_list("tenant_id", "id")[:BATCH])


def deliver_mail(delivery_id: UUID, *, now: datetime | None = None) -> str:
    """Try once to hand a mail over, in its tenant's scope; returns its status, "" when another has it.

    Of several workers one wins the claim. Whatever proves that the provider does not have the mail
    is tried again with growing pauses; a lost answer is not, because nothing tells a second mail
    from the first: it becomes "unknown" until an event of the provider or a person settles it.
    """
    moment = now or clock_now()
    queued = MailDelivery.objects.filter(pk=delivery_id, status=Status.QUEUED, due_at__lte=moment)
    claim = {"status": Status.SENDING, "attempts": F("attempts") + 1, "due_at": moment + LEASE, "handed_at": None}
    if not queued.update(**claim):
        return ""
    delivery: MailDelivery = MailDelivery.objects.get(pk=delivery_id)
    outcome = _send(delivery, moment)
    if outcome is None:
        return ""
    OUTCOMES.labels(delivery.provider or "none", _word(outcome)).inc()
    _settle(delivery, outcome, now or clock_now())
    return str(MailDelivery.objects.values_list("status", flat=True).get(pk=delivery_id))


def _send(delivery: MailDelivery, moment: datetime) -> Outcome | None:
    """Call the provider, outside any transaction; None when the claim was lost meanwhile."""
    try:
        receiver = events.receiver_of(delivery.type)
        is_own = receiver is not None and receiver.by_installation
        route = routes.find_installations_route() if is_own else routes.find_route()
    except Unavailable as problem:
        return Rejected(problem.code, permanent=problem.code == "not_connected")
    try:
        mail = _mail(delivery, route)
    except Exception:
        # Task boundary: what cannot be filled in keeps no other mail from leaving.
        log.exception("mail_not_filled", delivery=str(delivery.pk))
        return Rejected("not_filled", permanent=False)
    delivery.provider = route.sender.provider
    if not _mine(delivery).update(handed_at=moment, provider=delivery.provider):
        return None
    try:
        return route.sender.send(mail)
    except Exception:
        # Task boundary: an adapter that broke may have broken after the call.
        log.exception("mail_adapter_broke", delivery=str(delivery.pk))
        return Unknown("adapter_broke")


def _mine(delivery: MailDelivery) -> QuerySet[MailDelivery]:
    """Return the row as long as this attempt has it."""
    return MailDelivery.objects.filter(pk=delivery.pk, status=Status.SENDING, attempts=delivery.attempts)


def _mail(delivery: MailDelivery, route: routes.Route) -> Mail:
    receiver = events.receiver_of(delivery.type)
    secrets = receiver().secrets_of(delivery.ref, delivery.text) if receiver and delivery.ref else {}
    return Mail(
        delivery_id=delivery.pk,
        type=delivery.type,
        sender=route.mailbox,
        recipient=delivery.address,
        subject=delivery.subject,
        text=_filled(delivery.text, secrets),
        html=_filled(delivery.html, secrets),
        reply_to=delivery.reply_to,
        headers=delivery.headers,
        tracks_opens=receiver is not None and receiver.tracks_opens,
        tracks_clicks=receiver is not None and receiver.tracks_clicks,
    )


def _filled(text: str, secrets: Mapping[str, str]) -> str:
    for place, secret in secrets.items():
        text = text.replace(place, secret)
    return text


def _word(outcome: Outcome) -> str:
    if isinstance(outcome, Rejected):
        return "refused" if outcome.permanent else "postponed"
    return "sent" if isinstance(outcome, Taken) else "unknown"


def _settle(delivery: MailDelivery, outcome: Outcome, moment: datetime) -> None:
    if isinstance(outcome, Taken):
        _taken(delivery, outcome, moment)
    elif isinstance(outcome, Unknown):
        _mine(delivery).update(status=Status.UNKNOWN, due_at=moment + SETTLED, error=outcome.code[:80])
    elif outcome.permanent or (outcome.counts and delivery.attempts >= ATTEMPTS):
        _failed(delivery, outcome.code, moment)
    else:
        _postpone(delivery, outcome, moment)


def _taken(delivery: MailDelivery, outcome: Taken, moment: datetime) -> None:
    """Good news counts even when the lease ran out meanwhile."""
    with transaction.atomic():
        move(delivery.pk, Report("sent", moment), provider_message_id=outcome.message_id)


def _failed(delivery: MailDelivery, code: str, moment: datetime) -> None:
    with transaction.atomic():
        if not _mine(delivery).exists() or not move(delivery.pk, Report("failed", moment, code[:80])):
            return
        log.error("mail_failed", delivery=str(delivery.pk), type=delivery.type, code=code)
        dead_letters.park(kind=KIND, ref=delivery.pk, error=code, now=moment)


def _postpone(delivery: MailDelivery, outcome: Rejected, moment: datetime) -> None:
    number = delivery.attempts if outcome.counts else delivery.attempts - 1
    wait = outcome.retry_after or BACK_OFF[min(max(number - 1, 0), len(BACK_OFF) - 1)]
    again = {"status": Status.QUEUED, "attempts": number, "due_at": moment + timedelta(seconds=wait)}
    _mine(delivery).update(error=outcome.code[:80], handed_at=None, **again)


def sweep(*, now: datetime | None = None) -> int:
    """Bring back what a killed worker left, and park what nobody knows about; returns how many rows."""
    moment = now or clock_now()
    found = [(each, _recover) for each in _due(moment, Status.SENDING)]
    found += [(each, _give_to_person) for each in _due(moment, Status.UNKNOWN)]
    for (tenant_id, delivery_id), mend in found:
        with tenant_scope(tenant_id):
            mend(delivery_id, moment)
    return len(found)


def _recover(delivery_id: UUID, moment: datetime) -> None:
    """Before the provider was called nothing can have left; after that nobody knows."""
    stale = MailDelivery.objects.filter(pk=delivery_id, status=Status.SENDING, due_at__lte=moment)
    if not stale.filter(handed_at=None).update(status=Status.QUEUED, due_at=moment):
        stale.update(status=Status.UNKNOWN, due_at=moment + SETTLED, error="cut_off")


def _give_to_person(delivery_id: UUID, moment: datetime) -> None:
    with transaction.atomic():
        unknown = MailDelivery.objects.filter(pk=delivery_id, status=Status.UNKNOWN, due_at__lte=moment)
        if unknown.update(due_at=None):
            log.error("mail_unknown", delivery=str(delivery_id))
            dead_letters.park(kind=KIND, ref=delivery_id, error="unknown", now=moment)


def replay(delivery_id: UUID) -> None:
    """Send a parked mail again, with all its attempts.

    Raises `Conflict` when it has left meanwhile, or is so old that its text is gone.
    """
    parked = MailDelivery.objects.filter(pk=delivery_id, status__in=[Status.FAILED, Status.UNKNOWN])
    if parked.filter(text__isnull=True).exists():
        raise Conflict("This mail is so old that its text is gone.", code="mail_forgotten")
    parked = parked.filter(text__isnull=False)
    fresh = {"status": Status.QUEUED, "attempts": 0, "due_at": clock_now(), "handed_at": None}
    if not parked.update(error="", failed_at=None, **fresh):
        raise Conflict("This mail has left meanwhile.", code="mail_has_left")


def oldest_seconds() -> float:
    """Return the age of the oldest mail that is due and waits, over all tenants."""
    with platform_scope():  # a number, no row of anyone
        waiting = MailDelivery.objects.filter(status__in=[Status.QUEUED, Status.SENDING], due_at__lte=clock_now())
        oldest = waiting.order_by("due_at").values_list("due_at", flat=True).first()
    return (clock_now() - oldest).total_seconds() if oldest else 0.0
