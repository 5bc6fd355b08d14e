"""Models of provider accounts and the calls made with them, of outgoing mail, outgoing webhooks and the audit log."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from core.clock import now
from core.privacy.encrypted_fields import EncryptedJSONField, EncryptedTextField
from core.privacy.visible_text import visible
from core.reliability.lease import Leased
from core.tenancy.models import Dated, TenantModel
from integrations.mail.models import MailCount, MailDelivery
from integrations.outgoing_webhooks.models import WebhookSubscription
from integrations.siem.models import AuditDestination

__all__ = [
    "AuditDestination",
    "ConsentRequest",
    "MailCount",
    "MailDelivery",
    "MirroredAdCampaign",
    "ProviderAccount",
    "ProviderCall",
    "SyncCursor",
    "WebhookSubscription",
]


class ProviderAccount(Leased, Dated, TenantModel):
    """A tenant's connection with an outside system or mail provider; its credentials are encrypted and never shown.

    `credentials` also hold the tokens of OAuth 2; the lease is that of the worker that renews them.
    """

    class State(models.TextChoices):
        ACTIVE = "active", "Connected"
        EXPIRED = "expired", "Expired"
        CHOOSING = "choosing", "Choose an account"
        DISCONNECTED = "disconnected", "Disconnected"

    provider = models.CharField(max_length=32)
    name = models.CharField(max_length=120)
    credentials = EncryptedJSONField()
    is_active = models.BooleanField(default=True, help_text="Also while it is expired.")
    is_default = models.BooleanField(default=False, db_default=False, help_text="The one that tools use.")
    expired_at = models.DateTimeField(null=True, help_text="Since then its consent or secret isn't accepted any more.")
    expires_at = models.DateTimeField(null=True, help_text="When the consent ends by itself, if the vendor says so.")
    external_id = models.CharField(max_length=120, blank=True, default="", db_default="")
    external_name = models.CharField(max_length=120, blank=True, default="", db_default="")
    choices = models.JSONField(default=list, db_default=[], help_text="The vendor's accounts while one is chosen.")
    last_error = models.CharField(max_length=60, blank=True, default="", db_default="")
    last_error_about = models.CharField(max_length=200, blank=True, default="", db_default="")
    last_error_at = models.DateTimeField(null=True)
    connected_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    connected_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True, help_text="Set while a person keeps calls from being made.")
    paused_reason = models.CharField(max_length=200, blank=True, default="", db_default="")
    webhook_missing = models.BooleanField(
        default=False,
        db_default=False,
        help_text="The system didn't take the address of its webhook, and has posted nothing since.",
    )

    class Meta:
        verbose_name = "connection"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["tenant_id", "provider"],
                condition=models.Q(is_active=True, is_default=True),
                name="one_default_account_per_provider",
            ),
            models.UniqueConstraint(fields=["tenant_id", "provider", "name"], name="one_account_per_name"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.id}"

    @property
    def state(self) -> State:
        """Return what can be done with it now."""
        if not self.is_active:
            return self.State.CHOOSING if self.choices else self.State.DISCONNECTED
        return self.State.ACTIVE if self.expired_at is None else self.State.EXPIRED


class ConsentRequest(Dated, TenantModel):
    """One way to a vendor's consent page and back: for one person in one session, once."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    session = models.CharField(max_length=64, help_text="A digest of the session's key.")
    state = models.CharField(max_length=64, help_text="A digest of the state that the vendor sends back.")
    verifier = EncryptedTextField()
    provider = models.CharField(max_length=32)
    name = models.CharField(max_length=120)
    connection = models.ForeignKey(
        ProviderAccount, on_delete=models.CASCADE, null=True, related_name="+", help_text="To reconnect."
    )
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "state"], name="one_consent_request_per_state"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.id}"


class ProviderCall(TenantModel):
    """One call over a connection and how it ended; without addresses and contents. Kept for 30 days."""

    class Outcome(models.TextChoices):
        """How a call ended."""

        ANSWERED = "answered", "Answered"
        REFUSED = "refused", "Refused"
        LIMITED = "limited", "Too many calls"
        EXPIRED = "expired", "Authorisation refused"
        FAILED = "failed", "Failed there"
        UNREADABLE = "unreadable", "Unreadable answer"
        NOT_SENT = "not_sent", "Not sent"
        NO_ANSWER = "no_answer", "No answer"
        LOST = "lost", "Interrupted"

    connection = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="calls", db_index=False)
    operation = models.CharField(max_length=60)
    called_at = models.DateTimeField(default=now)
    milliseconds = models.PositiveIntegerField(null=True)
    status = models.PositiveSmallIntegerField(null=True)
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    attempt = models.PositiveSmallIntegerField(default=1)
    idempotency_key = models.CharField(max_length=120, blank=True, default="")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "connection", "id"], name="provider_calls_by_connection"),
        ]

    def __str__(self) -> str:
        return f"call of {self.operation}"


class SyncCursor(Leased, TenantModel):
    """How far one reading of an outside system has come, again and again.

    The lease of a cursor that no worker has ends when its next reading is due.
    """

    connection = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="cursors", db_index=False)
    stream = models.CharField(max_length=32)
    position = models.JSONField(default=dict, help_text="Where the next page begins; of the vendor and the reading.")
    digest = models.CharField(max_length=64, blank=True, default="", help_text="Of what the last reading returned.")
    last_success_at = models.DateTimeField(null=True, help_text="When all pages had been read.")
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    last_error = models.CharField(max_length=60, blank=True, default="")
    paused_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "connection", "stream"], name="one_cursor_per_stream"),
        ]
        indexes: ClassVar = [models.Index(fields=["lease_until"], name="sync_cursors_due")]

    def __str__(self) -> str:
        return f"{self.stream} of {self.connection_id}"


class MirroredAdCampaign(TenantModel):
    """An ad campaign as it was at the vendor when it was seen there last."""

    connection = models.ForeignKey(
        ProviderAccount, on_delete=models.CASCADE, related_name="ad_campaigns", db_index=False
    )
    key = models.CharField(max_length=60, help_text="The vendor's id.")
    name = models.CharField(max_length=300)
    status = models.CharField(max_length=40, help_text="As requests name it, such as paused.")
    daily_budget = models.CharField(max_length=40, blank=True, help_text="An amount as in requests; empty for none.")
    currency = models.CharField(max_length=3)
    changed = models.JSONField(default=list, help_text="What the last change that was seen is about.")
    changed_at = models.DateTimeField(null=True, help_text="By the vendor's change log, or when it was seen.")
    changed_by = EncryptedTextField(blank=True, default="", help_text="Empty if the change log doesn't say it.")
    is_ours = models.BooleanField(default=False, help_text="The last change was made by Walker.")
    seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, help_text="Since then the vendor doesn't return it.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "connection", "key"], name="one_mirror_per_ad_campaign"),
        ]

    def __str__(self) -> str:
        return f"ad campaign {self.key}"

    @property
    def changer(self) -> str:
        """Return who made the last change, "" as long as that isn't known."""
        return "Walker" if self.is_ours else visible(self.changed_by)
