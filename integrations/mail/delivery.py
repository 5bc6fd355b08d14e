"""Sending queued mail: claim, call the provider, record the outcome; a lost answer becomes "unknown"."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from core.clock import now as clock_now
from core.errors import Conflict, Unavailable
from core.jobs import dead_letters
from core.models import Consent
from core.observability.logging import get_logger
from core.observability.metrics import counter
from core.reach import gate, ledger
from core.reach.verdict import ChannelRules, Question
from core.tenancy.scope import platform_scope, tenant_scope
from integrations.mail import events
from integrations.mail.progress import Report
from integrations.mail.providers import routes
from integrations.mail.reports import CHANNEL, apply_report
from integrations.mail.types import Accepted, FileGone, Mail, MailOutcome, NewMail, Rejected, Unknown
from integrations.models import MailDelivery

log = get_logger(__name__)

KIND: Final = "integrations.maildelivery"
REFUSED: Final = "gate_"
"""How the error of a mail begins that the gate refused or postponed."""
LEASE: Final = timedelta(seconds=120)
BACK_OFF: Final = (10, 30, 120, 600, 1800, 3600)
ATTEMPTS: Final = len(BACK_OFF) + 1
# A provider event can still tell whether an unknown mail was sent; after this time a person decides.
SETTLED: Final = timedelta(minutes=15)
# Seconds after which a mail that is held is looked at again.
HELD_LOOK: Final = 30
BATCH: Final = 50
LONGEST: Final = timedelta(seconds=20)
OUTCOMES = counter("walker_mail_total", "Attempts to hand mail over, by provider and outcome.", ["provider", "outcome"])
Status = MailDelivery.Status


def deliver_due(*, now: datetime | None = None) -> int:
    """Send due mail of all tenants for up to `LONGEST`; returns how many mails were tried."""
    started = clock_now()
    total = 0
    while clock_now() - started < LONGEST:
        tried = 0
        for tenant_id, delivery_id in _list_due(now or clock_now(), Status.QUEUED):
            with tenant_scope(tenant_id):
                tried += bool(deliver_mail(delivery_id, now=now))
        total += tried
        if not tried:
            break
    return total


def _list_due(moment: datetime, status: str) -> list[tuple[UUID, UUID]]:
    with platform_scope():
        rows = MailDelivery.objects.filter(status=status, due_at__lte=moment).order_by("due_at")
        return list(rows.values_list("tenant_id", "id")[:BATCH])


def deliver_mail(delivery_id: UUID, *, now: datetime | None = None) -> str:
    """Try once to send a mail, in its tenant's scope; returns its status, or "" if another worker has it.

    One of several workers wins the claim. If the provider provably does not have the mail, it is retried
    with growing pauses. A lost answer is not retried, because the recipient might get the mail twice: it
    becomes "unknown" until a provider event or a person resolves it.
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
    _record_outcome(delivery, outcome, now or clock_now())
    return str(MailDelivery.objects.values_list("status", flat=True).get(pk=delivery_id))


def _send(delivery: MailDelivery, moment: datetime) -> MailOutcome | None:
    """Ask the gate and call the provider, outside any transaction; returns None if the claim was lost meanwhile."""
    receiver = events.receiver_of(delivery.type)
    question, others = question_of(delivery.type, delivery.ref)
    verdict = gate.judge_one(question, ledger.index_of_mail(delivery.address or ""), others=others, now=moment)
    if verdict.until is not None:
        wait = max(1, int((verdict.until - moment).total_seconds()))
        return Rejected(f"{REFUSED}{verdict.reason}", permanent=False, retry_after=wait, counts=False)
    if not verdict.may_leave:
        return Rejected(f"{REFUSED}{verdict.reason}", permanent=True, counts=False, is_failure=False)
    if receiver is not None and delivery.ref is not None and receiver().is_held(delivery.ref):
        return Rejected("channel_paused", permanent=False, retry_after=HELD_LOOK, counts=False)
    try:
        is_own = receiver is not None and receiver.by_installation
        route = routes.find_installation_route() if is_own else routes.find_route()
    except Unavailable as problem:
        return Rejected(problem.code, permanent=problem.code == "not_connected")
    try:
        mail = _build_mail(delivery, route)
    except FileGone:
        return Rejected("file_gone", permanent=True)
    except Exception:
        # Task boundary: a mail whose secrets can't be filled in must not stop the others.
        log.exception("mail_not_filled", delivery=str(delivery.pk))
        return Rejected("not_filled", permanent=False)
    delivery.provider = route.sender.provider
    if not _claimed(delivery).update(handed_at=moment, provider=delivery.provider):
        return None
    try:
        return route.sender.send(mail)
    except Exception:
        # Task boundary: an adapter may have failed after the call.
        log.exception("mail_adapter_broke", delivery=str(delivery.pk))
        return Unknown("adapter_broke")


def send_once(new: NewMail, delivery_id: UUID) -> MailOutcome:
    """Hand a mail about an account to the installation's service, without a row; return what is certain about it.

    For somebody who may belong to no tenant: outside any tenant and transaction.
    """
    # No ledger is asked: consents are given to organisations, and no opt-out keeps back what an account needs.
    verdict = gate.judge_one(Question(ChannelRules(CHANNEL), Consent.Purpose.ACCOUNT), "")
    if not verdict.may_leave:
        return Rejected(f"{REFUSED}{verdict.reason}", permanent=True, counts=False, is_failure=False)
    try:
        route = routes.find_installation_route()
    except Unavailable as problem:
        return Rejected(problem.code, permanent=False)
    mail = Mail(
        delivery_id=delivery_id,
        type=new.type,
        sender=route.mailbox,
        recipient=new.recipient,
        subject=new.subject,
        text=new.text,
        html=new.html,
        headers=new.headers,
    )
    try:
        return route.sender.send(mail)
    except Exception:
        # Task boundary: an adapter may have failed after the call.
        log.exception("mail_adapter_broke", delivery=str(delivery_id))
        return Unknown("adapter_broke")


def question_of(type: str, ref: UUID | None) -> tuple[Question, Sequence[str]]:
    """Return what the gate is asked about a mail, and the recipient's other addresses: its receiver knows both.

    No mail is counted: one that is counted was so as a message of a conversation.
    """
    receiver = events.receiver_of(type)
    purpose: str = receiver.purpose if receiver else Consent.Purpose.SERVICE
    others: Sequence[str] = ()
    if receiver is not None and ref is not None:
        purpose, others = receiver().purpose_of(ref), receiver().others_of(ref)
    return Question(ChannelRules(CHANNEL), purpose, is_counted=True), others


def _claimed(delivery: MailDelivery) -> QuerySet[MailDelivery]:
    """Return the row while this attempt holds the claim."""
    return MailDelivery.objects.filter(pk=delivery.pk, status=Status.SENDING, attempts=delivery.attempts)


def _build_mail(delivery: MailDelivery, route: routes.Route) -> Mail:
    receiver = events.receiver_of(delivery.type)
    secrets = receiver().secrets_of(delivery.ref, delivery.text) if receiver and delivery.ref else {}
    files = receiver().files_of(delivery.ref) if receiver and delivery.ref else ()
    return Mail(
        delivery_id=delivery.pk,
        type=delivery.type,
        sender=route.mailbox,
        recipient=delivery.address,
        subject=delivery.subject,
        text=_fill_in(delivery.text, secrets),
        html=_fill_in(delivery.html, secrets),
        reply_to=delivery.reply_to,
        headers=delivery.headers,
        files=files,
        tracks_opens=receiver is not None and receiver.tracks_opens,
        # A link that decides is not rewritten: the provider would log it with each click.
        tracks_clicks=receiver is not None and receiver.tracks_clicks and not secrets,
    )


def _fill_in(text: str, secrets: Mapping[str, str]) -> str:
    for place, secret in secrets.items():
        text = text.replace(place, secret)
    return text


def _record_outcome(delivery: MailDelivery, outcome: MailOutcome, moment: datetime) -> None:
    provider = delivery.provider or "none"
    if isinstance(outcome, Accepted):
        OUTCOMES.labels(provider, "sent").inc()
        # The mail was sent even if the lease ran out meanwhile.
        with transaction.atomic():
            apply_report(delivery.pk, Report("sent", moment), provider_message_id=outcome.message_id)
        return
    if isinstance(outcome, Unknown):
        OUTCOMES.labels(provider, "unknown").inc()
        _claimed(delivery).update(status=Status.UNKNOWN, due_at=moment + SETTLED, error=outcome.code[:80])
        return
    OUTCOMES.labels(provider, "refused" if outcome.permanent else "postponed").inc()
    if outcome.permanent or (outcome.counts and delivery.attempts >= ATTEMPTS):
        with transaction.atomic():
            report = Report("failed", moment, outcome.code[:80], outcome.is_unreachable)
            has_failed = _claimed(delivery).exists() and apply_report(delivery.pk, report)
            if has_failed and outcome.is_failure:
                log.error("mail_failed", delivery=str(delivery.pk), type=delivery.type, code=outcome.code)
                dead_letters.park(kind=KIND, ref=delivery.pk, error=outcome.code, now=moment, notice="warning")
        return
    attempts = delivery.attempts if outcome.counts else delivery.attempts - 1
    wait = outcome.retry_after or BACK_OFF[min(max(attempts - 1, 0), len(BACK_OFF) - 1)]
    _claimed(delivery).update(
        status=Status.QUEUED,
        attempts=attempts,
        due_at=moment + timedelta(seconds=wait),
        error=outcome.code[:80],
        handed_at=None,
    )


def sweep(*, now: datetime | None = None) -> int:
    """Requeue mail of killed workers and park unknown mail for a person; returns how many rows."""
    moment = now or clock_now()
    stale, unknown = _list_due(moment, Status.SENDING), _list_due(moment, Status.UNKNOWN)
    for tenant_id, delivery_id in stale:
        with tenant_scope(tenant_id):
            rows = MailDelivery.objects.filter(pk=delivery_id, status=Status.SENDING, due_at__lte=moment)
            # Nothing can have been sent before the provider was called; after that nobody knows.
            if not rows.filter(handed_at=None).update(status=Status.QUEUED, due_at=moment):
                rows.update(status=Status.UNKNOWN, due_at=moment + SETTLED, error="cut_off")
    for tenant_id, delivery_id in unknown:
        with tenant_scope(tenant_id), transaction.atomic():
            rows = MailDelivery.objects.filter(pk=delivery_id, status=Status.UNKNOWN, due_at__lte=moment)
            if rows.update(due_at=None):
                log.error("mail_unknown", delivery=str(delivery_id))
                dead_letters.park(kind=KIND, ref=delivery_id, error="unknown", now=moment, notice="warning")
    return len(stale) + len(unknown)


def replay(delivery_id: UUID) -> None:
    """Queue a parked mail again. Raises `Conflict` if it was sent meanwhile or its text was deleted."""
    parked = MailDelivery.objects.filter(pk=delivery_id, status__in=[Status.FAILED, Status.UNKNOWN])
    if parked.filter(text__isnull=True).exists():
        raise Conflict("This email is too old: its text has been deleted.", code="mail_forgotten")
    parked = parked.filter(text__isnull=False)
    fresh = {"status": Status.QUEUED, "attempts": 0, "due_at": clock_now(), "handed_at": None}
    if not parked.update(error="", failed_at=None, **fresh):
        raise Conflict("This email has already been sent.", code="mail_has_left")


def oldest_seconds() -> float:
    """Return the age in seconds of the oldest mail that is due, over all tenants."""
    with platform_scope():  # a number, no row of anyone
        waiting = MailDelivery.objects.filter(status__in=[Status.QUEUED, Status.SENDING], due_at__lte=clock_now())
        oldest = waiting.order_by("due_at").values_list("due_at", flat=True).first()
    return (clock_now() - oldest).total_seconds() if oldest else 0.0
