"""The console's page of sites whose pages are fetched as documents."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from agents.knowledge import selectors, services
from agents.knowledge.sources import crawler, sites
from agents.models import Document, Site
from console.base.actions import ServiceAction, service_action
from console.base.crud import edits
from console.base.forms import ConfirmForm, ConsoleForm
from console.base.lists import choose
from console.base.model_admin import ServiceAdmin
from console.navigation import Nav
from console.templatetags.console_ui import chip, moment
from console.viewers import viewer_of

SHOWN = 50


class RhythmForm(ConsoleForm):
    """How often a site is fetched."""

    every_hours = forms.TypedChoiceField(label="Refresh", choices=list(sites.INTERVALS.items()), coerce=int)


class SiteForm(ConsoleForm):
    """A site to fetch."""

    address = forms.CharField(
        label="Address",
        max_length=services.ADDRESS_LIMIT,
        help_text=f"Such as https://shop.example/help. Up to {crawler.MOST_PAGES} pages of this host are read, "
        "as far as links lead to them.",
    )
    language = forms.ChoiceField(
        label="Language", choices=Document.Language.choices, initial="en", help_text="Of pages that don't say theirs."
    )
    every_hours = forms.TypedChoiceField(
        label="Refresh", choices=list(sites.INTERVALS.items()), coerce=int, initial=168
    )


@admin.register(Site)
class SiteAdmin(ServiceAdmin):
    """Sites whose pages are fetched as documents."""

    view_permission = selectors.VIEW
    nav = Nav("Sites", "link", group="Set-up", order=24)
    intro = "Websites whose pages agents answer from."
    empty_title = "No sites yet"
    empty_text = "Open a collection under Knowledge and press “Fetch a site”."
    list_display = ("address", "home", "standing", "pages", "last")
    list_filter: ClassVar = [choose("state", "State", Site.State.choices)]
    ordering = ("address", "id")
    detail_fields = ("address", "home", "spoken", "standing", "problem", "pages", "contents", "rhythm", "last")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        """Return the sites."""
        return sites.query_sites(viewer=viewer_of(request)).order_by(*self.ordering)

    def object_title(self, site: Site) -> str:
        """Return the address."""
        return str(site.address)

    @admin.display(description="Collection")
    def home(self, site: Site) -> str:
        """Return a link to the collection."""
        url = reverse("admin:agents_collection_change", args=[site.collection_id])
        return format_html('<a class="wk-over" href="{}">{}</a>', url, site.collection.name)

    @admin.display(description="Language")
    def spoken(self, site: Site) -> str:
        """Return the language of pages that don't say theirs."""
        return str(dict(Document.Language.choices).get(site.language, site.language))

    @admin.display(description="State")
    def standing(self, site: Site) -> str:
        """Return how far it is."""
        tones = {"ready": ("good", "check"), "failed": ("danger", "x-circle")}
        return chip(site.get_state_display(), *tones.get(site.state, ("neutral", "clock")))

    @admin.display(description="Problem")
    def problem(self, site: Site) -> str:
        """Return why it couldn't be fetched."""
        return sites.TROUBLES.get(site.trouble, "") or "None"

    @admin.display(description="Its documents")
    def contents(self, site: Site) -> str:
        """Return links to its pages, the newest first, and what became of each."""
        rows = site.documents.exclude(state=Document.State.DELETED).order_by("-updated_at", "-id")[:SHOWN]
        links = [
            (reverse("admin:agents_document_change", args=[row.pk]), row.title, row.get_state_display()) for row in rows
        ]
        shown = format_html_join("", '<li><a href="{}">{}</a> · {}</li>', links)
        return format_html('<ul class="wk-list">{}</ul>', shown) if links else "None yet"

    def why_not(self, request: HttpRequest, action: ServiceAction, site: Any) -> str:
        """Refuse to fetch a site twice at once."""
        busy = site.state in (Site.State.WAITING, Site.State.FETCHING)
        return "It is being fetched already." if action.path == "refresh" and busy else ""

    @admin.display(description="Refreshed")
    def rhythm(self, site: Site) -> str:
        """Return how often it is fetched."""
        return sites.INTERVALS.get(site.every_hours, f"Every {site.every_hours} hours")

    @admin.display(description="Last fetched")
    def last(self, site: Site) -> str:
        """Return when it was fetched last."""
        return moment(site.fetched_at) if site.fetched_at else "Not yet"

    @service_action(path="refresh", title="Refresh", permission=services.MANAGE, tone="primary")
    def refresh(self, request: HttpRequest, obj: Site, form: ConsoleForm) -> str:
        """Fetch it again now."""
        sites.refresh_site(actor=viewer_of(request), site_id=obj.pk)
        return "The site is being fetched."

    edit = edits(sites.change_site, "site_id", services.MANAGE, RhythmForm, title="Change how often", done="Saved.")

    def form_initial(self, request: HttpRequest, action: ServiceAction, site: Any) -> dict[str, Any]:
        """Start from how often it is fetched now."""
        return {"every_hours": site.every_hours} if action.path == "edit" else {}

    @service_action(
        path="remove",
        title="Remove",
        permission=services.MANAGE,
        form=ConfirmForm,
        submit="Remove site",
        tone="danger",
        explain="Its pages are deleted, too. Agents no longer answer from them.",
    )
    def remove(self, request: HttpRequest, obj: Site, form: ConsoleForm) -> str:
        """Remove it with its pages."""
        sites.remove_site(actor=viewer_of(request), site_id=obj.pk)
        return "Site removed."

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return to the list from a removed site."""
        gone = action.path == "remove" and request.method == "POST"
        return self.list_url() if gone else super().after_action_url(request, action, obj)
