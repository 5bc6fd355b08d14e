"""Tables of signing in at the company: the provider, who somebody is there, and the sessions that it began."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from core.clock import now
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import Dated, TenantModel


class IdentityProvider(Dated, TenantModel):
    """Where the organisation's people sign in at their company, by OpenID Connect."""

    slug = models.SlugField(unique=True, help_text="The organisation's short name, by which its people find it.")
    issuer = models.CharField(max_length=300)
    client_id = models.CharField(max_length=200)
    client_secret = EncryptedTextField()
    scopes = models.CharField(max_length=200, default="openid email profile")
    groups_claim = models.CharField(max_length=80, default="groups")
    rules = models.JSONField(
        default=list, help_text="The role and the teams of each group there; the first rule with a role counts."
    )
    default_role = models.CharField(max_length=12, default="viewer")
    creates_people = models.BooleanField(
        default=False, help_text="Whether people without an invitation get in at their first sign-in."
    )
    is_required = models.BooleanField(default=False)
    set_at = models.DateTimeField(default=now, help_text="When issuer or client were last set.")
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id"], name="one_identity_provider"),
            models.CheckConstraint(condition=~models.Q(default_role="owner"), name="identity_providers_make_no_owner"),
        ]


class Identity(Dated, TenantModel):
    """Who somebody is at an identity provider: issuer and subject, never an address."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    issuer = models.CharField(max_length=300)
    subject = models.CharField(max_length=64, help_text="Blind index of the subject at the issuer.")
    used_at = models.DateTimeField(null=True, help_text="When the person last signed in by it.")

    class Meta:
        verbose_name_plural = "identities"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "issuer", "subject"], name="one_person_per_subject"),
            models.UniqueConstraint(fields=["tenant_id", "user", "issuer"], name="one_subject_per_person"),
        ]


class CompanySession(Dated, TenantModel):
    """A browser's session that an identity provider began; without its row the session opens nothing."""

    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE, related_name="+", db_index=False)
    identity = models.ForeignKey(Identity, on_delete=models.CASCADE, related_name="sessions")
    sid = models.CharField(max_length=64, blank=True, default="", help_text="Digest of the session's id there.")
    digest = models.CharField(max_length=64, help_text="Digest of the key of Django's session.")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant_id", "sid"], name="company_sessions_by_sid")]
