"""Queueing mail, handing it over, and noting what became of it."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Invalid
from core.events import live
from core.observability.logging import get_logger
from core.privacy.encryption import blind_index
from core.privacy.pii import mask_value
from integrations.mail.delivering import deliver_due, deliver_mail, replay, sweep
from integrations.mail.forgetting import forget_rows, forget_texts
from integrations.mail.tracking import Heard, record_report
from integrations.models import MailDelivery

__all__ = [
    "Heard",
    "deliver_due",
    "deliver_mail",
    "forget_rows",
    "forget_texts",
    "queue_mail",
    "record_report",
    "replay",
    "sweep",
]

log = get_logger(__name__)

ADDRESS_COLUMN: Final = "integrations_maildelivery.address_digest"
SUBJECT_LIMIT: Final = 200
TEXT_LIMIT: Final = 200_000
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
# Ours to write, or refused by a provider.
_OWN_HEADERS: Final = frozenset(
    "to from subject reply-to cc bcc date message-id received dkim-signature content-type "
    "content-transfer-encoding mime-version x-sg-id x-sg-eid".split()
)


def queue_mail(
    *,
    actor: Actor,
    type: str,
    recipient: str,
    subject: str,
    text: str,
    key: str,
    html: str = "",
    ref: UUID | None = None,
    reply_to: str = "",
    headers: Mapping[str, str] | None = None,
    user_id: UUID | None = None,
    now: datetime | None = None,
) -> MailDelivery:
    """Write one mail in the caller's transaction; a worker hands it over after the commit.

    One mail for each tenant and key: a repeat returns the first and changes nothing. Anyone in the
    code may, in the tenant's scope: who may have what mailed is the caller's question, as is the
    audit entry. Raises `Invalid` for an address, subject or header that cannot travel. Announces
    nothing; what becomes of the mail is told to the receiver registered for its type.
    """
    row = _row(recipient, type, subject, text, html, reply_to, dict(headers or {}))
    row.key, row.ref, row.user_id, row.queued_by = key[:200], ref, user_id, actor.name[:80]
    row.queued_at = row.due_at = now or clock_now()
    MailDelivery.objects.bulk_create([row], ignore_conflicts=True)
    kept: MailDelivery = MailDelivery.objects.get(key=row.key)
    if kept.pk == row.pk:
        transaction.on_commit(wake, robust=True)
    return kept


def wake() -> None:
    """Ask a worker to look for mail soon; many calls at once make one task. The sweep is the truth."""
    live.run_soon(_wake)


def _wake() -> None:
    from integrations.tasks import send_mail  # noqa: PLC0415  (tasks stand above the services)

    try:
        send_mail.delay()
    except Exception:
        # A broker that is away costs seconds: the sweep finds the row.
        log.warning("mail_hint_lost", exc_info=True)


def digest_of(address: str) -> str:
    """Return the blind index of an address, in the tenant's scope."""
    return blind_index(address.strip().lower(), column=ADDRESS_COLUMN)


def _row(
    recipient: str, type: str, subject: str, text: str, html: str, reply_to: str, headers: dict[str, str]
) -> MailDelivery:
    address, answer = _address(recipient, "recipient"), _address(reply_to, "reply_to") if reply_to else ""
    line = " ".join(subject.split())[:SUBJECT_LIMIT]
    if not line or not text.strip():
        raise Invalid("A mail needs a subject and a text.", fields={"subject": ["Write a subject and a text."]})
    if max(len(text), len(html)) > TEXT_LIMIT:
        raise Invalid("This mail is too long.", fields={"text": ["Shorten it."]})
    _check_headers(headers)
    return MailDelivery(
        type=type,
        address=address,
        masked_address=mask_value("email", address)[:120],
        address_digest=digest_of(address),
        subject=line,
        text=text,
        html=html,
        reply_to=answer,
        headers=headers,
    )


def _address(text: str, field: str) -> str:
    found = text.strip()
    try:
        validate_email(found)
    except ValidationError:
        raise Invalid(
            "This isn't a valid email address.", fields={field: ["Enter an address like rosa@initech.example."]}
        ) from None
    return found


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        is_ours = name.lower() in _OWN_HEADERS
        if is_ours or not _HEADER_NAME.fullmatch(name) or not value.isascii() or not value.isprintable():
            raise Invalid("This header cannot be sent.", fields={"headers": [name[:60]]})
