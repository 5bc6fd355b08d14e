"""What became of a mail: reports move its row forward and are told to whoever registered for its type."""

from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from django.db import transaction

from integrations.mail import events
from integrations.mail.progress import Progress, Report, advance
from integrations.mail.types import MailEvent, Told
from integrations.models import MailDelivery

COLUMNS: Final = [each.name for each in fields(Progress)]


@dataclass(frozen=True, slots=True)
class Heard:
    """One event of a provider: about our id when it came back, else about the provider's own."""

    what: Literal["spam", "unsubscribed"] | Report
    at: datetime
    delivery_id: UUID | None = None
    message_id: str = ""
    url: str = field(default="", repr=False)


def record_report(*, heard: Heard) -> bool:
    """Note one event of a provider in its own transaction; False when no mail of this tenant is meant.

    For the doors, in the tenant's scope; safe to repeat, in any order. Tells the receiver of the
    mail's type.
    """
    with transaction.atomic():
        delivery_id = _find(heard)
        if delivery_id is None:
            return False
        if isinstance(heard.what, Report):
            move(delivery_id, heard.what, provider_message_id=heard.message_id, url=heard.url)
        else:
            events.tell(_event(MailDelivery.objects.get(pk=delivery_id), heard.what, heard.at))
    return True


def _find(heard: Heard) -> UUID | None:
    rows = MailDelivery.objects.values_list("pk", flat=True)
    found: UUID | None = None
    if heard.delivery_id is not None:
        found = rows.filter(pk=heard.delivery_id).first()
    if found is None and heard.message_id:
        found = rows.filter(provider_message_id=heard.message_id).first()
    return found


def move(delivery_id: UUID, report: Report, *, provider_message_id: str = "", url: str = "") -> bool:
    """Move a mail's row by one report, in the caller's transaction; tells the receiver what is new."""
    row: MailDelivery = MailDelivery.objects.select_for_update().get(pk=delivery_id)
    before = Progress(**{name: getattr(row, name) for name in COLUMNS})
    after = advance(_settled(before), report)
    if provider_message_id and not row.provider_message_id:
        row.provider_message_id = provider_message_id[:200]
    elif after == before:
        return False
    for name in COLUMNS:
        setattr(row, name, getattr(after, name))
    row.due_at = None
    row.save(update_fields=[*COLUMNS, "provider_message_id", "due_at"])
    if getattr(before, _moment(report)) is None:
        events.tell(_event(row, report.what, report.at, error=report.error, url=url))
    return True


def _settled(before: Progress) -> Progress:
    """An error of an attempt before is over as soon as something is known for sure."""
    return before if before.failed_at else replace(before, error="")


def _moment(report: Report) -> str:
    return "failed_at" if report.what in ("failed", "dropped", "bounced") else f"{report.what}_at"


def _event(row: MailDelivery, what: Told, at: datetime, *, error: str = "", url: str = "") -> MailEvent:
    return MailEvent(row.pk, row.type, row.ref, row.user_id, what, at, error=error, url=url)
