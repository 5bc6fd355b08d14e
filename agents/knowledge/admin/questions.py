"""The console's page of open questions."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from agents.knowledge import selectors, services
from agents.knowledge.admin.forms import AnswerForm
from agents.knowledge.search import questions
from agents.models import OpenQuestion
from console.base.actions import ServiceAction
from console.base.crud import calls
from console.base.lists import Column, choose
from console.base.model_admin import ServiceAdmin
from console.navigation import AGENTS, Nav
from console.templatetags.console_ui import chip, moment
from console.viewers import viewer_of


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
