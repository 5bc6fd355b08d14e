"""Names that fit nothing, or several: asked back with the real ones, and never proposed on a guess."""

import json
from pathlib import Path

import pytest

from agents.llm.built_in.decide import chosen, decide, offered_in
from agents.models import AgentRun
from conversations.contacts import contacts
from conversations.models import Contact
from core.actors import system
from core.text.languages import foreign_language
from hitl.models import Approval
from tests.agents.conftest import Desk
from tests.agents.llm.built_in.test_local import HELD_OUT, PARAPHRASES, SECOND
from tests.rows import check_rows

HERE = Path(__file__).parent
FOREIGN: list[str] = json.loads((HERE / "foreign.json").read_text())
ASKED_BACK: list[tuple[str, str]] = json.loads((HERE / "asked_back.json").read_text())
ENGLISH = [text for rows in (PARAPHRASES, HELD_OUT, SECOND) for tool in rows.values() for text, _ in tool]
PAGE = 'Change the title of the running shoes page to "Run"'


@pytest.fixture
def reachable(desk: Desk) -> Desk:
    """Two audiences with somebody to write to."""
    desk.say("hello", "visitor")
    for name in ("VIP customers", "Newsletter subscribers"):
        contacts.add_tag(actor=system("test"), contact_id=Contact.objects.get().pk, name=name)
    return desk


@pytest.mark.slow
@pytest.mark.parametrize(("text", "name"), ASKED_BACK)
def test_near_name_is_asked_back_with_the_real_one_first(reachable: Desk, text: str, name: str) -> None:
    answer = reachable.say(text)
    assert offered_in(answer)[0] == name, answer
    assert not Approval.objects.exists()


@pytest.mark.slow
@pytest.mark.parametrize("reply", ["the first one", "1", "/blog/running-shoes"])
def test_answer_to_which_one_is_proposed_for_that_one(desk: Desk, reply: str) -> None:
    desk.say(PAGE)
    assert "BR-" in desk.say(reply)
    assert Approval.objects.get().facts["slug"] == "/blog/running-shoes"


@pytest.mark.slow
def test_no_to_which_one_proposes_nothing(desk: Desk) -> None:
    desk.say(PAGE)
    desk.say("no, never mind")
    assert not Approval.objects.exists()


@pytest.mark.slow
def test_answer_completes_the_command_that_was_asked_about(desk: Desk) -> None:
    desk.say("Pause Sommer Sale and raise Winter Boots to 700")
    assert "paus" in desk.say("Summer Sale").lower()
    assert sorted(Approval.objects.values_list("kind", flat=True)) == ["pause_campaign", "set_campaign_budget"]


@pytest.mark.slow
def test_exact_name_wins_over_names_that_hold_it(desk: Desk) -> None:
    desk.say('Change the title of the shoes page to "All shoes"')
    assert Approval.objects.get().facts["slug"] == "/shoes"


def test_other_language_proposes_nothing() -> None:
    def check(text: str) -> None:
        assert [call for decision in decide([("user", text)]) for call in decision.calls] == []

    check_rows(FOREIGN, check)


def test_english_is_never_taken_for_another_language() -> None:
    def check(text: str) -> None:
        assert foreign_language(text) == ""

    check_rows(ENGLISH, check)


@pytest.mark.parametrize("name", ["Pause El Dorado", "Raise La Vida to 900", "Pause Été à Paris", "Pause Die Hard"])
def test_foreign_name_in_an_english_command_is_english(name: str) -> None:
    assert foreign_language(name) == ""


@pytest.mark.slow
@pytest.mark.parametrize("role", ["support", "visitor"])
def test_who_goes_on_in_another_language_gets_a_person(desk: Desk, role: str) -> None:
    first = desk.say("Augmente le budget quotidien de Summer Sale à 900", role)
    assert first.startswith("Je n'ai pas trouvé de réponse à votre question.")
    desk.say("Je ne parle pas anglais, merci de m'aider", role)
    assert (desk.conversation.state, desk.conversation.escalation_reason) == ("person", "no_answer")


@pytest.mark.slow
def test_text_for_an_audience_may_be_in_any_language(reachable: Desk) -> None:
    reachable.say("send a message to VIP customers")
    assert "BR-" in reachable.say("Hola a todos, mañana abrimos a las ocho")


@pytest.mark.parametrize(
    ("said", "taken"),
    [("2", "B"), ("the second one please", "B"), ("B", "B"), ("I mean B", "B"), ("9", ""), ("no idea", "")],
)
def test_choice_is_by_place_or_by_name(said: str, taken: str) -> None:
    assert chosen(said, ["A1", "B"]) == taken


def test_longer_name_is_taken_where_it_holds_the_shorter() -> None:
    assert chosen("Winter Boots 2", ["Winter Boots", "Winter Boots 2"]) == "Winter Boots 2"


def test_answer_that_names_two_takes_none() -> None:
    assert chosen("Summer Sale or Winter Boots", ["Summer Sale", "Winter Boots"]) == ""


@pytest.mark.slow
def test_no_after_a_request_of_an_earlier_run_says_that_it_stays(desk: Desk) -> None:
    desk.say("Pause Winter Boots")
    AgentRun.objects.update(joinable_until=None)
    reference = Approval.objects.get().reference
    assert f"{reference}, requested earlier, stays as it is" in desk.say("no, don't do that")


@pytest.mark.parametrize("text", ["thanks", "Thank you so much!", "many thanks"])
def test_thanks_is_no_yes(text: str) -> None:
    assert decide([("user", text)])[0].topic == "thanks"
