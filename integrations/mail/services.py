"""Mail services: queueing, sending, reports and retention."""

import re
from collections.abc import Mapping
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from accounts.models import User
from core.clock import now as clock_now
from core.errors import Invalid
from core.events import live
from core.jobs import queues
from core.privacy.encryption import blind_index
from core.privacy.pii import mask_value
from core.reach import gate, ledger
from integrations.mail.delivery import REFUSED, deliver_due, deliver_mail, question_of, replay, sweep
from integrations.mail.progress import Report
from integrations.mail.reports import ProviderEvent, apply_report, record_report
from integrations.mail.retention import forget_rows
from integrations.mail.types import NewMail
from integrations.models import MailDelivery

__all__ = [
    "ProviderEvent",
    "deliver_due",
    "deliver_mail",
    "forget_rows",
    "queue_mail",
    "queue_mail_to",
    "record_report",
    "replay",
    "sweep",
]

ADDRESS_COLUMN: Final = "integrations_maildelivery.address_digest"
SUBJECT_LIMIT: Final = 200
TEXT_LIMIT: Final = 200_000
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
# Written by us, or refused by a provider.
_OWN_HEADERS: Final = frozenset(
    "to from subject reply-to cc bcc date received dkim-signature content-type "
    "content-transfer-encoding mime-version x-sg-id x-sg-eid".split()
)


def queue_mail(mail: NewMail) -> MailDelivery:
    """Queue one mail in the caller's transaction; a worker sends it after the commit, or after its `not_before`.

    One mail per tenant and key: a repeat returns the first and changes nothing. The gate is asked now and again right
    before it is sent: a mail that it refuses is stored as failed, with the reason, and its receiver hears so.
    Runs in the tenant's scope; the caller checks permissions and writes the audit entry. Raises `Invalid` for an
    address, subject or header that can't be sent. Announces nothing; the receiver registered for the type gets the
    mail's events.
    """
    address = _check_address(mail.recipient, "recipient")
    answer = _check_address(mail.reply_to, "reply_to") if mail.reply_to else ""
    line = " ".join(mail.subject.split())[:SUBJECT_LIMIT]
    if not line or not mail.text.strip():
        raise Invalid("An email needs a subject and a text.", fields={"subject": ["Enter a subject and a text."]})
    if max(len(mail.text), len(mail.html)) > TEXT_LIMIT:
        raise Invalid("This email is too long.", fields={"text": ["Shorten it."]})
    for name, value in mail.headers.items():
        is_ours = name.lower() in _OWN_HEADERS
        if is_ours or not _HEADER_NAME.fullmatch(name) or not value.isascii() or not value.isprintable():
            raise Invalid("This header can't be sent.", fields={"headers": [name[:60]]})
    moment = clock_now()
    question, others = question_of(mail.type, mail.ref)
    verdict = gate.judge_one(question, ledger.index_of_mail(address), others=others, now=moment)
    row = MailDelivery(
        type=mail.type,
        key=mail.key[:200],
        ref=mail.ref,
        user_id=mail.user_id,
        address=address,
        masked_address=mask_value("email", address)[:120],
        address_digest=digest_of(address),
        subject=line,
        text=mail.text,
        html=mail.html,
        reply_to=answer,
        headers=dict(mail.headers),
        queued_at=moment,
        due_at=max(moment, mail.not_before or moment, verdict.until or moment),
    )
    MailDelivery.objects.bulk_create([row], ignore_conflicts=True)
    stored: MailDelivery = MailDelivery.objects.get(key=row.key)
    if stored.pk != row.pk:
        return stored
    if verdict.kind == "refused":
        with transaction.atomic():
            apply_report(row.pk, Report("failed", moment, f"{REFUSED}{verdict.reason}"))
        stored.refresh_from_db()
    else:
        transaction.on_commit(wake, robust=True)
    return stored


def queue_mail_to(person: User, template: str, texts: Mapping[str, Any], **facts: Any) -> MailDelivery:
    """Queue the mail of a template to one of our people, as `queue_mail` does with its `facts`."""
    mail = NewMail.rendered(template, texts, recipient=person.mail_address, user_id=person.pk, **facts)
    with transaction.atomic():
        return queue_mail(mail)


def wake() -> None:
    """Ask a worker to send mail soon; many calls at once make one task, and a sweep finds lost ones."""
    live.run_soon(_start_sending)


def _start_sending() -> None:
    # A function of its own: several waiting calls of the same one run as one.
    queues.enqueue("send_mail")


def digest_of(address: str) -> str:
    """Return the blind index of an address in the tenant's scope."""
    return blind_index(address.strip().lower(), column=ADDRESS_COLUMN)


def _check_address(text: str, field: str) -> str:
    address = text.strip()
    try:
        validate_email(address)
    except ValidationError:
        raise Invalid(
            "This isn't a valid email address.", fields={field: ["Enter an address like rosa@initech.example."]}
        ) from None
    return address
