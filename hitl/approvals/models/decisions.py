"""Assignments, decisions, approve-by-email links and delegations."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from core.clock import now
from core.tenancy.models import TenantModel
from hitl.approvals.models.approval import Approval

USER = settings.AUTH_USER_MODEL


class Assignment(TenantModel):
    """The assignment of a person to one level of one revision: their right to vote there.

    While a substitute decides (`via` a delegation), `rightful` is the person who is away. `for_person`
    is who had it first and delegated it. Moved away (`moved_at`), it carries no vote any more.
    """

    class Source(models.TextChoices):
        """Why the person was asked."""

        LEVEL = "level", "Named by the level"
        ESCALATION = "escalation", "Named by an escalation"
        REASSIGNED = "reassigned", "Chosen by an administrator"

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="assignments", db_index=False)
    revision = models.PositiveIntegerField()
    level = models.PositiveSmallIntegerField()
    person = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+", db_index=False)
    via = models.ForeignKey("hitl.Delegation", on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    rightful = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    for_person = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    source = models.CharField(max_length=10, choices=Source, default=Source.LEVEL)
    group = models.CharField(max_length=80, blank=True)
    opened_at = models.DateTimeField(default=now)
    closed_at = models.DateTimeField(null=True)
    moved_at = models.DateTimeField(null=True)
    seal = models.CharField(max_length=90, blank=True, default="", db_default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "approval", "revision", "level", "person", "group"],
                name="one_assignment_each",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant_id", "person", "approval"],
                name="open_assignments",
                condition=models.Q(closed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"assignment {self.level} of {self.approval_id}"


class Decision(TenantModel):
    """One verdict, never deleted; a person's last one at a level counts."""

    append_only: ClassVar[bool] = True
    erasable: ClassVar[tuple[str, ...]] = ("reason", "address")

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="decisions", db_index=False)
    revision = models.PositiveIntegerField()
    level = models.PositiveSmallIntegerField()
    digest = models.CharField(max_length=64)
    person = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    on_behalf_of = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    actor_kind = models.CharField(max_length=10)
    actor_name = models.CharField(max_length=80, blank=True)
    role = models.CharField(max_length=20, blank=True)
    verdict = models.CharField(max_length=10)
    reason = models.TextField(blank=True)
    channel = models.CharField(max_length=20, blank=True)
    auth_strength = models.CharField(max_length=10, blank=True)
    address = models.CharField(max_length=45, blank=True)
    seal = models.CharField(max_length=90, blank=True, default="", db_default="")
    created_at = models.DateTimeField(default=now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "approval", "id"], name="decisions_in_order"),
            models.Index(
                fields=["tenant_id", "-id"],
                name="verdicts_newest",
                condition=models.Q(verdict__in=["approve", "reject"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} of {self.approval_id}"


class DecisionToken(TenantModel):
    """An approve-by-email link, stored as a digest, for one person, request and revision.

    `verdict` limits what it can decide: `either`, `approve` or `reject`; `channel` is recorded with the decision, and
    says how the link was sent. It is consumed by its decision, by a
    newer link, by a new revision, and when the assignment is delegated or its right is lost; `ended_by`
    says which. It is valid only under the version of
    the tenant's link policy under which it was created.
    """

    class End(models.TextChoices):
        USED = "used", "It decided the request"
        NEWER = "newer", "A newer link replaced it"
        CHANGED = "changed", "The request changed or was sent back"
        DELEGATED = "delegated", "Someone else decides for the person"
        REMOVED = "removed", "The person lost the right to decide"

    digest = models.CharField(max_length=64, unique=True)
    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=10)
    channel = models.CharField(max_length=20, default="email_link", db_default="email_link")
    revision_digest = models.CharField(max_length=64)
    policy_version = models.PositiveIntegerField(default=0, db_default=0)
    expires_at = models.DateTimeField()
    consumed_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=10, choices=End, blank=True, default="", db_default="")

    def __str__(self) -> str:
        return f"token for {self.approval_id}"


class Delegation(TenantModel):
    """A substitute decides for a person for a time; `opened_by` is who opened it."""

    from_person = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    to_person = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    opened_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+")
    starts_at = models.DateTimeField(default=now)
    until = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)
    applied_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "from_person", "until"], name="delegations_by_giver"),
        ]

    def __str__(self) -> str:
        return f"delegation {self.id}"
