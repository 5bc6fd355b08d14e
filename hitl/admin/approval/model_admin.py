"""The console's pages of approvals and workflows."""

from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm, ReasonForm
from console.base.lists import choose, whole_number
from console.base.model_admin import ServiceAdmin
from console.extensions import list_notices
from console.names import name_in, names_of
from console.navigation import Nav
from console.templatetags.console_ui import chip, moment, money
from console.viewers import viewer_of
from core.clock import now
from hitl import services
from hitl.admin import panels
from hitl.admin.approval.actions import TalkActions, initial_of, why_no_move
from hitl.admin.approval.filters import (
    HoldFilter,
    KindFilter,
    MineFilter,
    OverdueFilter,
    StateFilter,
    next_for,
    order_of,
    ranked,
)
from hitl.admin.approval.forms import ApproveForm, RejectForm, ReleaseForm, ResolveForm
from hitl.admin.approval.page import may_cancel, page_of, why_no_vote, why_not_in_state
from hitl.admin.approval.request import RequestActions, chosen_kind
from hitl.approvals.decide import Verdict
from hitl.display import RISKS, hold_words, risk_chip, state_chip
from hitl.domain.state_machine import WAITING, Event, State
from hitl.masking import seen_by
from hitl.models import Approval

EVENT_OF: Final = {
    "cancel": Event.CANCEL,
    "revoke": Event.REVOKE,
    "hold": Event.HOLD,
    "release": Event.RELEASE,
    "resolve": Event.RESOLVE,
}
RESULTS: Final = {
    State.PENDING: "Your signature is recorded. It waits for the next one.",
    State.APPROVED: "Approved. It is carried out now.",
    State.REJECTED: "Rejected. The requester is told why.",
}


@admin.register(Approval)
class ApprovalAdmin(RequestActions, TalkActions, ServiceAdmin):
    """The queue, and the page on which a person decides."""

    view_permission = "hitl.view_approval"
    nav = Nav("Approvals", "inbox", order=10, badges=("hitl.waiting", "hitl.overdue"))
    intro = "Risky actions that wait for a person. What waits for you comes first."
    empty_title = "Nothing waits for a signature"
    empty_text = "New requests appear here by themselves, without reloading."
    live_topic = "queue"
    detail_template = "console/approval.html"
    list_display = ("reference_cell", "what", "risk", "price", "waits", "state_cell")
    list_filter: ClassVar = [
        StateFilter,
        choose("risk_level", "Risk", [(key, row[0]) for key, row in RISKS.items()], parameter="risk"),
        KindFilter,
        MineFilter,
        OverdueFilter,
        HoldFilter,
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Approval]:
        """Return the approvals, ranked for the viewer."""
        return ranked(super().get_queryset(request), viewer_of(request))

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        """Return the order of the queue, or of the history that is asked for."""
        return order_of(request.GET.get("state", ""))

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Say over the queue what is stopped."""
        return {**super().list_context(request), "banners": list_notices(viewer_of(request))}

    def prepare_rows(self, request: HttpRequest, rows: list[Approval]) -> None:
        """Read the names of all requesters at once."""
        names = names_of(approval.requester_id for approval in rows)
        for approval in rows:
            approval.requester_name = name_in(names, approval.requester_id, otherwise="")  # type: ignore[attr-defined]
            approval.shown_summary = seen_by(viewer_of(request), approval.summary)  # type: ignore[attr-defined]

    @admin.display(description="Reference")
    def reference_cell(self, approval: Approval) -> str:
        """Return the reference; it is the row's link."""
        is_waiting = approval.state in WAITING
        mark = chip("For you", "accent") if getattr(approval, "is_mine", False) and is_waiting else ""
        urgent = chip("Urgent", "warn", "flag") if approval.priority and is_waiting else ""
        return format_html("{} {}{}", approval.reference, mark, urgent)

    @admin.display(description="What")
    def what(self, approval: Approval) -> str:
        """Return what is asked for, and by whom."""
        note = format_html('<span class="wk-cell-note">{}</span>', self.asked_by(approval))
        summary = approval.shown_summary  # type: ignore[attr-defined]
        return format_html('<span class="wk-cell-wide">{}{}</span>', summary, note)

    def asked_by(self, approval: Approval) -> str:
        """Return who asks."""
        name = approval.requester_name  # type: ignore[attr-defined]
        if approval.requester_kind != "agent":
            return name or "API key"
        return f"{name}, through an agent" if name else "An agent"

    @admin.display(description="Risk")
    def risk(self, approval: Approval) -> str:
        """Return the risk with its score."""
        return risk_chip(approval)

    @admin.display(description="Cost")
    def price(self, approval: Approval) -> str:
        """Return the estimated cost."""
        if approval.cost is None:
            return "–"
        return format_html('<span class="wk-number">{} {}</span>', money(approval.cost), approval.currency)

    @admin.display(description="Asked")
    def waits(self, approval: Approval) -> str:
        """Return since when it waits, and when it should be decided."""
        asked, due = moment(approval.created_at), approval.sla_due_at
        if approval.state not in WAITING or due is None:
            return asked
        if due < now():
            return format_html("{}{}", asked, chip("Overdue", "danger", "clock"))
        return format_html('{}<span class="wk-cell-note">due {}</span>', asked, moment(due))

    @admin.display(description="State")
    def state_cell(self, approval: Approval) -> str:
        """Return the state, and whether it is held."""
        held = chip("On hold", "warn", "pause") if approval.holds else ""
        return format_html('<span class="wk-chips">{} {}</span>', state_chip(approval.state), held)

    def detail_context(self, request: HttpRequest, obj: Approval) -> dict[str, Any]:
        """Return everything the approval's page shows."""
        viewer = viewer_of(request)
        offered = {offer["action"].path: offer for offer in self.offered(request, obj)}
        votes = [offered.pop(path) for path in ("approve", "reject") if path in offered]
        no_vote = votes[0]["blocked"] if votes else "Your role may look, not sign."
        return {
            **page_of(obj, viewer, before=whole_number(request.GET.get("before"))),
            "votes": votes,
            "no_vote": no_vote,
            "next": next_for(viewer, obj) if no_vote else None,
            "others": [offer for offer in offered.values() if not offer["blocked"]],
            "context_panels": panels.shown_to(viewer, obj),
            "live_name": f"approval:{obj.pk}",
            "state_chip": state_chip(obj.state),
            "risk_chip": risk_chip(obj),
            "is_overdue": bool(obj.state in WAITING and obj.sla_due_at and obj.sla_due_at < now()),
            "is_waiting": obj.state in WAITING,
        }

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Say what is in the way: the state, four eyes, or no seat."""
        if obj is None:
            return ""
        if action.path in ("approve", "reject"):
            return why_no_vote(obj, viewer_of(request))
        talk = why_no_move(action.path, obj, viewer_of(request))
        if talk is not None:
            return talk
        if action.path == "release" and not obj.holds:
            return "It is not on hold."
        if action.path == "release" and "manual" in obj.holds and viewer_of(request).user_id in obj.excluded:
            return "You had a hand in this request: somebody else lets it go on."
        if action.path == "hold" and "manual" in obj.holds:
            return "It is on hold already."
        if action.path == "cancel" and not may_cancel(obj, viewer_of(request)):
            return "Only the requester or an admin withdraws a request."
        return why_not_in_state(obj, EVENT_OF[action.path])

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Bind the form to what the page shows."""
        return chosen_kind(request) if obj is None else initial_of(action.path, obj)

    def _decide(self, request: HttpRequest, obj: Approval, form: ConsoleForm, verdict: Verdict) -> str:
        decided = services.decide(actor=viewer_of(request), approval_id=obj.pk, verdict=verdict, **form.cleaned_data)
        state = State(decided.state)
        if state == State.APPROVED and decided.holds:
            why = " and ".join(hold_words(decided))
            return f"{decided.reference}: Approved. It is not carried out yet because {why}."
        return f"{decided.reference}: {RESULTS.get(state, 'Your vote is recorded.')}"

    @service_action(
        path="approve",
        title="Approve",
        permission="hitl.decide_approval",
        form=ApproveForm,
        submit="Approve",
        tone="good",
        key="a",
    )
    def approve(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        """Sign what was shown."""
        return self._decide(request, obj, form, "approve")

    @service_action(
        path="reject",
        title="Reject",
        permission="hitl.decide_approval",
        form=RejectForm,
        submit="Reject",
        tone="danger",
        key="r",
    )
    def reject(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        """Refuse what was shown, with a reason."""
        return self._decide(request, obj, form, "reject")

    @service_action(
        path="hold",
        title="Put on hold",
        permission="hitl.hold_approval",
        form=ReasonForm,
        explain="Nothing is carried out while it is held. It still expires in time.",
    )
    def hold(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        """Keep it from being carried out."""
        services.hold(actor=viewer_of(request), approval_id=obj.pk, reason=form.cleaned_data["reason"])
        return f"{obj.reference} is on hold."

    @service_action(
        path="release",
        title="Release the hold",
        permission="hitl.hold_approval",
        form=ReleaseForm,
        explain="All checks run again before anything is carried out.",
    )
    def release(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        """Take one hold away."""
        first = "manual" if "manual" in obj.holds else next(iter(obj.holds), "manual")
        name = form.cleaned_data.get("hold") or first
        reason = form.cleaned_data["reason"]
        services.release(actor=viewer_of(request), approval_id=obj.pk, name=name, reason=reason)
        return f"{obj.reference} is released."

    @service_action(
        path="revoke",
        title="Take the approval back",
        permission="hitl.revoke_approval",
        form=ReasonForm,
        tone="danger",
        explain="Works as long as nobody has started to carry it out.",
    )
    def revoke(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        """Undo an approval that was not started."""
        services.revoke(actor=viewer_of(request), approval_id=obj.pk, reason=form.cleaned_data["reason"])
        return f"The approval of {obj.reference} is taken back."

    @service_action(
        path="cancel",
        title="Cancel the request",
        permission="hitl.cancel_approval",
        form=ReasonForm,
        tone="danger",
        explain="For the requester and admins. It can then no longer be signed.",
    )
    def cancel(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        """Withdraw the request."""
        services.cancel(actor=viewer_of(request), approval_id=obj.pk, reason=form.cleaned_data["reason"])
        return f"{obj.reference} is cancelled."

    @service_action(
        path="resolve",
        title="Settle the outcome",
        permission="hitl.resolve_approval",
        form=ResolveForm,
        submit="Settle",
        explain="Look at the platform first: this says what really happened and cannot be undone.",
    )
    def resolve(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> str:
        """Say what became of an effect whose outcome is unknown."""
        services.resolve(actor=viewer_of(request), approval_id=obj.pk, **form.cleaned_data)
        return f"The outcome of {obj.reference} is settled."
