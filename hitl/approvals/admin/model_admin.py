"""The console's list and page of approvals."""

from functools import partial
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from accounts.permissions import shares
from console.base.actions import ServiceAction
from console.base.lists import Column, during, uuid_of, whole_number
from console.base.model_admin import ServiceAdmin
from console.base.saved_views import ViewFilter
from console.base.share import end_share_action, share_action
from console.base.toolbar import QuickFilter
from console.extensions import list_notices
from console.names import names_of
from console.navigation import APPROVALS, Nav
from console.templatetags.console_ui import chip, moment, money
from console.viewers import viewer_of
from core.clock import now
from hitl.actions.targets import find_marks
from hitl.approvals.admin import panels
from hitl.approvals.admin.actions import (
    RARE,
    DecisionActions,
    DiscussionActions,
    FlagActions,
    NoteActions,
    initial_of,
    why_not,
)
from hitl.approvals.admin.list import filters
from hitl.approvals.admin.list.batch import NOTHING, PATH, BatchActions, batch_initial, mark_pickable
from hitl.approvals.admin.list.export import EXPORT_PATH, ExportActions
from hitl.approvals.admin.list.moving_on import following
from hitl.approvals.admin.list.request import RequestActions, chosen_kind
from hitl.approvals.admin.page.content import page_of
from hitl.approvals.admin.page.evidence import EvidenceActions
from hitl.approvals.admin.page.flags import FlagFilter, flag_chips
from hitl.approvals.decide.first_view import note_view
from hitl.approvals.decide.rights import WATCHED
from hitl.display import mark_line, requester_words, risk_chip, state_chip
from hitl.domain.permissions import CANCEL, DECIDE
from hitl.domain.state_machine import WAITING, State
from hitl.masking import mask_for
from hitl.models import Approval
from hitl.selectors.urgency import ranked


@admin.register(Approval)
class ApprovalAdmin(
    RequestActions,
    DecisionActions,
    DiscussionActions,
    NoteActions,
    EvidenceActions,
    FlagActions,
    BatchActions,
    ExportActions,
    ServiceAdmin,
):
    view_permission = "hitl.view_approval"
    share_kind = shares.APPROVAL
    nav = Nav("Queue", "inbox", APPROVALS, order=10, badges=("hitl.waiting", "hitl.overdue"))
    intro = "Risky actions that need a person's approval. Yours come first."
    empty_title = "Nothing is waiting for approval"
    empty_text = "New requests appear here automatically."
    live_topic = "queue"
    change_list_template = "console/approvals.html"
    watched = WATCHED
    detail_template = "console/approval.html"
    list_display = ("request_cell", "risk", "price", "due", "asked", "state_cell")
    list_filter: ClassVar = [
        filters.StateFilter,
        filters.RiskFilter,
        filters.KindFilter,
        filters.MineFilter,
        filters.OverdueFilter,
        filters.HoldFilter,
        FlagFilter,
        during("id"),
        filters.QueueSort,
        ViewFilter,
    ]
    quick_filters = filters.QUICK_FILTERS
    sorts: ClassVar = {
        "risk": ("-risk", "risk"),
        "price": ("-cost", "cost"),
        "due": ("deadline", "-deadline"),
        "asked": ("-age", "age"),
    }
    has_search = has_saved_views = True
    search_hint = "Reference, words, object or requester"

    share, end_share = share_action(shares.APPROVAL), end_share_action(shares.APPROVAL)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Approval]:
        viewer = viewer_of(request)
        rows = super().get_queryset(request).filter(shares.within(viewer, self.share_kind, self.view_permission))
        return ranked(rows, viewer)

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        """Return the chosen order, or that of the queue or of past requests."""
        return filters.order_of(request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Keep what the search finds."""
        found = filters.search_of(request)
        return (queryset if found is None else queryset.filter(found)), False

    def get_quick_filters(self, request: HttpRequest) -> tuple[QuickFilter, ...]:
        """Return the chips; those who can't approve need none for what they should approve."""
        if viewer_of(request).may(DECIDE):
            return self.quick_filters
        return tuple(chip for chip in self.quick_filters if chip.value not in ("sign", "delegated"))

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Show emergency stops above the queue; what is selected in it is decided below it."""
        context = super().list_context(request)
        urls = {offer["action"].path: offer["url"] for offer in context["offered"]}
        context["offered"] = [offer for offer in context["offered"] if offer["action"].path not in (PATH, EXPORT_PATH)]
        return {
            **context,
            "banners": list_notices(viewer_of(request)),
            "batch_url": urls.get(PATH),
            "export_url": urls.get(EXPORT_PATH),
            "search_note": filters.search_note(request),
        }

    def prepare_rows(self, request: HttpRequest, rows: list[Approval]) -> None:
        names, labels = names_of(approval.requester_id for approval in rows), getattr(request, "flag_labels", {})
        mine, marks = [getattr(approval, "is_mine", False) for approval in rows], find_marks(rows)
        usual = {"": State.PENDING, "waiting": State.PENDING}.get(chosen := request.GET.get("state", ""), chosen)
        for approval, is_mine in zip(rows, mine, strict=True):
            approval.shows_whose = is_mine and not all(mine)  # type: ignore[attr-defined]
            approval.shows_state = approval.state != usual  # type: ignore[attr-defined]
            approval.flag_chips = flag_chips(approval, labels)  # type: ignore[attr-defined]
            approval.mark = mark_line(marks.get(approval.pk))  # type: ignore[attr-defined]
            asked_by = requester_words(approval, names)
            approval.asked_by = f"{asked_by[:1].upper()}{asked_by[1:]}"  # type: ignore[attr-defined]
            approval.shown_summary = mask_for(viewer_of(request), approval, approval.summary)  # type: ignore[attr-defined]
        mark_pickable(request, rows)

    def prepare_detail(self, request: HttpRequest, obj: Approval) -> None:
        """Read nothing more: the page reads its rows itself."""

    @admin.display(description="Request")
    def request_cell(self, approval: Approval) -> str:
        """Return what is asked for, under its reference and requester; it is the row's link."""
        is_waiting = approval.state in WAITING
        mark = chip("For you", "accent") if approval.shows_whose and is_waiting else ""  # type: ignore[attr-defined]
        urgent = chip("Urgent", "warn", "flag") if approval.priority and is_waiting else ""
        return format_html(
            '<span class="wk-nowrap">{}</span> <span class="wk-queue-who">{} {}{}</span>'
            '<span class="wk-queue-what">{}</span>{}',
            approval.reference,
            approval.asked_by,  # type: ignore[attr-defined]
            mark,
            urgent,
            approval.shown_summary,  # type: ignore[attr-defined]
            approval.mark,  # type: ignore[attr-defined]
        )

    risk = Column[Approval]("Risk", risk_chip)
    asked = Column[Approval]("Requested", lambda approval: moment(approval.created_at))

    @admin.display(description="Cost")
    def price(self, approval: Approval) -> str:
        if approval.cost is None:
            return "–"
        return format_html('<span class="wk-number">{}</span>', money(approval.cost, approval.currency))

    @admin.display(description="Due")
    def due(self, approval: Approval) -> str:
        if approval.state not in WAITING or approval.sla_due_at is None:
            return "–"
        late = chip("Overdue", "danger", "clock") if approval.sla_due_at < now() else ""
        return format_html("{}{}", moment(approval.sla_due_at), late)

    @admin.display(description="State")
    def state_cell(self, approval: Approval) -> str:
        """Return the state unless every row has it, whether it is on hold, and its flags."""
        held = chip("On hold", "warn", "pause") if approval.holds else ""
        flags = approval.flag_chips  # type: ignore[attr-defined]
        state = state_chip(approval.state) if approval.shows_state else ""  # type: ignore[attr-defined]
        return format_html('<span class="wk-chips">{} {} {}</span>', state, held, flags)

    def detail_context(self, request: HttpRequest, obj: Approval) -> dict[str, Any]:
        """Return everything the approval's page shows."""
        viewer = viewer_of(request)
        note_view(viewer=viewer, approval=obj)
        offered = {offer["action"].path: offer for offer in self.offered(request, obj)}
        votes = [offered.pop(path) for path in ("approve", "reject") if path in offered]
        write_note = offered.pop("note", None)
        usable = [offer for offer in offered.values() if not offer["blocked"]]
        others = [offer for offer in usable if offer["action"].path not in RARE]
        beside = panels.shown_to(viewer, obj)
        no_vote = votes[0]["blocked"] if votes else "Your role can view requests but not approve them."
        return {
            **page_of(obj, viewer, before=whole_number(request.GET.get("before"))),
            "votes": votes,
            "no_vote": no_vote,
            "next": filters.next_for(viewer, obj) if no_vote else None,
            "others": others,
            "rare": [offer for offer in usable if offer["action"].path in RARE],
            "write_note": write_note,
            "is_menu_open": obj.state not in WAITING and not others,
            "context_panels": beside,
            "words": next((entry["panel"]["words"] for entry in beside if entry["panel"].get("words")), None),
            "live_name": f"approval:{obj.pk}",
            "state_chip": state_chip(obj.state),
            "risk_chip": risk_chip(obj),
            "is_overdue": bool(obj.state in WAITING and obj.sla_due_at and obj.sla_due_at < now()),
            "is_waiting": obj.state in WAITING,
        }

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs of the pages, the actions and the way to the next request."""
        wrap = self.admin_site.admin_view
        return [path("next/", wrap(self.next_view), name="hitl_approval_next"), *super().get_urls()]

    def next_view(self, request: HttpRequest) -> HttpResponse:
        """Go to what comes after the request `after` in the viewer's queue, or to the queue if nothing does."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role can't open this page.")
        found = following(viewer_of(request), uuid_of(request.GET.get("after", "")))
        if found is None:
            messages.info(request, "Nothing else is waiting for your approval.")
            return HttpResponseRedirect(self.list_url())
        return HttpResponseRedirect(reverse("admin:hitl_approval_change", args=[found]))

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return the next request's page after a decision, otherwise the row's page or the list."""
        if action.path == EXPORT_PATH:
            return f"{self.list_url()}?{request.GET.urlencode()}"
        found = getattr(request, "opens_next", None)
        if found is not None:
            return reverse("admin:hitl_approval_change", args=[found])
        return super().after_action_url(request, action, obj)

    def row_keys(self, request: HttpRequest) -> list[dict[str, str]]:
        """Return the keys of the row's forms, and the one of the viewer's next request."""
        keys = super().row_keys(request)
        if not keys:
            return []
        return [
            *keys,
            {"key": "n", "path": "next", "words": "Next request", "url": reverse("admin:hitl_approval_next")},
        ]

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        if obj is None:
            return NOTHING if action.path == PATH and request.method != "POST" else ""
        viewer = viewer_of(request)
        if action.path == "note" and not viewer.may(action.permission) and CANCEL not in shares.given(viewer, obj):
            return "This request is shared with you for viewing only."
        return why_not(action.path, obj, viewer)

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        if action.path == PATH:
            return batch_initial(request)
        if action.path == EXPORT_PATH:
            return {"listed": partial(self.get_changelist_instance, request)}
        return chosen_kind(request) if obj is None else initial_of(action.path, obj)
