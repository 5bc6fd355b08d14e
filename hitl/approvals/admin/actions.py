"""What people can do with an approval besides reading it, and why they can't right now."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from console.base.actions import ServiceAction, service_action
from console.base.forms import ConfirmForm, ConsoleForm, OptionalReasonForm, ReasonForm
from console.base.undo import UndoOffer, offer_undo, withdraw_offer
from console.viewers import viewer_of
from core.actors import Actor
from core.clock import now
from hitl.actions.kind_fields import values_in_the_form
from hitl.approvals.admin import forms
from hitl.approvals.admin.list.moving_on import link_to, moving_on
from hitl.approvals.admin.page.decision import may_cancel, why_no_right, why_no_vote, why_not_in_state
from hitl.approvals.admin.page.facts import known_names
from hitl.approvals.admin.page.flags import FlagForm, flags_initial, why_no_unflag
from hitl.approvals.admin.rows import rows_of
from hitl.approvals.change import close, holds
from hitl.approvals.change import edit as edits
from hitl.approvals.change.compensate import compensate, why_no_compensation
from hitl.approvals.change.edit import editor_may_approve
from hitl.approvals.change.escalate import escalate_now
from hitl.approvals.decide import override as overrides
from hitl.approvals.decide import questions
from hitl.approvals.decide import reassign as reassignments
from hitl.approvals.decide.decide import CONSOLE, Verdict, decide
from hitl.approvals.decide.flags import clear_flag, set_flag
from hitl.approvals.decide.notes import add_note
from hitl.approvals.decide.override import close_review
from hitl.approvals.state import timers
from hitl.approvals.state.votes import approvers_of
from hitl.display import hold_words
from hitl.domain.levels import editable_fields
from hitl.domain.permissions import DECIDE, FLAG, PROPOSE
from hitl.domain.state_machine import Event, State
from hitl.execution import reconcile
from hitl.execution.reconcile import probe_now
from hitl.models import Approval, OverrideReview
from hitl.selectors.approvals import VIEW

EVENTS: Final = {
    **{event.replace("_", "-"): event for event in Event},
    "edit-approve": Event.EDIT,
    "undo": Event.REVOKE,
}
"""The moves by the path of their action."""
RARE: Final = frozenset(
    "hold release escalate reassign override probe resolve revoke cancel evidence flag unflag".split()
)
"""What owners, admins and compliance do now and then: behind a menu."""
INVOLVED: Final = "You were involved in this request. Someone else must do this."
BY_APPROVERS: Final = frozenset({"edit", "edit-approve", "ask", "send-back", "delegate"})
BY_OTHERS: Final = frozenset({"answer", "resubmit", "reassign", "override", "escalate", "resolve"})
EDITS: Final = ("edit", "edit-approve")
UNDOABLE: Final = "Approved. It will be executed in a few seconds."
RESULTS: Final = {
    State.PENDING: "Your approval is recorded. More approvals are needed.",
    State.APPROVED: "Approved. It will be executed now.",
    State.REJECTED: "Rejected. The requester will see your reason.",
}


def why_not(path: str, approval: Approval, viewer: Actor) -> str:
    """Return why the viewer can't use an action now, "" if they can."""
    if path in ("approve", "reject"):
        return why_no_vote(approval, viewer)
    beside = {
        "review": partial(_why_no_review, approval, viewer),
        "unflag": partial(why_no_unflag, approval, viewer.user_id),
        "compensate": partial(why_no_compensation, approval),
    }
    if path in beside:
        return beside[path]()
    if path not in EVENTS:
        return ""
    problem, event = "", EVENTS[path]
    if path in ("hold", "release"):
        problem = _why_no_hold(path, approval, viewer)
    elif path == "cancel" and not may_cancel(approval, viewer):
        problem = "Only the requester or an admin can cancel a request."
    if problem := problem or why_not_in_state(approval, event):
        return problem
    if path == "undo":
        return _why_no_undo(approval, viewer)
    if path in BY_APPROVERS:
        return why_no_vote(approval, viewer, event) or _why_no_approver_action(path, approval, viewer)
    if path in BY_OTHERS and (problem := why_no_right(approval, viewer, event)):
        return problem
    if path == "escalate" and approval.escalation_step >= len(timers.escalation_steps(approval.snapshot)):
        return "This workflow has no further escalation step."
    return ""


def _why_no_hold(path: str, approval: Approval, viewer: Actor) -> str:
    is_manual = "manual" in approval.holds
    if path == "hold":
        return "The request is already on hold." if is_manual else ""
    if not approval.holds:
        return "The request isn't on hold."
    return why_no_right(approval, viewer, Event.RELEASE) if is_manual else ""


def _why_no_undo(approval: Approval, viewer: Actor) -> str:
    if approval.execute_after is None:
        return "This approval can't be undone. Revoke it instead."
    if approval.execute_after <= now():
        return "The time to undo this approval is over. Revoke it instead."
    is_approver = viewer.user_id in approvers_of(rows_of(approval).context)
    return "" if is_approver else "Only one of its approvers can undo this approval."


def _why_no_approver_action(path: str, approval: Approval, viewer: Actor) -> str:
    if path == "edit-approve" and not editor_may_approve(approval):
        return "The workflow doesn't let editors approve their own change."
    if path in EDITS and not editable_fields(approval.current_level, approval.kind) & set(approval.payload):
        return "No fields can be edited at this level."
    if path == "delegate" and viewer.user_id in {vote.person_id for vote in rows_of(approval).votes_here()}:
        return "You have already voted."
    return ""


def _why_no_review(approval: Approval, viewer: Actor) -> str:
    if "override" not in approval.compliance_flags:
        return "It wasn't approved in an emergency."
    review = OverrideReview.objects.filter(approval=approval, closed_at=None).first()
    if review is None:
        return "The review is closed."
    return INVOLVED if viewer.user_id in {review.opened_by_id, *approval.excluded} else ""


def initial_of(path: str, approval: Approval) -> dict[str, Any]:
    """Return what a form starts with: the digest that was shown, and the choices or values it needs."""
    found: dict[str, Any] = {"digest": approval.digest}
    if path in ("flag", "unflag"):
        found |= flags_initial(path, approval)
    if path == "release":
        found["holds"] = approval.holds
    rows = rows_of(approval)
    if path == "note":
        found["colleagues"] = rows.colleague_choices()
    if path in ("delegate", "reassign"):
        found |= {"approvers": rows.approver_choices(), "assignees": rows.assignee_choices()}
    if path in (*EDITS, "resubmit"):
        names = sorted(approval.payload)
        if path in EDITS:
            names = sorted(editable_fields(approval.current_level, approval.kind) & set(names))
        found |= {"payload": approval.payload, "names": names, "currency": approval.currency}
        found["called"] = known_names(approval.facts)
    return found


def move(service: Callable[..., Any], says: str, **shown: Any) -> ServiceAction:
    """Return the action that calls a service with what its form says; `says` tells what it did, `{}` is the request."""

    def act(_: Any, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        service(actor=viewer_of(request), approval_id=obj.pk, **form.cleaned_data)
        return says.format(obj.reference)

    return service_action(**shown)(act)


class DecisionActions:
    """Approve, reject, hold, revoke, cancel and record the outcome; mixed into the admin of approvals."""

    @service_action(title="Approve", permission=DECIDE, form=forms.ApproveForm, tone="good", key="a")
    def approve(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        return _decide(request, obj, form, "approve")

    @service_action(title="Reject", permission=DECIDE, form=forms.RejectForm, tone="danger", key="r")
    def reject(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        return _decide(request, obj, form, "reject")

    hold = move(
        holds.hold,
        "{} is on hold.",
        title="Put on hold",
        permission="hitl.hold_approval",
        form=ReasonForm,
        explain="The request isn't executed while it is on hold. It can still be decided and still expires.",
    )

    @service_action(
        title="Release hold",
        permission="hitl.hold_approval",
        form=forms.ReleaseForm,
        explain="All checks run again before the request is executed.",
    )
    def release(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        first = "manual" if "manual" in obj.holds else next(iter(obj.holds), "manual")
        name = form.cleaned_data.get("hold") or first
        reason = form.cleaned_data["reason"]
        holds.release(actor=viewer_of(request), approval_id=obj.pk, name=name, reason=reason)
        return f"The hold on {obj.reference} was released."

    revoke = move(
        close.revoke,
        "The approval of {} was revoked.",
        title="Revoke approval",
        permission="hitl.revoke_approval",
        form=ReasonForm,
        tone="danger",
        explain="You can revoke an approval until execution starts.",
    )

    @service_action(
        title="Undo approval",
        permission="hitl.revoke_approval",
        form=ConfirmForm,
        submit="Undo",
        explain="The request is cancelled and won't be executed. You can undo until execution starts.",
    )
    def undo(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        withdraw_offer(request, undo_url(obj))
        close.undo(actor=viewer_of(request), approval_id=obj.pk)
        return f"Undone. {obj.reference} was cancelled and won't be executed."

    cancel = move(
        close.cancel,
        "{} was cancelled.",
        title="Cancel request",
        permission="hitl.cancel_approval",
        form=ReasonForm,
        on_object=True,
        tone="danger",
        explain="The requester and admins can cancel. The request can then no longer be approved.",
    )

    resolve = move(
        reconcile.resolve,
        "The outcome of {} was recorded.",
        title="Record the outcome",
        permission="hitl.resolve_approval",
        form=forms.ResolveForm,
        submit="Record",
        explain="Check the platform before you continue. This records the final outcome and can't be undone.",
    )

    @service_action(
        title="Undo the change",
        permission=PROPOSE,
        form=forms.CompensateForm,
        submit="Request it",
        explain="Makes a request that puts the change back. It is scored and approved like every other one.",
    )
    def compensate(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        opened = compensate(actor=viewer_of(request), approval_id=obj.pk, **form.cleaned_data)
        return format_html("{} asks to undo {}.", link_to(opened), obj.reference)


class DiscussionActions:
    """Edit, ask, answer, send back, delegate, escalate and override; mixed into the admin of approvals."""

    @service_action(
        title="Edit",
        permission=DECIDE,
        form=forms.PayloadForm,
        submit="Save changes",
        key="e",
        explain="All approvals are asked for again. You can't approve your own edit unless the workflow allows it.",
    )
    def edit(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        with values_in_the_form():
            edits.edit(actor=viewer_of(request), approval_id=obj.pk, changes=_changes(form), **_said(form))
        return f"{obj.reference} was changed. Its approvers have to decide again."

    @service_action(
        path="edit-approve",
        title="Edit and approve",
        permission=DECIDE,
        form=forms.PayloadForm,
        submit="Save and approve",
        explain="You approve the request as you change it. If its risk or cost rises, someone else must approve it.",
    )
    def edit_and_approve(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        said = {"actor": viewer_of(request), "approval_id": obj.pk, "changes": _changes(form), **_said(form)}
        with values_in_the_form(), moving_on(request, obj):
            done = edits.edit_and_approve(**said, channel=CONSOLE)
        if done.problem is None:
            return tell_decided(request, done.approval)
        return f"{obj.reference} was changed, but not approved. {done.problem.detail}"

    ask = move(
        questions.ask,
        "Your question was sent to the requester.",
        title="Ask the requester",
        permission=DECIDE,
        form=forms.message_form("Your question"),
        submit="Ask",
        explain="The deadline pauses until the requester answers. Approvals so far are kept.",
    )

    @service_action(
        title="Answer the question",
        permission="hitl.propose_approval",
        form=forms.message_form("Your answer"),
        submit="Answer",
    )
    def answer(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        said = {"digest": form.cleaned_data["digest"], "text": form.cleaned_data["reason"]}
        questions.answer(actor=viewer_of(request), approval_id=obj.pk, **said)
        return "Your answer was sent to the approvers."

    @service_action(
        title="Send back for changes",
        permission=DECIDE,
        form=forms.message_form("What should be changed?"),
        submit="Send back",
        explain="The requester can change and resubmit it, up to three times.",
    )
    def send_back(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        with moving_on(request, obj):
            moved = questions.send_back(actor=viewer_of(request), approval_id=obj.pk, **form.cleaned_data)
        if moved.state == State.REJECTED:
            return format_html("{} was already sent back three times, so it was rejected.", link_to(obj))
        return format_html("{} was sent back.", link_to(obj))

    @service_action(
        title="Resubmit",
        permission="hitl.propose_approval",
        form=forms.PayloadForm,
        explain="The request is checked, scored and approved like a new one.",
    )
    def resubmit(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        params = {**obj.payload, **_changes(form)}
        with values_in_the_form():
            edits.resubmit(actor=viewer_of(request), approval_id=obj.pk, params=params, **_said(form))
        return f"{obj.reference} was resubmitted."

    @service_action(
        title="Delegate to a colleague",
        permission=DECIDE,
        form=forms.DelegateForm,
        submit="Delegate",
        explain="For this request only. If you're away, use “Out of office”.",
    )
    def delegate(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        with moving_on(request, obj):
            reassignments.delegate(actor=viewer_of(request), approval_id=obj.pk, **form.cleaned_data)
        return format_html("You delegated {}.", link_to(obj))

    reassign = move(
        reassignments.reassign,
        "The approver of {} was changed.",
        title="Change approver",
        permission="hitl.reassign_approval",
        form=forms.ReassignForm,
    )

    escalate = move(
        escalate_now,
        "{} was escalated.",
        title="Escalate now",
        permission="hitl.reassign_approval",
        form=forms.message_form("Reason for escalating now"),
        submit="Escalate",
        explain="Starts the workflow's next escalation step now.",
    )

    @service_action(
        title="Check outcome",
        permission="hitl.resolve_approval",
        form=OptionalReasonForm,
        explain="Asks the platform what happened. Nothing is executed again.",
    )
    def probe(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        found = probe_now(actor=viewer_of(request), approval_id=obj.pk, **form.cleaned_data)
        if found.state == State.UNKNOWN:
            return f"The outcome of {obj.reference} is still unknown. It will be checked again later."
        return f"The outcome of {obj.reference} is now known."

    override = move(
        overrides.override,
        "{} was approved in an emergency. A review is now open.",
        title="Approve in an emergency",
        permission="hitl.override_approval",
        form=forms.message_form("Why can't this wait?"),
        submit="Approve without approvers",
        tone="danger",
        explain="You approve instead of all approvers. The request is flagged, and someone else reviews it.",
    )

    review = move(
        close_review,
        "The review is closed.",
        title="Close the review",
        permission="hitl.review_override",
        form=ReasonForm,
        submit="Close",
    )


class NoteActions:
    """Write a note for colleagues; mixed into the admin of approvals."""

    @service_action(
        title="Add note",
        permission=VIEW,
        form=forms.NoteForm,
        on_object=True,
        submit="Save note",
        explain="Only colleagues see notes. They decide nothing and are no part of the request.",
    )
    def note(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        said = form.cleaned_data
        chosen = [said["mentions"]] if said["mentions"] else []
        viewer = viewer_of(request)
        note = add_note(actor=viewer, approval_id=obj.pk, text=said["text"], mentions=chosen)
        count = sum(person != viewer.user_id for person in note.mentions)
        return f"Note saved. {count} colleague{'s were' if count > 1 else ' was'} told." if count else "Note saved."


class FlagActions:
    """Set and clear a flag; mixed into the admin of approvals."""

    flag = move(
        set_flag,
        "The flag was set on {}.",
        title="Set a flag",
        permission=FLAG,
        form=FlagForm,
        submit="Set flag",
        explain="The flag is shown on the request and in lists. It doesn't change who approves.",
    )
    unflag = move(
        clear_flag,
        "The flag on {} was cleared.",
        title="Clear a flag",
        permission=FLAG,
        form=FlagForm,
        submit="Clear flag",
        explain="A rule sets it again if the request is changed and meets its condition.",
    )


def _decide(request: HttpRequest, obj: Approval, form: ConsoleForm, verdict: Verdict) -> str:
    said = {"actor": viewer_of(request), "approval_id": obj.pk, "verdict": verdict, **form.cleaned_data}
    with moving_on(request, obj):
        decided = decide(**said, channel=CONSOLE)
    return tell_decided(request, decided)


def tell_decided(request: HttpRequest, decided: Approval) -> str:
    """Return what a decision led to; an approval that can be undone is offered as such instead."""
    state = State(decided.state)
    if state == State.APPROVED and decided.execute_after and not decided.holds:
        page = reverse("admin:hitl_approval_change", args=[decided.pk])
        offer = UndoOffer.of(decided.reference, page, UNDOABLE, undo_url(decided), decided.execute_after)
        offer_undo(request, offer)
        return ""
    result = RESULTS.get(state, "Your decision is recorded.")
    if state == State.APPROVED and decided.holds:
        result = f"Approved. It won't be executed yet because {' and '.join(hold_words(decided))}."
    return format_html("{}: {}", link_to(decided), result)


def undo_url(approval: Approval) -> str:
    return reverse("admin:hitl_approval_undo", args=[approval.pk])


def _said(form: ConsoleForm) -> dict[str, Any]:
    return {name: form.cleaned_data[name] for name in ("digest", "reason")}


def _changes(form: ConsoleForm) -> dict[str, Any]:
    return form.changes() if isinstance(form, forms.PayloadForm) else {}
