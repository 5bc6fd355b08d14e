"""Emails about registrations, which belong to no organisation: sent by the installation's account, without a row."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.urls import reverse

from accounts.sign_in import registration
from accounts.sign_in.registration import DueMail
from core.clock import now as clock_now
from core.errors import Unavailable
from core.observability.logging import get_logger
from integrations.mail.delivery import ATTEMPTS, BACK_OFF, LONGEST, OUTCOMES, send_once
from integrations.mail.types import AUTOMATIC, Accepted, MailOutcome, NewMail, Rejected

log = get_logger(__name__)
TYPE: Final = "registration"


def deliver_due(*, now: datetime | None = None) -> int:
    """Send due emails about registrations for up to `LONGEST`; return how many were tried.

    Outside any tenant and transaction.
    """
    started, tried = clock_now(), 0
    while clock_now() - started < LONGEST:
        moment = now or clock_now()
        try:
            mail = registration.claim_mail(now=moment)
        except Unavailable:
            # Sealed under a key that this process lacks: it is tried again when its lease is over.
            log.exception("registration_not_opened")
            continue
        if mail is None:
            break
        settle(mail, send(mail), moment)
        tried += 1
    return tried


def send(mail: DueMail) -> MailOutcome:
    """Hand an email to the installation's mail service once, and return what is certain about it."""
    page = reverse("confirm_address", args=[mail.token]) if mail.token else reverse("forgot_password")
    texts = {
        "title": "Confirm your email address" if mail.token else "You already have an account",
        "is_new": bool(mail.token),
        "link": f"{settings.PUBLIC_URL}{page}",
        "token": mail.token,
        "moment": f"{mail.expires_at:%d %B %Y, %H:%M %Z}",
    }
    key = str(mail.registration_id)
    new = NewMail.rendered("registration", texts, type=TYPE, key=key, recipient=mail.address, headers=AUTOMATIC)
    return send_once(new, mail.registration_id)


def settle(mail: DueMail, outcome: MailOutcome, moment: datetime) -> None:
    """Try again what the provider certainly doesn't have; who registers gets no second email for a lost answer."""
    again_at = None
    has_tries_left = isinstance(outcome, Rejected) and (not outcome.counts or mail.attempts < ATTEMPTS)
    if isinstance(outcome, Rejected) and not outcome.permanent and has_tries_left:
        again_at = moment + timedelta(seconds=outcome.retry_after or BACK_OFF[min(mail.attempts, len(BACK_OFF)) - 1])
    elif not isinstance(outcome, Accepted):
        log.error("registration_mail_failed", registration=str(mail.registration_id), code=outcome.code)
    words = "sent" if isinstance(outcome, Accepted) else "postponed" if again_at else "refused"
    OUTCOMES.labels("installation", words).inc()
    registration.settle_mail(mail.registration_id, again_at=again_at)
