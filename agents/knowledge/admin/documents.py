"""The console's pages of knowledge: what there is, by collection and by words, and what each document says."""

from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.db.models import Case, DateField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from agents.knowledge import selectors, services
from agents.knowledge.admin.filters import CollectionFilter, StandingFilter
from agents.knowledge.admin.forms import AUDIENCE_WORDS, AddForm, EditArticleForm, EditDaysForm, SearchForm
from agents.knowledge.help.markup import show_article
from agents.knowledge.help.votes import count_votes
from agents.knowledge.search import search as searching
from agents.knowledge.search.citations import Cited, count_citations
from agents.knowledge.sources import uploads
from agents.knowledge.sources.passages import plain
from agents.models import Collection, Document, Passage
from console.base.actions import ServiceAction, service_action
from console.base.crud import calls, deletes, edits
from console.base.forms import ConsoleForm, read_files
from console.base.lists import Column, choose, uuid_of
from console.base.model_admin import ServiceAdmin
from console.extensions import MOST_FOUND, Finder, Found, Step, finders, steps
from console.navigation import AGENTS, Nav
from console.templatetags.console_ui import chip, link, moment
from console.viewers import viewer_of
from conversations.services import Upload
from core.actors import Actor
from core.errors import Invalid
from core.text.clean import clean_text

STATES: Final = {
    "reading": ("neutral", "clock"),
    "ready": ("good", "check"),
    "failed": ("danger", "x-circle"),
    "gone": ("warn", "x"),
    "deleted": ("neutral", "x"),
}
KINDS: Final = (("article", "Articles"), ("file", "Files"), ("page", "Web pages"))
SEARCH: Final = "q"
SEARCH_LIMIT: Final = 200
SHOWN: Final = 20_000
"""Characters of a text that its page shows."""
QUOTED: Final = 180


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
    text, page = "Articles, files or your website.", "admin:agents_document_changelist"

    def is_done(self, viewer: Actor) -> bool:
        """Return True if a document can be searched."""
        return Document.objects.filter(state=Document.State.READY).exists()


steps.register("agents.knowledge", WriteKnowledge)


def words_of(request: HttpRequest) -> str:
    """Return the words that the list is searched for."""
    return " ".join(clean_text(request.GET.get(SEARCH, ""), SEARCH_LIMIT).split())


def quote(text: str, words: str) -> str:
    """Return the beginning of the line of a text that has most of the words, as plain text."""
    wanted = [word.casefold() for word in words.split()]
    lines = [plain(line.lstrip(" #>*-|")) for line in text.splitlines() if line.strip()]
    best = max(lines, key=lambda line: sum(word in line.casefold() for word in wanted), default="")
    return best if len(best) <= QUOTED else f"{best[:QUOTED].rsplit(' ', 1)[0]}…"


@admin.register(Document)
class DocumentAdmin(ServiceAdmin):
    """Documents: what there is, what each says now, and how often answers cited it."""

    view_permission = selectors.VIEW
    nav = Nav("Knowledge", "info", AGENTS, order=30)
    intro = "Articles, files and web pages that your agents answer from."
    list_display = ("title",)
    list_filter: ClassVar = [CollectionFilter, choose("kind", "Kind", KINDS), StandingFilter]
    ordering = ("-updated_at", "-id")
    change_list_template = "console/knowledge.html"
    detail_template = "console/knowledge_document.html"
    has_search = edit_page = True
    to_list = ("delete",)
    detail_fields = ("home", "sort", "written_by", "language", "valid", "source", "past", "changed")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        """Return the documents that are not deleted."""
        rows = selectors.query_documents(viewer=viewer_of(request)).order_by(*self.ordering)
        return rows.annotate(today=Value(selectors.today(), DateField()))

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        """Put those first that have the words of a search in their title."""
        words = words_of(request)
        titled = Case(When(title__icontains=words, then=0), default=1)
        return (titled, *self.ordering) if words else self.ordering

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Keep what has the words in its title or, all in one section, in its text."""
        words = words_of(request)
        if not words:
            return queryset, False
        parts = Passage.objects.filter(pk__in=searching.look_up(words))
        in_title = Q(*(Q(title__icontains=word) for word in words.split()))
        first = parts.filter(document=OuterRef("pk")).order_by("number").values("text")[:1]
        found = queryset.filter(in_title | Q(pk__in=parts.values("document_id")))
        return found.annotate(says=Subquery(first)), False

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Count the answers that cited each, and quote what a search found in it."""
        cited = count_citations(viewer=viewer_of(request), document_ids=[row.pk for row in rows])
        words = words_of(request)
        for row in rows:
            row.cited = cited.get(row.pk, Cited())
            row.chip, row.days = self.standing(row), self.valid(row)
            row.quote = quote(getattr(row, "says", None) or "", words)

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Show the collection that is open, and what its manager may do."""
        chosen = uuid_of(request.GET.get("collection"))
        rows = selectors.query_collections(viewer=viewer_of(request))
        return {
            **super().list_context(request),
            "shelf": rows.filter(pk=chosen).first() if chosen else None,
            "may_manage": viewer_of(request).may(services.MANAGE),
        }

    home = Column[Document](
        "Collection", lambda row: link("agents_collection_change", row.collection_id, row.collection.name)
    )
    changed = Column[Document]("Changed", lambda document: moment(document.updated_at))
    sort = Column[Document]("Kind", lambda document: document.get_kind_display())
    written_by = Column[Document]("Written by", lambda row: "Someone else" if row.is_foreign else "Your organisation")
    source = Column[Document]("Address", lambda document: document.address or "No link: answers show only the title")

    def standing(self, document: Document) -> SafeString:
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

    @admin.display(description="Versions")
    def past(self, document: Document) -> str:
        """Return its versions, the newest first."""
        rows = document.versions.order_by("-number")[:20]
        return format_html_join(", ", "{} ({})", ((row.number, moment(row.created_at)) for row in rows)) or "–"

    def detail_context(self, request: HttpRequest, document: Any) -> dict[str, Any]:
        """Show its text, what is wrong with it, and how it is used."""
        text = services.text_of(document)
        context = super().detail_context(request, document)
        is_article = document.kind == Document.Kind.ARTICLE
        offered = [offer for offer in context["offered"] if not offer["blocked"]]
        return {
            **context,
            "offered": offered,
            "edit_url": context["edit_url"] if is_article and document.state == Document.State.READY else "",
            "text": text[:SHOWN],
            "marked": SafeString(show_article(document.title, text[:SHOWN]).html) if is_article else "",
            "is_cut": len(text) > SHOWN,
            "problem": uploads.TROUBLES.get(document.trouble, ""),
            "votes": count_votes(document_id=document.pk),
        }

    def why_not(self, request: HttpRequest, action: ServiceAction, document: Any) -> str:
        """Refuse to edit what is no article, and to add where there is no collection."""
        if action.path == "new" and not Collection.objects.exists():
            return "There is no collection yet. Create one first: it says who gets answers from what you add."
        if action.path == "edit" and document.kind != Document.Kind.ARTICLE:
            return "Only articles can be edited here. Upload the new file, or refresh the site."
        if action.path == "days" and document.kind == Document.Kind.ARTICLE:
            return "To change the dates of an article, edit it."
        if action.path == "keep" and (not document.outdated or document.outdated.get("kept")):
            return "No newer document says otherwise."
        return ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, document: Any) -> dict[str, Any]:
        """Start from what the article says now; a new one in the collection that was open."""
        if action.path == "new":
            return {"collection_id": request.GET.get("collection"), "kind": request.GET.get("kind", "article")}
        facts = {name: getattr(document, name) for name in (*services.DAYS, "version")} if document else {}
        if action.path == "edit":
            facts |= {name: getattr(document, name) for name in ("title", "language", "address")}
            facts["text"] = services.text_of(document)
        return facts if action.path in ("edit", "days") else {}

    @service_action(
        title="Add to knowledge",
        permission=services.MANAGE,
        form=AddForm,
        tone="primary",
        on_list=True,
    )
    def new(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Write an article, or take files; those that can't be read are named on the form."""
        given = dict(form.cleaned_data)
        kind, text, files, is_own = (given.pop(name) for name in ("kind", "text", "files", "is_own"))
        if kind == "article":
            row = services.write_article(actor=viewer_of(request), text=text, **given)
            messages.success(request, f"“{row.title}” saved. Agents answer from it while it is valid.")
            return redirect(self.object_url(row))
        found = uploads.upload_documents(
            actor=viewer_of(request),
            files=[Upload(*each) for each in read_files(files, uploads.LARGEST)],
            is_own=is_own or None,  # a box that isn't ticked says nothing
            **given,
        )
        if found.taken:
            words = f"“{found.taken[0].title}” is" if len(found.taken) == 1 else f"{len(found.taken)} files are"
            messages.success(request, f"{words} being read. Agents answer from them as soon as they are ready.")
        for each in found.known:
            messages.info(request, f"Not added again: {each}")
        if found.known:
            messages.info(request, "To change who wrote a file, delete its document and add the file again.")
        if found.refused:
            problems = [f"Not added: {each}" for each in found.refused]
            raise Invalid("Some files weren't added.", fields={"files": problems})
        return redirect(f"{self.list_url()}?collection={given['collection_id']}")

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
