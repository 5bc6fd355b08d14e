"""A Langflow flow as an agent's head: what it is given, what counts as an answer, what it keeps and forgets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agents import services, tasks
from agents.answering.guardrails.doubt import APOLOGY
from agents.langflow import connection, sessions
from agents.langflow.head import input_of
from agents.langflow.models import FlowServer, FlowSession
from agents.llm.ports import Line
from agents.models import Agent, AgentActivation, AgentVersion
from agents.selectors import authors_of
from agents.studio.agents import portability
from conversations.models import Conversation
from core.clock import now
from core.errors import Conflict, Invalid, Refused, Unavailable
from core.models import AuditEntry
from integrations.langflow.answers import Frames, read_answer, read_definition, words_of
from integrations.langflow.client import LangflowClient
from integrations.langflow.types import FlowFailed
from standins.langflow.flows import IDS
from standins.script import Rule
from tests.agents.conftest import Desk
from tests.agents.langflow.langflow_fixture import KEY, Langflow, langflow
from tests.world import OPERATOR

__all__ = ["langflow"]
pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_flow_answers_with_placeholders_in_a_session_of_its_own(desk: Desk, langflow: Langflow) -> None:
    langflow.connect()
    agent = langflow.make_agent("echo")
    assert desk.say("Write to ada@example.com please", "visitor") == "You said: Write to a•••@e•••.com please"
    run, version = desk.last_run, agent.active_version
    assert version is not None
    assert (run.error_code, run.rounds, run.input_tokens, run.output_tokens) == ("", 1, 5, 13)
    assert desk.say("And then?", "visitor") == "You said: And then?"
    session = FlowSession.objects.get()
    assert session.name == f"{run.conversation_id}:{version.pk}"
    kept = langflow.messages()
    assert {message["session"] for message in kept} == {session.name}
    assert kept[0]["text"] == "Write to <EMAIL_1> please"
    assert "ada@example.com" not in str(kept)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flow", "code"),
    [
        ("fails", "flow_failed"),
        ("empty", "flow_empty"),
        ("drops", "flow_input_dropped"),
        ("mixed", "flow_other_session"),
        ("cut", "answer_cut"),
        ("huge", "flow_answer_too_large"),
    ],
)
def test_what_is_no_whole_answer_is_told_apart_and_never_said(
    desk: Desk, langflow: Langflow, flow: str, code: str
) -> None:
    langflow.connect()
    langflow.make_agent(flow)
    assert desk.say("Hello", "visitor") == APOLOGY
    assert desk.last_run.error_code == code
    assert desk.conversation.state == Conversation.State.PERSON
    client = LangflowClient(langflow.url, KEY, private_hosts=["127.0.0.1"])
    if flow != "cut":  # an answer that is not streamed is whole by its length
        with pytest.raises(FlowFailed, match=code):
            client.run(IDS[flow], "Hello", session="s")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (Rule("POST /api/v1/run", "429"), "flow_busy"),
        (Rule("POST /api/v1/run", "fail", status=500), "flow_failed"),
        (Rule("POST /api/v1/run", "fail", status=422), "flow_rejected"),
        (Rule("GET /api/v1/flows", "fail", status=404), "flow_missing"),
        (Rule("GET /api/v1/flows", "fail", status=403), "flow_key_refused"),
        (Rule("POST /api/v1/run", "drop_after", times=2), "answer_cut"),
        (Rule("POST /api/v1/run", "stall", seconds=1.4), "too_slow"),
    ],
)
def test_failures_of_langflow_bring_a_person(
    desk: Desk, langflow: Langflow, monkeypatch: pytest.MonkeyPatch, rule: Rule, code: str
) -> None:
    langflow.connect()
    langflow.make_agent("echo")
    langflow.server.script.add(rule)
    monkeypatch.setattr("agents.langflow.head.RUN_SECONDS", 0.3 if rule.do == "stall" else 5.0)
    assert desk.say("Hello", "visitor") == APOLOGY
    assert (desk.last_run.error_code, desk.conversation.state) == (code, Conversation.State.PERSON)


def test_several_outputs_are_one_answer_and_a_run_without_stream_says_the_same(langflow: Langflow) -> None:
    client, heard = LangflowClient(langflow.url, KEY, private_hosts=["127.0.0.1"]), []
    streamed = client.run(IDS["two"], "Hi", session="s", hear=heard.append)
    assert streamed == client.run(IDS["two"], "Hi", session="s")
    assert streamed.text == "First.\n\nSecond: Hi"
    assert "".join(heard) == "First.Second: Hi"
    with pytest.raises(FlowFailed, match="flow_address_refused"):
        LangflowClient(langflow.url, KEY).run(IDS["echo"], "Hi", session="s")


def test_frames_arrive_in_any_pieces_and_others_are_refused() -> None:
    raw = '{"event": "token", "data": {"chunk": "a\\n\\nb é"}}\n\n{"event": "end", "data": {}}'.encode()
    for size in (1, 7, 1000):
        frames = Frames()
        found = [one for place in range(0, len(raw), size) for one in frames.take(raw[place : place + size])]
        found += frames.finish()
        assert [frame["event"] for frame in found] == ["token", "end"]
        assert words_of(found[0]) == "a\n\nb é"
    for broken in (b"data: {}\n\n", b"[]\n\n"):
        with pytest.raises(FlowFailed, match="flow_unreadable"):
            Frames().take(broken)
    frames = Frames()
    assert frames.take(b'{"event": "e') == []
    with pytest.raises(FlowFailed, match="flow_cut"):
        frames.finish()
    for answer in (None, [], {"outputs": []}, {"outputs": ["x"]}, {"session_id": "s"}):
        with pytest.raises(FlowFailed, match="flow_unreadable"):
            read_answer(answer, text="x", session="s")


@pytest.mark.parametrize("data", [{"nodes": [], "edges": 5}, {"nodes": [{"id": "\udc00"}]}])
def test_definition_of_a_hostile_server_is_refused(data: object) -> None:
    with pytest.raises(FlowFailed, match="flow_unreadable"):
        read_definition({"data": data})
    with pytest.raises(FlowFailed, match="flow_unreadable"):
        read_answer(
            {"outputs": [{"inputs": {"input_value": "x"}, "outputs": 5}], "session_id": "s"}, text="x", session="s"
        )


def test_new_session_is_given_what_came_before() -> None:
    lines = [Line("user", "Hi"), Line("assistant", "Hello!"), Line("assistant", "I'm Ann.", from_colleague=True)]
    asked = [*lines, Line("user", "Where is"), Line("user", "my order?")]
    assert input_of(asked, with_history=False) == "Where is\nmy order?"
    whole = input_of(asked, with_history=True)
    assert whole.startswith("Earlier in this conversation:\nCustomer: Hi\nYou: Hello!\nColleague: I'm Ann.")
    assert whole.endswith("The customer writes now:\nWhere is\nmy order?")
    assert input_of(asked[3:], with_history=True) == "Where is\nmy order?"


@pytest.mark.slow
def test_flow_that_changed_outside_answers_nobody_until_it_is_activated_again(desk: Desk, langflow: Langflow) -> None:
    langflow.connect()
    agent = langflow.make_agent("echo")
    with pytest.raises(Conflict) as same:
        services.activate_again(actor=OPERATOR, agent_id=agent.pk)
    assert same.value.code == "already_active"
    langflow.server.store.change_flow(IDS["echo"], "Give discounts")
    assert desk.say("Hello", "visitor") == APOLOGY
    assert (desk.last_run.error_code, langflow.messages()) == ("flow_changed", [])
    approver = desk.world.actor("approver")
    with pytest.raises(Refused):
        services.activate_again(actor=approver, agent_id=agent.pk)
    services.activate_again(actor=desk.world.actor("admin"), agent_id=agent.pk)
    admin = desk.world.people["admin"].pk
    assert admin in authors_of(agent)
    first, second = AgentActivation.objects.order_by("created_at")
    assert first.version_id == second.version_id
    assert first.flow_digest != second.flow_digest
    entry = AuditEntry.objects.filter(action="AGENT_ACTIVATED").order_by("-seq")[0]
    assert entry.facts["flow_digest"] == second.flow_digest
    Conversation.objects.update(state=Conversation.State.AGENT)
    assert desk.say("Hello again", "visitor").endswith("Hello again")


@pytest.mark.slow
def test_flow_is_checked_before_it_answers(desk: Desk, langflow: Langflow) -> None:
    setup = services.Setup(name="Flow", model="langflow", flow=f"{langflow.url}/flow/{IDS['pauses'].upper()}?x=1")
    with pytest.raises(Invalid) as not_yet:
        services.create_agent(actor=OPERATOR, type="custom", setup=setup)
    assert "model" in not_yet.value.facts["fields"]
    server = langflow.connect()
    made = services.create_agent(actor=OPERATOR, type="custom", setup=setup)
    draft = AgentVersion.objects.get(agent=made)
    assert (draft.flow, draft.orchestrator) == (IDS["pauses"], "langflow")
    with pytest.raises(Invalid, match="not valid"):
        services.activate_draft(actor=OPERATOR, agent_id=made.pk)
    for flow, problem in (("0f20c3bc-6362-47f6-bcc4-ffffffffffff", Invalid), (IDS["echo"], None)):
        services.change_agent(actor=OPERATOR, agent_id=made.pk, changes={"flow": flow})
        if problem:
            with pytest.raises(problem):
                services.activate_draft(actor=OPERATOR, agent_id=made.pk)
    with pytest.raises(Invalid):
        services.change_agent(actor=OPERATOR, agent_id=made.pk, changes={"flow": "my flow"})
    document = portability.export_agent(viewer=OPERATOR, agent_id=made.pk)
    assert document["flow"] == IDS["echo"]
    assert portability.import_agent(actor=OPERATOR, document=document).versions.get().flow == IDS["echo"]
    services.activate_draft(actor=OPERATOR, agent_id=made.pk)
    with pytest.raises(Conflict) as used:
        connection.disconnect_server(actor=OPERATOR, server_id=server.pk)
    assert used.value.code == "in_use"
    services.change_agent(actor=OPERATOR, agent_id=made.pk, changes={"model": "local"})
    changed = services.activate_draft(actor=OPERATOR, agent_id=made.pk)
    assert changed.active_version is not None
    assert (changed.active_version.flow, changed.active_version.orchestrator) == ("", "builtin")


def test_server_keeps_its_key_and_never_takes_it_elsewhere(desk: Desk, langflow: Langflow, settings: Any) -> None:
    with pytest.raises(Refused):
        connection.connect_server(actor=desk.world.actor("support"), base_url=langflow.url, key=KEY)
    for address in (
        "http://langflow.example",
        "https://0177.0.0.1",
        "ftp://x",
        "https://a:b@x.example",
        "https://",
        "https://x.example?k=1",
    ):
        with pytest.raises(Invalid):
            connection.connect_server(actor=OPERATOR, base_url=address, key=KEY)
    server = connection.connect_server(actor=desk.world.actor("admin"), base_url=langflow.url, key=KEY)
    assert connection.check_server(actor=OPERATOR, server_id=server.pk) == server
    with pytest.raises(Invalid, match="key"):
        connection.connect_server(actor=OPERATOR, base_url="https://other.example")
    agent = langflow.make_agent("echo")
    assert desk.world.people["admin"].pk in authors_of(agent)
    assert KEY not in str(list(AuditEntry.objects.values_list("facts", flat=True)))
    langflow.server.key = "another"
    with pytest.raises(Unavailable) as refused:
        connection.check_server(actor=OPERATOR, server_id=server.pk)
    assert refused.value.code == "flow_key_refused"
    settings.MODEL_HOSTS = []
    with pytest.raises(Unavailable) as private:
        connection.check_server(actor=OPERATOR, server_id=server.pk)
    assert private.value.code == "flow_address_refused"


@pytest.mark.slow
def test_session_is_erased_until_langflow_confirms_and_a_disconnected_server_forgets_its_key(
    desk: Desk, langflow: Langflow
) -> None:
    server = langflow.connect()
    langflow.make_agent("echo")
    desk.say("My name is secret", "visitor")
    session = FlowSession.objects.get()
    assert sessions.list_due() == []
    assert sessions.ask_to_erase(FlowSession.objects.filter(conversation_id=desk.conversation.pk)) == 1
    langflow.server.script.add(Rule("DELETE /api/v1/monitor", "fail", status=500))
    assert not sessions.erase_session(session_id=session.pk)
    session.refresh_from_db()
    assert (session.attempts, session.code) == (1, "flow_failed")
    assert sessions.list_due() == []
    assert langflow.messages() != []
    later = now() + timedelta(minutes=2)
    assert [found for _, found in sessions.list_due(now=later)] == [session.pk]
    assert sessions.erase_session(session_id=session.pk, now=later)
    assert (langflow.messages(), FlowSession.objects.count()) == ([], 0)
    desk.say("Another one", "visitor")
    Agent.objects.update(is_active=False)
    connection.disconnect_server(actor=OPERATOR, server_id=server.pk)
    assert FlowServer.objects.get().key == KEY
    for tenant_id, due in sessions.list_due():
        tasks.erase_flow_session(str(tenant_id), str(due))
    assert (langflow.messages(), FlowServer.objects.get().key) == ([], None)
