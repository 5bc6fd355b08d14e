"""The page "Out of office": who is away, and who decides for them."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from console.base.actions import ServiceAction, service_action
from console.base.crud import calls
from console.base.forms import ConsoleForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.names import name_in, names_of
from console.navigation import YOURS, Nav
from console.templatetags.console_ui import chip, exact
from console.viewers import viewer_of
from core.clock import now
from hitl.approvals.admin.forms import AwayForm
from hitl.approvals.decide.delegations import end_delegation, open_delegation
from hitl.domain.permissions import DECIDE
from hitl.models import Delegation


@admin.register(Delegation)
class DelegationAdmin(ServiceAdmin):
    view_permission = DECIDE
    nav = Nav("Out of office", "calendar", YOURS, order=45)
    intro = "While someone is away, a colleague decides for them. Open requests move to the colleague and back."
    empty_title = "No one is away"
    empty_text = "Add your absence and choose who decides for you."
    list_display = ("title", "starts", "ends", "standing")
    ordering = ("-id",)
    detail_fields: ClassVar[tuple[str, ...]] = ("title", "starts", "ends", "standing")

    def prepare_rows(self, request: HttpRequest, rows: list[Delegation]) -> None:
        names = names_of([row.from_person_id for row in rows] + [row.to_person_id for row in rows])
        for row in rows:
            giver, taker = name_in(names, row.from_person_id), name_in(names, row.to_person_id)
            row.words = f"{taker} decides for {giver}"  # type: ignore[attr-defined]

    def object_title(self, obj: Delegation) -> str:
        return "Out of office"

    title = Column[Delegation]("Who", lambda row: str(getattr(row, "words", "Out of office")))
    starts = Column[Delegation]("From", lambda row: exact(row.starts_at))
    ends = Column[Delegation]("Until", lambda row: exact(row.until))

    @admin.display(description="State")
    def standing(self, row: Delegation) -> str:
        if row.ended_at is not None or row.until <= now():
            return chip("Over", "neutral", "ban")
        return chip("Planned", "info", "clock") if row.starts_at > now() else chip("Away", "warn", "pause")

    def detail_context(self, request: HttpRequest, obj: Delegation) -> dict[str, Any]:
        """Return the fields, and the actions that are not blocked."""
        context = super().detail_context(request, obj)
        return {**context, "offered": [offer for offer in context["offered"] if not offer["blocked"]]}

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        if action.path != "end":
            return ""
        if obj.ended_at is not None:
            return "It is over already."
        viewer = viewer_of(request)
        may = viewer.user_id == obj.from_person_id or viewer.may("hitl.reassign_approval")
        return "" if may else "Only who is away or an administrator ends it."

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Tell the form whether the viewer may say it for others."""
        return {"for_others": viewer_of(request).may("hitl.reassign_approval")} if action.path == "away" else {}

    @service_action(
        title="Say who is away",
        permission=DECIDE,
        form=AwayForm,
        submit="Save",
        tone="primary",
        on_list=True,
        explain="Open requests without your decision move to the colleague now, and back at the end.",
    )
    def away(self, request: HttpRequest, obj: Any, form: ConsoleForm) -> str:
        made = open_delegation(actor=viewer_of(request), **form.cleaned_data)
        if made.starts_at > now():
            return f"Saved. Your open requests move to your colleague on {exact(made.starts_at)}."
        return "Saved. Your open requests are now with your colleague."

    end = calls(end_delegation, "delegation_id", title="End now", permission=DECIDE,
                done="The absence has ended. Open requests were returned.")  # fmt: skip
