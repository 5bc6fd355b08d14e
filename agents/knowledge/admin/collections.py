"""The console's page of collections."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from agents.knowledge import selectors, services
from agents.knowledge.admin.forms import CollectionForm
from agents.knowledge.sources import sites
from agents.knowledge.sources.admin import SiteForm
from agents.models import Collection
from console.base.actions import ServiceAction, service_action
from console.base.crud import calls, deletes, edits, given
from console.base.forms import ConsoleForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.navigation import AGENTS, Nav
from console.viewers import viewer_of


def moved(request: HttpRequest, page: str = "new", object_id: UUID | None = None, kind: str = "") -> HttpResponse:
    """Lead from an earlier address to the form that is now with the documents."""
    about = f"?collection={object_id}&kind={kind}" if object_id else ""
    return redirect(f"{reverse(f'admin:agents_document_{page}')}{about}")


@admin.register(Collection)
class CollectionAdmin(ServiceAdmin):
    """Collections of documents."""

    view_permission = selectors.VIEW
    nav = Nav("Collections", "list", AGENTS, within="Knowledge")
    intro = "Each holds articles, files and pages for one audience."
    empty_title = "No collections yet"
    empty_text = "Create one, and write the answers to what customers ask most."
    change_list_template = "console/knowledge_list.html"
    list_display = ("name", "readers", "documents", "description")
    ordering = ("name", "id")
    to_list = ("delete",)
    detail_template = "console/knowledge_collection.html"
    detail_fields = ("readers", "description", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        """Return the collections with their sizes."""
        return selectors.query_collections(viewer=viewer_of(request)).order_by(*self.ordering)

    readers = Column[Collection]("Answers for", lambda collection: collection.get_audience_display())
    documents = Column[Collection]("Documents", lambda collection: str(collection.size))  # type: ignore[attr-defined]

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs, also those of forms that are elsewhere now."""
        wrap, base = self.admin_site.admin_view, "agents_collection"
        earlier = [
            path("<uuid:object_id>/write/", wrap(moved), {"kind": "article"}, name=f"{base}_write"),
            path("<uuid:object_id>/upload/", wrap(moved), {"kind": "files"}, name=f"{base}_upload"),
            path("try/", wrap(moved), {"page": "try"}, name=f"{base}_try"),
        ]
        return [*earlier, *super().get_urls()]

    def form_initial(self, request: HttpRequest, action: ServiceAction, collection: Any) -> dict[str, Any]:
        """Start from what the collection is now."""
        if action.path != "edit":
            return {}
        return {name: getattr(collection, name) for name in ("name", "audience", "description")}

    @service_action(
        title="New collection",
        permission=services.MANAGE,
        form=CollectionForm,
        submit="Create collection",
        tone="primary",
        on_list=True,
    )
    def create(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Create a collection and open the form of its first article."""
        row = services.create_collection(actor=viewer_of(request), **given(form))
        messages.success(request, f"{row.name} created. Write its first article.")
        return redirect(f"{reverse('admin:agents_document_new')}?collection={row.pk}")

    add_site = calls(sites.add_site, "collection_id", permission=services.MANAGE,
                     title="Fetch a site", form=SiteForm, submit="Fetch site",
                     explain="Its pages become documents. What robots.txt forbids isn't read.",
                     done="The site is being fetched. Its page shows how far it is.")  # fmt: skip

    edit = edits(services.change_collection, "collection_id", services.MANAGE, CollectionForm, done="Collection saved.")

    delete = deletes(services.delete_collection, "collection_id", services.MANAGE, submit="Delete collection",
                     explain="Only an empty collection can be deleted.", done="Collection deleted.")  # fmt: skip
