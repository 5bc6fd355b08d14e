"""Console page of the viewer's own notices, which the bell of every page opens."""

from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import notices
from accounts.models import Notice
from console.base.actions import ServiceAction
from console.base.crud import calls
from console.base.lists import Column, uuid_of
from console.base.model_admin import ServiceAdmin
from console.navigation import YOURS, Nav
from console.pages.push import PushActions, card_of
from console.templatetags.console_ui import chip, moment
from console.viewers import viewer_of
from core.notices import check_link, label_of

PAGE: Final = 25
LEVELS: Final[dict[str, tuple[str, str, str]]] = {
    Notice.Level.INFO: ("Information", "info", "info"),
    Notice.Level.WARNING: ("Warning", "warn", "alert"),
    Notice.Level.ALERT: ("Alert", "danger", "alert"),
}


def line_of(notice: Notice) -> dict[str, Any]:
    """Return a notice as the list shows it."""
    label, icon = label_of(notice.kind)
    level = "" if notice.level == Notice.Level.INFO else chip(*LEVELS[notice.level])
    return {"notice": notice, "label": label, "icon": icon, "level": level}


@admin.register(Notice)
class NoticeAdmin(PushActions, ServiceAdmin):
    """The viewer's own notices, newest first; nobody sees another person's."""

    view_permission = notices.USE
    nav = Nav("Notices", "bell", YOURS, order=5)
    intro = "What happened that concerns you. Only you see this list."
    change_list_template = "console/notices.html"
    ordering = ("-id",)
    detail_fields = ("kind_label", "level_chip", "body", "arrived", "seen_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        """Return the viewer's own notices."""
        return notices.list_own(viewer=viewer_of(request))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show one page of the list, after the notice named by `before`."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role can't open this page.")
        before = uuid_of(request.GET.get("before"))
        rows = self.get_queryset(request).order_by("-id")
        found = list((rows.filter(pk__lt=before) if before else rows)[: PAGE + 1])
        page = found[:PAGE]
        context = {
            **self.admin_site.each_context(request),
            "title": self.list_label,
            "intro": self.intro,
            "opts": self.model._meta,
            "lines": [line_of(notice) for notice in page],
            "is_first": before is None,
            "older": page[-1].pk if len(found) > PAGE else None,
            "push": card_of(viewer_of(request)),
            **(extra_context or {}),
        }
        return TemplateResponse(request, self.change_list_template, context)

    def list_actions(self) -> dict[str, ServiceAction]:
        """Return nothing: they need the list, or the browser, in front of them."""
        return {}

    def object_title(self, notice: Notice) -> str:
        """Return what the notice says."""
        return notice.title

    def detail_context(self, request: HttpRequest, obj: Notice) -> dict[str, Any]:
        """Return the notice with the actions that still make sense."""
        context = super().detail_context(request, obj)
        is_done = {"open": not obj.link, "seen": obj.seen_at is not None}
        offered = [offer for offer in context["offered"] if not is_done[offer["action"].path]]
        return {**context, "offered": offered}

    kind_label = Column[Notice]("Kind", lambda notice: label_of(notice.kind)[0])
    level_chip = Column[Notice]("Level", lambda notice: chip(*LEVELS[notice.level]))
    arrived = Column[Notice]("Arrived", lambda notice: moment(notice.created_at))

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return to the list."""
        return self.list_url()

    open = calls(
        notices.mark_seen,
        "notice_id",
        title="Open",
        permission=notices.USE,
        tone="primary",
        explain="Opens the page this notice is about and marks the notice as seen.",
        done=lambda notice: HttpResponseRedirect(
            check_link(notice.link) or reverse("admin:accounts_notice_changelist")
        ),
    )
    seen = calls(
        notices.mark_seen,
        "notice_id",
        title="Mark as seen",
        permission=notices.USE,
        explain="The notice stays in the list.",
    )
    see_all = calls(
        notices.mark_all_seen,
        title="Mark all as seen",
        permission=notices.USE,
        explain="All your notices stay in the list.",
        done=lambda marked: "All notices are marked as seen." if marked else "There were no new notices.",
    )
