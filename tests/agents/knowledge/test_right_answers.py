"""Customers get what is right today: on its days, about what they asked, the newest of two; else they are asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Tenant
from agents.knowledge import services
from agents.knowledge.models import Document, DocumentVersion, OpenQuestion
from agents.knowledge.search.search import is_sure, search
from agents.knowledge.sources import uploads
from agents.llm.built_in import phrases
from agents.models import Collection
from conversations.services import Upload
from core import clock
from core.errors import Conflict, Invalid, Refused
from core.models import AuditEntry
from tests.agents.conftest import Desk
from tests.agents.knowledge.test_knowledge import article, collection
from tests.console.conftest import Browser
from tests.world import OPERATOR, World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
PRICES = """
| Pass | Adults | Children | Valid on Sundays |
|---|---|---|---|
| Day | 12 euros | 7 euros | yes |
| Evening | 8 euros | 5 euros | no |
| Ten visits | 90 euros | 55 euros | yes |
"""


@pytest.fixture(autouse=True)
def _no_field_of_work() -> Iterator[None]:
    """An organisation whose field of work nobody taught the model."""
    before = phrases.book()
    phrases.register(phrases.PhraseBook())
    yield
    phrases.register(before)


@pytest.fixture
def pool(acme: World) -> dict[str, Document]:
    """The articles of a swimming pool with two places."""
    where = collection()
    texts: dict[str, tuple[str, str, dict[str, Any]]] = {
        "prices": ("Prices", PRICES, {}),
        "harbour": ("Opening hours Harbour pool", "The sauna is open on Monday from 10:00 to 21:30.", {}),
        "forest": ("Opening hours Forest pool", "The sauna is open on Monday from 14:00 to 20:00.", {}),
        "lost": (
            "Lost things",
            "We keep lost things for 30 days at the desk. You can fetch them with a sheet that says what you lost.",
            {},
        ),
        "german": ("Schwimmkurse", "Ein Schwimmkurs hat zehn Stunden und kostet 140 Euro.", {"language": "de"}),
    }
    return {key: article(where, title, text, **facts) for key, (title, text, facts) in texts.items()}


def found(question: str) -> tuple[bool, str, str]:
    """Return whether an agent would answer, the title and what it would quote."""
    rows = search(question=question, audience="public")
    return (is_sure(rows), rows[0].passage.document.title, rows[0].quote) if rows else (False, "", "")


def test_article_is_answered_from_on_its_days_alone_in_the_organisations_time_zone(
    acme: World, pool: dict[str, Document]
) -> None:
    Tenant.objects.filter(pk=acme.acme.pk).update(timezone="Pacific/Auckland")
    where, first = pool["prices"].collection_id, date(2027, 3, 2)
    new = services.write_article(
        actor=OPERATOR, collection_id=where, title="Lockers", text="A locker costs 2 euros.", valid_from=first
    )
    services.change_article(actor=OPERATOR, document_id=pool["lost"].pk, valid_until=first - timedelta(days=1))
    asked = ("What does a locker cost?", "How long do you keep lost things?")
    seen = {}
    # In Auckland it is 13 hours later than in UTC: the second of March begins at 11:00 on the first.
    for name, hour in (("before", 10), ("after", 12)):
        with clock.at(datetime(2027, 3, 1, hour, tzinfo=UTC)):
            seen[name] = [found(question)[0] for question in asked]
    assert seen == {"before": [False, True], "after": [True, False]}
    with pytest.raises(Invalid) as refused:
        services.change_article(actor=OPERATOR, document_id=new.pk, valid_until=first - timedelta(days=1))
    assert refused.value.facts["fields"] == {"valid_until": ["This is before its first day."]}
    services.change_article(actor=OPERATOR, document_id=new.pk, valid_from=None)
    assert found(asked[0])[0]


def test_days_are_set_in_console_and_api_and_for_files_too(
    acme: World, pool: dict[str, Document], browser: Browser
) -> None:
    row, site = pool["prices"], browser("admin")
    address = f"/admin/agents/document/{row.pk}/edit/"
    assert 'name="valid_from"' in site.get(address).content.decode()
    form = {"title": row.title, "text": PRICES, "language": "en", "version": row.version, "valid_from": "2099-01-01"}
    assert "before its first day" in site.post(address, {**form, "valid_until": "2098-01-01"}).content.decode()
    assert site.post(address, form).status_code == 302
    assert "Not yet: from 1 Jan 2099" in site.get("/admin/agents/document/").content.decode()
    assert not found("What does the day pass cost for adults?")[0]
    given = Upload("rules.txt", b"Diving is allowed in the deep pool.")
    file = uploads.upload_document(
        actor=OPERATOR, collection_id=row.collection_id, file=given, valid_until=date(2020, 1, 1)
    )
    with pytest.raises(Conflict, match="isn't searched now"):
        services.change_article(actor=OPERATOR, document_id=file.pk, valid_until=None)
    uploads.read_document(document_id=file.pk)
    assert not found("Is diving allowed in the deep pool?")[0]
    assert site.post(f"/admin/agents/document/{file.pk}/days/", {"version": 1}).status_code == 302
    assert found("Is diving allowed in the deep pool?")[0]
    with pytest.raises(Conflict, match="Only articles"):
        services.change_article(actor=OPERATOR, document_id=file.pk, title="Rules")
    body = {"valid_from": None, "valid_until": "2099-12-31"}
    answer = site.patch(f"/api/v1/documents/{row.pk}/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["valid_from"]) == (200, None), answer.content
    assert answer.json()["valid_until"] == "2099-12-31"


def test_newest_of_two_that_contradict_is_quoted_and_the_other_marked_for_its_keeper(
    acme: World, pool: dict[str, Document], desk: Desk, browser: Browser
) -> None:
    where, asked = pool["lost"].collection_id, "How long do you keep lost things?"
    newer = services.write_article(
        actor=OPERATOR, collection_id=where, title="Left something behind?", text="We keep lost things for 90 days."
    )
    long_ago = clock.now() - timedelta(days=400)
    Document.objects.filter(pk=pool["lost"].pk).update(updated_at=long_ago)
    DocumentVersion.objects.filter(document=pool["lost"]).update(created_at=long_ago)
    assert "90 days" in desk.say(asked, "visitor")
    pages = browser("admin")
    page = pages.get(reverse("admin:agents_document_change", args=[pool["lost"].pk])).content.decode()
    assert "May be outdated" in page
    assert "90 days" in page
    chip = ">May be outdated</span>"
    assert chip in pages.get("/admin/agents/document/").content.decode()
    with pytest.raises(Refused):
        services.keep_document(actor=acme.actor("viewer"), document_id=pool["lost"].pk)
    assert pages.post(f"/admin/agents/document/{pool['lost'].pk}/keep/", {}).status_code == 302
    assert AuditEntry.objects.filter(action="DOCUMENT_KEPT", object_id=pool["lost"].pk).exists()
    desk.say(asked, "visitor-2")
    assert chip not in pages.get("/admin/agents/document/").content.decode()
    with pytest.raises(Conflict):
        services.keep_document(actor=OPERATOR, document_id=pool["lost"].pk)
    # What others wrote is never newer than what the organisation says.
    Document.objects.filter(pk=newer.pk).update(kind=Document.Kind.FILE)
    Document.objects.filter(pk=pool["lost"].pk).update(outdated={})
    desk.say(asked, "visitor-3")
    assert Document.objects.get(pk=pool["lost"].pk).outdated == {}
    services.delete_document(actor=OPERATOR, document_id=newer.pk)
    assert Document.objects.get(pk=pool["lost"].pk).outdated == {}


def test_article_that_contradicts_itself_answers_nothing_and_the_customer_gets_a_person(desk: Desk) -> None:
    where, asked = collection(), "What does a locker cost?"
    twice = "A locker costs 2 euros a day. Bring your own lock.\n\nA locker costs 3 euros a day."
    lockers = article(where, "Lockers", twice)
    assert [found(asked)[0], desk.say(asked, "visitor").startswith("I couldn't find")] == [False, True]
    desk.say(asked, "visitor")
    assert desk.conversation.state == "person"
    assert "locker" in OpenQuestion.objects.get().text
    for text in (
        "# Day\nA locker costs 2 euros a day.\n# Night\nA locker costs 3 euros a day.",  # about two things
        "A locker costs 2 euros a day. A locker costs 2 euros a day.",
        "A small locker costs 2 euros a day. A large locker costs 3 euros a day.",
    ):
        services.change_article(actor=OPERATOR, document_id=lockers.pk, text=text)
        assert found(asked)[0], text


def test_article_of_the_longest_length_is_answered_from_to_its_end_and_a_longer_one_is_refused(acme: World) -> None:
    where, end = collection(), "\n\nA locker costs 2 euros."
    part = "The towels of guest number {} are washed every evening and hung up again before the doors open.\n\n"
    filler = "".join(part.format(number) for number in range(2_100))[: services.TEXT_LIMIT - len(end)]
    article(where, "All about us", filler + end)
    assert found("What does a locker cost?") == (True, "All about us", "A locker costs 2 euros.")
    with pytest.raises(Invalid) as refused:
        article(where, "More", filler + end + ".")
    assert "text" in refused.value.facts["fields"]


def test_searching_takes_few_statements(pool: dict[str, Document]) -> None:
    with CaptureQueriesContext(connection) as sent:
        search(question="When is the sauna open on Monday at the Harbour pool?", audience="public")
    assert len(sent) <= 13, [one["sql"][:90] for one in sent]


def test_what_a_question_is_specific_about_has_to_stand_in_what_answers(pool: dict[str, Document]) -> None:
    asked = {
        # Named here, and elsewhere or nowhere.
        "When is the sauna open on Monday at the Harbour pool?": "21:30",
        "When is the sauna open on Monday at the Forest pool?": "20:00",
        "When is the sauna open on Monday at the Airport pool?": "",
        "When is the SAUNA2GO open on Monday?": "",
        "How much is the evening pass for children?": "5 euros",
        "How much is the day pass for 40 children?": "",
        "Was kostet ein Schwimmkurs?": "140",
        "Was kostet ein Schwimmkurs bei AquaFit?": "",
    }
    wrong = []
    for question, value in asked.items():
        sure, _, quote = found(question)
        if sure != bool(value) or value not in quote:
            wrong.append((question, sure, quote))
    assert wrong == []


def test_row_of_a_table_is_answered_with_its_header_and_without_its_neighbours(pool: dict[str, Document]) -> None:
    assert found("How much is the evening pass for children?")[2] == "Pass Evening: Children 5 euros"
    assert found("Is the ten visits pass valid on Sundays?")[2].startswith("Pass Ten visits: ")
    assert "Evening" not in found("What does the day pass cost?")[2]


def test_line_that_shows_the_kind_of_value_that_is_asked_for_is_quoted_alone(acme: World) -> None:
    where = collection()
    article(
        where,
        "Lockers and courses",
        "Please give back a locker key 20 minutes before we close or extend the locker. "
        "A locker can be extended twice.\n\n"
        "Call us about a locker at the desk on weekdays. Telephone for lockers: 0555 310-77.\n\n"
        "Courses can be booked up to 12 weeks ahead, swimming with babies up to 16 weeks.\n\n"
        "In addition Mrs Lund teaches diving, Mr Vidal teaches rowing and Ms Okoro teaches sailing.\n\n"
        "With the day pass 10 guests are free, with the season pass 75, with the evening pass none.\n\n"
        "A course takes place every Monday and costs what the list says.\n\nA rowing course: 40 euros a month.",
    )
    article(
        where,
        "Passes",
        "| Pass | Sold since | Valid until | Refund until |\n|---|---|---|---|\n"
        "| 8.1 | May 2024 | 31 May 2027 | 30 April 2026 |\n| 8.2 | May 2025 | 31 May 2028 | 30 April 2027 |",
    )
    asked = {
        "How often can I extend a locker?": ("twice", "20 minutes"),
        "What is the phone number for lockers?": ("0555 310-77", "closed"),
        "How far ahead can I book swimming with babies?": ("Swimming with babies up to 16 weeks.", "12 weeks"),
        "Who teaches rowing?": ("Mr Vidal teaches rowing.", "Lund"),
        "How many guests are free with the season pass?": ("With the season pass 75.", "10 guests"),
        "How much is a rowing course?": ("40 euros", "Monday"),
        "Until when is there a refund for pass 8.2?": ("30 April 2027", "2028"),
    }
    wrong = []
    for question, (value, other) in asked.items():
        sure, _, quote = found(question)
        if not sure or value not in quote or other in quote:
            wrong.append((question, sure, quote))
    assert wrong == []


def test_answer_keeps_what_goes_on_and_begins_no_sentence_in_its_middle(acme: World) -> None:
    where = collection()
    hours = "We are open from Monday to Thursday from 8:00 to 18:00, and on Friday from 8:00 to 13:00. Sundays we rest."
    article(where, "Opening hours", hours)
    cancel = "You can cancel an appointment free of charge until 24 hours before it. Later we charge 40 EUR."
    article(where, "Appointments", f"{cancel} A cleaning takes 50 minutes.")
    article(where, "Rooms", "A single room costs 95 euros, and a double room costs 120 euros.")
    wanted = {
        "What are your opening hours?": "We are open from Monday to Thursday from 8:00 to 18:00, and on Friday",
        "When are you open on Fridays?": "On Friday from 8:00 to 13:00.",
        "Can I cancel my appointment?": cancel,
        "What does a single room cost?": "A single room costs 95 euros.",
        "What does a double room cost?": "A double room costs 120 euros.",
    }
    seen = {question: found(question)[2] for question in wanted}
    wrong = {question: said for question, said in seen.items() if not said.startswith(wanted[question])}
    assert (wrong, "cleaning" in seen["Can I cancel my appointment?"]) == ({}, False)


def test_name_that_only_the_beginning_of_a_document_gives_is_named_and_rows_of_others_do_not_answer(
    pool: dict[str, Document],
) -> None:
    where = pool["prices"].collection_id
    article(
        Collection.objects.get(pk=where),
        "Entry by telephone",
        "A Q7X is a key in your telephone. Everybody can use it.\n\n## Codes\n\nYou get 10 spare codes for the door.",
    )
    article(
        Collection.objects.get(pk=where),
        "Preise der Kabinen",
        "| Kabine | Preis im Monat |\n|---|---|\n| Kabine Klein | 12 Euro |\n| Kabine Groß | 19 Euro |",
        language="de",
    )
    article(
        Collection.objects.get(pk=where),
        "Pumpen",
        "Die Software Enterprise Manager steuert unsere Pumpen.",
        language="de",
    )
    sure, _, quote = found("How many spare codes do I get for the Q7X?")
    assert (sure, "10 spare codes" in quote) == (True, True)
    assert found("Was kostet die Enterprise Kabine?")[0] is False
    assert found("Was kostet eine Kabine im Monat?")[0] is True


def test_question_that_several_answer_is_asked_back_and_its_answer_read_with_it(
    pool: dict[str, Document], desk: Desk
) -> None:
    first = desk.say("When is the sauna open on Monday?", "visitor")
    assert first.startswith("Which one do you mean?")
    assert "Harbour pool" in first
    assert "Forest pool" in first
    assert "20:00" in desk.say("forest", "visitor")


def test_question_may_go_on_from_the_one_before(pool: dict[str, Document], desk: Desk) -> None:
    assert "12 euros" in desk.say("How much is the day pass for adults?", "visitor")
    assert "7 euros" in desk.say("and for children?", "visitor")
