"""What an export of a person has of approvals: requests from their conversations, by them, and with their address."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from core.privacy.erasure.disclosure import (
    SAME,
    each_once,
    holding,
    owned,
    owned_unindexed,
    saying,
)
from core.privacy.erasure.person import Person
from core.privacy.erasure.registry import Partner, Reading, Texts
from hitl.domain.state_machine import State
from hitl.models import (
    Approval,
    ApprovalNote,
    BatchDecision,
    Decision,
    Delegation,
    Execution,
    Notification,
    NotificationPreference,
    OverrideReview,
    Revision,
)

WORDS: Final = (
    "payload summary preview preview_url facts drift subject_key dedupe_key notes hold_reason "
    "escalation_reason tags custom"
).split()
REQUESTS: Final = Texts(Approval, WORDS)
REASONS: Final = Texts(Decision, ("reason",), Approval, "approval_id")
DIFFS: Final = Texts(Revision, ("diff",), Approval, "approval_id")
RESULTS: Final = Texts(Execution, ("result", "error"), Approval, "approval_id")


def _customers(person: Person, row: Any) -> Sequence[str]:
    """Return what another customer is called, from whose conversation a request is."""
    asked = row if isinstance(row, Approval) else row.approval
    return () if asked.conversation_id in person.ids("conversations") else asked.people or ()


READINGS: Final = (
    Reading(
        model="hitl.Approval", title="Requests from your conversations, by you, or with an address of yours",
        shown="id reference kind state risk_level created_at decided_at",
        masked="summary payload preview preview_url facts drift notes hold_reason escalation_reason contact_tags "
        "field_facts tags custom address user_agent",
        # Those with an address count as the person's from here on: their notes, reasons and results come next.
        rows=each_once(
            owned(Approval, conversation_id="conversations"), owned_unindexed(Approval, requester="users"),
            holding(REQUESTS, claim="approvals"),
        ),
        others=_customers,
        unread={
            "people": "Names of others, by which they are masked in the request.",
            "subject_key dedupe_key": "Keys by which requests for the same thing are found.",
        },
    ),
    Reading(model="hitl.ApprovalText", unread={"masked_text words": "The words of the request again, to search them."}),
    Reading(
        model="hitl.ApprovalNote", title="Notes on these requests, by you, or with an address of yours",
        shown="approval_id created_at", masked="body", unread={"masked_body": SAME},
        rows=each_once(owned(ApprovalNote, approval="approvals", person="users"), saying(ApprovalNote, "body")),
        others=_customers,
    ),
    Reading(
        model="hitl.Decision", title="Decisions on these requests, by you, or with an address of yours",
        shown="approval_id verdict role channel auth_strength created_at", masked="reason address",
        rows=each_once(
            owned(Decision, approval="approvals"), owned_unindexed(Decision, person="users"), holding(REASONS)
        ),
        others=_customers,
        kept="That and how it was decided: for good. Reasons: until you are erased.",
    ),
    Reading(
        model="hitl.Revision", title="Changes of these requests", shown="approval_id event created_at", masked="diff",
        rows=each_once(owned(Revision, approval="approvals"), holding(DIFFS)), others=_customers,
    ),
    Reading(
        model="hitl.Execution", title="What was done", shown="approval_id outcome started_at finished_at",
        masked="result error", rows=each_once(owned(Execution, approval="approvals"), holding(RESULTS)),
        others=_customers,
    ),
    Reading(
        model="hitl.OverrideReview", title="Reviews of emergency approvals", shown="approval_id opened_at closed_at",
        masked="finding", rows=owned(OverrideReview, approval="approvals", closed_by="users"), others=_customers,
    ),
    Reading(
        model="hitl.Notification", title="Notifications to you, or about these requests",
        shown="approval_id channel template status created_at", masked="failure_reason provider_response",
        rows=each_once(
            owned(Notification, approval="approvals"), owned_unindexed(Notification, recipient="users")
        ),
    ),
    Reading(
        model="hitl.NotificationPreference", title="How you are notified",
        shown="channels_off quiet_from quiet_until zone language gather every at per_hour",
        rows=owned(NotificationPreference, person="users"),
    ),
    Reading(
        model="hitl.Delegation", title="Who stood in for you, or you for others", shown="starts_at until",
        masked="reason", rows=owned(Delegation, from_person="users", to_person="users", opened_by="users"),
    ),
    Reading(
        model="hitl.BatchDecision", title="What you decided many at once", shown="verdict total created_at finished_at",
        masked="reason address", rows=owned_unindexed(BatchDecision, maker="users"),
    ),
    Reading(
        model="hitl.EvidencePart",
        unread={"content records": "Files of evidence, made of what is exported here; they have others' data as well."},
    ),
)  # fmt: skip


def partners(person: Person) -> Iterable[Partner]:
    """Return the kinds of actions that outside systems were asked for in the person's conversations."""
    done = Approval.objects.filter(pk__in=person.ids("approvals"), state=State.EXECUTED.value)
    kinds = done.order_by("kind").values_list("kind", flat=True).distinct()
    return [Partner(kind, "An approved action that was executed", got=True) for kind in kinds]
