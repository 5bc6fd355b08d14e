"""Tables of channel accounts and their templates."""

import secrets
from enum import StrEnum
from typing import ClassVar, Final

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.clock import now
from core.privacy.encrypted_fields import EncryptedJSONField
from core.reach import channels
from core.tenancy.models import Dated, TenantModel


def new_public_key() -> str:
    """Return the public key of a widget: 144 random bits, so it cannot be guessed."""
    return secrets.token_urlsafe(18)


# Which pairs of kind and provider there are is said by who registers a channel; a system check names other ones.
NAME: Final = r"^[a-z][a-z_]*$"


class ChannelAccount(Dated, TenantModel):
    """One number, mailbox or widget of a tenant."""

    class Kind(StrEnum):
        """Kinds of channels that code knows by name; `core.reach.channels` has all of them."""

        WEBCHAT = "webchat"
        WHATSAPP = "whatsapp"
        EMAIL = "email"
        SMS = "sms"
        APP = "app"
        SLACK = "slack"

    class Provider(StrEnum):
        """Who carries messages, where code knows them by name."""

        TWILIO = "twilio"
        CLOUD = "cloud"
        SENDGRID = "sendgrid"
        IMAP = "imap"
        APP = "app"
        WIDGET = "widget"
        SLACK = "slack"

    kind = models.CharField(max_length=12)
    provider = models.CharField(max_length=12, default=Provider.WIDGET.value)
    name = models.CharField(max_length=80)
    address = models.CharField(max_length=320, blank=True, help_text="Number or mailbox.")
    public_key = models.CharField(max_length=40, default=new_public_key, editable=False)
    credentials = EncryptedJSONField(default=dict)
    origins = models.JSONField(default=list, blank=True, help_text="Websites that may show it: scheme, host and port.")
    keepers = ArrayField(
        models.UUIDField(),
        default=list,
        editable=False,
        help_text="People who set a secret that proves a sender: they could write in anyone's name.",
    )
    lookup_digest = models.CharField(
        max_length=64, blank=True, editable=False, help_text="How a webhook finds the account."
    )
    provider_digest = models.CharField(
        max_length=64, blank=True, editable=False, help_text="How a webhook of an unknown number finds an account."
    )
    template_uses = models.JSONField(
        default=dict, editable=False, help_text="Templates by use and language: their ids."
    )
    last_error = models.CharField(max_length=60, blank=True, editable=False)
    last_error_at = models.DateTimeField(null=True, editable=False)
    tested_at = models.DateTimeField(null=True, editable=False, help_text="When a test message was last sent.")
    paused_at = models.DateTimeField(null=True, editable=False, help_text="While it is paused nothing is sent.")
    pause_reason = models.CharField(max_length=200, blank=True, editable=False)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(kind__regex=NAME, provider__regex=NAME), name="account_has_a_provider_of_its_kind"
            ),
            models.UniqueConstraint(fields=["public_key"], name="one_account_per_public_key"),
            models.UniqueConstraint(
                fields=["tenant_id", "kind", "address"],
                name="one_account_per_address",
                condition=~models.Q(address=""),
            ),
        ]
        indexes: ClassVar = [
            # Not unique: a tenant that enters another's number must neither learn about it nor lock it out.
            models.Index(fields=["lookup_digest"], name="accounts_by_lookup", condition=~models.Q(lookup_digest="")),
            models.Index(
                fields=["provider_digest"], name="accounts_by_provider", condition=~models.Q(provider_digest="")
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def kind_label(self) -> str:
        """What people call its kind."""
        return channels.label_of(self.kind)


class MessageTemplate(TenantModel):
    """One template of a WhatsApp account in one language, as the provider has it."""

    class State(models.TextChoices):
        """What the provider says about it; only approved ones can be sent."""

        APPROVED = "approved", "Approved"
        PENDING = "pending", "In review"
        PAUSED = "paused", "Paused"
        REJECTED = "rejected", "Rejected"
        DISABLED = "disabled", "Disabled"
        GONE = "gone", "Deleted"

    class Use(models.TextChoices):
        """What templates are sent for."""

        OUTCOME = "outcome", "Outcome of a request"
        REOPENING = "reopening", "Reopening a conversation"
        SURVEY = "survey", "Survey"
        REMINDER = "reminder", "Reminder"
        NOTICE = "notice", "Notice to an approver"
        CODE = "code", "Code for a colleague"

    channel_account = models.ForeignKey(ChannelAccount, on_delete=models.PROTECT, related_name="templates")
    name = models.CharField(max_length=512)
    language = models.CharField(max_length=16)
    provider_id = models.CharField(max_length=80)
    category = models.CharField(max_length=20, blank=True)
    state = models.CharField(max_length=8, choices=State)
    body = models.TextField(blank=True)
    components = models.JSONField(default=list)
    variables = models.JSONField(default=list, help_text="Names of the variables of the text, in order.")
    synced_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "channel_account", "name", "language"], name="one_template_per_language"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"
