"""Ask customers how it was once a conversation is closed, and keep what they say."""

from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from conversations import registry, texts
from conversations.channel_accounts.templates import USE
from conversations.contacts.names import mask_for_contact
from conversations.events import stream_events
from conversations.inbox import states
from conversations.inbox.teams.seen import showing
from conversations.messages import message_store, outbound, reach
from conversations.messages.outbound import Draft, Sender, is_newest_automatic
from conversations.models import Conversation, Message, MessageTemplate, Survey, Team
from conversations.surveys.links import KEY, NO_SURVEY
from conversations.transitions import CLOSED
from conversations.types import InboundMessage
from core import notices
from core.actors import Actor, system
from core.audit import chain
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import Consent
from core.reach.gate import NotReachable
from core.reliability.rate_limit import limit_per_hour
from core.tenancy.scope import platform_scope
from core.text.speech import gettext, gettext_noop, in_all_languages, speaking

OPEN_FOR: Final = timedelta(days=14)
CHANGED_WITHIN: Final = timedelta(hours=24)
COMMENT_LIMIT: Final = 2000
LOW: Final = 2
"""A team's leads hear of this mark and lower ones."""
QUESTION: Final = gettext_noop("How did we do?")
MARKS: Final = {
    1: gettext_noop("Very poor"),
    2: gettext_noop("Poor"),
    3: gettext_noop("Fair"),
    4: gettext_noop("Good"),
    5: gettext_noop("Very good"),
}
BATCH: Final = 200
GRACE: Final = timedelta(seconds=30)
BY_WORDS: Final = gettext_noop("Reply with a number from 1 (very poor) to 5 (very good).")
CHANGES_PER_HOUR: Final = 20
TOO_OFTEN: Final = gettext_noop("You've changed your answer too many times. Try again in an hour.")
ENDED: Final = gettext_noop("This survey has ended. Write to us if there is something we should know.")
FINAL: Final = gettext_noop("Your answer can't be changed any more: 24 hours have passed.")
ELSEWHERE: Final = gettext_noop("You've answered this already in the meantime. Send it again to change your answer.")
THANKS: Final = gettext_noop("Thank you for your feedback.")


class RatingNotice(notices.NoticeKind):
    """Notices of conversations that a customer was not content with."""

    label, icon = "Low rating", "flag"


notices.kinds.register("low_rating", RatingNotice)


def plan_survey(conversation: Conversation, moment: datetime) -> None:
    """Note on a conversation that is being closed that its customer is to be asked, if its team wants that.

    Once per conversation. In the caller's transaction; a task asks after `GRACE`, unless the close was undone. At most
    three queries.
    """
    rows = Team.objects.exclude(survey=Team.Asks.NEVER)
    chosen = rows.filter(pk=conversation.team_id) if conversation.team_id else rows.filter(is_default=True)
    team = chosen.first()
    if team is None or (team.survey == Team.Asks.RESOLVED and not conversation.resolved):
        return
    # By the conversation's id: asking again decides the same.
    is_chosen = int.from_bytes(sha256(conversation.pk.bytes).digest()[:4]) % 100 < team.survey_share
    if not is_chosen or Survey.objects.filter(conversation=conversation).exists():
        return
    Survey.objects.create(
        conversation=conversation, team=team, person_id=conversation.assigned_to_id, created_at=moment
    )


def leave_team(team: Team) -> None:
    """Leave the surveys of a team that is being deleted without one."""
    Survey.objects.filter(team=team).update(team=None)


def ask_survey(*, actor: Actor, survey_id: UUID, now: datetime | None = None) -> bool:
    """Ask a customer how it was; return whether that was sent.

    A conversation that was reopened meanwhile isn't asked about until it is closed again; where nothing can be sent,
    the survey keeps why. Safe to repeat. For the system. Raises `Refused`. Writes `SURVEY_ASKED`.
    """
    if actor.kind != "system":
        raise Refused
    moment = now or clock_now()
    conversation_id = Survey.objects.filter(pk=survey_id).values_list("conversation_id", flat=True).first()
    if conversation_id is None:
        return False
    with transaction.atomic():
        conversation = states.lock_conversation(conversation_id, actor=actor)
        survey = Survey.objects.filter(pk=survey_id, asked_at=None, skipped="").select_related("team").first()
        if survey is None:
            return False
        if conversation.state != CLOSED:
            survey.delete()
            return False
        reason = _send_question(actor, survey, conversation, moment)
        survey.skipped = reason
        if not reason:
            survey.asked_at, survey.ends_at = moment, moment + OPEN_FOR
        survey.save(update_fields=["skipped", "asked_at", "ends_at"])
        if not reason:
            _record(actor, "SURVEY_ASKED", survey)
    return not reason


def list_surveys_to_ask(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return tenant and id of planned surveys whose time to be asked has come."""
    with platform_scope():
        rows = Survey.objects.filter(asked_at=None, skipped="", created_at__lte=(now or clock_now()) - GRACE)
        return list(rows.order_by("created_at").values_list("tenant_id", "pk")[:BATCH])


def rate_conversation(
    *,
    actor: Actor,
    survey_id: UUID,
    rating: int,
    comment: str | None = None,
    way: str,
    seen: int | None = None,
    now: datetime | None = None,
) -> Survey:
    """Keep a customer's mark from 1 to 5, and a comment.

    Without a comment the former one stays. `seen` is the mark that the customer saw as theirs, 0 for none: one that was
    kept since stays. For the customer whose conversation it is, which the caller has made sure of; staff and programs
    can't. It can be changed for 24 hours after the first answer; the same again changes nothing. Raises `Refused`,
    `NotFound` for a survey that wasn't asked, `Invalid`, and `Conflict` ("answered_meanwhile", "ended" when it was
    asked too long ago, "final"), and `TooMany` for more than 20 changes in an hour. Writes `SURVEY_ANSWERED` and
    `SURVEY_CHANGED`. Leads of the team hear of a low mark.
    """
    if actor.kind != "contact":
        raise Refused("Only the customer can answer this.")
    if rating not in MARKS:
        raise Invalid("Choose a rating from 1 to 5.", fields={"rating": ["Choose a rating from 1 to 5."]})
    said = None if comment is None else texts.clean(comment).strip()
    if said and len(said) > COMMENT_LIMIT:
        problem = f"Use at most {COMMENT_LIMIT:,} characters."
        raise Invalid(problem, fields={"comment": [problem]})
    moment = now or clock_now()
    about = Survey.objects.filter(pk=survey_id).values_list("conversation_id", flat=True)
    conversation_id = get_or_missing(about, NO_SURVEY)
    with transaction.atomic():
        conversation = states.locked(conversation_id, actor=actor)
        found = Survey.objects.filter(pk=survey_id, asked_at__isnull=False).select_related("conversation")
        survey: Survey | None = found.first()
        if survey is None or conversation.contact.erased_at is not None:
            raise NotFound(NO_SURVEY)
        words = survey.comment if said is None else said
        if (survey.rating, survey.comment) == (rating, words):
            return survey
        if seen is not None and seen != (survey.rating or 0):
            raise Conflict(gettext(ELSEWHERE), code="answered_meanwhile", rating=survey.rating)
        if survey.ends_at is None or survey.ends_at <= moment:
            raise Conflict(gettext(ENDED), code="ended")
        if not may_rate(survey=survey, now=moment):
            raise Conflict(gettext(FINAL), code="final")
        # Each change is an audit entry for ever, and a person with the address could make thousands.
        limit_per_hour(f"{survey.tenant_id}:survey:{survey.pk}", limit=CHANGES_PER_HOUR, sentence=gettext(TOO_OFTEN))
        action = "SURVEY_CHANGED" if survey.answered_at else "SURVEY_ANSWERED"
        was_low = survey.rating is not None and survey.rating <= LOW
        survey.rating, survey.comment, survey.masked_comment = rating, words, mask_for_contact(words, conversation)
        survey.way, survey.changed_at = way, moment
        survey.answered_at = survey.answered_at or moment
        survey.save(update_fields=["rating", "comment", "masked_comment", "way", "changed_at", "answered_at"])
        if rating <= LOW and not was_low:
            _tell_leads(survey)
        stream_events.append_rating(conversation, survey)
        _record(actor, action, survey, rating=rating)
    return survey


def may_rate(*, survey: Survey, now: datetime) -> bool:
    """Return True while a survey can be answered, or its answer be changed."""
    last = final_at(survey)
    return last is not None and now < last


def final_at(survey: Survey) -> datetime | None:
    """Return when a survey ends or its answer is final; None if it wasn't asked."""
    if survey.ends_at is None or survey.answered_at is None:
        return survey.ends_at
    return min(survey.ends_at, survey.answered_at + CHANGED_WITHIN)


def get_survey_to_answer(*, survey_id: UUID) -> Survey:
    """Return a survey for its customer.

    Who has its address may answer it. Raises `NotFound` if it wasn't asked, or the customer was erased.
    """
    rows = Survey.objects.filter(pk=survey_id, asked_at__isnull=False, conversation__contact__erased_at=None)
    found: Survey = get_or_missing(
        rows.select_related("team", "conversation__channel_account", "conversation__contact"), NO_SURVEY
    )
    return found


def rating_in(text: str) -> int | None:
    """Return the mark that a message consists of, such as "4", "4/5", "4 stars" or "★★★★", or None."""
    return _said().get("".join(text.replace("\N{VARIATION SELECTOR-16}", "").lower().split()).rstrip(".!"))


def may_be_answer(inbound: InboundMessage) -> bool:
    """Return True for a message that could answer a survey: it is only a mark."""
    return rating_in(inbound.text) is not None


def take_answer(inbound: InboundMessage, conversation: Conversation, moment: datetime) -> Message | None:
    """Keep a message that only marks a closed conversation, without reopening it; None for every other message.

    In the caller's transaction, which has locked the conversation. The customer is thanked once.
    """
    rating = rating_in(inbound.text)
    if rating is None or inbound.media:
        return None
    survey = Survey.objects.filter(conversation=conversation, asked_at__isnull=False).first()
    if survey is None or not may_rate(survey=survey, now=moment):
        return None
    stream_events.hold_streams(conversation)
    message = message_store.store_taken(inbound, conversation=conversation, moment=moment)
    writer = Actor(kind="contact", id=conversation.contact_id, name="customer", auth_strength="none")
    rate_conversation(actor=writer, survey_id=survey.pk, rating=rating, way=Survey.Way.TEXT, now=moment)
    with speaking(conversation.spoken_language):
        thanks = gettext(THANKS)
    outbound.reply(
        actor=system("survey"),
        conversation_id=conversation.pk,
        draft=Draft(text=thanks, client_id=uuid5(survey.pk, "thanks"), sender=Sender(type="system", name="walker")),
        now=moment,
    )
    return message


def question_of_survey(survey: Survey) -> str:
    """Return the question, in the team's words, or ours."""
    return (survey.team.survey_question if survey.team else "") or gettext(QUESTION)


def _send_question(actor: Actor, survey: Survey, conversation: Conversation, moment: datetime) -> str:
    """Send the question; return why it can't be sent, or ""."""
    if is_newest_automatic(conversation):
        return "automatic"
    account = conversation.channel_account
    try:
        medium = registry.transport_for(account.kind, account.provider).medium
    except NotFound:
        return "no_transport"
    verdict = reach.judge_reply(conversation, moment).verdict
    if verdict.kind == "refused":
        return verdict.reason
    is_by_word = "phone" in medium.recipient_kinds
    with speaking(conversation.spoken_language):
        question, by_words, choose = question_of_survey(survey), gettext(BY_WORDS), gettext("Choose")
        titles = {mark: f"{mark} · {gettext(words)}" for mark, words in MARKS.items()}
    choices = [{"id": f"rating-{mark}", "title": title} for mark, title in titles.items()][::-1]
    try:
        outbound.reply(
            actor=actor,
            conversation_id=conversation.pk,
            draft=Draft(
                text=f"{question} {by_words}" if is_by_word else question,
                metadata={
                    KEY: str(survey.pk),
                    USE: MessageTemplate.Use.SURVEY.value,
                    **({"choices": choices, "choose": choose} if medium.list_rows else {}),
                },
                client_id=uuid5(survey.pk, "question"),
                purpose=Consent.Purpose.SERVICE,
                sender=Sender(type="system", name="walker"),
            ),
            now=moment,
            locked=conversation,
            also=[stream_events.survey_asked_event(conversation, survey)],
        )
    except NotReachable as refusal:
        return refusal.code
    return ""


def _tell_leads(survey: Survey) -> None:
    leads = showing().filter(Q(team_id=survey.team_id), is_lead=True).values_list("user_id", flat=True)
    notices.leave(
        people=set(leads),
        kind="low_rating",
        title=f"A customer rated a conversation {survey.rating} of 5",
        level="warning",
        link=reverse("admin:conversations_conversation_change", args=[survey.conversation_id]),
        dedupe_key=f"low_rating:{survey.pk}",
    )


def _record(actor: Actor, action: str, survey: Survey, **facts: Any) -> None:
    chain.note(actor, action, survey, conversation=str(survey.conversation_id), **facts)


@lru_cache(maxsize=1)
def _said() -> dict[str, int]:
    """Return what a mark is written as, without spaces, and the mark."""
    numbers = ("{0}", "{0}/5", "{0} of 5", "{0} out of 5", "{0} von 5", "{0} sur 5", "{0} de 5")
    stars = ("star", "stars", "stern", "sterne", "étoile", "étoiles", "estrella", "estrellas")
    return {
        words.replace(" ", "").lower(): mark
        for mark in MARKS
        for words in (
            *(each.format(mark) for each in numbers), *(f"{mark} {each}" for each in stars), "★" * mark, "⭐" * mark,
            *(f"{mark} · {each}" for each in in_all_languages(MARKS[mark])),
        )
    }  # fmt: skip
