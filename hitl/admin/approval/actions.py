"""The forms of the talk about an approval: edit, ask, answer, send back, pass on, override, review."""

from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest

from console.base.actions import service_action
from console.base.forms import ConsoleForm, OptionalReasonForm, ReasonForm
from console.viewers import viewer_of
from core.actors import Actor
from hitl import services
from hitl.admin.approval.facts import known_names
from hitl.admin.approval.forms import DelegateForm, PayloadForm, ReassignForm, talk, values_in_the_form
from hitl.admin.approval.page import why_no_vote, why_not_in_state
from hitl.approvals import timers
from hitl.approvals.checks import is_own
from hitl.approvals.votes import has_voted
from hitl.domain.levels import editable_fields
from hitl.domain.state_machine import Event, State
from hitl.models import Approval, OverrideReview

EVENTS: Final = {
    "edit": Event.EDIT,
    "ask": Event.ASK,
    "answer": Event.ANSWER,
    "send-back": Event.SEND_BACK,
    "resubmit": Event.RESUBMIT,
    "delegate": Event.DELEGATE,
    "reassign": Event.REASSIGN,
    "override": Event.OVERRIDE,
    "escalate": Event.ESCALATE,
    "probe": Event.PROBE,
}
HAND: Final = "You had a hand in this request, or could have read a signer's link to it."
BY_SIGNERS: Final = frozenset({"edit", "ask", "send-back", "delegate"})
BY_REQUESTER: Final = frozenset({"answer", "resubmit"})


def why_no_move(path: str, approval: Approval, viewer: Actor) -> str | None:
    """Say what is in the way of one of these moves; empty when nothing is, None for other moves."""
    if path == "review":
        return _why_no_review(approval, viewer)
    if path not in EVENTS:
        return None
    in_the_way = why_not_in_state(approval, EVENTS[path])
    if in_the_way:
        return in_the_way
    if path in BY_REQUESTER:
        return "" if is_own(approval, viewer) else "Only the requester does this."
    if path in BY_SIGNERS:
        return why_no_vote(approval, viewer) or _why_no_signers_move(path, approval, viewer)
    others = {"override": _why_no_override, "escalate": _why_no_step, "probe": lambda *_: ""}
    return others.get(path, _excluded)(approval, viewer)


def _why_no_step(approval: Approval, viewer: Actor) -> str:
    if approval.ladder_step >= len(timers.escalation_steps(approval.snapshot)):
        return "The workflow has no further step."
    return _excluded(approval, viewer)


def _why_no_signers_move(path: str, approval: Approval, viewer: Actor) -> str:
    if path == "edit" and not editable_fields(approval.current_level, approval.kind) & set(approval.payload):
        return "Nothing may be edited at this step."
    if path == "delegate" and has_voted(approval, viewer.user_id):
        return "You have voted already."
    return ""


def _excluded(approval: Approval, viewer: Actor) -> str:
    return HAND if viewer.user_id in approval.excluded else ""


def _why_no_override(approval: Approval, viewer: Actor) -> str:
    if approval.snapshot.get("allow_override") is not True:
        return "The workflow does not allow overriding."
    if not viewer.has_second_factor:
        return "Overriding asks for a second factor. Set one up (the shield) and sign in again with it."
    return _excluded(approval, viewer)


def _why_no_review(approval: Approval, viewer: Actor) -> str:
    if "override" not in approval.compliance_flags:
        return "It was not overridden."
    review = OverrideReview.objects.filter(approval=approval, closed_at=None).first()
    if review is None:
        return "The review is closed."
    own = viewer.user_id in {review.opened_by_id, *approval.excluded}
    return "Somebody else reviews this." if own else ""


def initial_of(path: str, approval: Approval) -> dict[str, Any]:
    """Return what a form is bound to: the digest, and the values where they may be changed."""
    found: dict[str, Any] = {"digest": approval.digest}
    if path == "release":
        found["holds"] = approval.holds
    if path == "reassign":
        found["approval"] = approval
    if path in ("edit", "resubmit"):
        names = sorted(approval.payload)
        if path == "edit":
            names = sorted(editable_fields(approval.current_level, approval.kind) & set(names))
        called, currency = known_names(approval.facts), approval.currency
        found |= {"payload": approval.payload, "names": names, "called": called, "currency": currency}
    return found


class TalkActions:
    """Moves besides the votes; mixed into the admin of approvals."""

    @service_action(
        path="edit",
        title="Edit",
        permission="hitl.decide_approval",
        form=PayloadForm,
        submit="Save the changes",
        explain="Everybody is asked again. You may not sign what you changed, unless the workflow says so.",
    )
    def edit(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        """Change fields that may be edited at this step."""
        with values_in_the_form():
            services.edit(actor=viewer_of(request), approval_id=obj.pk, changes=_changes(form), **_said(form))
        return f"{obj.reference} is changed. Everybody is asked again."

    @service_action(
        path="ask",
        title="Ask the requester",
        permission="hitl.decide_approval",
        form=talk("What do you want to know?"),
        submit="Ask",
        explain="The clock of the answer stands still until it is answered. Signatures stay.",
    )
    def ask(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        """Ask a question."""
        services.ask(actor=viewer_of(request), approval_id=obj.pk, **_said(form))
        return "The question is on its way to the requester."

    @service_action(
        path="answer",
        title="Answer the question",
        permission="hitl.propose_approval",
        form=talk("Your answer"),
        submit="Answer",
    )
    def answer(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        """Answer the question about one's own request."""
        said = _said(form)
        services.answer(actor=viewer_of(request), approval_id=obj.pk, digest=said["digest"], text=said["reason"])
        return "The signers have your answer."

    @service_action(
        path="send-back",
        title="Send back",
        permission="hitl.decide_approval",
        form=talk("What should be changed?"),
        submit="Send back",
        explain="The requester changes it and sends it in again, three times at most.",
    )
    def send_back(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        """Send it back to be changed."""
        moved = services.send_back(actor=viewer_of(request), approval_id=obj.pk, **_said(form))
        if moved.state == State.REJECTED:
            return f"{obj.reference} had been sent back three times: it is rejected."
        return f"{obj.reference} is sent back."

    @service_action(
        path="resubmit",
        title="Send in again",
        permission="hitl.propose_approval",
        form=PayloadForm,
        submit="Send in",
        explain="It is looked up, assessed and asked like a new request.",
    )
    def resubmit(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        """Send one's own returned request in again."""
        params = {**obj.payload, **_changes(form)}
        with values_in_the_form():
            services.resubmit(actor=viewer_of(request), approval_id=obj.pk, params=params, **_said(form))
        return f"{obj.reference} is sent in again."

    @service_action(
        path="delegate",
        title="Pass my seat on",
        permission="hitl.decide_approval",
        form=DelegateForm,
        submit="Pass on",
        explain="For this request only. For a holiday use “Out of office”.",
    )
    def delegate(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        """Pass one's own seat on."""
        to = UUID(form.cleaned_data["to"])
        services.delegate(actor=viewer_of(request), approval_id=obj.pk, to=to, **_said(form))
        return "Your seat is passed on."

    @service_action(
        path="reassign",
        title="Reassign a seat",
        permission="hitl.reassign_approval",
        form=ReassignForm,
        submit="Reassign",
    )
    def reassign(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        """Give one person's seat to another."""
        people: dict[str, Any] = {name: UUID(form.cleaned_data[name]) for name in ("from_person", "to")}
        services.reassign(actor=viewer_of(request), approval_id=obj.pk, **people, **_said(form))
        return "The seat is reassigned."

    @service_action(
        path="escalate",
        title="Escalate now",
        permission="hitl.reassign_approval",
        form=talk("Why now?"),
        submit="Escalate",
        explain="Takes the next step of the workflow's ladder now instead of when it is due.",
    )
    def escalate(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        """Take the next step of the ladder."""
        services.escalate_now(actor=viewer_of(request), approval_id=obj.pk, **_said(form))
        return f"{obj.reference} is escalated."

    @service_action(
        path="probe",
        title="Look the outcome up",
        permission="hitl.resolve_approval",
        form=OptionalReasonForm,
        submit="Look it up",
        explain="Asks the platform now what became of it. Nothing is carried out again by that.",
    )
    def probe(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        """Ask the outside what became of it."""
        reason = form.cleaned_data["reason"]
        found = services.probe_now(actor=viewer_of(request), approval_id=obj.pk, reason=reason)
        if found.state == State.UNKNOWN:
            return f"It cannot be told yet what became of {obj.reference}. It is looked up again later."
        return f"It is known what became of {obj.reference}."

    @service_action(
        path="override",
        title="Override (break the glass)",
        permission="hitl.override_approval",
        form=talk("Why can it not wait?"),
        submit="Approve alone",
        tone="danger",
        explain="Approves past all signers. It is flagged, and somebody else reviews it.",
    )
    def override(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        """Approve alone."""
        services.override(actor=viewer_of(request), approval_id=obj.pk, **_said(form))
        return f"{obj.reference} is approved by override. The review is open."

    @service_action(
        path="review", title="Close the review", permission="hitl.review_override", form=ReasonForm, submit="Close"
    )
    def review(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        """Close the review of an override with what it found."""
        services.close_review(actor=viewer_of(request), approval_id=obj.pk, reason=form.cleaned_data["reason"])
        return "The review is closed."


def _said(form: ConsoleForm) -> dict[str, Any]:
    return {name: form.cleaned_data[name] for name in ("digest", "reason")}


def _changes(form: ConsoleForm) -> dict[str, Any]:
    return form.changes() if isinstance(form, PayloadForm) else {}
