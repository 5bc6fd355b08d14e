"""Delivery reports: they move a mail's row forward and are passed to the receiver of its type."""

from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from django.db import transaction

from core.actors import system
from core.audit import chain
from core.models import Consent
from core.reach import ledger
from integrations.mail import events
from integrations.mail.progress import FAILURES, Progress, Report, advance
from integrations.mail.types import EventKind, MailEvent
from integrations.models import MailDelivery

ACTOR: Final = system("email")
CHANNEL: Final = "email"
COLUMNS: Final = [each.name for each in fields(Progress)]


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """One event of a provider, with our delivery id if it was returned, else the provider's message id."""

    what: Literal["spam", "unsubscribed"] | Report
    at: datetime
    delivery_id: UUID | None = None
    message_id: str = ""
    url: str = field(default="", repr=False)


def record_report(*, event: ProviderEvent) -> bool:
    """Record one event; False for no mail of this tenant. In its scope, safe to repeat, in any order."""
    with transaction.atomic():
        rows = MailDelivery.objects.values_list("pk", flat=True)
        delivery_id: UUID | None = None
        if event.delivery_id is not None:
            delivery_id = rows.filter(pk=event.delivery_id).first()
        if delivery_id is None and event.message_id:
            delivery_id = rows.filter(provider_message_id=event.message_id).first()
        if delivery_id is None:
            return False
        if isinstance(event.what, Report):
            apply_report(delivery_id, event.what, provider_message_id=event.message_id, url=event.url)
        else:
            events.notify_receiver(_event(MailDelivery.objects.get(pk=delivery_id), event.what, event.at))
    return True


def apply_report(delivery_id: UUID, report: Report, *, provider_message_id: str = "", url: str = "") -> bool:
    """Apply a report in the caller's transaction; return whether the row changed.

    The receiver of the mail's type hears what is new. An address that takes no mail is a line of the consent ledger.
    """
    row: MailDelivery = MailDelivery.objects.select_for_update().get(pk=delivery_id)
    before = Progress(**{name: getattr(row, name) for name in COLUMNS})
    # A definite report replaces the error of an earlier attempt.
    after = advance(before if before.failed_at else replace(before, error=""), report)
    if provider_message_id and not row.provider_message_id:
        row.provider_message_id = provider_message_id[:200]
    elif after == before:
        return False
    if report.is_unreachable and row.address:
        index, state = ledger.index_of_mail(row.address), Consent.State.UNREACHABLE
        source = Consent.Source.PROVIDER
        for line in ledger.add_lines(address_index=index, channel=CHANNEL, state=state, source=source, at=report.at):
            facts = {"channel": CHANNEL, "state": str(state)}
            chain.record(ACTOR, "CONSENT_RECORDED", "core.consent", line.pk, facts=facts)
    for name in COLUMNS:
        setattr(row, name, getattr(after, name))
    row.due_at = None
    row.save(update_fields=[*COLUMNS, "provider_message_id", "due_at"])
    column = "failed_at" if report.what in FAILURES else f"{report.what}_at"
    if getattr(before, column) is None:
        said = {"error": report.error, "error_text": report.error_text}
        events.notify_receiver(_event(row, report.what, report.at, url=url, **said))
    return True


def _event(row: MailDelivery, what: EventKind, at: datetime, **more: str) -> MailEvent:
    return MailEvent(row.pk, row.type, row.ref, row.user_id, what, at, **more)
