"""The parts of a message that its provider takes one by one: which are there, kept with the attempts that sent them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from conversations.models import DeliveryAttempt, Message
from conversations.transitions import SENDING
from core.clock import now as clock_now

LEASE: Final = timedelta(seconds=60)
"""How long an attempt has a message to itself, from its claim and from each part that got through."""
UPLOAD, SENT, FAILED = "upload", "sent", "failed"

Parts = Mapping[str, Mapping[str, str]]


def read_parts(*, message_id: UUID, uploads_since: datetime) -> Parts:
    """Return what earlier attempts got through, by the number of the part.

    `upload` is the provider's id of a part's file, if it was uploaded since that moment, `sent` that of its message.
    A part whose message failed afterwards has neither.
    """
    found: dict[str, dict[str, str]] = {}
    attempts = DeliveryAttempt.objects.filter(message_id=message_id).order_by("number")
    for started_at, parts in attempts.values_list("started_at", "parts"):
        for key, facts in parts.items():
            kept = {name: value for name, value in facts.items() if name != UPLOAD or started_at >= uploads_since}
            found.setdefault(key, {}).update(kept)
    return {key: {} if SENT in facts and facts[SENT] == facts.get(FAILED) else facts for key, facts in found.items()}


def note_part(*, message_id: UUID, attempt: int, part: int, facts: Mapping[str, str]) -> bool:
    """Keep what an attempt got through, and extend its claim.

    Returns False if it has lost the message meanwhile.
    """
    with transaction.atomic():
        message: Message = Message.objects.select_for_update().only("id", "status", "retry_count").get(pk=message_id)
        row: DeliveryAttempt = DeliveryAttempt.objects.get(message_id=message_id, number=attempt)
        _add(row, part, facts)
        if message.status != SENDING or message.retry_count != attempt:
            return False
        Message.objects.filter(pk=message_id).update(next_attempt_at=clock_now() + LEASE)
    return True


def note_report(*, channel_account_id: UUID, message_id: UUID, part: int, provider_id: str, has_failed: bool) -> bool:
    """Keep what a provider reports about a part.

    It has it, also where its answer was lost, or it gave it up. Safe to repeat. Returns False for a message that isn't
    of this account.
    """
    with transaction.atomic():
        ours = Message.objects.select_for_update().filter(pk=message_id, channel_account_id=channel_account_id)
        row: DeliveryAttempt | None = None
        if ours.values_list("pk", flat=True).first() is not None:
            row = DeliveryAttempt.objects.filter(message_id=message_id).order_by("-number").first()
        if row is None:
            return False
        _add(row, part, {FAILED if has_failed else SENT: provider_id})
    return True


def _add(row: DeliveryAttempt, part: int, facts: Mapping[str, str]) -> None:
    """Add to a part of an attempt, whose message is locked."""
    row.parts = {**row.parts, str(part): {**row.parts.get(str(part), {}), **facts}}
    row.save(update_fields=["parts"])
