"""What decides whether someone may be written to: consents, reply windows, counts and the organisation's rules."""

from typing import ClassVar

from django.db import models
from django.db.models import F

from core.clock import now
from core.tenancy.models import TenantModel


class Consent(TenantModel):
    """A line of the consent ledger, by the digest of an address that no contact need have; the newest counts."""

    append_only: ClassVar[bool] = True

    class Purpose(models.TextChoices):
        """What a message is for."""

        REPLY = "reply", "Replies"
        SERVICE = "service", "Outcomes of requests"
        NOTICE = "notice", "Notices"
        MARKETING = "marketing", "Marketing"
        ACCOUNT = "account", "Sign-in and invitations"

    class State(models.TextChoices):
        """What was said, by the person, a colleague or the provider."""

        UNREACHABLE = "unreachable", "Not reachable"
        REACHABLE = "reachable", "Reachable again"
        BLOCKED = "blocked", "Blocked"
        UNBLOCKED = "unblocked", "Unblocked"
        GIVEN = "given", "Agreed"
        WITHDRAWN = "withdrawn", "Opted out"

    class Source(models.TextChoices):
        CUSTOMER = "customer", "Message from the person"
        PROVIDER = "provider", "Report of the provider"
        STAFF = "staff", "Colleague"
        API = "api", "API"

    class Way(models.TextChoices):
        """How a person agreed."""

        FORM = "form", "Form on a website"
        CHAT = "chat", "Chat or message"
        EMAIL = "email", "Email"
        PHONE = "phone", "Phone call"
        PAPER = "paper", "Paper"
        IN_PERSON = "person", "In person"

    address_index = models.CharField(max_length=64, editable=False)
    channel = models.CharField(max_length=12)
    purpose = models.CharField(
        max_length=9, choices=Purpose, blank=True, help_text="Empty where the state isn't about a purpose."
    )
    state = models.CharField(max_length=11, choices=State)
    source = models.CharField(max_length=8, choices=Source)
    at = models.DateTimeField(default=now, help_text="When it was said.")
    recorded_by = models.UUIDField(null=True, help_text="The colleague who recorded it.")
    recorded_at = models.DateTimeField(default=now, editable=False)
    wording = models.ForeignKey(
        "core.ConsentWording", on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    way = models.CharField("how", max_length=6, choices=Way, blank=True)
    place = models.CharField("where", max_length=200, blank=True)
    evidence = models.CharField(max_length=120, blank=True, help_text="Where the proof is kept.")
    expires_at = models.DateTimeField("expires", null=True, help_text="From then on it counts as none.")

    class Meta:
        permissions: ClassVar = [("record_consent", "Can record consents and opt-outs")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state__in=["given", "withdrawn"]) & ~models.Q(purpose__in=["", "account"])
                | ~models.Q(state__in=["given", "withdrawn"]) & models.Q(purpose=""),
                name="consents_name_their_purpose",
            ),
            models.CheckConstraint(
                condition=models.Q(state="given")
                | models.Q(wording=None, way="", place="", evidence="", expires_at=None),
                name="only_what_was_given_has_a_proof",
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at=None) | models.Q(expires_at__gt=F("at")),
                name="consents_end_after_they_begin",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                F("tenant_id"),
                F("address_index"),
                F("channel"),
                F("purpose"),
                F("state"),
                F("at").desc(),
                F("id").desc(),
                name="consents_by_address",
            ),
            models.Index(fields=["tenant_id", "-id"], name="consents_by_time"),
            models.Index(fields=["tenant_id", "recorded_at"], name="consents_by_day"),
        ]

    @property
    def is_expired(self) -> bool:
        """Return True once the consent counts as none."""
        return self.expires_at is not None and self.expires_at <= now()


class ConsentWording(TenantModel):
    """A version of the words by which people agree to a purpose; the highest is the one in use."""

    append_only: ClassVar[bool] = True

    purpose = models.CharField(max_length=9, choices=Consent.Purpose)
    version = models.PositiveIntegerField()
    text = models.TextField()
    created_by = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "purpose", "version"], name="one_wording_per_version"),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}, version {self.version}"


class ReplyWindow(TenantModel):
    """When the owner of an address last wrote to one of our numbers, over all their conversations there."""

    address_index = models.CharField(max_length=64, editable=False)
    line = models.UUIDField(help_text="The channel account: our number, mailbox or app.")
    wrote_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "address_index", "line"], name="one_window_per_line"),
        ]


class SendCount(TenantModel):
    """How many marketing messages were sent on a day: to one address, or by the organisation (an empty address)."""

    address_index = models.CharField(max_length=64, blank=True, editable=False)
    day = models.DateField(help_text="The organisation's day.")
    sent = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "address_index", "day"], name="one_send_count_per_day"),
        ]

    def __str__(self) -> str:
        return f"{self.sent} on {self.day}"


class ReachPolicy(TenantModel):
    """The organisation's rules for marketing messages; 0 is no limit."""

    zone = models.CharField("time zone", max_length=64, default="UTC")
    quiet_from = models.TimeField("quiet from", null=True)
    quiet_until = models.TimeField("quiet until", null=True)
    per_contact = models.PositiveIntegerField("per contact and day", default=3)
    per_day = models.PositiveIntegerField("per day", default=0)
    needs_consent = models.BooleanField("only with consent", default=False)
    changed_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name_plural = "reach policies"
        permissions: ClassVar = [("change_reach", "Can change the rules for marketing messages")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id"], name="one_reach_policy"),
            models.CheckConstraint(
                condition=models.Q(quiet_from=None, quiet_until=None)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False)
                & ~models.Q(quiet_from=F("quiet_until")),
                name="reach_quiet_hours_begin_and_end",
            ),
        ]

    def __str__(self) -> str:
        return "rules for marketing messages"
