"""What messages are read as, by rules."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.reading import read

INTENTS = [
    ("Where is my order 4711?", "order_status", "en"),
    ("My parcel has not arrived", "order_status", "en"),
    ("Wo ist meine Bestellung?", "order_status", "de"),
    ("Wo bleibt mein Paket, es ist nicht angekommen", "order_status", "de"),
    ("Où est mon colis, s'il vous plaît ?", "order_status", "fr"),
    ("¿Dónde está mi pedido? Gracias", "order_status", "es"),
    ("Can I return these shoes?", "returns", "en"),
    ("I want my money back for the coat", "returns", "en"),
    ("Ich möchte die Jacke zurückgeben", "returns", "de"),
    ("Je voudrais renvoyer mes chaussures", "returns", "fr"),
    ("Quiero devolver los zapatos", "returns", "es"),
    ("What are your opening hours?", "opening_hours", "en"),
    ("Are you open on Sunday?", "opening_hours", "en"),
    ("Wann habt ihr geöffnet? Ich bitte um Antwort", "opening_hours", "de"),
    ("Quels sont vos horaires ?", "opening_hours", "fr"),
    ("¿Qué horario tienen hoy?", "opening_hours", "es"),
    ("How much is the tent?", "price", "en"),
    ("Was kostet das Zelt für zwei?", "price", "de"),
    ("Combien coûte la tente pour nous ?", "price", "fr"),
    ("¿Cuánto cuesta la tienda?", "price", "es"),
    ("I'd like an appointment next week", "booking", "en"),
    ("Ich brauche einen Termin, bitte", "booking", "de"),
    ("Je voudrais un rendez-vous demain", "booking", "fr"),
    ("Quiero una cita por favor", "booking", "es"),
    ("This is unacceptable, I want to complain", "complaint", "en"),
    ("The lamp arrived broken, it is defective", "complaint", "en"),
    ("Das ist eine Frechheit, ich will mich beschweren", "complaint", "de"),
    ("C'est scandaleux et inacceptable pour nous", "complaint", "fr"),
    ("Es inaceptable, tengo una queja", "complaint", "es"),
    ("Please cancel my subscription", "cancellation", "en"),
    ("Ich möchte mein Abo kündigen", "cancellation", "de"),
    ("Je veux résilier mon contrat", "cancellation", "fr"),
    ("Quiero darme de baja", "cancellation", "es"),
    ("I am interested in 20 licences", "sales_interest", "en"),
    ("Ich möchte 40 Stück kaufen", "sales_interest", "de"),
    ("Je veux acheter des chaussures", "sales_interest", "fr"),
    ("Quiero comprar unas botas", "sales_interest", "es"),
    ("Which campaign has the fewest conversions?", "campaign_figures", "en"),
    ("Please raise the budget, the daily budget is low", "campaign_change", "en"),
    ("Bitte die Kampagne pausieren", "campaign_change", "de"),
    ("Draft a post for our newsletter please", "content", "en"),
    ("What about BR-12?", "approval_status", ""),
    ("I want to talk to a person", "person_wanted", "en"),
    ("Ich will mit jemandem sprechen", "person_wanted", "de"),
    ("Je veux parler à quelqu'un", "person_wanted", "fr"),
    ("Quiero hablar con alguien", "person_wanted", "es"),
    ("Hello!", "greeting", ""),
    ("Danke", "greeting", "de"),
    ("The sky is blue", "other", "en"),
    ("", "other", ""),
    ("😀😀", "other", ""),
    ("订单在哪里", "other", ""),
]


@pytest.mark.parametrize(("text", "intent", "language"), INTENTS)
def test_intent_and_language(text: str, intent: str, language: str) -> None:
    found = read([text])
    assert (found.intent, found.language) == (intent, language)


URGENCY = [
    (["Our site is down since this morning, we lose orders"], 65),
    (["URGENT"], 20),
    (["URGENT URGENT URGENT!!!", "urgent, please, asap", "URGENT"], 20),
    (["I was charged twice"], 30),
    (["Mir wurde doppelt abgebucht, dringend!"], 50),
    (["Notre site est en panne"], 50),
    (["Me han cobrado dos veces, es urgente, hoy"], 65),
    (["What are your opening hours today?"], 15),
    (["When do you open?"], 0),
    (["I urgently want a lawyer, my account was hacked, today, I was charged twice, unacceptable"], 100),
]


@pytest.mark.parametrize(("messages", "urgency"), URGENCY)
def test_urgency(messages: list[str], urgency: int) -> None:
    assert read(messages).urgency == urgency


LEADS = [
    ("I want to buy 40 pieces this week, my mail is a•••@e•••.com", 70),
    ("I'd like to order 20 units. How much would that be?", 70),
    ("Ich möchte 40 Stück kaufen, was kostet das?", 70),
    ("How much is it?", 20),
    ("Hello", 0),
    ("I want my money back for the shoes that I wanted to buy", 0),
]


@pytest.mark.parametrize(("text", "lead"), LEADS)
def test_lead(text: str, lead: int) -> None:
    found = read([text])
    assert found.lead == lead
    assert read([text], is_member=True).lead == 0


def test_intent_of_an_earlier_message_stays_until_another_one_comes() -> None:
    assert read(["Where is my order 4711?", "Thanks", "Hello?"]).intent == "order_status"
    assert read(["Where is my order 4711?", "How much is a tent?"]).intent == "price"


def test_entities_are_typed_and_never_personal() -> None:
    found = read(["Order AB-4711 of 2026-11-20 was 49,90 EUR, see BR-12. Call +34 ••• ••56 on Monday, order #99812"])
    assert set(found.entities) == {
        ("order", "AB-4711"), ("order", "99812"), ("date", "2026-11-20"), ("amount", "49,90 eur"),
        ("request", "BR-12"), ("day", "monday"),
    }  # fmt: skip
    assert len(read([" ".join(f"#{number}" for number in range(1000, 2000))]).entities) == 12


@given(st.lists(st.text(max_size=200), max_size=8), st.booleans(), st.booleans(), st.integers(0, 9))
def test_factors_sum_up_whatever_is_written(messages: list[str], member: bool, proven: bool, waits: int) -> None:
    found = read(messages, is_member=member, is_proven=proven, waits_for_answer=waits)
    assert found == read(messages, is_member=member, is_proven=proven, waits_for_answer=waits)
    for value, factors in ((found.urgency, found.urgency_factors), (found.lead, found.lead_factors)):
        assert 0 <= value <= 100
        assert sum(points for _, points in factors) == value
        assert len({name for name, _ in factors}) == len(factors)


@pytest.mark.parametrize("text", ["a" * 100_000, "order " * 20_000, "#1" * 50_000, "9," * 50_000, "é" * 100_000])
def test_long_message_is_read_at_once(text: str) -> None:
    began = time.process_time()
    read([text] * 6)
    assert time.process_time() - began < 0.5
