"""The console's pages of knowledge: collections, their documents, and a search to try."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import DateField, QuerySet, Value
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from agents.knowledge import selectors, services
from agents.knowledge.help.votes import count_votes
from agents.knowledge.search import questions
from agents.knowledge.search import search as searching
from agents.knowledge.sources import sites, uploads
from agents.knowledge.sources.admin import SiteForm
from agents.models import Collection, Document, OpenQuestion
from console.base.actions import ServiceAction, service_action
from console.base.crud import calls, deletes, edits, given
from console.base.forms import ConsoleForm
from console.base.lists import Column, choose
from console.base.model_admin import ServiceAdmin
from console.extensions import MOST_FOUND, Finder, Found, Step, finders, steps
from console.navigation import AGENTS, Nav
from console.templatetags.console_ui import chip, link, moment
from console.viewers import viewer_of
from conversations.services import Upload
from core.actors import Actor

STATES = {
    "reading": ("neutral", "clock"),
    "ready": ("good", "check"),
    "failed": ("danger", "x-circle"),
    "gone": ("warn", "x"),
    "deleted": ("neutral", "x"),
}
AUDIENCE_WORDS = {"public": "A stranger", "verified": "A proven customer", "members": "A colleague"}


LANGUAGE = forms.ChoiceField(
    label="Language", choices=[("", "As the text is written"), *Document.Language.choices], required=False
)
DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class DaysForm(ConsoleForm):
    """The days on which a document is valid."""

    valid_from = forms.DateField(
        label="Valid from (optional)",
        widget=DAY,
        required=False,
        help_text="The first day on which agents use it. Leave it empty to start now.",
    )
    valid_until = forms.DateField(
        label="Valid until (optional)",
        widget=DAY,
        required=False,
        help_text="The last day on which agents use it. Leave it empty for no end.",
    )


class CollectionForm(ConsoleForm):
    """A collection."""

    name = forms.CharField(label="Name", max_length=services.NAME_LIMIT)
    audience = forms.ChoiceField(
        label="Who gets answers from it",
        choices=Collection.Audience.choices,
        help_text="A change counts at once, for all its documents.",
    )
    description = forms.CharField(label="What it is about", required=False, max_length=services.ABOUT_LIMIT)


class ArticleForm(DaysForm):
    """An article."""

    field_order: tuple[str, ...] = ("title", "text", "language", "address", "valid_from", "valid_until")
    title = forms.CharField(
        label="Title", max_length=services.TITLE_LIMIT, help_text="Shown to customers as the source of an answer."
    )
    text = forms.CharField(
        label="Text",
        widget=forms.Textarea(attrs={"rows": 16}),
        help_text="Begin a section with a line such as “## Returns from abroad”. Each section answers on its own.",
    )
    language = LANGUAGE
    address = forms.CharField(
        label="Address (optional)",
        required=False,
        max_length=services.ADDRESS_LIMIT,
        help_text="Where customers can read it, such as https://shop.example/help/returns. Answers link to it.",
    )


class EditArticleForm(ArticleForm):
    """An article, from the version that was opened."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)


class EditDaysForm(DaysForm):
    """The days of a document, from the version that was opened."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)


class FileForm(DaysForm):
    """A file to read."""

    field_order = ("file", "title", "language", "address", "valid_from", "valid_until", "is_own")
    file = forms.FileField(
        label="File", help_text="PDF, Word (DOCX), HTML, Markdown, text or CSV, up to 20 MB and 500 pages."
    )
    title = forms.CharField(
        label="Title (optional)", required=False, max_length=services.TITLE_LIMIT, help_text="Empty: the file's name."
    )
    language = LANGUAGE
    address = forms.CharField(
        label="Address (optional)",
        required=False,
        max_length=services.ADDRESS_LIMIT,
        help_text="Where customers can read it. Answers link to it.",
    )
    is_own = forms.BooleanField(
        label="Our organisation wrote this file",
        required=False,
        help_text="Leave it off for files by suppliers, partners or customers. After reading one of those, an agent "
        "requests nothing until somebody writes again.",
    )


class AnswerForm(ArticleForm):
    """The article that answers an open question."""

    collection_id = forms.ChoiceField(label="Collection")
    field_order = ("collection_id", *ArticleForm.field_order)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["collection_id"].choices = selectors.collection_choices()


class SearchForm(ConsoleForm):
    """A question as a customer would ask it."""

    question = forms.CharField(label="Question", max_length=300)
    audience = forms.ChoiceField(label="Asked by", choices=list(AUDIENCE_WORDS.items()))


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


@admin.register(OpenQuestion)
class OpenQuestionAdmin(ServiceAdmin):
    """What people asked and no document answered."""

    view_permission = selectors.VIEW
    nav = Nav("Open questions", "inbox", AGENTS, order=50)
    intro = "What people asked and no document answered, masked. Write the answer, and agents give it from then on."
    empty_title = "No open questions"
    empty_text = "Questions that agents find no answer to appear here."
    list_display = ("text", "times_asked", "standing", "last")
    list_filter: ClassVar = [choose("state", "State", OpenQuestion.State.choices)]
    ordering = ("-asked", "-last_asked_at", "-id")
    detail_fields = ("text", "times_asked", "standing", "answered_by", "last")

    def get_queryset(self, request: HttpRequest) -> QuerySet[OpenQuestion]:
        """Return the questions; open ones unless a state is chosen."""
        rows = selectors.query_questions(viewer=viewer_of(request)).order_by(*self.ordering)
        match = request.resolver_match
        is_list = match is not None and str(match.url_name).endswith("_changelist")
        return rows.filter(state=OpenQuestion.State.OPEN) if is_list and "state" not in request.GET else rows

    def object_title(self, question: OpenQuestion) -> str:
        """Return what it is; the question itself is below."""
        return "Open question" if question.state == OpenQuestion.State.OPEN else "Question"

    times_asked = Column[OpenQuestion]("Conversations", lambda question: str(question.asked))

    @admin.display(description="State")
    def standing(self, question: OpenQuestion) -> str:
        """Return whether it still needs an answer."""
        tone = {"open": ("warn", "clock"), "answered": ("good", "check"), "dismissed": ("neutral", "x")}
        return chip(question.get_state_display(), *tone[question.state])

    last = Column[OpenQuestion]("Last asked", lambda question: moment(question.last_asked_at))

    @admin.display(description="Answer")
    def answered_by(self, question: OpenQuestion) -> str:
        """Return a link to the article that answers it."""
        if question.answer is None:
            return "None yet"
        url = reverse("admin:agents_document_change", args=[question.answer.pk])
        return format_html('<a href="{}">{}</a>', url, question.answer.title)

    def why_not(self, request: HttpRequest, action: ServiceAction, question: Any) -> str:
        """Refuse a question that isn't open any more."""
        return "" if question.state == OpenQuestion.State.OPEN else "It was answered or dismissed already."

    def form_initial(self, request: HttpRequest, action: ServiceAction, question: Any) -> dict[str, Any]:
        """Start the article with the question as its title."""
        return {"title": question.text[: services.TITLE_LIMIT]} if action.path == "answer" else {}

    answer = calls(questions.answer_question, "question_id", permission=services.MANAGE,
                   title="Write the answer", form=AnswerForm, submit="Save article", tone="primary",
                   explain="It becomes an article of the collection. Agents answer from it as soon as it is saved.",
                   done="Article saved. Agents answer from it now.")  # fmt: skip

    dismiss = calls(questions.dismiss_question, "question_id", permission=services.MANAGE,
                    title="Dismiss", submit="Dismiss question", done="Question dismissed.",
                    explain="It isn't for you to answer. It is listed again when somebody asks it again.")  # fmt: skip
