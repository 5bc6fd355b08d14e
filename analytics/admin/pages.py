"""Console pages of the daily brief: the viewer's own, and who receives one."""

from typing import Any, ClassVar, Final
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path, reverse
from django.utils import formats

from accounts.models import User
from analytics import selectors, services
from analytics.admin.forms import BriefForm, initial_of
from analytics.brief.choices import section_titles
from analytics.brief.texts import Language
from analytics.models import Brief, BriefPreference
from analytics.services.briefs import mail_key, render_for
from console.base.actions import ServiceAction, service_action
from console.base.crud import calls
from console.base.forms import ConsoleForm
from console.base.lists import Column, choose
from console.base.model_admin import ReadOnlyAdmin, ServiceAdmin
from console.navigation import ORGANISATION, SETTINGS, YOURS, Nav
from console.templatetags.console_ui import chip, clock, moment
from console.viewers import viewer_of
from core.errors import TooMany
from integrations.models import MailDelivery

STATES: Final[dict[str, tuple[str, str, str]]] = {
    Brief.State.QUEUED: ("Queued", "info", "clock"),
    Brief.State.WORKING: ("In progress", "info", "bolt"),
    Brief.State.SENT: ("Sent", "good", "send"),
    Brief.State.SKIPPED: ("Skipped", "neutral", "ban"),
    Brief.State.FAILED: ("Failed", "danger", "x-circle"),
}
REASONS: Final = {
    "outage": "Walker wasn't running at that time, and afterwards it was too late.",
    "too_late": "It couldn't be prepared in time.",
    "not_a_member": "You weren't a member of the organisation.",
    "failed": "It couldn't be prepared. An admin can retry it under Failed jobs.",
}
THEIRS: Final = "that of their profile"
# The frame shows our own mail: inline styles, no scripts, nothing from other hosts.
POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'none'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
)
FRAMED: Final = {"Content-Security-Policy": POLICY, "X-Frame-Options": "SAMEORIGIN", "Cache-Control": "no-store"}


def state_of(brief: Brief) -> str:
    """Return a brief's status, or what its reader did with it, as a chip."""
    if brief.clicked_at:
        return chip("Clicked", "good", "check-circle")
    return chip("Opened", "good", "eye") if brief.opened_at else chip(*STATES[brief.state])


@admin.register(Brief)
class BriefAdmin(ServiceAdmin):
    view_permission = selectors.USE
    nav = Nav("My brief", "sun", YOURS, order=10)
    intro = "What needs your attention and how things are going, once a day in your inbox."
    change_list_template = "console/my_brief.html"
    detail_template = "console/brief.html"
    list_display = ("day", "kind", "standing", "sent_at", "opened_at")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Brief]:
        return selectors.query_own_briefs(viewer=viewer_of(request))

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("preview/", wrap(self.preview_view), name="analytics_brief_preview"),
            path("<uuid:object_id>/mail/", wrap(self.mail_view), name="analytics_brief_mail"),
            *super().get_urls(),
        ]

    day = Column[Brief]("Day", lambda brief: formats.date_format(brief.local_date, "l, j F"))
    standing = Column[Brief]("Status", state_of)

    def object_title(self, brief: Brief) -> str:
        return f"Brief of {formats.date_format(brief.local_date, 'j F Y')}"

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        row = _preference_of(request)
        locale = selectors.locale_of(row)
        following = row.next_due_at.astimezone(locale.zone) if row.next_due_at else None
        offered = self.offered(request, None, on_list=True)
        preview = services.find_preview(viewer=viewer_of(request))
        titles = section_titles()
        return {
            "preference": row,
            "seen_at": clock(preview.made_at, "H:i") if preview else "",
            "renew": next((offer for offer in offered if offer["action"].path == "refresh"), None),
            "zone": locale.zone.key.replace("_", " "),
            "language": Language(locale.language).label,
            "chosen": [titles[key] for key in row.sections if key in titles],
            "next_at": formats.date_format(following, "l, j F, H:i") if following else "",
            "mail_url": reverse("admin:analytics_brief_preview"),
            "settings_url": next(offer["url"] for offer in offered if offer["action"].path == "settings"),
            "sending": [offer for offer in offered if offer["action"].path == "send-now"],
        }

    def detail_context(self, request: HttpRequest, obj: Brief) -> dict[str, Any]:
        delivery = MailDelivery.objects.filter(key=mail_key(obj)).only("status").first()
        rows = [
            ("Status", state_of(obj)),
            *([("Email", delivery.get_status_display())] if delivery else []),
            ("Sent", moment(obj.sent_at)),
            ("Opened", moment(obj.opened_at)),
            ("Clicked", moment(obj.clicked_at)),
        ]
        mail_url = reverse("admin:analytics_brief_mail", args=[obj.pk]) if obj.state == Brief.State.SENT else ""
        return {"rows": rows, "reason": REASONS.get(obj.reason, ""), "mail_url": mail_url, "offered": []}

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Show the mail as it would look now; prepared at most every ten minutes, writes nothing."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        viewer = viewer_of(request)
        viewer.require(selectors.USE)
        try:
            return _render_mail(request, services.preview_brief(viewer=viewer).content)
        except TooMany as error:
            return HttpResponse(error.detail, status=error.status, content_type="text/plain", headers=FRAMED)

    def mail_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        brief = self.object_or_404(request, object_id)
        content = selectors.get_own_brief(viewer=viewer_of(request), brief_id=brief.pk).content
        if content is None:
            raise Http404("This brief wasn't sent.")
        return _render_mail(request, content)

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        return initial_of(_preference_of(request)) if action.path == "settings" else {}

    settings = calls(
        services.set_preference,
        title="Delivery settings",
        permission=selectors.USE,
        form=BriefForm,
        submit="Save",
        tone="primary",
        explain="Only you can change these settings. Sections appear in the order of this form.",
        done=lambda row: f"Saved. Your daily brief is {'on' if row.is_on else 'off'}.",
    )

    @service_action(
        title="Refresh preview",
        permission=selectors.USE,
        submit="Refresh",
        on_list=True,
        explain="Prepares a new preview with current figures.",
    )
    def refresh(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Discard the preview, so that the page prepares a new one."""
        services.discard_preview(viewer=viewer_of(request))
        return ""

    send_now = calls(
        services.request_brief,
        title="Send me one now",
        permission=selectors.USE,
        submit="Send to my inbox",
        explain="Sends this brief to your own address. You'll still get the daily one.",
        done="Your brief is on its way to your inbox.",
    )


def _preference_of(request: HttpRequest) -> BriefPreference:
    """Return the viewer's own settings, read once for a page and the forms on it."""
    found: BriefPreference | None = getattr(request, "brief_preference", None)
    if found is None:
        found = selectors.own_preference(viewer=viewer_of(request))
        request.brief_preference = found  # type: ignore[attr-defined]
    return found


def _render_mail(request: HttpRequest, content: dict[str, Any]) -> HttpResponse:
    """Return the mail as a page that only our own pages may frame."""
    user = User.objects.get(pk=selectors.person_of(viewer_of(request)))
    html = render_for(user, content).html.replace("<head>", '<head><base target="_blank">', 1)
    return HttpResponse(html, headers=FRAMED)


@admin.register(BriefPreference)
class BriefPreferenceAdmin(ReadOnlyAdmin):
    view_permission = selectors.VIEW
    nav = Nav("Daily briefs", "mail", SETTINGS, ORGANISATION, order=50)
    intro = "Who receives a daily brief, and when. Everyone changes only their own settings."
    empty_title = "Nobody receives a daily brief yet"
    empty_text = "Everyone can turn it on under “My brief”."
    masked_fields = ("user", "user__email")
    list_display = ("person", "standing", "time", "tongue", "last_one", "next_due_at")
    list_filter: ClassVar = [choose("is_on", "Brief", [("True", "On"), ("False", "Off")], parameter="on")]
    ordering = ("id",)
    detail_fields = ("person", "standing", "time", "tongue", "parts", "last_one", "next_due_at", "changed_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BriefPreference]:
        viewer = viewer_of(request)
        if not viewer.may(selectors.VIEW):
            return BriefPreference.objects.none()
        return selectors.query_preferences(viewer=viewer)

    def prepare_rows(self, request: HttpRequest, rows: list[BriefPreference]) -> None:
        newest = selectors.newest_briefs(viewer=viewer_of(request), user_ids=[row.user_id for row in rows])
        for row in rows:
            row.newest = newest.get(row.user_id)  # type: ignore[attr-defined]

    def object_title(self, row: BriefPreference) -> str:
        return str(row.user.get_full_name())

    person = Column[BriefPreference]("Person", lambda row: str(row.user.get_full_name()))
    standing = Column[BriefPreference](
        "Brief", lambda row: chip("On", "good", "check") if row.is_on else chip("Off", "neutral", "ban")
    )
    time = Column[BriefPreference]("Time", lambda row: f"{row.at:%H:%M}, {row.zone.replace('_', ' ') or THEIRS}")
    tongue = Column[BriefPreference]("Language", lambda row: row.get_language_display() or THEIRS)
    parts = Column[BriefPreference](
        "Sections", lambda row: ", ".join(section_titles().get(key, key) for key in row.sections)
    )

    @admin.display(description="Last brief")
    def last_one(self, row: BriefPreference) -> str:
        newest: Brief | None = getattr(row, "newest", None)
        return state_of(newest) if newest else "–"
