"""Surveys: asked once after a conversation is closed, answered by the customer alone, final after a day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid5

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Notice
from accounts.privacy.reveals import reveal
from conversations import services
from conversations.contacts import blocks
from conversations.inbox.teams import teams
from conversations.inbox.teams.teams import Seat, TeamSettings
from conversations.messages import delivery
from conversations.models import Conversation, Message, Survey, Team
from conversations.surveys import links, surveys
from conversations.surveys.selectors import marks_of
from conversations.surveys.surveys import rating_in
from core.actors import Actor, system
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused, TooMany
from core.models import AuditEntry, StreamEvent
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import ScriptedTransport, Shop

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
DESK = system("desk")
SECRET = "Call me: ann@example.com"


def team_with(shop: Shop, **wanted: Any) -> Team:
    """Make the default team, which asks; the administrator leads it."""
    settings = TeamSettings(name="Care", is_default=True, **{"survey": "always", **wanted})
    lead = Seat(shop.world.people["admin"].pk, is_lead=True)
    return teams.create_team(actor=shop.world.actor("admin"), settings=settings, seats=[lead])


def closed(shop: Shop, *, resolved: bool = True, by_phone: bool = False) -> Survey:
    """Close a conversation and ask."""
    talk = (shop.call() if by_phone else shop.write()).conversation
    services.close(actor=shop.world.actor("support"), conversation_id=talk.pk, resolved=resolved)
    survey = Survey.objects.get(conversation=talk)
    surveys.ask_survey(actor=DESK, survey_id=survey.pk)
    survey.refresh_from_db()
    return survey


def customer(survey: Survey) -> Actor:
    """Return the customer as an actor."""
    return Actor(kind="contact", id=survey.conversation.contact_id, name="customer", auth_strength="none")


def asked_message(survey: Survey) -> Message:
    """Return the question."""
    return Message.objects.get(client_id=uuid5(survey.pk, "question"))


def rate(survey: Survey, rating: int, **more: Any) -> Survey:
    """Answer on the page."""
    return surveys.rate_conversation(actor=customer(survey), survey_id=survey.pk, rating=rating, way="page", **more)


def test_team_decides_who_is_asked_once_and_half_a_minute_after_the_close(shop: Shop) -> None:
    support = shop.world.actor("support")
    talk = shop.conversation()
    services.close(actor=support, conversation_id=talk.pk, resolved=True)
    assert not Survey.objects.exists()  # no team asks
    shop.write()
    team_with(shop, survey="resolved", survey_question="How was it at Acme?")
    services.close(actor=support, conversation_id=talk.pk, resolved=False)
    assert not Survey.objects.exists()
    shop.write()
    services.close(actor=support, conversation_id=talk.pk, resolved=True)
    survey = Survey.objects.get()
    shop.write("Wait")  # reopens it before anybody was asked
    assert not surveys.ask_survey(actor=DESK, survey_id=survey.pk)
    assert not Survey.objects.exists()
    services.close(actor=support, conversation_id=talk.pk, resolved=True)
    survey = Survey.objects.get()
    key = (survey.tenant_id, survey.pk)
    assert key not in surveys.list_surveys_to_ask(now=now() + timedelta(seconds=20))  # a close can be undone
    assert key in surveys.list_surveys_to_ask(now=now() + timedelta(seconds=40))
    assert [surveys.ask_survey(actor=DESK, survey_id=survey.pk) for _ in range(2)] == [True, False]
    assert key not in surveys.list_surveys_to_ask(now=now() + timedelta(seconds=40))
    asked = asked_message(survey)
    assert (asked.body, asked.sender_type) == ("How was it at Acme?", "system")
    shop.write("One more thing")
    services.close(actor=support, conversation_id=talk.pk, resolved=True)
    assert Survey.objects.count() == 1
    with pytest.raises(Refused):
        surveys.ask_survey(actor=support, survey_id=survey.pk)


def test_share_spares_the_others_and_settings_are_checked(shop: Shop) -> None:
    team = team_with(shop, survey_share=50)
    kept: dict[bool, int] = {True: 0, False: 0}
    for number in range(60):
        contact = shop.conversation().contact
        talk = Conversation.objects.create(contact=contact, channel_account=shop.chat, thread=f"t{number}")
        services.close(actor=shop.world.actor("support"), conversation_id=talk.pk, resolved=True)
        kept[Survey.objects.filter(conversation=talk).exists()] += 1
    assert min(kept.values()) >= 12  # of 60; fewer would come by chance once in 100,000 runs
    for wrong, field in (({"survey": "daily"}, "survey"), ({"survey_share": 0}, "survey_share"),
                         ({"survey_question": "x" * 201}, "survey_question")):  # fmt: skip
        with pytest.raises(Invalid) as caught:
            teams.create_team(actor=shop.world.actor("admin"), settings=TeamSettings(name="B", **wrong))
        assert field in caught.value.facts["fields"]
    assert Survey.objects.filter(team=team).exists()
    teams.delete_team(actor=shop.world.actor("admin"), team_id=team.pk)
    assert not Survey.objects.exclude(team=None).exists()


def test_answer_is_the_customers_sealed_masked_changed_for_a_day_and_then_final(shop: Shop) -> None:
    team_with(shop)
    survey = closed(shop)
    start = now()
    for actor in (shop.world.actor("admin"), DESK, shop.world.actor("viewer")):
        with pytest.raises(Refused):
            surveys.rate_conversation(actor=actor, survey_id=survey.pk, rating=5, way="page")
    for wrong in ({"rating": 0}, {"rating": 6}, {"rating": 3, "comment": "x" * 2001}):
        with pytest.raises(Invalid):
            rate(survey, **wrong)
    rate(survey, 2, comment=SECRET)
    rate(survey, 2)  # pressed twice
    lead = shop.world.people["admin"]
    assert Notice.objects.filter(person=lead, kind="low_rating").count() == 1
    rate(survey, 1, now=start + timedelta(hours=23))
    survey.refresh_from_db()
    assert (survey.rating, survey.comment, survey.masked_comment.count("ann@example.com")) == (1, SECRET, 0)
    assert Notice.objects.filter(kind="low_rating").count() == 1
    with connection.cursor() as cursor:
        cursor.execute("select comment::text from conversations_survey")
        assert "ann@example.com" not in str(cursor.fetchall())
    with pytest.raises(Conflict) as final:
        rate(survey, 5, now=start + timedelta(hours=25))
    assert final.value.code == "final"
    assert rate(survey, 1, now=start + timedelta(hours=25)).rating == 1  # the same again
    entries = AuditEntry.objects.filter(action__startswith="SURVEY_", object_id=survey.pk).order_by("seq")
    assert list(entries.values_list("action", flat=True)) == ["SURVEY_ASKED", "SURVEY_ANSWERED", "SURVEY_CHANGED"]
    events = StreamEvent.objects.filter(stream=survey.conversation.stream, type="survey_rated").order_by("seq")
    assert [row.payload["rating"] for row in events] == [2, 1]
    assert SECRET not in str(list(StreamEvent.objects.values_list("payload", flat=True)))
    for number in range(18):  # each another mark than the one before: with the two above twenty changes
        rate(survey, 1 + (number + 1) % 5, now=start + timedelta(hours=23))
    with pytest.raises(TooMany):  # each would be an entry for ever
        rate(survey, 5, now=start + timedelta(hours=23))
    late = closed(shop, by_phone=True)
    with pytest.raises(Conflict) as ended:
        rate(late, 5, now=start + timedelta(days=15))
    assert ended.value.code == "ended"
    marks = marks_of(viewer=shop.world.actor("admin"))
    assert (marks.asked, marks.answered) == (2, 1)
    with tenant_scope(shop.world.globex.pk), pytest.raises(NotFound):
        rate(late, 5)


@pytest.mark.parametrize(
    ("text", "mark"),
    [("4", 4), (" 4/5 ", 4), ("4 stars", 4), ("1 star", 1), ("★★★", 3), ("⭐️⭐️", 2), ("5!", 5), ("5 · Very good", 5),
     ("6", None), ("0", None), ("45", None), ("4 shoes", None), ("5 more questions", None), ("", None), ("★"*6, None)],
)  # fmt: skip
def test_only_a_bare_mark_is_one(text: str, mark: int | None) -> None:
    assert rating_in(text) == mark


def test_reply_by_phone_rates_without_reopening_and_the_link_is_only_in_what_leaves(
    shop: Shop, transport: type[ScriptedTransport]
) -> None:
    team_with(shop)
    survey = closed(shop, by_phone=True)
    question = asked_message(survey)
    assert delivery.deliver(message_id=question.pk) == "sent"
    sent = transport.sent[-1].text
    address = links.survey_link(tenant_id=survey.tenant_id, survey_id=survey.pk)
    assert "Reply with a number from 1" in sent
    assert address in sent
    assert "/s/" not in question.body + question.masked_body
    first = shop.call("4", external_id="SM1")
    assert shop.call("4", external_id="SM1").pk == first.pk  # a doubled webhook
    survey.refresh_from_db()
    assert (survey.rating, survey.way, survey.conversation.state) == (4, "text", "closed")
    assert Message.objects.filter(client_id=uuid5(survey.pk, "thanks")).count() == 1
    shop.call("5")
    survey.refresh_from_db()
    assert survey.rating == 5
    shop.call("4 shoes are missing")
    survey.conversation.refresh_from_db()
    assert survey.conversation.state == "agent"
    shop.call("1")  # an answer in an open conversation is a message as any other
    survey.refresh_from_db()
    assert survey.rating == 5


def test_nobody_is_asked_who_may_not_be_written_to(shop: Shop) -> None:
    team_with(shop)
    talk = shop.call().conversation
    blocks.block_contact(actor=shop.world.actor("admin"), contact_id=talk.contact_id)
    services.close(actor=shop.world.actor("support"), conversation_id=talk.pk, resolved=True)
    survey = Survey.objects.get(conversation=talk)
    assert not surveys.ask_survey(actor=DESK, survey_id=survey.pk)
    survey.refresh_from_db()
    assert (survey.skipped, survey.asked_at) == ("blocked", None)
    assert not Message.objects.filter(client_id=uuid5(survey.pk, "question")).exists()
    with pytest.raises(NotFound):
        rate(survey, 5)


def test_page_opens_for_everybody_with_the_link_and_only_the_form_answers(
    shop: Shop, client: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    team_with(shop, survey_question="How <b>was</b> it?")
    survey = closed(shop)
    other = closed(shop, by_phone=True)
    address = links.survey_link(tenant_id=survey.tenant_id, survey_id=survey.pk).partition("/s/")[2]
    page = f"/s/{address}"
    for ask in (client.head, client.get):
        answer = ask(f"{page}?rating=1")
        assert (answer.status_code, answer["Referrer-Policy"]) == (200, "no-referrer")
        assert answer["X-Robots-Tag"].startswith("noindex")
    assert "How &lt;b&gt;was" in answer.content.decode()
    assert Survey.objects.get(pk=survey.pk).rating is None
    too_long = {"rating": "4", "comment": "x" * 2001}
    for wrong, words in (({}, "Choose a rating"), ({"rating": "9"}, "Choose a rating"), (too_long, "Use at most")):
        answer = client.post(page, wrong)
        assert answer.status_code == 400
        assert words in answer.content.decode()
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(page, {"rating": "5"}).status_code == 403
    done = client.post(page, {"rating": "4", "comment": SECRET})
    assert "Thank you for your feedback" in done.content.decode()
    assert client.post(page, {"rating": "4", "comment": SECRET}).status_code == 200
    survey.refresh_from_db()
    assert (survey.rating, survey.comment, survey.way) == (4, SECRET, "page")
    shown = client.get(page).content.decode()  # as a scanner of mail does
    assert "ann@example.com" not in shown
    assert "What you wrote before stays" in shown
    client.post(page, {"rating": "5", "comment": ""})
    survey.refresh_from_db()
    assert (survey.rating, survey.comment) == (5, SECRET)
    assert address.split(".")[0] not in capfd.readouterr().err  # Django logs the path of what is refused
    Survey.objects.filter(pk=survey.pk).update(answered_at=now() - timedelta(hours=25))
    assert client.post(page, {"rating": "1"}).status_code == 409
    assert "can't be changed any more" in client.get(page).content.decode()
    forged = page.replace(address.split(".")[0], "x" + address.split(".")[0][1:])
    for missing in (forged, "/s/none/", f"/s/{'a' * 400}/"):
        assert client.get(missing).status_code == 404
        assert client.post(missing, {"rating": "1"}).status_code == 404
    assert Survey.objects.get(pk=other.pk).rating is None


def test_of_two_pages_that_answer_at_once_one_counts_and_the_other_is_told(shop: Shop, client: Client) -> None:
    team_with(shop)
    survey = closed(shop)
    page = f"/s/{links.survey_link(tenant_id=survey.tenant_id, survey_id=survey.pk).partition('/s/')[2]}"
    shown = client.get(page).content.decode()
    assert 'name="seen" value="0"' in shown
    assert client.post(page, {"rating": "4", "seen": "0"}).status_code == 200
    late = client.post(page, {"rating": "1", "seen": "0"})
    assert (late.status_code, Survey.objects.get(pk=survey.pk).rating) == (409, 4)
    words = late.content.decode()
    assert "answered this already in the meantime" in words.replace("&#x27;", "'")
    assert 'name="seen" value="4"' in words, "sent again, it changes the answer that they know of now"
    assert client.post(page, {"rating": "1", "seen": "4"}).status_code == 200
    assert client.post(page, {"rating": "1", "seen": "4"}).status_code == 200, "pressed twice"
    assert Survey.objects.get(pk=survey.pk).rating == 1


def test_console_shows_it_masked_and_in_clear_only_when_revealed(shop: Shop) -> None:
    team_with(shop)
    survey = closed(shop)
    rate(survey, 4, comment=SECRET)
    clients: dict[str, Client] = {}
    for role in ("viewer", "support", "compliance", "admin"):
        clients[role] = Client()
        clients[role].force_login(shop.world.people[role], backend="accounts.backends.RoleBackend")
    page = f"/admin/conversations/conversation/{survey.conversation_id}/"
    listed = clients["support"].get("/admin/conversations/survey/").content.decode()
    for shown in (
        listed,
        clients["viewer"].get(page).content.decode(),
        clients["compliance"].get(page).content.decode(),
    ):
        assert "4 of 5" in shown
        assert "Call me: " in shown
        assert "ann@example.com" not in shown
    assert "4.0</b> of 5 on average" in clients["admin"].get("/admin/conversations/survey/").content.decode()
    assert (
        clients["support"].get("/admin/conversations/survey/", {"rating": "low"}).content.decode().count("Call me") == 0
    )
    reveal(
        actor=shop.world.actor("compliance"), object_type="conversations.conversation",
        object_id=survey.conversation_id, fields=["messages"], reason="to call back",
    )  # fmt: skip
    assert SECRET in clients["compliance"].get(page).content.decode()
