"""Consents that people started and haven't come back from yet."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import Dated, TenantModel


class ConsentRequest(Dated, TenantModel):
    """One way to a vendor's consent page and back: for one person in one session, once."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    session = models.CharField(max_length=64, help_text="A digest of the session's key.")
    state = models.CharField(max_length=64, help_text="A digest of the state that the vendor sends back.")
    verifier = EncryptedTextField()
    provider = models.CharField(max_length=32)
    name = models.CharField(max_length=120)
    connection = models.ForeignKey(
        "integrations.ProviderAccount", on_delete=models.CASCADE, null=True, related_name="+", help_text="To reconnect."
    )
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "state"], name="one_consent_request_per_state"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.id}"
