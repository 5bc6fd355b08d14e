"""What an approval's page shows besides its forms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.urls import reverse

from console.base.text_diff import is_long, lines_between
from console.names import name_in
from console.templatetags.console_ui import exact
from core.actors import Actor
from core.privacy.visible_text import visible
from hitl.actions.targets import find_marks
from hitl.approvals.admin.page.decision import approvers_of
from hitl.approvals.admin.page.facts import factor_of, facts_beside, known_names, plain, readable, words_of
from hitl.approvals.admin.page.flags import labels_for
from hitl.approvals.admin.page.notifications import deadlines, notifications, origin, own_fields
from hitl.approvals.admin.page.similar import past_decisions
from hitl.approvals.admin.page.timeline import banner, timeline, under_way
from hitl.approvals.admin.rows import rows_of
from hitl.approvals.change.compensate import compensation_of
from hitl.approvals.decide.lower_risk import Easier, find_easier
from hitl.display import RISKS, factor_rows, flag_words, hold_words, requester_words, stops_in_words
from hitl.domain.levels import parts_of
from hitl.domain.permissions import DECIDE
from hitl.domain.state_machine import WAITING, State
from hitl.masking import masked_texts
from hitl.models import Approval, ApprovalWorkflow, Decision, OverrideReview, Revision
from hitl.policy.selectors import VIEW_WORKFLOW
from hitl.policy.workflows.definitions import with_levels
from hitl.policy.workflows.describe import Label, approvers, sentence
from hitl.policy.workflows.labels import labels
from hitl.policy.workflows.workflows import conditions_of, levels_of
from hitl.seals.rules import RuleSeals
from hitl.selectors.approvals import list_executions
from hitl.selectors.notes import query_notes, text_of
from hitl.selectors.related import list_notifications, list_similar
from hitl.selectors.timeline import history

SHOWN: Final = 60
NOTIFICATIONS_SHOWN: Final = 40
NOTES_SHOWN: Final = 20
REVISED: Final = {
    "edit": "Edited by an approver",
    "resubmit": "Resubmitted",
    "drift": "Conditions changed outside",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """The workflow that decides who is asked."""

    name: str
    version: int
    says: str
    note: str = ""
    url: str = ""


def page_of(approval: Approval, viewer: Actor, *, before: int | None = None) -> dict[str, Any]:
    """Return what the page shows besides its forms, with the activity before an entry. A fixed number of queries."""
    rows = rows_of(approval)
    entries = history(viewer=viewer, approval_id=approval.pk, before=before, limit=SHOWN + 1, read_names=rows.names)
    executions = list_executions(viewer=viewer, approval_id=approval.pk)
    sent = list_notifications(viewer=viewer, approval_id=approval.pk, limit=NOTIFICATIONS_SHOWN)
    review: OverrideReview | None = None
    if "override" in approval.compliance_flags:
        review = OverrideReview.objects.filter(approval=approval).order_by("-revision").first()
    # Nobody who looks at a decided request needs them.
    like = list_similar(viewer=viewer, approval=approval) if approval.state in WAITING else []
    people = [approval.requester_id, approval.decided_by_id, approval.assigned_to_id]
    people += [
        person
        for assignment in rows.assignments
        for person in (assignment.person_id, assignment.rightful_id, assignment.for_person_id)
    ]
    people += [*(row.recipient_id for row in sent), review.closed_by_id if review else None]
    noted = list(query_notes(viewer=viewer, approval_id=approval.pk)[: NOTES_SHOWN + 1])
    people += [*(row.decided_by_id for row in like), *(row.person_id for row in noted)]
    names = rows.names(people)
    shown, seen = entries[-SHOWN:], masked_texts(approval, viewer)
    factors = factor_rows(approval)
    return {
        "risk_tone": RISKS.get(approval.risk_level, ("", "neutral", ""))[1],
        "factors": [row for row in factors if row["points"]],
        "factors_without_points": [row for row in factors if not row["points"]],
        "easier": easier_words(approval, rows.seals) if approval.state in WAITING else [],
        "similar": past_decisions(like, names, viewer),
        "requester": requester_words(approval, names),
        "notes": visible(approval.masked(approval.notes)),
        "colleagues_notes": [
            {"who": name_in(names, row.person_id), "text": visible(text_of(viewer, row)), "at": row.created_at}
            for row in noted[:NOTES_SHOWN]
        ],
        "has_more_notes": len(noted) > NOTES_SHOWN,
        "seen": seen,
        "changes": [
            {**row, "factor": factor_of(row["before"], row["after"])} for row in seen["preview"].get("rows", ())
        ],
        "compensation": compensation_words(approval, viewer),
        "facts": readable(facts_beside(seen["preview"], seen["facts"])),
        "rule": rule_of(approval, viewer, labels(rows.members)),
        "approvers": approvers_of(rows, names, viewer),
        "timeline": timeline(shown, executions),
        "earlier": shown[0].seq if len(entries) > SHOWN else None,
        "is_earlier_part": before is not None,
        "banner": banner(approval, names),
        "under_way": under_way(approval, executions),
        "review": review_words(approval, review, names),
        "revisions": revisions(approval, viewer),
        "question": question(approval, rows.decisions),
        "holds": hold_words(approval),
        "mark": find_marks([approval]).get(approval.pk),
        "flags": flag_words(approval, labels_for([approval])),
        # An emergency stop says why on its own page; the reason kept here repeats it.
        "hold_reason": "" if approval.holds == ["kill_switch"] else seen["hold_reason"],
        "stops": stops_in_words(approval, viewer, rows.seals),
        "due": deadlines(approval, viewer) if approval.is_open else [],
        "told": notifications(sent, names),
        "custom": own_fields(approval),
        "origin": origin(approval) if viewer.may("core.view_auditentry") else "",
    }


def compensation_words(approval: Approval, viewer: Actor) -> str:
    """Return how the change can be undone, or why it can't; "" once it is clear that it wasn't made."""
    if not approval.is_open and approval.state != State.EXECUTED:
        return ""
    words = compensation_of(approval).words
    return visible(words if viewer.may(DECIDE) else approval.masked(words))


def rule_of(approval: Approval, viewer: Actor, label: Label) -> Rule:
    """Return the workflow that applied when the request was made. At most two queries."""
    snapshot = approval.snapshot
    if approval.workflow_id is None:
        return Rule("No workflow applies", 0, "No one is asked; the request is held. Set up a workflow.")
    now = ApprovalWorkflow.objects.filter(pk=approval.workflow_id).prefetch_related(with_levels()).first()
    if now is not None and now.version == approval.workflow_version:
        says, note = sentence(conditions_of(now), levels_of(now), label), ""
    else:
        # Stages of parallel levels, as the levels they were made of.
        stages = ((place, part) for stage in snapshot["levels"] for place, part in enumerate(parts_of(stage)))
        text = approvers(snapshot, [{**part, "parallel": place > 0} for place, part in stages], label)
        says = f"{text[:1].upper()}{text[1:]}"
        note = "The workflow has changed since. This request follows the version shown."
    url = reverse("admin:hitl_approvalworkflow_change", args=[approval.workflow_id])
    may_read = now is not None and viewer.may(VIEW_WORKFLOW)
    return Rule(snapshot.get("name") or "Workflow", approval.workflow_version, says, note, url if may_read else "")


def revisions(approval: Approval, viewer: Actor) -> list[dict[str, Any]]:
    """Return what each edit changed, newest first; only people who can approve see it unmasked."""
    if approval.revision == 1:
        return []
    is_approver = viewer.may(DECIDE)
    rows = Revision.objects.filter(approval=approval).order_by("-revision")
    return [
        {
            "number": row.revision,
            "what": REVISED.get(row.event, row.event.capitalize()),
            "at": row.created_at,
            "rows": [_changed(approval, each, is_approver=is_approver) for each in row.diff],
            "risk": f"{row.risk_before} → {row.risk_after}",
        }
        for row in rows
    ]


def _changed(approval: Approval, row: dict[str, Any], *, is_approver: bool) -> dict[str, Any]:
    called = known_names(approval.facts)
    values = {name: plain(row[name], approval.currency) for name in ("before", "after")}
    shown = {
        name: called.get(text) or (text if is_approver else approval.masked(text)) for name, text in values.items()
    }
    lines = lines_between(shown["before"], shown["after"]) if is_long(*shown.values()) else []
    return {"label": words_of(row["field"]), **shown, "lines": lines}


def question(approval: Approval, decisions: Sequence[Decision]) -> str:
    """Return what the requester has to answer or change, masked; "" if it isn't their turn."""
    wanted = {State.INFO_REQUESTED: "ask", State.RETURNED: "send_back"}.get(State(approval.state))
    said = [row.reason for row in decisions if row.verdict == wanted]
    return visible(approval.masked(said[-1])) if said else ""


def easier_words(approval: Approval, seals: RuleSeals) -> list[str]:
    """Return in words which change would lower the risk or need fewer levels."""
    return [_easier(approval, found) for found in find_easier(approval, seals=seals)]


def _easier(approval: Approval, found: Easier) -> str:
    value = plain(f"{found.value:.2f}", approval.currency) if found.is_amount else f"{found.value:,}"
    parts = []
    if found.risk_level != approval.risk_level:
        was, becomes = (RISKS[level][0].lower() for level in (approval.risk_level, found.risk_level))
        parts.append(f"{becomes} risk ({found.risk_score}) instead of {was} ({approval.risk_score})")
    levels = len(approval.snapshot["levels"])
    if found.levels < levels:
        parts.append(f"{found.levels} approval level{'s' * (found.levels > 1)} instead of {levels}")
    return f"{words_of(found.field)} {value}: {' and '.join(parts)}"


def review_words(approval: Approval, review: OverrideReview | None, names: dict[UUID, str]) -> str:
    """Return how far the review of an emergency approval is, with its masked finding; "" if there was none."""
    if "override" not in approval.compliance_flags:
        return ""
    if review is None or review.closed_at is None:
        return "An emergency review is open. Someone who wasn't involved must close it."
    who = name_in(names, review.closed_by_id)
    return f"Reviewed by {who}, {exact(review.closed_at)}: {visible(approval.masked(review.finding))}"
