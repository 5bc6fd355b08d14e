"""The console's pages of the daily brief: one's own, and who has it on."""

from __future__ import annotations

from typing import Any, ClassVar, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path, reverse
from django.utils import formats

from accounts.models import User
from analytics import selectors, services
from analytics.admin.forms import BriefForm, initial_of
from analytics.brief.texts import IN_CONSOLE
from analytics.models import Brief, BriefPreference
from analytics.services.briefs import mail_key, render_for
from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm
from console.base.lists import choose
from console.base.model_admin import ReadOnlyAdmin, ServiceAdmin
from console.navigation import Nav
from console.templatetags.console_ui import chip, clock, moment
from console.viewers import viewer_of
from core.errors import TooMany
from integrations.models import MailDelivery

STATES: Final[dict[str, tuple[str, str, str]]] = {
    Brief.State.QUEUED: ("Waiting", "info", "clock"),
    Brief.State.WORKING: ("Being put together", "info", "bolt"),
    Brief.State.SENT: ("Sent", "good", "send"),
    Brief.State.SKIPPED: ("Left out", "neutral", "ban"),
    Brief.State.FAILED: ("Failed", "danger", "x-circle"),
}
REASONS: Final = {
    "outage": "Walker did not run at that time, and it was too late afterwards.",
    "too_late": "It could not be put together in time.",
    "no_seat": "You had no seat in the organisation.",
    "failed": "It could not be put together; an admin can start it again from the failures.",
}
# What stands in the frame is our own mail: styles on its elements, no scripts, nothing from elsewhere.
POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'none'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
)
FRAMED: Final = {"Content-Security-Policy": POLICY, "X-Frame-Options": "SAMEORIGIN", "Cache-Control": "no-store"}


def state_of(brief: Brief) -> str:
    """Return how far a brief has come, or what its reader did with it."""
    if brief.clicked_at:
        return chip("Clicked", "good", "check-circle")
    return chip("Opened", "good", "eye") if brief.opened_at else chip(*STATES[brief.state])


@admin.register(Brief)
class BriefAdmin(ServiceAdmin):
    """My brief: how it would look now, how I want it, and those of the last month. Nobody else's."""

    view_permission = selectors.USE
    nav = Nav("My brief", "sun", order=60)
    intro = "What waits for you and how things are going, once a day in your mailbox."
    change_list_template = "console/my_brief.html"
    detail_template = "console/brief.html"
    list_display = ("day", "kind", "standing", "sent_at", "opened_at")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Brief]:
        """Return the viewer's own, without what they say."""
        return selectors.query_own_briefs(viewer=viewer_of(request))

    def get_urls(self) -> list[URLPattern]:
        """Add the mail itself, as a page for a frame."""
        wrap = self.admin_site.admin_view
        return [
            path("preview/", wrap(self.preview_view), name="analytics_brief_preview"),
            path("<uuid:object_id>/mail/", wrap(self.mail_view), name="analytics_brief_mail"),
            *super().get_urls(),
        ]

    @admin.display(description="Day")
    def day(self, brief: Brief) -> str:
        """Return the local date."""
        return formats.date_format(brief.local_date, "l, j F")

    @admin.display(description="State")
    def standing(self, brief: Brief) -> str:
        """Return how far it has come."""
        return state_of(brief)

    def object_title(self, brief: Brief) -> str:
        """Return its day."""
        return f"Brief of {formats.date_format(brief.local_date, 'j F Y')}"

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return the settings in words, the form that sends one, and where the preview is."""
        row = selectors.own_preference(viewer=viewer_of(request))
        following = row.next_due_at.astimezone(ZoneInfo(row.zone)) if row.next_due_at else None
        offered = self.offered(request, None, on_list=True)
        kept = services.kept_preview(viewer=viewer_of(request))
        return {
            "preference": row,
            "seen_at": clock(kept.made_at, "H:i") if kept else "",
            "renew": next((offer for offer in offered if offer["action"].path == "refresh"), None),
            "language": row.get_language_display(),
            "chosen": [IN_CONSOLE[key] for key in row.sections if key in IN_CONSOLE],
            "next_at": formats.date_format(following, "l, j F, H:i") if following else "",
            "mail_url": reverse("admin:analytics_brief_preview"),
            "settings_url": next(offer["url"] for offer in offered if offer["action"].path == "settings"),
            "sending": [offer for offer in offered if offer["action"].path == "send-now"],
        }

    def detail_context(self, request: HttpRequest, obj: Brief) -> dict[str, Any]:
        """Return what became of it, and where its mail is shown."""
        delivery = MailDelivery.objects.filter(key=mail_key(obj)).only("status").first()
        rows = [
            ("State", state_of(obj)),
            *([("Mail", delivery.get_status_display())] if delivery else []),
            ("Sent", moment(obj.sent_at)),
            ("Opened", moment(obj.opened_at)),
            ("Clicked", moment(obj.clicked_at)),
        ]
        shown = reverse("admin:analytics_brief_mail", args=[obj.pk]) if obj.state == Brief.State.SENT else ""
        return {"rows": rows, "reason": REASONS.get(obj.reason, ""), "mail_url": shown, "offered": []}

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Show the mail as it would be now; put together at most once in ten minutes, and writes nothing."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        viewer = viewer_of(request)
        viewer.require(selectors.USE)
        try:
            return _mail(request, services.preview_brief(viewer=viewer).content)
        except TooMany as error:
            return HttpResponse(error.detail, status=error.status, content_type="text/plain", headers=FRAMED)

    def mail_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Show the mail of one of the viewer's briefs."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        brief = self.object_or_404(request, object_id)
        content = selectors.get_own_brief(viewer=viewer_of(request), brief_id=brief.pk).content
        if content is None:
            raise Http404("This brief was not sent.")
        return _mail(request, content)

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Start from what is saved."""
        return initial_of(selectors.own_preference(viewer=viewer_of(request))) if action.path == "settings" else {}

    @service_action(
        path="settings",
        title="How I want it",
        permission=selectors.USE,
        form=BriefForm,
        submit="Save",
        tone="primary",
        on_list=True,
        explain="Yours alone: nobody else can change it. Sections come in the order of this form.",
    )
    def settings(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Save the viewer's own settings."""
        row = services.set_preference(actor=viewer_of(request), **form.cleaned_data)
        return "Saved. Your daily brief is on." if row.is_on else "Saved. Your daily brief is off."

    @service_action(
        path="refresh",
        title="Refresh the preview",
        permission=selectors.USE,
        submit="Refresh",
        on_list=True,
        explain="Puts the preview together anew.",
    )
    def refresh(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Have the preview put together anew."""
        services.renew_preview(viewer=viewer_of(request))
        return ""

    @service_action(
        path="send-now",
        title="Send me one now",
        permission=selectors.USE,
        submit="Send it to my mailbox",
        on_list=True,
        explain="The same as the preview, to your own address. The daily one comes all the same.",
    )
    def send_now(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Ask for one in between."""
        services.ask_for_brief(actor=viewer_of(request))
        return "It is being put together and will be in your mailbox in a moment."


def _mail(request: HttpRequest, content: dict[str, Any]) -> HttpResponse:
    """Answer with the mail as a page that only our own pages may frame."""
    user = User.objects.get(pk=selectors.person_of(viewer_of(request)))
    html = render_for(user, content).html.replace("<head>", '<head><base target="_blank">', 1)
    return HttpResponse(html, headers=FRAMED)


@admin.register(BriefPreference)
class BriefPreferenceAdmin(ReadOnlyAdmin):
    """Who has the daily brief on. Only the person himself changes it."""

    view_permission = selectors.VIEW
    nav = Nav("Daily briefs", "mail", group="Oversight", order=40)
    intro = "Who gets a daily brief, and when. Everybody changes only his own."
    empty_title = "Nobody has the daily brief on"
    empty_text = "Each person switches it on under “My brief”."
    masked_fields = ("user", "user__email")
    list_display = ("person", "standing", "time", "language", "last_one", "next_due_at")
    list_filter: ClassVar = [choose("is_on", "Brief", [("True", "On"), ("False", "Off")], parameter="on")]
    ordering = ("id",)
    detail_fields = ("person", "standing", "time", "language", "parts", "last_one", "next_due_at", "changed_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BriefPreference]:
        """Read the people with their settings."""
        viewer = viewer_of(request)
        if not viewer.may(selectors.VIEW):
            return BriefPreference.objects.none()
        return selectors.query_preferences(viewer=viewer)

    def prepare_rows(self, request: HttpRequest, rows: list[BriefPreference]) -> None:
        """Read everybody's newest brief at once."""
        newest = selectors.newest_briefs(viewer=viewer_of(request), user_ids=[row.user_id for row in rows])
        for row in rows:
            row.newest = newest.get(row.user_id)  # type: ignore[attr-defined]

    def object_title(self, row: BriefPreference) -> str:
        """Return the person's name."""
        return str(row.user.get_full_name())

    @admin.display(description="Person")
    def person(self, row: BriefPreference) -> str:
        """Return the name."""
        return str(row.user.get_full_name())

    @admin.display(description="Brief")
    def standing(self, row: BriefPreference) -> str:
        """Tell whether it is on."""
        return chip("On", "good", "check") if row.is_on else chip("Off", "neutral", "ban")

    @admin.display(description="At")
    def time(self, row: BriefPreference) -> str:
        """Return the local time and its zone."""
        return f"{row.at:%H:%M}, {row.zone.replace('_', ' ')}"

    @admin.display(description="Sections")
    def parts(self, row: BriefPreference) -> str:
        """Return the sections in order."""
        return ", ".join(IN_CONSOLE.get(key, key) for key in row.sections)

    @admin.display(description="Last one")
    def last_one(self, row: BriefPreference) -> str:
        """Return what became of the newest."""
        newest: Brief | None = getattr(row, "newest", None)
        return state_of(newest) if newest else "–"
