"""The console's pages of open questions, each with the document that is nearest to it."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from agents.knowledge import selectors, services
from agents.knowledge.admin.filters import QuestionStateFilter
from agents.knowledge.admin.forms import AddToArticleForm, AnswerForm
from agents.knowledge.search import questions
from agents.knowledge.search.suggestions import suggest_documents
from agents.models import Document, OpenQuestion
from console.base.actions import ServiceAction
from console.base.crud import calls
from console.base.lists import Column, uuid_of
from console.base.model_admin import ServiceAdmin
from console.navigation import AGENTS, Nav
from console.templatetags.console_ui import chip, moment
from console.viewers import viewer_of


@admin.register(OpenQuestion)
class OpenQuestionAdmin(ServiceAdmin):
    """What people asked and no document answered."""

    view_permission = selectors.VIEW
    nav = Nav("Open questions", "inbox", AGENTS, order=50)
    intro = "What people asked and no document answered, masked, most asked first."
    list_display = ("text",)
    list_filter: ClassVar = [QuestionStateFilter]
    list_per_page = 20
    ordering = ("-asked", "-last_asked_at", "-id")
    change_list_template = "console/open_questions.html"
    detail_template = "console/open_question.html"
    detail_fields = ("times_asked", "standing", "answered_by", "last")

    def get_queryset(self, request: HttpRequest) -> QuerySet[OpenQuestion]:
        """Return the questions, those first that most conversations asked."""
        return selectors.query_questions(viewer=viewer_of(request)).order_by(*self.ordering)

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Suggest a document for each that is open."""
        still = [row for row in rows if row.state == OpenQuestion.State.OPEN]
        near = suggest_documents(viewer=viewer_of(request), questions=still)
        may_manage = viewer_of(request).may(services.MANAGE)
        for row in rows:
            row.near = found = near.get(row.pk)
            row.may_add = may_manage and found is not None and found.document.kind == Document.Kind.ARTICLE
            row.may_answer = may_manage and row.state == OpenQuestion.State.OPEN

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
        """Refuse a question that isn't open any more, and an addition to what is no article."""
        if question.state != OpenQuestion.State.OPEN:
            return "It was answered or dismissed already."
        if action.path == "add" and request.method != "POST" and self.article_of(request) is None:
            return "Choose an article that is searched. To write one, press “Write an answer”."
        return ""

    def article_of(self, request: HttpRequest) -> Document | None:
        """Return the article that the address names, if it can be changed; read once for each request."""
        chosen = uuid_of(request.GET.get("document"))
        if chosen is None:
            return None
        if not hasattr(request, "chosen_article"):
            rows = selectors.query_documents(viewer=viewer_of(request))
            articles = rows.filter(pk=chosen, kind=Document.Kind.ARTICLE, state=Document.State.READY)
            request.chosen_article = articles.first()  # type: ignore[attr-defined]
        found: Document | None = request.chosen_article  # type: ignore[attr-defined]
        return found

    def form_initial(self, request: HttpRequest, action: ServiceAction, question: Any) -> dict[str, Any]:
        """Start with the question: as the title of a new article, or the last heading of the one that is open."""
        if action.path == "answer":
            return {"title": question.text[: services.TITLE_LIMIT]}
        article = self.article_of(request) if action.path == "add" else None
        if article is None:
            return {}
        text = f"{services.text_of(article).rstrip()}\n\n## {question.text}\n"
        return {"title": article.title, "text": text, "document_id": article.pk, "version": article.version}

    answer = calls(questions.answer_question, "question_id", permission=services.MANAGE,
                   title="Write an answer", form=AnswerForm, submit="Save article", tone="primary",
                   explain="It becomes an article of the collection. Agents answer from it as soon as it is saved.",
                   done="Article saved. Agents answer from it now.")  # fmt: skip

    add = calls(questions.add_to_article, "question_id", permission=services.MANAGE,
                title="Add to this article", form=AddToArticleForm, submit="Save as a new version", tone="primary",
                explain="Agents answer from the new version at once, and the question is closed.",
                done="Article saved. Agents answer from it now.")  # fmt: skip

    dismiss = calls(questions.dismiss_question, "question_id", permission=services.MANAGE,
                    title="Dismiss", submit="Dismiss question", done="Question dismissed.",
                    explain="It isn't for you to answer. It is listed again when somebody asks it again.")  # fmt: skip
