"""The console's page of documents: what each says now, and its versions."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import DateField, QuerySet, Value
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from agents.knowledge import selectors, services
from agents.knowledge.admin.forms import EditArticleForm, EditDaysForm
from agents.knowledge.help.votes import count_votes
from agents.knowledge.sources import uploads
from agents.models import Document
from console.base.actions import ServiceAction
from console.base.crud import calls, deletes, edits
from console.base.lists import Column, choose
from console.base.model_admin import ServiceAdmin
from console.extensions import MOST_FOUND, Finder, Found, Step, finders, steps
from console.navigation import AGENTS, Nav
from console.templatetags.console_ui import chip, link, moment
from console.viewers import viewer_of
from core.actors import Actor

STATES = {
    "reading": ("neutral", "clock"),
    "ready": ("good", "check"),
    "failed": ("danger", "x-circle"),
    "gone": ("warn", "x"),
    "deleted": ("neutral", "x"),
}


class DocumentFinder(Finder):
    """Documents by a part of their title."""

    title, order, permission = "Documents", 30, selectors.VIEW

    def find(self, viewer: Actor, words: str) -> list[Found]:
        """Return the documents, newest first, each with its collection."""
        rows = selectors.query_documents(viewer=viewer).filter(title__icontains=words).order_by("-id")[:MOST_FOUND]
        return [
            Found(row.title, row.collection.name, reverse("admin:agents_document_change", args=[row.pk]))
            for row in rows
        ]


finders.register("agents.documents", DocumentFinder)


class WriteKnowledge(Step):
    """The first document."""

    title, order, permission = "Write what your agents should know", 20, services.MANAGE
    text, page = "Articles, files or your website.", "admin:agents_collection_changelist"

    def is_done(self, viewer: Actor) -> bool:
        """Return True if a document can be searched."""
        return Document.objects.filter(state=Document.State.READY).exists()


steps.register("agents.knowledge", WriteKnowledge)


@admin.register(Document)
class DocumentAdmin(ServiceAdmin):
    """Documents: what each says now, and its versions."""

    view_permission = selectors.VIEW
    nav = Nav("Documents", "list", AGENTS, order=40)
    intro = "Articles and files that agents quote as the source of an answer."
    empty_title = "No documents yet"
    empty_text = "Open a collection under Knowledge and write an article."
    list_display = ("title", "home", "language", "standing", "valid", "changed")
    list_filter: ClassVar = [choose("state", "State", Document.State.choices[:4])]
    ordering = ("-updated_at", "-id")
    to_list = ("delete",)
    detail_fields = (
        *("title", "home", "written_by", "language", "standing", "valid", "doubt", "problem", "source", "helped"),
        *("text", "past", "changed"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        """Return the documents that are not deleted."""
        rows = selectors.query_documents(viewer=viewer_of(request)).order_by(*self.ordering)
        return rows.annotate(today=Value(selectors.today(), DateField()))

    home = Column[Document](
        "Collection", lambda row: link("agents_collection_change", row.collection_id, row.collection.name)
    )
    problem = Column[Document]("Problem", lambda document: uploads.TROUBLES.get(document.trouble, "") or "None")
    changed = Column[Document]("Changed", lambda document: moment(document.updated_at))
    written_by = Column[Document](
        "Kind", lambda row: f"{row.get_kind_display()} by {'others' if row.is_foreign else 'your organisation'}"
    )
    source = Column[Document]("Address", lambda document: document.address or "None: answers name the title only")
    text = Column[Document](
        "Text",
        lambda document: format_html('<div class="wk-body-text">{}</div>', services.text_of(document)[:20_000]) or "–",
    )

    @admin.display(description="State")
    def standing(self, document: Document) -> str:
        """Return whether answers use it, and whether a newer document says otherwise."""
        if document.outdated and not document.outdated.get("kept"):
            return chip("May be outdated", "warn", "alert")
        return chip(document.get_state_display(), *STATES[document.state])

    @admin.display(description="Valid")
    def valid(self, document: Document) -> str:
        """Return the days on which it is answered from, marked where today is none of them."""
        begins, ends = document.valid_from, document.valid_until
        words = " ".join(f"{word} {day:%-d %b %Y}" for word, day in (("from", begins), ("until", ends)) if day)
        today = document.today  # type: ignore[attr-defined]
        if begins and begins > today:
            return chip(f"Not yet: {words}", "neutral", "clock")
        return chip(f"No longer: {words}", "warn", "x") if ends and ends < today else words or "Always"

    @admin.display(description="Checked against newer documents")
    def doubt(self, document: Document) -> str:
        """Return what a newer document says otherwise."""
        if not document.outdated:
            return "Nothing found"
        newer = link("agents_document_change", document.outdated["newer"], document.outdated["title"])
        said = "You kept it. It says" if document.outdated.get("kept") else "May be outdated: it says"
        words = f"{said} “{{}}” where {{}}, which is newer, says “{{}}”."
        return format_html(words, document.outdated["says"], newer, document.outdated["instead"])

    @admin.display(description="Helpful")
    def helped(self, document: Document) -> str:
        """Return what visitors of help centres said of it."""
        votes = count_votes(document_id=document.pk)
        said = f"{votes.helpful} of {votes.all} visitors found it helpful, in the last 180 days"
        return said if votes.all else "No visitor of a help centre has said so far"

    @admin.display(description="Versions")
    def past(self, document: Document) -> str:
        """Return its versions, the newest first."""
        rows = document.versions.order_by("-number")[:20]
        return format_html_join(", ", "{} ({})", ((row.number, moment(row.created_at)) for row in rows)) or "–"

    def why_not(self, request: HttpRequest, action: ServiceAction, document: Any) -> str:
        """Refuse to edit what is no article."""
        if action.path == "edit" and document.kind != Document.Kind.ARTICLE:
            return "Only articles can be edited here. Upload the new file, or refresh the site."
        if action.path == "days" and document.kind == Document.Kind.ARTICLE:
            return "To change the dates of an article, edit it."
        if action.path == "keep" and (not document.outdated or document.outdated.get("kept")):
            return "No newer document says otherwise."
        return ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, document: Any) -> dict[str, Any]:
        """Start from what the article says now."""
        facts = {name: getattr(document, name) for name in (*services.DAYS, "version")}
        if action.path == "edit":
            facts |= {name: getattr(document, name) for name in ("title", "language", "address")}
            facts["text"] = services.text_of(document)
        return facts if action.path in ("edit", "days") else {}

    edit = edits(
        services.change_article,
        "document_id",
        services.MANAGE,
        EditArticleForm,
        submit="Save as a new version",
        tone="primary",
        explain="Agents answer from the new version at once. Earlier answers keep the one they cited.",
        done="Article saved.",
    )

    days = edits(
        services.change_article,
        "document_id",
        services.MANAGE,
        EditDaysForm,
        title="Change validity dates",
        path="days",
        explain="Agents use it on these days only.",
        done="Validity dates saved.",
    )

    keep = calls(services.keep_document, "document_id", permission=services.MANAGE,
                 title="Keep as it is", submit="Keep it", done="Kept as it is.",
                 explain="Both documents are right. Agents still quote the newer one where both answer.")  # fmt: skip

    delete = deletes(
        services.delete_document,
        "document_id",
        services.MANAGE,
        submit="Delete document",
        explain="Agents no longer answer from it, and its text is deleted. Earlier answers keep its title.",
        done="Document deleted.",
    )
