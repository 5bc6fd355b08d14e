"""The page of emergency approvals that need a review."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from console.base.lists import Column, SelectFilter
from console.base.model_admin import ReadOnlyAdmin
from console.names import name_in, names_of
from console.navigation import APPROVALS, Nav
from console.templatetags.console_ui import chip, exact, moment
from console.viewers import viewer_of
from core.privacy.pii import mask_text
from core.privacy.visible_text import visible
from hitl.masking import mask_for
from hitl.models import Decision, OverrideReview


class StandingFilter(SelectFilter):
    """By state; by default the open ones."""

    title, parameter_name, any_label = "State", "state", "Open"
    options = (("closed", "Closed"), ("all", "All"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.chosen()
        return queryset if chosen == "all" else queryset.filter(closed_at__isnull=chosen != "closed")


@admin.register(OverrideReview)
class OverrideReviewAdmin(ReadOnlyAdmin):
    view_permission = "hitl.review_override"
    nav = Nav("Emergency reviews", "eye", APPROVALS, order=40)
    intro = (
        "Requests that were approved in an emergency. Someone who wasn't involved reviews each and records a finding."
    )
    empty_title = "No open reviews"
    empty_text = "Emergency approvals appear here until someone has reviewed them."
    list_display = ("what", "overridden_by", "overridden", "standing", "reviewed_by")
    list_filter: ClassVar = [StandingFilter]
    ordering = ("-id",)
    detail_fields = (
        "what",
        "page",
        "overridden_by",
        "exactly",
        "reason",
        "standing",
        "reviewed_by",
        "closed_at",
        "found",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[OverrideReview]:
        rows: QuerySet[OverrideReview] = super().get_queryset(request).select_related("approval")
        return rows

    def prepare_rows(self, request: HttpRequest, rows: list[OverrideReview]) -> None:
        names = names_of([person for row in rows for person in (row.opened_by_id, row.closed_by_id)])
        for row in rows:
            row.shown_summary = mask_for(viewer_of(request), row.approval, row.approval.summary)  # type: ignore[attr-defined]
            row.names = (  # type: ignore[attr-defined]
                name_in(names, row.opened_by_id),
                name_in(names, row.closed_by_id, otherwise="–"),
            )

    def object_title(self, review: OverrideReview) -> str:
        return f"Emergency approval of {review.approval.reference}"

    what = Column[OverrideReview]("Request", lambda row: f"{row.approval.reference}: {row.shown_summary}")  # type: ignore[attr-defined]
    overridden_by = Column[OverrideReview]("Approved by", lambda row: row.names[0])  # type: ignore[attr-defined]
    overridden = Column[OverrideReview]("Approved", lambda row: moment(row.opened_at))
    exactly = Column[OverrideReview]("Approved", lambda row: exact(row.opened_at))
    reviewed_by = Column[OverrideReview]("Reviewed by", lambda row: row.names[1])  # type: ignore[attr-defined]
    found = Column[OverrideReview]("Finding", lambda row: mask_text(row.finding))

    @admin.display(description="Review")
    def page(self, review: OverrideReview) -> str:
        """Return a link to the request, where the finding is recorded."""
        url = reverse("admin:hitl_approval_change", args=[review.approval_id])
        return format_html('<a href="{}">Open {}</a>', url, review.approval.reference)

    @admin.display(description="Reason for the emergency")
    def reason(self, review: OverrideReview) -> str:
        said = Decision.objects.filter(approval_id=review.approval_id, revision=review.revision, verdict="override")
        return "; ".join(visible(mask_text(row.reason)) for row in said)

    @admin.display(description="State")
    def standing(self, review: OverrideReview) -> str:
        is_open = review.closed_at is None
        return chip("Open", "warn", "clock") if is_open else chip("Closed", "good", "check")
