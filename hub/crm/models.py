"""Tables of what was sent to a CRM: a switch for each connection, a row for each contact, and notes on them."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce

from conversations.models import Contact, Conversation
from core.reliability.lease import Leased
from core.tenancy.models import Dated, TenantModel
from integrations.models import ProviderAccount


class CrmSwitch(Dated, TenantModel):
    """Whether contacts are sent over a connection, and which fields; without a row none are."""

    connection = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="+")
    sends_contacts = models.BooleanField(default=False)
    changed_at = models.DateTimeField()
    field_map = models.JSONField(default=dict, db_default={}, help_text="How each field is exchanged; empty as usual.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "connection"], name="one_crm_switch_per_connection"),
        ]


class CrmContact(Leased, Dated, TenantModel):
    """What a CRM has of a contact: digests, never the values; the lease is that of the worker that writes."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        WRITTEN = "written", "Written"
        WITHHELD = "withheld", "Not sent"
        PARKED = "parked", "Refused there"
        ERASING = "erasing", "To be erased there"
        ERASED = "erased", "Erased there"

    connection = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    due_at = models.DateTimeField(null=True, help_text="When a worker looks at it; empty if nothing has changed.")
    waiting_since = models.DateTimeField(
        null=True, help_text="Since when there is something to do that isn't done; empty without."
    )
    tries = models.PositiveSmallIntegerField(default=0, help_text="Since it was written last.")
    digest = models.CharField(max_length=64, blank=True, help_text="Of what was written or refused last, with a key.")
    there = models.JSONField(
        default=dict, db_default={}, help_text="By field a digest of what the CRM has, written or read, with a key."
    )
    overruled = models.JSONField(
        default=dict, db_default={}, help_text="By field a digest of the CRM's value that ours was last sent over."
    )
    outside_id = models.CharField(max_length=64, blank=True)
    sent_at = models.DateTimeField(null=True, help_text="When it first was on its way: from then on it may be there.")
    written_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True, help_text="When a reading of all contacts last saw it there.")
    problem = models.CharField(max_length=60, blank=True, help_text="The code of why it isn't there.")
    fields = models.CharField(max_length=60, blank=True, help_text="The fields that the CRM refuses.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "connection", "contact"], name="one_row_per_crm_and_contact"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "connection", "state"], name="crm_contacts_by_state"),
            models.Index(fields=["due_at"], name="crm_contacts_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["lease_until"], name="crm_contacts_at_work", condition=Q(lease_until__isnull=False)),
        ]


GONE = (CrmContact.State.ERASING, CrmContact.State.ERASED)
"""The states of a person who was erased here: nothing of them is sent again."""


def is_due(moment: datetime) -> Q:
    """Return the condition of rows that a worker has to look at: changed ones, and those of a worker that died."""
    return Q(due_at__lte=moment) | Q(lease_until__lte=moment)


def due_from(moment: datetime | None) -> dict[str, Any]:
    """Return the columns of rows that a worker looks at from a moment on, None for never; what waits already, still."""
    return {"due_at": moment, "waiting_since": Coalesce("waiting_since", Value(moment)) if moment else None}


class CrmNote(Dated, TenantModel):
    """A conversation that was closed, as a note on its contact there: one for each time that it was closed."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        WRITTEN = "written", "Written"
        WITHHELD = "withheld", "Not sent"
        PARKED = "parked", "Refused there"

    contact = models.ForeignKey(CrmContact, on_delete=models.CASCADE, related_name="notes", db_index=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    closing = models.UUIDField(help_text="The event of its closing, and our id there.")
    closed_at = models.DateTimeField()
    is_resolved = models.BooleanField()
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    problem = models.CharField(max_length=60, blank=True, help_text="The code of why it isn't there.")
    written_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "contact", "closing"], name="one_crm_note_per_closing"),
        ]
