"""People are answered in their language: from an article if one answers, else by a person."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agents import services, tasks
from agents.answering.guardrails.doubt import APOLOGY, instead
from agents.answering.runs.batches import QUIET
from agents.knowledge import services as knowledge
from agents.knowledge.models import Document
from agents.llm.built_in import phrases
from agents.llm.built_in.replies import say
from agents.models import AgentRun
from conversations.models import Contact, Conversation, Message
from conversations.replies.wait_notice import answer_about_the_wait
from core.actors import system
from core.clock import now
from core.text.speech import SPOKEN, speaking
from tests.agents.conftest import Desk
from tests.world import OPERATOR

ENGLISH = "You can send anything back to us within 30 days. The parcel is free of charge."
GERMAN = "Für eine Rücksendung haben Sie 30 Tage Zeit. Das Paket ist kostenlos."
DUTCH = "U kunt alles binnen 30 dagen terugsturen. Het pakket is gratis."
RETURNED = "Wie lange habe ich Zeit für eine Rücksendung?"


@pytest.fixture(autouse=True)
def _no_field_of_work() -> Iterator[None]:
    """An organisation that never saw the demo: nobody taught the model its words."""
    before = phrases.book()
    phrases.register(phrases.PhraseBook())
    yield
    phrases.register(before)


@pytest.fixture
def help_desk(desk: Desk) -> Desk:
    """A desk with one English and one German article, whose languages nobody chose."""
    where = knowledge.create_collection(actor=OPERATOR, name="Help", audience="public")
    for title, text in (("Returns", ENGLISH), ("Rücksendung", GERMAN)):
        knowledge.write_article(actor=OPERATOR, collection_id=where.pk, title=title, text=text)
    return desk


@pytest.mark.slow
def test_german_question_is_answered_from_the_german_article_in_german(help_desk: Desk) -> None:
    assert {row.title: row.language for row in Document.objects.all()} == {"Returns": "en", "Rücksendung": "de"}
    answer = help_desk.say(RETURNED, "visitor")
    assert "30 Tage Zeit" in answer
    assert help_desk.conversation.language == "de"
    assert "30 days" in help_desk.say("How long can I send something back?", "visitor-2")


@pytest.mark.parametrize(
    ("asked", "begins"),
    [
        ("Can I talk to a person?", "Of course. I'm bringing in"),
        ("Kann ich mit einem Menschen sprechen?", "Gerne. Ich hole jemanden"),
        ("Je voudrais parler à quelqu'un", "Bien sûr. Je passe le relais"),
        ("Quiero hablar con una persona", "Por supuesto. Aviso a alguien"),
    ],
)
def test_wish_for_a_person_is_understood_and_answered_in_each_language(
    help_desk: Desk, asked: str, begins: str
) -> None:
    assert help_desk.say(asked, "visitor").startswith(begins)
    assert (help_desk.conversation.state, help_desk.conversation.escalation_reason) == ("person", "asked_for_person")


@pytest.mark.slow
def test_who_waits_for_a_person_hears_of_it_in_their_language(help_desk: Desk) -> None:
    help_desk.say("Kann ich mit einem Menschen sprechen?", "visitor")
    message = help_desk.receive("Ist jemand da?", "visitor")
    assert answer_about_the_wait(actor=system("agents"), message_id=message.pk)
    answer = help_desk.answers(message.conversation_id)[-1]
    assert answer.startswith("Danke, das habe ich weitergegeben.")
    assert answer.endswith("Sie sind als Nächstes dran.")


@pytest.mark.slow
def test_question_without_an_answer_is_asked_once_for_other_words_and_then_brings_a_person(help_desk: Desk) -> None:
    first = help_desk.say("Verkaufen Sie auch Kinderwagen?", "visitor")
    assert first.startswith("Dazu habe ich keine Antwort gefunden. Können Sie es anders formulieren?")
    assert help_desk.conversation.state == "agent"
    assert help_desk.say("Kinderwagen?", "visitor").startswith("Das gebe ich lieber an jemanden")
    assert (help_desk.conversation.state, help_desk.conversation.escalation_reason) == ("person", "no_answer")


@pytest.mark.slow
def test_language_without_words_of_ours_gets_the_article_or_a_person(help_desk: Desk) -> None:
    asked = "Hoe lang heb ik om iets terug te sturen?"
    assert help_desk.say(asked, "visitor") == "Thank you for your message. A colleague will reply here."
    assert (help_desk.conversation.state, help_desk.conversation.escalation_reason) == ("person", "language")
    help_desk.say("Hello", "visitor-3")
    Contact.objects.update(language="de")
    assert help_desk.say(asked, "visitor-3").startswith("Vielen Dank für Ihre Nachricht.")  # the contact's language
    where = Document.objects.all()[0].collection_id
    article = knowledge.write_article(actor=OPERATOR, collection_id=where, title="Terugsturen", text=DUTCH)
    assert article.language == "nl"
    assert "30 dagen" in help_desk.say("Binnen hoeveel dagen kan ik iets terugsturen?", "visitor-2")


@pytest.mark.slow
def test_strange_messages_lose_nothing_and_bring_a_person_at_last(help_desk: Desk) -> None:
    wrong = []
    for place, text in enumerate((
        "Hallo, I would like to know où est mon colis por favor",
        "😡😡😡",
        "أين طلبي؟ لم يصل بعد",
        "Hm",
        "Gdzie jest moja paczka?",
        "我的订单在哪里？",
        "Zelt",
    )):  # fmt: skip
        role = f"visitor-{place + 10}"
        said = [help_desk.say(text, role)]
        talk = Conversation.objects.order_by("-created_at")[0]
        if talk.state == "agent":
            said.append(help_desk.say(text, role))
        talk.refresh_from_db()
        kept = Message.objects.filter(conversation=talk, direction="in").count()
        refused = [each for each in said if "English" in each or "understand" in each]
        if talk.state != "person" or kept != len(said) or refused or not all(said):
            wrong.append((text, talk.state, kept, said))
    assert wrong == []


@pytest.mark.slow
def test_short_and_strange_words_do_not_change_the_language_of_a_talk(help_desk: Desk) -> None:
    help_desk.say(RETURNED, "visitor")
    found = {}
    for text in ("ok", "👍", "Air Max 90", "BR-12", "thanks", "Sorry, can we go on in English please?"):
        message = help_desk.receive(text, "visitor")
        tasks.take_message(str(help_desk.world.acme.pk), str(message.pk))
        services.run_turn(AgentRun.objects.order_by("-created_at")[0].pk, now=now() + QUIET)
        found[text] = help_desk.conversation.language
    assert [*found.values()] == ["de"] * 5 + ["en"], found


@pytest.mark.parametrize(("said", "answer"), [("Hallo!", "Guten Tag!"), ("Merci", "Je vous"), ("hola", "¡Hola!")])
def test_first_greeting_or_thanks_is_returned_in_its_language(desk: Desk, said: str, answer: str) -> None:
    assert desk.say(said, "visitor").startswith(answer)


@pytest.mark.slow
def test_article_is_searched_as_its_language_or_by_whole_words(help_desk: Desk) -> None:
    where = Document.objects.all()[0].collection_id
    texts = {
        "pl": ("xx", "Możesz zwrócić buty w ciągu 30 dni od dostawy. Wyślij je do nas razem z formularzem."),
        "tr": ("tr", "Ayakkabıları teslimattan sonra 30 gün içinde iade edebilirsiniz. Kargo ücretsizdir."),
        "ru": ("ru", "Вы можете вернуть обувь в течение 30 дней после доставки. Доставка бесплатная."),
        "ja": ("xx", "商品は到着後30日以内に返品できます。送料は無料です。"),
    }
    found = {
        code: knowledge.write_article(actor=OPERATOR, collection_id=where, title=code, text=text).language
        for code, (_, text) in texts.items()
    }
    assert found == {code: language for code, (language, _) in texts.items()}
    assert "30 dni" in help_desk.say("Czy mogę zwrócić buty w ciągu 30 dni od dostawy?", "visitor")


def test_what_is_understood_in_english_alone_is_offered_in_english_alone() -> None:
    found = set()
    for code in SPOKEN:
        with speaking(code):
            found |= {(code, topic) for topic in ("greeting", "nothing") if "What can you" in say(topic, ["any_tool"])}
    assert found == {("en", "greeting"), ("en", "nothing")}


def test_sentences_are_in_the_language_of_the_context_only() -> None:
    said = {}
    for code in SPOKEN:
        with speaking(code):
            said[code] = instead("run_broke")
    assert (said["en"], len(set(said.values())), instead("run_broke")) == (APOLOGY, 4, APOLOGY)
