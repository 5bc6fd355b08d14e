"""Erase people from approvals: final requests lose their content, never their digest and votes."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db.models import Q, QuerySet

from core.actors import system
from core.errors import Conflict
from core.privacy.erasure.person import ERASED, GONE, Person
from core.privacy.erasure.registry import (
    HANDLERS,
    Batch,
    ErasureHandler,
    Partner,
    Reading,
    Step,
    Table,
    emptied,
    every,
    rows_holding,
    window,
)
from hitl.approvals.change.close import cancel
from hitl.approvals.models.approval import IS_OPEN
from hitl.domain.state_machine import FINAL, State
from hitl.evidence.periods import remove_files
from hitl.models import (
    Approval,
    ApprovalNote,
    ApprovalText,
    BatchDecision,
    Decision,
    Delegation,
    EvidenceExport,
    Execution,
    Notification,
    NotificationPreference,
    OverrideReview,
    Revision,
)
from hitl.ops import disclosure
from hitl.ops.disclosure import DIFFS, REASONS, REQUESTS, RESULTS, WORDS

ERASER: Final = system("erasure")
BUSY: Final = (State.EXECUTING.value, State.UNKNOWN.value)
FINALS: Final = [state.value for state in FINAL]
BLANK: Final[dict[str, Any]] = {
    "payload": GONE,
    "summary": "Erased",
    "preview": {"headline": "Erased", "rows": [], "body": "", "link": ""},
    "preview_url": "",
    "facts": {},
    "drift": [],
    "subject_key": "erased",
    "dedupe_key": "",
    "notes": "",
    "hold_reason": "",
    "escalation_reason": "",
    "contact_tags": [],
    "field_facts": None,
    "tags": [],
    "custom": {},
    "people": None,
    "address": "",
    "user_agent": "",
}
"""The columns that are emptied; digest, states, costs, votes and times stay."""
READ: Final = ("state", "reference", "conversation_id", "requester_id", *WORDS)
READ_AT_ONCE: Final = 50
"""The number of open requests read for each cancellation."""


def _of_person(person: Person, rows: Iterable[Approval]) -> Iterator[Approval]:
    """Yield the requests from the person's conversations, by the person, or with one of their addresses."""
    conversations, users = set(person.ids("conversations")), set(person.ids("users"))
    for row in rows:
        is_known = row.conversation_id in conversations or row.requester_id in users
        if is_known or person.is_addressed_in([getattr(row, name) for name in WORDS]):
            yield row


def _cancel(person: Person, after: str, limit: int) -> Batch:
    """Cancel the next open request; one that is being executed has to end first."""
    waiting = Approval.objects.filter(IS_OPEN).exclude(state__in=BUSY).only(*READ)
    rows, last = window(waiting, after, min(limit, READ_AT_ONCE))
    row = next(_of_person(person, rows), None)
    if row is None:
        return Batch(0, last)
    cancel(actor=ERASER, approval_id=row.pk)
    return Batch(1, str(row.pk))


def _requests(person: Person, after: str, limit: int) -> Batch:
    """Empty the final requests from the person's conversations."""
    rows = Approval.objects.filter(conversation_id__in=person.ids("conversations"), state__in=FINALS)
    found, last = window(rows.exclude(payload=GONE).only("pk"), "", limit)
    return _emptied(person, [row.pk for row in found], last)


def _addressed(person: Person, after: str, limit: int) -> Batch:
    """Empty all final requests that contain an address of the person."""
    keys, last = rows_holding(REQUESTS, person.addresses, person.is_addressed_in, after, limit)
    return _emptied(person, list(_left().filter(pk__in=keys).values_list("pk", flat=True)), last)


def _left() -> QuerySet[Approval]:
    return Approval.objects.filter(state__in=FINALS).exclude(payload=GONE)


def _emptied(person: Person, keys: list[UUID], last: str, more: int = 0) -> Batch:
    if keys:
        person.claim("approvals", keys)
        Approval.objects.filter(pk__in=keys).update(**BLANK)
        ApprovalText.objects.filter(approval_id__in=keys).update(masked_text="")
    return Batch(len(keys) + more, last, {"approvals": keys})


def _own(person: Person, after: str, limit: int) -> Batch:
    """Remove notes, address, browser and name from the requests that the person made."""
    rows, last = window(_left().filter(requester_id__in=person.ids("users")), after, limit)
    naming = [row.pk for row in rows if person.is_named_in([getattr(row, name) for name in WORDS])]
    others = Approval.objects.filter(pk__in=[row.pk for row in rows]).exclude(pk__in=naming)
    bared = others.exclude(notes="", address="", user_agent="").update(notes="", address="", user_agent="")
    return _emptied(person, naming, last, bared)


def _still_naming(person: Person, after: str, limit: int) -> Batch:
    """List other requests with the name: names are not unique, so a person has to decide who is meant."""
    if person.is_list_full:
        return Batch()
    keys, last = rows_holding(REQUESTS, person.names, person.is_named_in, after, limit)
    person.list_naming(keys)
    return Batch(0, last)


def _reasons(person: Person, after: str, limit: int) -> Batch:
    """Empty the reasons given on the person's requests."""
    said = Decision.objects.filter(approval_id__in=person.ids("approvals")).exclude(reason="")
    rows, last = window(said.only("pk"), "", limit)
    return _silenced([row.pk for row in rows], last)


def _reasons_own(person: Person, after: str, limit: int) -> Batch:
    """Empty the reasons that the person gave with their own verdicts."""
    users = set(person.ids("users"))
    if not users:
        return Batch()
    # There is no index from a person to their verdicts: they are read in the order of the requests.
    asked, last = window(Approval.objects.only("pk"), after, limit * 10)
    own = list(_given_on(asked).filter(person_id__in=users).only("reason", "address"))
    bared = Decision.objects.filter(pk__in=[row.pk for row in own if row.address and not row.reason]).update(address="")
    return _silenced([row.pk for row in own if row.reason], last, bared, address="")


def _given_on(asked: list[Approval]) -> QuerySet[Decision]:
    if not asked:
        return Decision.objects.none()
    return Decision.objects.filter(approval_id__gte=asked[0].pk, approval_id__lte=asked[-1].pk)


def _reasons_addressed(person: Person, after: str, limit: int) -> Batch:
    keys, last = rows_holding(REASONS, person.addresses, person.is_addressed_in, after, limit)
    if keys:
        person.claim("rows", keys)
    return _silenced(keys, last)


def _silenced(keys: list[UUID], last: str, more: int = 0, **values: str) -> Batch:
    if keys:
        Decision.objects.filter(pk__in=keys).update(reason="", **values)
    return Batch(len(keys) + more, last, {"reasons": keys})


def _reasons_still_naming(person: Person, after: str, limit: int) -> Batch:
    if person.is_list_full:
        return Batch()
    keys, last = rows_holding(REASONS, person.names, person.is_named_in, after, limit)
    person.list_naming(Decision.objects.filter(pk__in=keys).values_list("approval_id", flat=True).distinct())
    return Batch(0, last)


def _changes(person: Person, after: str, limit: int) -> Batch:
    keys, last = rows_holding(DIFFS, person.addresses, person.is_addressed_in, after, limit)
    if keys:
        person.claim("rows", keys)
    rows = Revision.objects.filter(Q(pk__in=keys) | Q(approval_id__in=person.ids("approvals")))
    return Batch(rows.exclude(diff=[]).update(diff=[]), last)


def _results(person: Person, after: str, limit: int) -> Batch:
    keys, last = rows_holding(RESULTS, person.addresses, person.is_addressed_in, after, limit)
    rows = Execution.objects.filter(Q(pk__in=keys) | Q(approval_id__in=person.ids("approvals")))
    left = rows.exclude(result={}, error="").exclude(result=GONE, error="")
    return Batch(left.update(result=GONE, error=""), last)


def _reviews(person: Person, after: str, limit: int) -> Batch:
    mine = Q(approval_id__in=person.ids("approvals")) | Q(closed_by_id__in=person.ids("users"))
    return Batch(OverrideReview.objects.filter(mine).exclude(finding__in=("", ERASED)).update(finding=ERASED))


def _notices(person: Person, after: str, limit: int) -> Batch:
    mine = Q(approval_id__in=person.ids("approvals")) | Q(recipient_id__in=person.ids("users"))
    rows = Notification.objects.filter(mine).exclude(failure_reason="", provider_response={})
    return Batch(rows.update(failure_reason="", provider_response={}))


def _stand_ins(person: Person, after: str, limit: int) -> Batch:
    users = person.ids("users")
    mine = Q(from_person_id__in=users) | Q(to_person_id__in=users) | Q(opened_by_id__in=users)
    return Batch(Delegation.objects.filter(mine).exclude(reason="").update(reason=""))


def _batches(person: Person, after: str, limit: int) -> Batch:
    """End the unfinished batches of the person, which alone hold words of theirs: a changed one decides nothing."""
    rows = BatchDecision.objects.filter(maker_id__in=person.ids("users")).exclude(reason="", address="")
    return Batch(rows.update(reason="", address=""))


def _notes(person: Person, after: str, limit: int) -> Batch:
    """Empty the notes on the person's requests, and those the person wrote."""
    mine = Q(approval_id__in=person.ids("approvals")) | Q(person_id__in=person.ids("users"))
    return emptied(ApprovalNote.objects.filter(mine).exclude(masked_body=""), limit, body="", masked_body="")


def _notes_addressed(person: Person, after: str, limit: int) -> Batch:
    """Empty other notes with an address of the person; they are encrypted, so each is read."""
    rows, last = window(ApprovalNote.objects.exclude(masked_body=""), after, limit)
    keys = [row.pk for row in rows if person.is_addressed_in([row.body])]
    return Batch(ApprovalNote.objects.filter(pk__in=keys).update(body="", masked_body="") if keys else 0, last)


def _notes_still_naming(person: Person, after: str, limit: int) -> Batch:
    if person.is_list_full:
        return Batch()
    rows, last = window(ApprovalNote.objects.exclude(masked_body=""), after, limit)
    person.list_naming(list(dict.fromkeys(row.approval_id for row in rows if person.is_named_in([row.body]))))
    return Batch(0, last)


def _evidence(person: Person, after: str, limit: int) -> Batch:
    """Remove the kept files of evidence, which name everyone; each can be exported again."""
    return Batch(remove_files(EvidenceExport.objects.all()))


class ApprovalsErasure(ErasureHandler):
    """The erasure of people from the approval engine."""

    order: ClassVar[int] = 30
    purpose: ClassVar[str] = "To have people approve what agents and colleagues want to do, and to prove who decided."
    readings: ClassVar[tuple[Reading, ...]] = disclosure.READINGS
    tables: ClassVar[tuple[Table, ...]] = (
        Table("hitl.Approval", "Digest, states, risk, cost and the frozen workflow; people are ids in them.",
              " ".join(BLANK), "reference holds kind digest facts_digest risk_factors currency requester_kind channel "
              "excluded compliance_flags snapshot paused_clocks escalated_to decided_name decided_role decided_as "
              "seal"),
        Table("hitl.ApprovalNote", "People are ids in it.", "body masked_body", "mentions"),
        Table("hitl.ApprovalText", "Emptied with its request.", "masked_text words"),
        Table("hitl.Decision", "The verdict, digest and seal, and how strongly one had signed in.", "reason address",
              "digest actor_kind actor_name role verdict channel auth_strength seal"),
        Table("hitl.Revision", "Digests and codes.", "diff", "event actor_kind digest_before"),
        Table("hitl.Execution", "Digest, key of the effect and a code.", "result error",
              "digest idempotency_key outcome seal"),
        Table("hitl.LateReport", "A code.", kept="outcome"),
        Table("hitl.OverrideReview", "", "finding"),
        Table("hitl.Notification", "Codes and the request's reference.", "failure_reason provider_response",
              "channel template variables status provider provider_message_id held_for "
              "digest_id"),
        Table("hitl.NotificationPreference", "Rows of a member are removed.",
              "channels_off quiet_from quiet_until zone language at"),
        Table("hitl.NotificationTemplate", "The organisation's own texts.",
              kept="template language subject body reason"),
        Table("hitl.Delegation", "", "reason"),
        Table("hitl.DecisionToken", "Digests, and the kind of channel.", kept="digest verdict revision_digest channel"),
        Table("hitl.Assignment", "The name of a group.", kept="group seal"),
        Table("hitl.KillSwitch", "The organisation's reason to stop, not about a person.", kept="target reason"),
        Table("hitl.GlobalKillSwitch", "The operator's reason to stop.", kept="reason"),
        Table("hitl.ApprovalWorkflow", "The organisation's own rules.",
              kept="name description kinds risk_levels currency agents channels contact_tags time_window condition "
              "auto_rules edit_policy escalation notify_by"),
        Table("hitl.ApprovalLevel", "The organisation's own rules; people are ids.",
              kept="name approvers min_auth editable_fields"),
        Table("hitl.ApproverGroup", "The name of a group.", kept="name"),
        Table("hitl.BusinessCalendar", "Hours and holidays.", kept="name zone week holidays"),
        Table("hitl.Cap", "Limits.", kept="target currency"),
        Table("hitl.CapReservation", "A day or month.", kept="period"),
        Table("hitl.ComplianceFlag", "Marks, of the organisation.", kept="name label condition"),
        Table("hitl.EvidenceExport", "The file is removed.", kept="exporter_kind exporter_role sha256"),
        Table("hitl.EvidencePart", "Rows are removed.", "content records"),
        Table("hitl.Counter", "The name of a counter.", kept="name"),
        Table("hitl.BatchDecision", "A verdict and how strongly one had signed in.", "reason address",
              "key verdict channel auth_strength scopes seal"),
        Table("hitl.BatchItem", "Ids, digests and codes.", kept="approval_id digest outcome code state"),
        Table("hitl.DecisionPolicy", "The organisation's reason for its settings.", kept="reason"),
        Table("hitl.LinkPolicy", "The organisation's reason to switch links.", kept="reason"),
        Table("hitl.RiskPolicy", "Weights, and the organisation's reason for them.", kept="weights kind_points reason"),
        Table("hitl.Simulation", "The organisation's own rules, and ids and numbers of requests.",
              kept="title draft failure result"),
    )  # fmt: skip
    steps: ClassVar[tuple[Step, ...]] = (
        Step("requests_cancelled", "Open requests cancelled", _cancel),
        Step("requests", "Requests from the conversations", _requests),
        Step("requests_addressed", "Other requests that held an address", _addressed),
        Step("requests_own", "Own requests", _own),
        Step("reasons", "Reasons of decisions", _reasons),
        Step("reasons_own", "Own reasons of decisions", _reasons_own),
        Step("reasons_addressed", "Other reasons that held an address", _reasons_addressed),
        Step("changes", "Changes of requests", _changes),
        Step("results", "Results of actions", _results),
        Step("request_notes", "Notes on requests", _notes),
        Step("request_notes_addressed", "Other notes on requests that held an address", _notes_addressed),
        Step("reviews", "Findings of reviews", _reviews),
        Step("notices", "Notifications to approvers", _notices),
        Step("batches", "Reasons of unfinished batches", _batches),
        Step("stand_ins", "Reasons of substitutes", _stand_ins),
        Step("evidence", "Kept files of evidence", _evidence),
        Step("requests_still_naming", "Other requests that hold the name", _still_naming),
        Step("reasons_still_naming", "Other reasons that hold the name", _reasons_still_naming),
        Step("request_notes_still_naming", "Other notes on requests that hold the name", _notes_still_naming),
    )

    @classmethod
    def gather(cls, person: Person) -> None:
        rows = Approval.objects.filter(conversation_id__in=person.ids("conversations"))
        person.add("approvals", rows.order_by("id").values_list("id", flat=True))

    @classmethod
    def partners(cls, person: Person) -> Iterable[Partner]:
        """Return what was done outside at the request of the person's conversations."""
        return disclosure.partners(person)

    @classmethod
    def detach(cls, person: Person) -> None:
        """Stop notifying the member."""
        users = person.ids("users")
        NotificationPreference.objects.filter(person_id__in=users).delete()
        waiting = Notification.objects.filter(recipient_id__in=users, status__in=["queued", "held"])
        waiting.update(status="skipped", hold_until=None, lease_until=None)

    @classmethod
    def in_the_way(cls, person: Person) -> list[str]:
        """Return the references of requests that are executing or have an unknown outcome."""
        busy = Approval.objects.filter(state__in=BUSY).only(*READ)
        return [row.reference for row in _of_person(person, every(busy))]

    @classmethod
    def refuse(cls, person: Person) -> None:
        """Raise Conflict for requests that must be settled before the erasure.

        An erasure that nobody asked for, of an idle contact, also waits for undecided requests. One that a person asked
        for withdraws them.
        """
        found = cls.in_the_way(person)
        if found:
            say = f"{', '.join(found)} is being executed or has an unknown outcome. Resolve that first."
            raise Conflict(say, code="in_the_way", approvals=found)
        undecided = Approval.objects.filter(IS_OPEN, conversation_id__in=person.ids("conversations"))
        if person.erasure.asked_by is None and undecided.exists():
            raise Conflict("Something of this person's conversations is still to be decided.", code="undecided")


HANDLERS.register("hitl", ApprovalsErasure)
