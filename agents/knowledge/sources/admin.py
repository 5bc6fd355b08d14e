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
from console.base.actions import ServiceAction
from console.base.crud import calls, edits
from console.base.forms import ConsoleForm
from console.base.lists import Column, choose
from console.base.model_admin import ServiceAdmin
from console.navigation import AGENTS, Nav
from console.templatetags.console_ui import chip, link, moment
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
    nav = Nav("Sites", "link", AGENTS, within="Knowledge")
    change_list_template = "console/knowledge_list.html"
    intro = "Websites whose pages agents answer from."
    empty_title = "No sites yet"
    empty_text = "Open a collection, and press “Fetch a site”."
    list_display = ("address", "home", "standing", "pages", "last")
    list_filter: ClassVar = [choose("state", "State", Site.State.choices)]
    ordering = ("address", "id")
    to_list = ("remove",)
    detail_fields = ("address", "home", "spoken", "standing", "problem", "pages", "contents", "rhythm", "last")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        """Return the sites."""
        return sites.query_sites(viewer=viewer_of(request)).order_by(*self.ordering)

    def object_title(self, site: Site) -> str:
        """Return the address."""
        return str(site.address)

    home = Column[Site](
        "Collection", lambda site: link("agents_collection_change", site.collection_id, site.collection.name)
    )
    spoken = Column[Site](
        "Language", lambda site: str(dict(Document.Language.choices).get(site.language, site.language))
    )

    @admin.display(description="State")
    def standing(self, site: Site) -> str:
        """Return how far it is."""
        tones = {"ready": ("good", "check"), "failed": ("danger", "x-circle")}
        return chip(site.get_state_display(), *tones.get(site.state, ("neutral", "clock")))

    problem = Column[Site]("Problem", lambda site: sites.TROUBLES.get(site.trouble, "") or "None")

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

    rhythm = Column[Site](
        "Refreshed", lambda site: sites.INTERVALS.get(site.every_hours, f"Every {site.every_hours} hours")
    )
    last = Column[Site]("Last fetched", lambda site: moment(site.fetched_at) if site.fetched_at else "Not yet")

    refresh = calls(sites.refresh_site, "site_id", permission=services.MANAGE, title="Refresh",
                    tone="primary", done="The site is being fetched.")  # fmt: skip

    edit = edits(sites.change_site, "site_id", services.MANAGE, RhythmForm, title="Change how often", done="Saved.")

    def form_initial(self, request: HttpRequest, action: ServiceAction, site: Any) -> dict[str, Any]:
        """Start from how often it is fetched now."""
        return {"every_hours": site.every_hours} if action.path == "edit" else {}

    remove = calls(sites.remove_site, "site_id", permission=services.MANAGE, title="Remove",
                   submit="Remove site", tone="danger",
                   explain="Its pages are deleted, too. Agents no longer answer from them.",
                   done="Site removed.")  # fmt: skip
