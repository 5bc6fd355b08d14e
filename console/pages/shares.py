"""Console page of what is shared with the viewer: single conversations, requests, contacts and agents."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.members.shares import SHAREABLES, SHOWN, query_shared_with, show_shares
from accounts.models import Share
from console.base.lists import Column
from console.base.model_admin import ReadOnlyAdmin
from console.navigation import YOURS, Nav
from console.templatetags.console_ui import moment
from console.viewers import viewer_of


@admin.register(Share)
class ShareAdmin(ReadOnlyAdmin):
    """What is shared with the viewer now; a row's page is that of the object."""

    view_permission = SHOWN
    nav = Nav("Shared with me", "link", YOURS, order=7)
    intro = "Single things that colleagues shared with you, on top of what your role allows."
    empty_title = "Nothing is shared with you"
    empty_text = "Colleagues share from the page of a conversation, request, contact or agent."
    ordering = ("kind", "-id")
    list_display = ("title", "sort", "allowed", "until", "reason", "by")
    is_elsewhere = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Share]:
        """Return what is shared with the viewer."""
        return query_shared_with(viewer=viewer_of(request))

    def prepare_rows(self, request: HttpRequest, rows: list[Share]) -> None:
        """Read the names of all objects: a query for each kind."""
        shown = {one.share.pk: one for one in show_shares(viewer=viewer_of(request), rows=rows)}
        for row in rows:
            row.shown = shown.get(row.pk)  # type: ignore[attr-defined]

    def object_title(self, obj: Share) -> str:
        """Return the kind."""
        return obj.get_kind_display()

    def object_url(self, obj: Share) -> str:
        """Return the page of the object."""
        return SHAREABLES.get(obj.kind).page(obj.object_id)

    @admin.display(description="Name")
    def title(self, row: Share) -> str:
        """Return the object's name."""
        shown = row.shown  # type: ignore[attr-defined]
        return shown.title if shown else row.get_kind_display()

    sort = Column[Share]("Kind", lambda row: row.get_kind_display())
    allowed = Column[Share]("You can", lambda row: row.get_level_display())
    until = Column[Share]("Until", lambda row: moment(row.ends_at) if row.ends_at else "–")
    by = Column[Share]("Shared by", lambda row: row.shared_by.get_full_name() if row.shared_by else "–")
