"""Tables of the company's sign-in and directory: the provider, who is who there, its sessions, people and groups."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from core.clock import now
from core.privacy.encrypted_fields import EncryptedJSONField, EncryptedTextField
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
    rules_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="Who set the rules: own roles are given only while this person may give them.",
    )
    creates_people = models.BooleanField(
        default=False, help_text="Whether people without an invitation get in at their first sign-in."
    )
    proofs = models.JSONField(
        default=list, help_text="What values of amr and acr count as: a password, a second factor or a key."
    )
    is_required = models.BooleanField(default=False)
    set_at = models.DateTimeField(default=now, help_text="When issuer or client were last set.")
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id"], name="one_identity_provider"),
            models.CheckConstraint(
                condition=models.Q(default_role__in=["admin", "approver", "support", "compliance", "viewer"]),
                name="everyone_else_has_a_built_in_role",
            ),
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


class Directory(Dated, TenantModel):
    """The company's directory, which pushes people and groups by SCIM with a token of its own."""

    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE, related_name="+", db_index=False)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="Who made the token: it can do nothing that this person may not.",
    )
    digest = models.CharField(max_length=64, unique=True, help_text="Digest of the token.")
    person_claim = models.CharField(
        max_length=20, default="sub", help_text="The claim of the provider that says a person's id in the directory."
    )
    used_at = models.DateTimeField(null=True, help_text="When it was last heard from, to the hour.")

    class Meta:
        verbose_name_plural = "directories"
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant_id"], name="one_directory")]


class DirectoryPerson(Dated, TenantModel):
    """A person as the directory pushed them. Whether they are active, their membership says."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    document = EncryptedJSONField(help_text="Names and addresses, as the directory wrote them.")
    user_name = models.CharField(max_length=64, help_text="Blind index of the user name in the directory.")
    external = models.CharField(
        max_length=64, blank=True, default="", help_text="Blind index of the person's id in the directory."
    )
    by_groups = models.BooleanField(
        default=False, help_text="Whether groups that a rule names decide about role and teams: from the first one on."
    )
    changed_at = models.DateTimeField(default=now)
    due_at = models.DateTimeField(null=True, help_text="Since when role and teams have to follow the groups.")
    gone_at = models.DateTimeField(null=True, help_text="When the directory deleted the person.")

    class Meta:
        verbose_name_plural = "directory people"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "user"], name="one_directory_row_per_person"),
            models.UniqueConstraint(
                fields=["tenant_id", "user_name"], condition=models.Q(gone_at=None), name="one_person_per_user_name"
            ),
            models.UniqueConstraint(
                fields=["tenant_id", "external"], condition=~models.Q(external=""), name="one_person_per_external_id"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="directory_people_due", condition=models.Q(due_at__isnull=False)),
        ]


class DirectoryGroup(Dated, TenantModel):
    """A group of the directory; the provider's rules say which role and teams it gives."""

    name = models.CharField(max_length=300)
    external = models.CharField(max_length=300, blank=True, default="", help_text="Its id in the directory.")
    changed_at = models.DateTimeField(default=now)


class DirectoryMember(TenantModel):
    """A person in a group of the directory."""

    group = models.ForeignKey(DirectoryGroup, on_delete=models.CASCADE, related_name="members", db_index=False)
    person = models.ForeignKey(DirectoryPerson, on_delete=models.CASCADE, related_name="groups")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "group", "person"], name="once_in_a_directory_group"),
        ]
