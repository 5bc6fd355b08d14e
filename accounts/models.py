"""Tenants, users, memberships and API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth import get_backends
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.company.models import (
    CompanySession,
    Directory,
    DirectoryGroup,
    DirectoryMember,
    DirectoryPerson,
    Identity,
    IdentityProvider,
)
from accounts.organisation.models import OrganisationLogo, SettingChange, Tier
from accounts.permissions.models import Role, Share
from accounts.tokens.models import TokenFamily, TokenKey
from core.clock import now
from core.ids import moment_of, uuid7
from core.privacy.encrypted_fields import EncryptedJSONField, EncryptedTextField
from core.tenancy.models import Dated, TenantModel

__all__ = [
    "ApiKey", "BrowserSession", "CompanySession", "Directory", "DirectoryGroup", "DirectoryMember", "DirectoryPerson",
    "Identity", "IdentityProvider", "Invitation", "LinkedAccount", "MemberPicture", "Membership", "Notice",
    "OrganisationLogo", "OwedEntry", "PushMessage", "PushSubscription", "Registration", "RevealGrant", "Role",
    "RoleGroup", "SavedView", "SettingChange", "Share", "Tenant", "Tier", "TokenFamily", "TokenKey", "User",
    "UserManager",
]  # fmt: skip


class Tenant(Dated):
    """A customer organisation; inside its scope only its own row is visible."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=120)
    slug = models.SlugField(unique=True)
    timezone = models.CharField(max_length=64, default="UTC")
    currency = models.CharField(max_length=3, default="EUR")
    language = models.CharField(max_length=2, default="en", help_text="What members begin with.")
    support_name = models.CharField(
        max_length=60, blank=True, default="", help_text="The sender's name of emails to customers."
    )
    tier = models.ForeignKey(Tier, null=True, blank=True, on_delete=models.PROTECT, related_name="organisations")
    is_active = models.BooleanField(default=True)
    hides_set_up = models.BooleanField(
        default=False, help_text="Whether the dashboard leaves out the list of what to set up."
    )
    factor_due = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="From when each role that needs a second factor can't do without.",
    )

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Creates users; people sign in with their email address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a user; without a password they cannot sign in with one."""
        if not email:
            raise ValueError("a user needs an email address")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create an operator of the installation; without a membership they see no tenant's rows."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the user with this email address, ignoring case."""
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in; belongs to tenants through memberships."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(unique=True)
    company_address = models.EmailField(
        blank=True,
        default="",
        help_text="Where mail goes to an account that an organisation's identity provider made. It proves nothing.",
    )
    first_name = models.CharField(max_length=80, blank=True)
    last_name = models.CharField(max_length=80, blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    updated_at = models.DateTimeField(auto_now=True, help_text="When name or password last changed.")

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    def __str__(self) -> str:
        return f"user {str(self.id)[-6:]}"

    @property
    def mail_address(self) -> str:
        """Return where mail to the person goes; nobody is found by it, and nobody signs in with it."""
        return self.company_address or self.email

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Ask the backends; being a superuser grants nothing by itself."""
        return self.is_active and any(
            backend.has_perm(self, perm, obj=obj) for backend in get_backends() if hasattr(backend, "has_perm")
        )

    def has_module_perms(self, app_label: str) -> bool:
        """Return True if any permission of the app is granted."""
        granted = self.get_all_permissions()
        return self.is_active and any(name.startswith(f"{app_label}.") for name in granted)

    def get_full_name(self) -> str:
        """Return the person's name, for pages of their own tenant only."""
        return f"{self.first_name} {self.last_name}".strip() or "Unnamed"

    def get_short_name(self) -> str:
        return self.first_name or "Unnamed"

    @property
    def created_at(self) -> datetime:
        """Return when the account was made: its id says it."""
        return moment_of(self.id)


class Membership(Dated, TenantModel):
    """A person in a tenant, with a built-in role or the key of one of its own."""

    own_name: str | None
    own_permissions: list[str] | None
    own_sees: str | None
    """Of the role if it is an own one, where `with_role` read it with the row."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        ADMIN = "admin", "Admin"
        APPROVER = "approver", "Approver"
        SUPPORT = "support", "Support"
        COMPLIANCE = "compliance", "Compliance"
        VIEWER = "viewer", "Viewer"

    class Language(models.TextChoices):
        """What Walker writes to its own people in; the console speaks English."""

        EN = "en", "English"
        DE = "de", "Deutsch"
        FR = "fr", "Français"

    class SignIn(models.TextChoices):
        """Which sign-ins open it."""

        ANY = "any", "Any sign-in"
        FACTOR = "factor", "The company's, or a password with a second factor"
        COMPANY = "company", "The company's alone"

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=14, choices=Role, default=Role.VIEWER)
    is_active = models.BooleanField(default=True)
    mail_on = models.BooleanField(default=True, help_text="Whether the person wants approval emails.")
    next_after_decision = models.BooleanField(
        default=True, help_text="Whether the next request opens after a decision of the person."
    )
    next_after_answer = models.BooleanField(
        default=True, help_text="Whether the next conversation opens after a reply, close or snooze of the person."
    )
    own_teams_only = models.BooleanField(
        default=False, help_text="Whether the person sees only conversations of their own teams."
    )
    sign_in = models.CharField(max_length=7, choices=SignIn, default=SignIn.ANY)
    erased_at = models.DateTimeField(null=True, editable=False, help_text="When the person was erased.")
    picture_key = models.CharField(
        max_length=43, blank=True, default="", editable=False, help_text="The secret part of their picture's address."
    )
    language = models.CharField(max_length=2, choices=Language, default=Language.EN)
    zone = models.CharField(max_length=64, blank=True, default="", help_text="Empty for the organisation's time zone.")
    signature = EncryptedTextField(null=True, help_text="What ends their replies by email.")

    class Meta:
        permissions: ClassVar = [("erase_member", "Can erase a member for good")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "user"], name="one_membership_per_person"),
            models.UniqueConstraint(
                fields=["picture_key"], condition=~models.Q(picture_key=""), name="one_picture_per_key"
            ),
            models.CheckConstraint(
                condition=models.Q(own_teams_only=False) | ~models.Q(role__in=["owner", "admin", "compliance"]),
                name="some_roles_see_all_teams",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant_id", "role"], name="members_by_role")]

    def __str__(self) -> str:
        return f"{self.get_role_display()} {str(self.user_id)[-6:]}"

    @property
    def last_login_at(self) -> datetime | None:
        """Return when a member last signed in, since they joined: what was before, or is after, is not known here."""
        seen = self.user.last_login if self.is_active and self.erased_at is None else None
        return seen if seen is not None and seen >= self.created_at else None


class MemberPicture(TenantModel):
    """A member's picture, as we drew it. Anyone who knows its address may see it: the customers they answer do."""

    membership = models.OneToOneField(Membership, on_delete=models.CASCADE, related_name="picture")
    content = EncryptedTextField(help_text="A small picture, as Base64.")


class BrowserSession(models.Model):
    """Where a person's session was last used. The session itself is Django's; it is found by its key's digest."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64, unique=True, help_text="Digest of the session's key.")
    device = models.CharField(max_length=60, help_text="Browser and system in our words, such as Firefox on Windows.")
    network = models.CharField(max_length=43, blank=True, help_text="The network of the address, never the address.")
    seen_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return f"session {str(self.id)[-6:]}"


class LinkedAccount(Dated):
    """Who somebody is at Google, Microsoft or GitHub: issuer and subject, never an address."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    provider = models.CharField(max_length=10)
    subject = models.CharField(max_length=64, help_text="Keyed digest of issuer and subject.")
    used_at = models.DateTimeField(null=True, help_text="When the person last signed in with it.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subject"], name="one_person_per_linked_account"),
            models.UniqueConstraint(fields=["user", "provider"], name="one_linked_account_per_provider"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} account {str(self.id)[-6:]}"


class Registration(Dated):
    """An account that somebody asked for. There is none until the link in the email to its address is used."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    sealed = models.TextField(help_text="Address, name and the password's hash, encrypted for this row.")
    due_at = models.DateTimeField(null=True, default=now, help_text="When its email is to be sent; null once it was.")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often the email was handed over.")
    expires_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="registrations_due", condition=models.Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"registration {str(self.id)[-6:]}"


class Invitation(TenantModel):
    """An offered membership, until it is accepted, withdrawn or expires."""

    own_name: str | None
    own_permissions: list[str] | None

    address = EncryptedTextField(null=True)
    name = EncryptedTextField(null=True)
    masked_address = models.CharField(max_length=120)
    address_digest = models.CharField(max_length=64, help_text="Blind index of the address, to find its invitation.")
    role = models.CharField(max_length=14, choices=Membership.Role)
    invited_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", help_text="Who accepted it."
    )
    digest = models.CharField(max_length=64, unique=True, null=True, help_text="Digest of the link's secret.")
    round = models.PositiveSmallIntegerField(default=1, help_text="How often it was sent.")
    mail_problem = models.CharField(max_length=200, blank=True)
    mailed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "address_digest"],
                condition=models.Q(accepted_at=None, withdrawn_at=None),
                name="one_open_invitation_per_address",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant_id", "sent_at"], name="invitations_by_time")]

    def state(self, moment: datetime) -> str:
        """Return "accepted", "withdrawn", "ended" or "open"."""
        if self.accepted_at is not None:
            return "accepted"
        if self.withdrawn_at is not None:
            return "withdrawn"
        return "ended" if moment >= self.expires_at else "open"


class RoleGroup(TenantModel):
    """The group with a role's object permissions in one tenant; its name is random."""

    role = models.CharField(max_length=14, choices=Membership.Role)
    group = models.OneToOneField("auth.Group", on_delete=models.PROTECT)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "role"], name="one_group_per_role"),
        ]

    def __str__(self) -> str:
        return self.get_role_display()


class ApiKey(Dated, TenantModel):
    """An API key for programs: stored as a digest, limited to scopes, with an expiry date."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=11)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "API key"
        indexes: ClassVar = [models.Index(fields=["tenant_id", "created_at"], name="keys_by_age")]

    def __str__(self) -> str:
        return f"{self.prefix}…"


class RevealGrant(Dated, TenantModel):
    """Permission for one person to see named fields of one object unmasked for a few minutes."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    object_type = models.CharField(max_length=60)
    object_id = models.UUIDField()
    fields = models.JSONField(default=list)
    reason = models.CharField(max_length=500)
    expires_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["tenant_id", "user", "object_type", "object_id", "expires_at"],
                name="reveals_by_object",
            ),
        ]


class Notice(Dated, TenantModel):
    """A short message for one person, without personal data; any app leaves them."""

    class Level(models.TextChoices):
        """How urgent it is; an alert is mailed as well."""

        INFO = "info", "Information"
        WARNING = "warning", "Warning"
        ALERT = "alert", "Alert"

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=120)
    body = models.CharField(max_length=300, blank=True)
    link = models.CharField(max_length=300, blank=True, help_text="A path of our own site.")
    level = models.CharField(max_length=7, choices=Level, default=Level.INFO)
    dedupe_key = models.CharField(max_length=200, blank=True)
    seen_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "person", "dedupe_key"],
                condition=~models.Q(dedupe_key=""),
                name="one_notice_per_person_and_key",
            ),
            models.CheckConstraint(
                condition=models.Q(link="") | models.Q(link__regex=r"^/([^/\\]|$)"), name="notices_link_to_our_own_site"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "person", "-id"], name="notices_by_person"),
            models.Index(
                fields=["tenant_id", "person", "-id"], name="unseen_notices", condition=models.Q(seen_at=None)
            ),
        ]


class PushSubscription(Dated, TenantModel):
    """A browser of a person that shows their notices while no page is open."""

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    endpoint = EncryptedTextField()
    keys = EncryptedJSONField()
    endpoint_digest = models.CharField(max_length=64, help_text="Blind index of the endpoint.")
    sent_at = models.DateTimeField(null=True, help_text="When the push service last took a message.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "endpoint_digest"], name="one_subscription_per_browser"),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant_id", "person"], name="subscriptions_by_person")]


class PushMessage(Dated, TenantModel):
    """A notice on its way to one browser; the row goes when it arrived, or when it is given up."""

    subscription = models.ForeignKey(PushSubscription, on_delete=models.CASCADE, related_name="+")
    notice_id = models.UUIDField(help_text="The notice; if it is gone or seen, nothing is sent.")
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["due_at"], name="push_messages_by_due")]


class SavedView(Dated, TenantModel):
    """A list's filters, search and order that a person keeps under a name."""

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    list_key = models.CharField(max_length=60, help_text="The list, such as hitl.approval.")
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=600, help_text="The query string of the list.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "person", "list_key", "name"], name="one_view_per_list_and_name"
            ),
        ]


class OwedEntry(models.Model):
    """An audit entry about the installation that some organisations' chains still lack; then deleted."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    actor = models.JSONField()
    home = models.UUIDField(null=True, help_text="The actor's organisation.")
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=60)
    object_id = models.UUIDField()
    new_state = models.CharField(max_length=30, blank=True)
    event = models.JSONField(null=True, help_text="Type and payload of an event for each organisation.")
    owed_to = ArrayField(models.UUIDField(), help_text="The organisations still without it.")
    seal = models.CharField(max_length=90, default="", editable=False)
    """A MAC over the entry with the id of its key: a row that the application did not write is never recorded."""

    def __str__(self) -> str:
        return f"owed {self.action} {str(self.object_id)[-6:]}"
