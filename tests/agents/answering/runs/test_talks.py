"""What customers say beside questions: danger, anger, thanks, corrections, and what nobody can look up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agents.answering.interpretation import alarm_in, needs_no_answer, worry_in
from agents.knowledge import services as knowledge
from agents.llm.built_in import phrases
from agents.llm.built_in.lookups import completed
from agents.llm.built_in.talk import corrected, drops
from agents.llm.ports import Line, Turn
from conversations.models import Conversation, Message
from tests.agents.conftest import Desk
from tests.world import OPERATOR

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def help_desk(desk: Desk) -> Iterator[Desk]:
    """The desk of an organisation whose field of work nobody taught the model, with one article."""
    before = phrases.book()
    phrases.register(phrases.PhraseBook())
    where = knowledge.create_collection(actor=OPERATOR, name="Help", audience="public")
    text = "You can send anything back within 30 days. Boxes of 50 pieces take 4 days, boxes of 500 pieces take 9 days."
    knowledge.write_article(actor=OPERATOR, collection_id=where.pk, title="Returns and exchanges", text=text)
    yield desk
    phrases.register(before)


SEEN_AT_ONCE = {
    "My stove leaked gas in the tent and my son feels dizzy": "danger",
    "he cannot breathe and his lips are blue": "danger",
    "im Keller riecht es nach Gas": "danger",
    "Meine Frau ist bewusstlos": "danger",
    "Mon fils ne respire plus": "danger",
    "I will sue you": "legal",
    "my solicitor has your letter already": "legal",
    "Das geht an meinen Anwalt": "legal",
    "ich zeige euch an": "legal",
    "this is a joke, third time now": "anger",
    "so ein Saftladen": "anger",
    "oh GREAT, another form!!": "anger",
}
NOT_SEEN_AT_ONCE = (
    "What is your return policy?",
    "Do you insure sports injuries?",
    "Is the legal department open today?",
    "Wie lange habe ich Zeit für eine Rücksendung?",
    "Is there a smoking room?",
    "Kann ich mein Passwort ändern?",
    "WHERE IS MY ORDER",
    "Is my price locked in for a year?",
    "Das Licht brennt nicht mehr so hell",
    "Great, does PREMIUM include SMS?",
    "Do you have a page for the press?",
    "We use DATEV and GITHUB",
)
NEED_NOTHING = (
    "👍", "thanks!", "ok perfect 👍", "ah lovely thx 🙏", "alles klar, passt, danke dir 😊", "Merci beaucoup",
    "vale gracias", "you star, thanks mate", "supi, hat geholfen, danke",
)  # fmt: skip
NEED_ANSWER = ("😡", "👎", "thanks, but where is it?", "ok and the other one", "danke, und was kostet das", "yes", "")


def test_alarms_and_courtesies_are_told_from_questions() -> None:
    wrong = [(text, alarm_in([text])) for text, code in SEEN_AT_ONCE.items() if alarm_in([text]) != code]
    wrong += [(text, alarm_in([text])) for text in NOT_SEEN_AT_ONCE if alarm_in([text])]
    wrong += [(text, "needs nothing") for text in NEED_NOTHING if not needs_no_answer(text)]
    wrong += [(text, "needs an answer") for text in NEED_ANSWER if needs_no_answer(text)]
    worries = {
        "it arrived broken": "damage",
        "make it 300 and we have a deal": "bargaining",
        "she fell down your stairs and won't get up": "danger",
        "er ist hingefallen und voller Blut": "danger",
        "for two weeks now, and still nothing": "anger",
        "niemand meldet sich bei mir": "anger",
        "could you do better if I take three": "bargaining",
        "What does it cost?": "",
        "Is there a smoking room??": "",
        "Haben Sie Angst vor Hunden?": "",
    }
    wrong += [(text, worry_in([text])) for text, code in worries.items() if worry_in([text]) != code]
    assert wrong == []


def test_danger_threat_anger_damage_and_bargaining_bring_a_person_at_once(help_desk: Desk) -> None:
    wrong = []
    said = {
        "My stove leaked gas in the tent and my son feels dizzy": ("danger", "If anyone is in danger"),
        "I will sue you": ("legal", "I'm sorry about this."),
        "Ihr seid echt ein Saftladen": ("anger", "Das tut mir leid."),
        "the tent arrived broken": ("damage", "I'm sorry about this."),
        "make it 300 and we have a deal": ("bargaining", "I can't agree on prices."),
    }
    for place, (text, (reason, begins)) in enumerate(said.items()):
        answer = help_desk.say(text, f"visitor-{place + 10}")
        talk = Conversation.objects.order_by("-created_at")[0]
        if (talk.state, talk.escalation_reason) != ("person", reason) or not answer.startswith(begins):
            wrong.append((text, talk.state, talk.escalation_reason, answer))
    assert wrong == []


def test_thanks_for_an_answer_get_none_and_a_colleague_is_no_customer(help_desk: Desk) -> None:
    help_desk.say("What is your return policy?", "visitor")
    answers = len(help_desk.answers(help_desk.conversation.pk))
    for text in ("👍", "ok perfect, danke!"):
        help_desk.say(text, "visitor")
        assert help_desk.last_run.state == "finished"
        assert (len(help_desk.answers(help_desk.conversation.pk)), help_desk.conversation.state) == (answers, "agent")
    assert help_desk.say("this is a joke", "support").startswith("I couldn't find an answer")


def test_first_questions_of_anybody_are_answered_or_say_what_is_missing(help_desk: Desk) -> None:
    assert "30 days" in help_desk.say("What is your return policy?", "visitor")
    said = help_desk.say("Where is my order 12345?", "visitor-2")
    assert said == "I can't look up 12345 myself. Would you like me to bring in a colleague?"
    assert "bringing in a colleague" in help_desk.say("yes please", "visitor-2")
    assert help_desk.say("Where is my order?", "visitor-3").startswith("Which one do you mean?")
    assert "can't look up" in help_desk.say("it's 12345", "visitor-3") or Conversation.objects.filter(state="person")


def test_what_is_open_is_dropped_corrected_or_asked_back(help_desk: Desk) -> None:
    assert "9 days" in help_desk.say("How long do boxes of 500 pieces take?", "visitor")
    assert "4 days" in help_desk.say("I meant 50, not 500", "visitor")
    assert help_desk.say("no, leave it as it is", "visitor").startswith("All right, I'll leave everything as it is.")
    assert help_desk.say("raise it a bit", "visitor-2").startswith("I need a little more to go on")
    assert help_desk.say("Können Sie es etwas erhöhen?", "visitor-3").startswith("Dafür brauche ich etwas mehr")
    assert help_desk.say("Do you sell prams?", "visitor-4").startswith("I couldn't find an answer")
    assert help_desk.say("ne, lass mal", "visitor-4").startswith(("All right, I'll leave", "Alles klar, ich"))


def test_who_tells_what_happened_and_asks_nothing_gets_a_person_at_once(help_desk: Desk) -> None:
    told = "we put the new filter in on Tuesday and since then it hums all night"
    assert "colleague" in help_desk.say(told, "visitor")
    assert Conversation.objects.order_by("-created_at")[0].state == "person"
    for place, text in enumerate(("Do you sell prams?", "I would like to know whether you sell prams for my twins")):
        assert help_desk.say(text, f"visitor-{place + 2}").startswith("I couldn't find an answer")


def test_answer_to_our_question_is_read_with_the_question() -> None:
    talks = {("How long?", "Which box?"): "How long? 500", ("Hi", "How can I help?"): "", ("How long?", "4 days."): ""}
    found = {said: completed([Line("user", said[0]), Line("assistant", said[1])], said[0], "500") for said in talks}
    assert found == talks


def test_courtesy_behind_a_question_of_ours_is_an_answer(help_desk: Desk) -> None:
    help_desk.script(lambda _lines, _tools: Turn("Shall I look that up?\n\n[1] Help https://help.example/a"))
    help_desk.say("Can I send it back?", "visitor", agent="paid_ads")
    answers = len(help_desk.answers(help_desk.conversation.pk))
    help_desk.say("ok perfect", "visitor", agent="paid_ads")
    assert len(help_desk.answers(help_desk.conversation.pk)) == answers + 1


def test_message_corrected_again_and_again_does_not_grow() -> None:
    text, correction = "Send 1", f"{':'.join(['1'] * 95)} not 1"
    for _ in range(6):
        text = corrected(text, correction) or text
    assert len(text) < 60
    assert corrected("Raise it to 500 please", "I meant 50, not 500") == "Raise it to 50 please"
    assert all(drops(each) for each in ("no don't do anything", "scrap that", "wir behalten den Termin doch"))
    assert [drops(each) for each in ("Please don't forget about it.", "Can I cancel that later?")] == [False, False]


def test_corrected_amount_replaces_the_request_that_was_made(desk: Desk) -> None:
    first = desk.say("Set the daily budget of Summer Sale to 600 EUR")
    assert "BR-" in first
    second = desk.say("I meant 60, not 600")
    assert "60" in second
    assert "leave everything" not in second


def test_letter_is_answered_as_its_bare_question_and_with_the_organisations_own_numbers(help_desk: Desk) -> None:
    where = knowledge.create_collection(actor=OPERATOR, name="House", audience="public")
    texts = {
        "Parking": "Six free parking spaces are in the yard behind the house.",
        "Fäden ziehen": "Die Fäden ziehen wir nach sieben Tagen. Der Termin dauert zehn Minuten.",
        "Telephone": "Our phone number is +44 20 7946 0958. Book at clinic.example/book, or by desk@clinic.example.",
    }
    for title, text in texts.items():
        knowledge.write_article(actor=OPERATOR, collection_id=where.pk, title=title, text=text)
    asked = {
        "Guten Tag,\nWann ziehen Sie die Fäden?\nMfG Petra": "nach sieben Tagen",
        "Dear team,\n\nwhere can I park?\n\nBest regards\nPeter Miller": "Six free parking spaces",
        "What is your phone number?": "+44 20 7946 0958",
        "How do I book?": "clinic.example/book, or by desk@clinic.example",
    }
    wrong = []
    for number, (text, fact) in enumerate(asked.items()):
        help_desk.say(text, f"visitor-{number + 20}")
        answer = Message.objects.filter(direction="out").order_by("-pk")[0].body
        if fact not in answer:
            wrong.append((text, answer))
    assert wrong == []
    assert not help_desk.say("Where can I park my car?", "visitor-30").startswith("Which one do you mean?")
    assert help_desk.say("Where is my order?", "visitor-31").startswith("Which one do you mean?")
