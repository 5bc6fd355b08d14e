"""The page on which a customer says how it was: opening it changes nothing, submitting the form does."""

from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language_from_request

from accounts.models import Tenant
from accounts.secret_pages import refuse_guessing, secret_form
from conversations.models import Survey
from conversations.services import ratings
from conversations.services.ratings import COMMENT_LIMIT, MARKS
from core.actors import Actor
from core.clock import now
from core.errors import NotFound, WalkerError
from core.tenancy.scope import tenant_scope
from core.text.speech import gettext, gettext_noop, speaking

PAGE: Final = "survey/page.html"
GUESSES: Final = "survey"
NO_MARK: Final = gettext_noop("Choose a rating from 1 to 5.")
TOO_LONG: Final = gettext_noop("Use at most {limit} characters.")


class SurveyForm(forms.Form):
    rating = forms.TypedChoiceField(
        coerce=int,
        choices=[(mark, str(mark)) for mark in MARKS],
        error_messages={"required": NO_MARK, "invalid_choice": NO_MARK},
    )
    comment = forms.CharField(
        required=False,
        max_length=COMMENT_LIMIT,
        error_messages={"max_length": TOO_LONG},
    )
    seen = forms.IntegerField(required=False)


@secret_form
def survey_page(request: HttpRequest, token: str) -> HttpResponse:
    """Ask, or keep the answer: 404 for every address that we didn't make, or whose customer was erased."""
    try:
        tenant_id, survey_id = ratings.read_survey_token(token)
        with tenant_scope(tenant_id):
            if not Tenant.objects.filter(pk=tenant_id, is_active=True).exists():
                raise NotFound(ratings.NO_SURVEY)
            survey = ratings.get_survey_to_answer(survey_id=survey_id)
            with speaking(survey.conversation.spoken_language):
                return _save(request, survey) if request.method == "POST" else _ask(request, survey)
    except NotFound:
        with speaking(get_language_from_request(request)):
            return refuse_guessing(request, GUESSES) or render(request, PAGE, {"is_missing": True}, status=404)


def _save(request: HttpRequest, survey: Survey) -> HttpResponse:
    form = SurveyForm(request.POST)
    if not form.is_valid():
        return _ask(request, survey, form=form, status=400)
    writer = Actor(kind="contact", id=survey.conversation.contact_id, name="customer", auth_strength="none")
    said = form.cleaned_data
    try:
        # An empty comment keeps the former one, which the page never shows.
        kept = ratings.rate_conversation(
            actor=writer,
            survey_id=survey.pk,
            rating=said["rating"],
            comment=said["comment"] or None,
            way=Survey.Way.PAGE,
            seen=said["seen"],
        )
    except NotFound:
        raise
    except WalkerError as problem:
        survey.refresh_from_db()
        return _ask(request, survey, form=form, said=problem.detail, status=problem.status)
    return _ask(request, kept, is_done=True)


def _ask(
    request: HttpRequest,
    survey: Survey,
    *,
    form: SurveyForm | None = None,
    said: str = "",
    is_done: bool = False,
    status: int = 200,
) -> HttpResponse:
    # A mark in the address only chooses it on the form: mail scanners open every link.
    picked = request.GET.get("rating", "") if form is None and not survey.rating else ""
    chosen: Any = form.data.get("rating") if form else picked or survey.rating
    facts = {
        "question": ratings.question_of_survey(survey),
        "marks": [(mark, gettext(words), str(mark) == str(chosen)) for mark, words in MARKS.items()],
        # What was said is sealed: scanners of mail open the link too, and it may be passed on.
        "comment": form.data.get("comment", "") if form else "",
        "has_comment": bool(survey.comment),
        "seen": survey.rating or 0,
        "faults": {name: gettext(str(found[0])).format(limit=COMMENT_LIMIT) for name, found in form.errors.items()}
        if form
        else {},
        "limit": COMMENT_LIMIT,
        "said": said,
        "is_done": is_done,
        "has_answered": survey.answered_at is not None,
        "is_open": ratings.may_rate(survey=survey, now=now()),
    }
    return render(request, PAGE, facts, status=status)
