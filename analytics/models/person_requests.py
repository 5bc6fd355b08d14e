"""What people ask of their data: access, portability, correction, erasure or objection, with the day it is due."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Membership
from conversations.models import Contact
from core.models import Consent
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import Dated, TenantModel


class PersonRequest(Dated, TenantModel):
    """A request of a contact or a member; it stays when they are erased, without its words."""

    class Kind(models.TextChoices):
        """The right that the person uses."""

        ACCESS = "access", "Access"
        PORTABILITY = "portability", "Portability"
        CORRECTION = "correction", "Correction"
        ERASURE = "erasure", "Erasure"
        OBJECTION = "objection", "Objection"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        FULFILLED = "fulfilled", "Fulfilled"
        REFUSED = "refused", "Refused"
        WITHDRAWN = "withdrawn", "Withdrawn by the person"

    kind = models.CharField(max_length=11, choices=Kind)
    contact = models.ForeignKey(Contact, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    membership = models.ForeignKey(Membership, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    purpose = models.CharField(
        max_length=9, choices=Consent.Purpose, blank=True, help_text="Which messages an objection is about."
    )
    wish = EncryptedTextField(default=str)
    received_on = models.DateField("received")
    due_on = models.DateField("due")
    extension_reason = EncryptedTextField(default=str)
    extended_at = models.DateTimeField("extended", null=True)
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    handler = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    answer = EncryptedTextField(default=str)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    closed_at = models.DateTimeField("closed", null=True)

    class Meta:
        verbose_name = "privacy request"
        verbose_name_plural = "privacy requests"
        permissions: ClassVar = [("handle_requests", "Can record and answer privacy requests")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(contact=None) | Q(membership=None), name="person_requests_are_about_one_person"
            ),
            models.CheckConstraint(
                condition=Q(state="open", closed_at=None) | ~Q(state="open") & Q(closed_at__isnull=False),
                name="closed_person_requests_say_when",
            ),
            models.CheckConstraint(
                condition=Q(purpose="") | Q(kind="objection"), name="only_objections_have_a_purpose"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "-id"], name="person_requests_newest"),
            models.Index(fields=["tenant_id", "due_on"], name="person_requests_due", condition=Q(state="open")),
            models.Index(
                fields=["tenant_id", "contact"], name="person_requests_by_contact", condition=Q(contact__isnull=False)
            ),
            models.Index(
                fields=["tenant_id", "membership"],
                name="person_requests_by_member",
                condition=Q(membership__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {str(self.pk)[-6:]}"
