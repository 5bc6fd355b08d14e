"""Models see placeholders; true values go back only into declared arguments and only those of the customer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

import pytest

from agents.answering.tools import registry as tools
from agents.answering.tools.registry import Arguments, Caller, Tool
from agents.llm.ports import ToolRequest
from agents.models import ToolCall
from agents.privacy import Personal, ShownStream, build_vault
from conversations.models import Contact, ContactPoint
from standins.model.server import ModelServer
from tests.agents.conftest import Desk
from tests.agents.llm.routes.test_routes import add, server, use_routes

__all__ = ["server"]
CANARIES = (
    "Quentin",
    "Whitfield",
    "Abernathy",
    "600 123 456",
    "600123456",
    "quentin@abernathy.example",
    "4111 1111 1111 1111",
)
SAID = (
    "I am quentin abernathy, call 0034 600123456 or write to quentin@abernathy.example. "
    "Card 4111 1111 1111 1111. Greet Walter Whitfield."
)


class CallBack(Arguments):
    """Whom to call."""

    phone: Annotated[str, Personal("phone")]
    note: str = ""


class NoteCallBack(Tool):
    """Notes that a customer wants a call."""

    key = "note_call_back"
    title = "Note a call back"
    ability = "note that you want a call"
    description = "Note that the customer wants a call."
    audience = "public"
    arguments = CallBack
    seen: list[str] = []

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        self.seen.append(CallBack.model_validate(arguments.model_dump()).phone)
        return {"sentence": f"Noted: {self.seen[-1]}"}


@pytest.fixture
def call_back() -> Iterator[type[NoteCallBack]]:
    tools.register(NoteCallBack)
    NoteCallBack.seen.clear()
    yield NoteCallBack
    tools._tools._classes.pop(NoteCallBack.key)


@pytest.mark.slow
def test_same_value_gets_the_same_placeholder_and_only_own_ones_go_back() -> None:
    vault = build_vault([("name", "Ana García"), ("phone", "+34 600 123 456"), ("address", "Calle Mayor 5, Madrid")])
    text = "I am ana garcía, or Ana: 0034 600123456, +44 20 7946 0958. Calle Mayor 5 Madrid. <PHONE_9>"
    assert vault.redact(text, is_own=True) == (
        "I am <NAME_1>, or <NAME_2>: <PHONE_1>, <PHONE_2>. <ADDRESS_1>. ‹PHONE_9›"
    )
    assert vault.redact("an office: +44 7700 900123") == "an office: <PHONE_3>"
    assert vault.restore({"phone": "<PHONE_2>", "note": "soon"}, CallBack)["phone"] == "+44 20 7946 0958"
    for wrong in ({"phone": "<PHONE_3>"}, {"phone": "<PHONE_7>"}, {"phone": "<NAME_1>"}, {"note": "see <PHONE_1>"}):
        with pytest.raises(ValueError, match=r"customer|personal data"):
            vault.restore(wrong, CallBack)


def test_people_see_masks_where_a_model_wrote_placeholders_also_when_they_come_in_pieces() -> None:
    vault, heard = build_vault([("phone", "+34 600 123 456")]), list[str]()
    stream = ShownStream(vault, heard.append)
    for piece in ("I call <PH", "ONE_1>", " now, 1 <", " 2 <b> or <PHONE_8> and <"):
        stream.hear(piece)
    stream.end()
    assert "".join(heard) == "I call +34 ••• ••56 now, 1 < 2 <b> or ••• and <"


@pytest.mark.slow
@pytest.mark.django_db
def test_no_personal_value_reaches_a_model_and_the_tool_gets_the_true_one(
    desk: Desk, server: ModelServer, call_back: type[NoteCallBack], monkeypatch: pytest.MonkeyPatch
) -> None:
    from agents.models import AgentVersion
    from standins.model import server as sandbox
    from standins.model.script import Answer, answer_to

    def answer(body: dict[str, Any]) -> Answer:
        """Call the tool with the first number that the model can see."""
        last = body["messages"][-1]
        text = json.dumps(body["messages"])
        if last["role"] == "tool" or "<PHONE_" not in text:
            return answer_to(body)
        place = text.index("<PHONE_")
        return Answer(calls=[(call_back.key, {"phone": text[place : text.index(">", place) + 1]})], end="tool_calls")

    monkeypatch.setattr(sandbox, "answer_to", answer)
    add(server, "Small")
    use_routes()
    AgentVersion.objects.update(tools=[call_back.key])
    message = desk.receive("hello", role="visitor")
    contact = Contact.objects.get(conversations=message.conversation_id)
    contact.display_name = "Quentin Abernathy"
    contact.save()
    ContactPoint.objects.create(contact=contact, kind="email", value="quentin@abernathy.example", value_index="x")
    Contact.objects.create(display_name="Walter Whitfield", masked_name="W••• W•••")
    answered = desk.say(SAID, role="visitor")
    assert call_back.seen == ["0034 600123456"]
    assert answered == "Noted: +34 ••• ••56"
    journal = json.dumps(server.journal.newest(), ensure_ascii=False)
    assert server.journal.newest()
    assert [canary for canary in CANARIES if canary.lower() in journal.lower()] == []
    assert "<NAME_1>" in journal
    kept = ToolCall.objects.get(name=call_back.key)
    assert kept.arguments == {"phone": "<PHONE_1>"}


@pytest.mark.django_db
def test_placeholder_that_does_not_belong_there_goes_back_to_the_model_as_an_error(desk: Desk) -> None:
    from agents.answering.runs.redacted import Redaction
    from agents.answering.selectors import read_standing, read_transcript

    desk.say(SAID, role="visitor")
    run = desk.last_run
    hidden = Redaction(run, read_transcript(run, read_standing(run).inputs))
    asked = ToolRequest("1", "campaign_performance", {"campaign": "<PHONE_1>"})
    assert hidden.restore(asked).error == "This field can't hold personal data. Leave it out."
    assert hidden.restore(ToolRequest("1", "nothing", {"x": "<PHONE_1>"})).error == ""


def test_what_the_organisation_published_is_shown_and_what_is_kept_of_a_contact_is_not() -> None:
    vault = build_vault([("phone", "+34 600 999 111"), ("email", "ana@customers.example")])
    article = "Call +44 20 7946 0958 or 600 999 111, write to desk@clinic.example or ana@customers.example."
    read = vault.redact(article, is_published=True)
    assert "7946" not in read
    assert "clinic" not in read
    shown = vault.show(f"{read} And {vault.redact('+49 30 1234567')}.")
    assert "+44 20 7946 0958" in shown
    assert "desk@clinic.example" in shown
    assert not [value for value in ("600 999 111", "600999111", "ana@customers", "30 1234567") if value in shown]
