"""The console's page of collections, and a search to try."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from agents.knowledge import selectors, services
from agents.knowledge.admin.forms import AUDIENCE_WORDS, ArticleForm, CollectionForm, FileForm, SearchForm
from agents.knowledge.search import search as searching
from agents.knowledge.sources import sites, uploads
from agents.knowledge.sources.admin import SiteForm
from agents.models import Collection, Document
from console.base.actions import ServiceAction, service_action
from console.base.crud import calls, deletes, edits, given
from console.base.forms import ConsoleForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.navigation import AGENTS, Nav
from console.viewers import viewer_of
from conversations.services import Upload


@admin.register(Collection)
class CollectionAdmin(ServiceAdmin):
    """Collections of documents."""

    view_permission = selectors.VIEW
    nav = Nav("Knowledge", "info", AGENTS, order=30)
    intro = "What your agents answer from: collections of articles, each for an audience."
    empty_title = "No knowledge yet"
    empty_text = "Create a collection and write the answers to what customers ask most."
    list_display = ("name", "readers", "documents", "description")
    ordering = ("name", "id")
    to_list = ("delete",)
    detail_fields = ("name", "readers", "description", "contents", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        """Return the collections with their sizes."""
        return selectors.query_collections(viewer=viewer_of(request)).order_by(*self.ordering)

    readers = Column[Collection]("Answers for", lambda collection: collection.get_audience_display())
    documents = Column[Collection]("Documents", lambda collection: str(collection.size))  # type: ignore[attr-defined]

    @admin.display(description="Documents")
    def contents(self, collection: Collection) -> str:
        """Return links to its newest documents."""
        rows = Document.objects.filter(collection=collection).exclude(state=Document.State.DELETED)
        links = [
            (reverse("admin:agents_document_change", args=[row.pk]), row.title)
            for row in rows.order_by("title", "id")[:100]
        ]
        shown = format_html_join("", '<li><a href="{}">{}</a></li>', links)
        return format_html('<ul class="wk-list">{}</ul>', shown) if links else "None yet"

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
        return redirect("admin:agents_collection_write", row.pk)

    @service_action(
        path="try",
        title="Try a search",
        permission=selectors.VIEW,
        form=SearchForm,
        submit="Search",
        on_list=True,
        explain="See what an agent would find, and whether it would answer from it.",
    )
    def try_search(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Show what a question finds."""
        found = searching.search(**form.cleaned_data)
        context = {
            **self.admin_site.each_context(request),
            "title": "Try a search",
            "list_title": "Knowledge",
            "list_url": self.list_url(),
            "form": form,
            "asker": AUDIENCE_WORDS[form.cleaned_data["audience"]],
            "is_sure": searching.is_sure(found),
            "needed": round(searching.SURE * 100),
            "found": [
                {
                    "passage": each.passage,
                    "percent": round(each.coverage * 100),
                    "lacks": ", ".join(each.lacks),
                }
                for each in found
            ],
        }
        return TemplateResponse(request, "console/knowledge_trial.html", context)

    write = calls(services.write_article, "collection_id", permission=services.MANAGE,
                  title="Write an article", form=ArticleForm, submit="Save article", tone="primary",
                  explain="Agents answer from it as soon as it is saved and valid.",
                  done="“{.title}” saved.")  # fmt: skip

    @service_action(
        title="Upload a file",
        permission=services.MANAGE,
        form=FileForm,
        submit="Upload",
        explain="It is read in the background. Agents answer from it as soon as it is ready.",
    )
    def upload(self, request: HttpRequest, obj: Collection, form: ConsoleForm) -> str:
        """Take a file."""
        facts = dict(form.cleaned_data)
        file = facts.pop("file")
        row = uploads.upload_document(
            actor=viewer_of(request),
            collection_id=obj.pk,
            file=Upload(str(file.name or ""), file.read(uploads.LARGEST + 1)),
            **facts,
        )
        return f"“{row.title}” is being read. Open it to see when it is ready."

    add_site = calls(sites.add_site, "collection_id", permission=services.MANAGE,
                     title="Fetch a site", form=SiteForm, submit="Fetch site",
                     explain="Its pages become documents. What robots.txt forbids isn't read.",
                     done="The site is being fetched. Its page shows how far it is.")  # fmt: skip

    edit = edits(services.change_collection, "collection_id", services.MANAGE, CollectionForm, done="Collection saved.")

    delete = deletes(services.delete_collection, "collection_id", services.MANAGE, submit="Delete collection",
                     explain="Only an empty collection can be deleted.", done="Collection deleted.")  # fmt: skip
