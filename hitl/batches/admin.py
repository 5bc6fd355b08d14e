"""The console's page of a batch: its progress, and what became of each request."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from console.base.actions import ServiceAction, service_action
from console.base.forms import ConfirmForm, ConsoleForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.names import name_in, names_of
from console.navigation import APPROVALS, Nav
from console.templatetags.console_ui import chip, moment
from console.viewers import viewer_of
from core.clock import now
from hitl.batches.batches import list_undoable, query_batches, undo_batch
from hitl.batches.preview import words_of
from hitl.display import state_chip
from hitl.masking import mask_for
from hitl.models import Approval, BatchDecision

REFRESH: str = "2"
"""Seconds until the page of a batch at work is read again, by the browser itself."""


@admin.register(BatchDecision)
class BatchDecisionAdmin(ServiceAdmin):
    view_permission = "hitl.view_approval"
    nav = Nav("Batches", "check-circle", APPROVALS, order=20)
    intro = "Requests that you decided together, and what became of each."
    empty_title = "No batches yet"
    empty_text = "Select requests in the list of approvals to decide them at once."
    list_display = ("made", "what", "by", "standing")
    ordering = ("-id",)
    detail_template = "console/batch/report.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[BatchDecision]:
        return query_batches(viewer=viewer_of(request)).order_by("-pk")

    def object_title(self, batch: BatchDecision) -> str:
        return f"{batch.verdict.capitalize()} {batch.total} request{'s' * (batch.total != 1)}"

    def prepare_rows(self, request: HttpRequest, rows: list[BatchDecision]) -> None:
        names = names_of(row.maker_id for row in rows)
        for row in rows:
            row.maker_name = name_in(names, row.maker_id)  # type: ignore[attr-defined]

    made = Column[BatchDecision]("Sent", lambda batch: moment(batch.created_at))
    by = Column[BatchDecision]("By", lambda batch: batch.maker_name)  # type: ignore[attr-defined]

    @admin.display(description="What")
    def what(self, batch: BatchDecision) -> str:
        return self.object_title(batch)

    standing = Column[BatchDecision](
        "State",
        lambda batch: chip("Finished", "good", "check") if batch.finished_at else chip("At work", "info", "clock"),
    )

    def detail_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Show the batch; the browser reads the page again while it is at work."""
        answer = super().detail_view(request, object_id)
        context = getattr(answer, "context_data", None) or {}
        if context.get("is_at_work"):
            answer["Refresh"] = REFRESH
        return answer

    def detail_context(self, request: HttpRequest, obj: BatchDecision) -> dict[str, Any]:
        """Return what became of each request."""
        viewer = viewer_of(request)
        items = sorted(obj.items.all(), key=lambda item: item.place)
        found = {row.pk: row for row in Approval.objects.filter(pk__in=[item.approval_id for item in items])}
        lines = []
        for item in items:
            approval = found.get(item.approval_id)
            line = {"item": item, "approval": approval, "says": words_of(item.code)}
            if approval is not None:
                line |= {"summary": mask_for(viewer, approval, approval.summary), "chip": state_chip(approval.state)}
            lines.append(line)
        done = [item for item in items if item.outcome]
        return {
            **super().detail_context(request, obj),
            "lines": lines,
            "done": len(done),
            "decided": len([item for item in done if item.outcome == "decided"]),
            "refused": len([item for item in done if item.outcome == "refused"]),
            "is_at_work": obj.finished_at is None,
            "undo_until": max(
                (row.execute_after for row in list_undoable(obj, now()) if row.execute_after), default=None
            ),
        }

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        if obj.maker_id != viewer_of(request).user_id:
            return "Only the person who made this batch can undo it."
        return "" if list_undoable(obj, now()) else "It is too late to undo: nothing waits for its execution any more."

    @service_action(
        title="Undo all",
        permission="hitl.revoke_approval",
        form=ConfirmForm,
        explain="Every request of this batch that still waits for its execution is cancelled.",
    )
    def undo(self, request: HttpRequest, obj: BatchDecision, form: ConsoleForm) -> str:
        count = undo_batch(actor=viewer_of(request), batch_id=obj.pk)
        return f"Undone. {count} request{'s were' if count != 1 else ' was'} cancelled and won't be executed."
