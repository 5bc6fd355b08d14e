"""The console's pages of knowledge: collections, their documents, and a search to try."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from agents.knowledge import selectors, services
from agents.knowledge.search import questions
from agents.knowledge.search import search as searching
from agents.knowledge.sources import sites, uploads
from agents.knowledge.sources.admin import SiteForm
from agents.models import Collection, Document, OpenQuestion
from console.base.actions import ServiceAction, service_action
from console.base.crud import deletes, edits
from console.base.forms import ConsoleForm
from console.base.lists import choose
from console.base.model_admin import ServiceAdmin
from console.navigation import Nav
from console.templatetags.console_ui import chip, moment
from console.viewers import viewer_of

STATES = {
    "reading": ("neutral", "clock"),
    "ready": ("good", "check"),
    "failed": ("danger", "x-circle"),
    "gone": ("warn", "x"),
    "deleted": ("neutral", "x"),
}
AUDIENCE_WORDS = {"public": "A stranger", "verified": "A proven customer", "members": "A colleague"}


class CollectionForm(ConsoleForm):
    """A collection."""

    name = forms.CharField(label="Name", max_length=services.NAME_LIMIT)
    audience = forms.ChoiceField(
        label="Who gets answers from it",
        choices=Collection.Audience.choices,
        help_text="A change counts at once, for all its documents.",
    )
    description = forms.CharField(label="What it is about", required=False, max_length=services.ABOUT_LIMIT)


class ArticleForm(ConsoleForm):
    """An article."""

    title = forms.CharField(
        label="Title", max_length=services.TITLE_LIMIT, help_text="Shown to customers as the source of an answer."
    )
    text = forms.CharField(
        label="Text",
        widget=forms.Textarea(attrs={"rows": 16}),
        help_text="Begin a section with a line such as “## Returns from abroad”. Each section answers on its own.",
    )
    language = forms.ChoiceField(label="Language", choices=Document.Language.choices, initial="en")
    address = forms.CharField(
        label="Address (optional)",
        required=False,
        max_length=services.ADDRESS_LIMIT,
        help_text="Where customers can read it, such as https://shop.example/help/returns. Answers link to it.",
    )


class EditArticleForm(ArticleForm):
    """An article, from the version that was opened."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)


class FileForm(ConsoleForm):
    """A file to read."""

    file = forms.FileField(
        label="File", help_text="PDF, Word (DOCX), HTML, Markdown, text or CSV, up to 20 MB and 500 pages."
    )
    title = forms.CharField(
        label="Title (optional)", required=False, max_length=services.TITLE_LIMIT, help_text="Empty: the file's name."
    )
    language = forms.ChoiceField(label="Language", choices=Document.Language.choices, initial="en")
    address = forms.CharField(
        label="Address (optional)",
        required=False,
        max_length=services.ADDRESS_LIMIT,
        help_text="Where customers can read it. Answers link to it.",
    )


class AnswerForm(ArticleForm):
    """The article that answers an open question."""

    collection_id = forms.ChoiceField(label="Collection")
    field_order = ("collection_id", "title", "text", "language", "address")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Collection.objects.order_by("name")
        fields: Any = self.fields
        fields["collection_id"].choices = [
            (str(row.pk), f"{row.name} ({row.get_audience_display().lower()})") for row in rows
        ]


class SearchForm(ConsoleForm):
    """A question as a customer would ask it."""

    question = forms.CharField(label="Question", max_length=300)
    audience = forms.ChoiceField(label="Asked by", choices=list(AUDIENCE_WORDS.items()))


@admin.register(Collection)
class CollectionAdmin(ServiceAdmin):
    """Collections of documents."""

    view_permission = selectors.VIEW
    nav = Nav("Knowledge", "info", group="Set-up", order=21)
    intro = "What your agents answer from: collections of articles, each for an audience."
    empty_title = "No knowledge yet"
    empty_text = "Create a collection and write the answers to what customers ask most."
    list_display = ("name", "readers", "documents", "description")
    ordering = ("name", "id")
    detail_fields = ("name", "readers", "description", "contents", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        """Return the collections with their sizes."""
        return selectors.query_collections(viewer=viewer_of(request)).order_by(*self.ordering)

    @admin.display(description="Answers for")
    def readers(self, collection: Collection) -> str:
        """Return who gets answers from it."""
        return collection.get_audience_display()

    @admin.display(description="Documents")
    def documents(self, collection: Collection) -> str:
        """Return how many documents it holds."""
        return str(collection.size)  # type: ignore[attr-defined]

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
        path="create",
        title="New collection",
        permission=services.MANAGE,
        form=CollectionForm,
        submit="Create collection",
        tone="primary",
        on_list=True,
    )
    def create(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Create a collection."""
        row = services.create_collection(actor=viewer_of(request), **form.cleaned_data)
        return f"{row.name} created. Write its first article."

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
                    "answers": each.coverage >= searching.SURE,
                }
                for each in found
            ],
        }
        return TemplateResponse(request, "console/knowledge_trial.html", context)

    @service_action(
        path="write",
        title="Write an article",
        permission=services.MANAGE,
        form=ArticleForm,
        submit="Save article",
        tone="primary",
        explain="Agents answer from it as soon as it is saved.",
    )
    def write(self, request: HttpRequest, obj: Collection, form: ConsoleForm) -> str:
        """Write an article."""
        row = services.write_article(actor=viewer_of(request), collection_id=obj.pk, **form.cleaned_data)
        return f"“{row.title}” saved. Agents answer from it now."

    @service_action(
        path="upload",
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
            name=str(file.name or ""),
            content=file.read(uploads.LARGEST + 1),
            **facts,
        )
        return f"“{row.title}” is being read. Open it to see when it is ready."

    @service_action(
        path="add-site",
        title="Fetch a site",
        permission=services.MANAGE,
        form=SiteForm,
        submit="Fetch site",
        explain="Its pages become documents. What robots.txt forbids isn't read.",
    )
    def add_site(self, request: HttpRequest, obj: Collection, form: ConsoleForm) -> str:
        """Add a site."""
        sites.add_site(actor=viewer_of(request), collection_id=obj.pk, **form.cleaned_data)
        return "The site is being fetched. Its page shows how far it is."

    edit = edits(services.change_collection, "collection_id", services.MANAGE, CollectionForm, done="Collection saved.")

    delete = deletes(services.delete_collection, "collection_id", services.MANAGE, submit="Delete collection",
                     explain="Only an empty collection can be deleted.", done="Collection deleted.")  # fmt: skip

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return to the list from a deleted collection."""
        gone = action.path == "delete" and request.method == "POST"
        return self.list_url() if gone else super().after_action_url(request, action, obj)


@admin.register(Document)
class DocumentAdmin(ServiceAdmin):
    """Documents: what each says now, and its versions."""

    view_permission = selectors.VIEW
    nav = Nav("Documents", "list", group="Set-up", order=22)
    intro = "Articles and files that agents quote as the source of an answer."
    empty_title = "No documents yet"
    empty_text = "Open a collection under Knowledge and write an article."
    list_display = ("title", "home", "language", "standing", "changed")
    list_filter: ClassVar = [choose("state", "State", Document.State.choices[:4])]
    ordering = ("-updated_at", "-id")
    detail_fields = ("title", "home", "kind", "language", "standing", "problem", "link", "text", "past", "changed")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        """Return the documents that are not deleted."""
        return selectors.query_documents(viewer=viewer_of(request)).order_by(*self.ordering)

    @admin.display(description="Collection")
    def home(self, document: Document) -> str:
        """Return a link to the collection."""
        url = reverse("admin:agents_collection_change", args=[document.collection_id])
        return format_html('<a class="wk-over" href="{}">{}</a>', url, document.collection.name)

    @admin.display(description="State")
    def standing(self, document: Document) -> str:
        """Return whether agents answer from it."""
        return chip(document.get_state_display(), *STATES[document.state])

    @admin.display(description="Problem")
    def problem(self, document: Document) -> str:
        """Return why it couldn't be read, and what to do."""
        return uploads.TROUBLES.get(document.trouble, "") or "None"

    @admin.display(description="Changed")
    def changed(self, document: Document) -> str:
        """Return when it was changed last."""
        return moment(document.updated_at)

    @admin.display(description="Address")
    def link(self, document: Document) -> str:
        """Return the address that answers link to."""
        return document.address or "None: answers name the title only"

    @admin.display(description="Text")
    def text(self, document: Document) -> str:
        """Return what it says now."""
        return format_html('<div class="wk-body-text">{}</div>', services.text_of(document)[:20_000]) or "–"

    @admin.display(description="Versions")
    def past(self, document: Document) -> str:
        """Return its versions, the newest first."""
        rows = document.versions.order_by("-number")[:20]
        return format_html_join(", ", "{} ({})", ((row.number, moment(row.created_at)) for row in rows)) or "–"

    def why_not(self, request: HttpRequest, action: ServiceAction, document: Any) -> str:
        """Refuse to edit what is no article."""
        if action.path == "edit" and document.kind != Document.Kind.ARTICLE:
            return "Only articles can be edited here. Upload the new file, or refresh the site."
        return ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, document: Any) -> dict[str, Any]:
        """Start from what the article says now."""
        if action.path != "edit":
            return {}
        facts = {name: getattr(document, name) for name in ("title", "language", "address", "version")}
        return {**facts, "text": services.text_of(document)}

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

    delete = deletes(
        services.delete_document,
        "document_id",
        services.MANAGE,
        submit="Delete document",
        explain="Agents no longer answer from it, and its text is deleted. Earlier answers keep its title.",
        done="Document deleted.",
    )

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return to the list from a deleted document."""
        gone = action.path == "delete" and request.method == "POST"
        return self.list_url() if gone else super().after_action_url(request, action, obj)


@admin.register(OpenQuestion)
class OpenQuestionAdmin(ServiceAdmin):
    """What people asked and no document answered."""

    view_permission = selectors.VIEW
    nav = Nav("Open questions", "inbox", group="Set-up", order=23)
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

    @admin.display(description="Conversations")
    def times_asked(self, question: OpenQuestion) -> str:
        """Return in how many conversations it was asked."""
        return str(question.asked)

    @admin.display(description="State")
    def standing(self, question: OpenQuestion) -> str:
        """Return whether it still needs an answer."""
        tone = {"open": ("warn", "clock"), "answered": ("good", "check"), "dismissed": ("neutral", "x")}
        return chip(question.get_state_display(), *tone[question.state])

    @admin.display(description="Last asked")
    def last(self, question: OpenQuestion) -> str:
        """Return when it was asked last."""
        return moment(question.last_asked_at)

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

    @service_action(
        path="answer",
        title="Write the answer",
        permission=services.MANAGE,
        form=AnswerForm,
        submit="Save article",
        tone="primary",
        explain="It becomes an article of the collection. Agents answer from it as soon as it is saved.",
    )
    def answer(self, request: HttpRequest, obj: OpenQuestion, form: ConsoleForm) -> str:
        """Write the article that answers it."""
        questions.answer_question(actor=viewer_of(request), question_id=obj.pk, **form.cleaned_data)
        return "Article saved. Agents answer from it now."

    @service_action(
        path="dismiss",
        title="Dismiss",
        permission=services.MANAGE,
        submit="Dismiss question",
        explain="It isn't for you to answer. It is listed again when somebody asks it again.",
    )
    def dismiss(self, request: HttpRequest, obj: OpenQuestion, form: ConsoleForm) -> str:
        """Leave it without an answer."""
        questions.dismiss_question(actor=viewer_of(request), question_id=obj.pk)
        return "Question dismissed."
