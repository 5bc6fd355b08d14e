"""What messages are read as, by rules."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answering.interpretation import Reading, read
from conversations.inbox.models import HOT, WARM
from conversations.messages.admin.interpretation import ENTITIES, FACTORS
from conversations.models import URGENT, Conversation

TABLE: list[tuple[str, str, str, str, str]] = json.loads((Path(__file__).parent / "read_messages.json").read_text())
"""Text, intent, language, urgent or normal, lead."""


def _level(found: Reading) -> tuple[str, str]:
    lead = "hot" if found.lead >= HOT else "warm" if found.lead >= WARM else "cold"
    return "urgent" if found.urgency >= URGENT else "normal", lead


def test_messages_are_read_as_the_table_says() -> None:
    wrong = []
    for text, *expected in TABLE:
        found = read([text])
        if [found.intent, found.language, *_level(found)] != expected:
            wrong.append((text, expected, found))
    assert not wrong


def test_table_holds_every_intent_and_four_languages() -> None:
    assert {row[1] for row in TABLE} == set(Conversation.Intent.values)
    of = [row[2] for row in TABLE]
    assert all(of.count(language) >= 20 for language in ("en", "de", "fr", "es"))


def test_factors_and_entities_have_words_on_the_page() -> None:
    found = [read([row[0]]) for row in TABLE]
    assert {name for each in found for name, _ in (*each.urgency_factors, *each.lead_factors)} <= set(FACTORS)
    assert {kind for each in found for kind, _ in each.entities} <= set(ENTITIES)


URGENCIES = [
    (["Our site is down since this morning, we lose orders"], 65),
    (["URGENT"], 20),
    (["URGENT URGENT URGENT!!!", "urgent, please, asap", "URGENT"], 20),
    # Money was taken wrongly: a complaint, and urgent even if the customer doesn't say so.
    (["I was charged twice"], 45),
    (["Mir wurde doppelt abgebucht, dringend!"], 65),
    (["Notre site est en panne"], 50),
    (["Me han cobrado dos veces, es urgente, hoy"], 80),
    (["What are your opening hours today?"], 15),
    (["When do you open?"], 0),
    (["I urgently want a lawyer, my account was hacked, today, I was charged twice, unacceptable"], 100),
    (["Someone was injured, my jacket caught fire"], 70),
    (["No rush, it's not urgent: I was charged twice"], 25),
    (["It is not an emergency, and nobody was hacked"], 0),
]


@pytest.mark.parametrize(("messages", "urgency"), URGENCIES)
def test_urgency(messages: list[str], urgency: int) -> None:
    assert read(messages).urgency == urgency


LEADS = [
    ("I want to buy 40 pieces this week, my mail is a•••@e•••.com", 70),
    ("I'd like to order 20 units. How much would that be?", 70),
    ("Ich möchte 40 Stück kaufen, was kostet das?", 70),
    ("How much is it?", 20),
    ("Hello", 0),
    ("I want my money back for the shoes that I wanted to buy", 0),
    # What is said beside it counts only for somebody who shows interest.
    ("Where are my boots for 89 €? I need them today, my mail is a•••@e•••.com", 0),
    ("I don't want to buy 40 pieces", 0),
]


@pytest.mark.parametrize(("text", "lead"), LEADS)
def test_lead(text: str, lead: int) -> None:
    found = read([text])
    assert found.lead == lead
    assert read([text], is_member=True).lead == 0
    assert read([text], is_proven=True).lead == (lead + 5 if lead else 0)


def test_intent_of_an_earlier_message_stays_until_another_one_comes() -> None:
    assert read(["Where is my order 4711?", "Thanks", "Hello?"]).intent == "order_status"
    assert read(["Where is my order 4711?", "How much is a tent?"]).intent == "price"
    assert read(["Wo ist mein Paket?", "ok 10423"]).language == "de"


def test_entities_are_typed_and_never_personal() -> None:
    found = read(
        [
            "Order AB-4711 of 2026-11-20 was 49,90 EUR, see BR-12. Call +34 ••• ••56 on Monday, order #99812",
            "Guten Morgen: the boots, mail a•••@e•••.com, card 4111 •••• •••• 1111, order 4111 •••• 1111, #99••12",
        ]
    )
    assert set(found.entities) == {
        ("order", "AB-4711"), ("order", "99812"), ("date", "2026-11-20"), ("amount", "49,90 eur"),
        ("request", "BR-12"), ("day", "monday"), ("product", "boots"),
    }  # fmt: skip
    assert len(read([" ".join(f"#{number} BR-{number} {number} €" for number in range(1000, 2000))]).entities) == 12


@pytest.mark.slow
@given(st.lists(st.text(max_size=200), max_size=8), st.booleans(), st.booleans(), st.integers(0, 9))
def test_factors_sum_up_whatever_is_written(messages: list[str], member: bool, proven: bool, waits: int) -> None:
    _check(messages, member=member, proven=proven, waits=waits)


@pytest.mark.slow
@given(st.lists(st.sampled_from([row[0] for row in TABLE]), max_size=8), st.booleans(), st.integers(0, 9))
def test_factors_sum_up_for_what_customers_write(messages: list[str], proven: bool, waits: int) -> None:
    _check(messages, member=False, proven=proven, waits=waits)


def _check(messages: list[str], *, member: bool, proven: bool, waits: int) -> None:
    found = read(messages, is_member=member, is_proven=proven, waits_for_answer=waits)
    assert found == read(messages, is_member=member, is_proven=proven, waits_for_answer=waits)
    for value, factors in ((found.urgency, found.urgency_factors), (found.lead, found.lead_factors)):
        assert 0 <= value <= 100
        assert sum(points for _, points in factors) == value
        assert len({name for name, _ in factors}) == len(factors)


@pytest.mark.timed
def test_usual_message_is_read_within_a_millisecond() -> None:
    texts = [row[0] for row in TABLE if row[0]]
    best = 1.0
    for _ in range(3):
        began = time.process_time()
        for text in texts:
            read([text])
        best = min(best, (time.process_time() - began) / len(texts))
    assert best < 0.001


HOSTILE = (
    "a", "order ", "#1", "9,", "é", "urgent ", "ſ", "not ", "1.1.", "e\u0301\u0301", "€ ", "\n", "january ", "x'", "a-",
    "BR-", "\u200b", "1 january of ", "order no. : # ", "•", "ﷺ", "ab-12 ",
)  # fmt: skip


@pytest.mark.timed
@pytest.mark.parametrize("piece", HOSTILE, ids=range(len(HOSTILE)))
def test_long_message_is_read_at_once(piece: str) -> None:
    began = time.process_time()
    read([piece * (100_000 // len(piece))] * 6)
    assert time.process_time() - began < 0.2
