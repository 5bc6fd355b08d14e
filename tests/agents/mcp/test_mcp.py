"""The tools of a run over MCP: what its token shows, what calls do, and what is refused."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from agents import services
from agents.answering.runs import lease
from agents.answering.runs.batches import QUIET
from agents.langflow import sessions, tokens
from agents.langflow.models import FlowSession
from agents.mcp import limits, live_tools
from agents.mcp.protocol import VERSIONS, RpcError, read_request
from agents.models import Agent, AgentRun, AgentVersion, ToolCall
from agents.studio.evals import case_services
from agents.studio.evals import runs as checking
from agents.studio.trials import room
from agents.studio.trials import turns as trying
from agents.studio.trials.speakers import caller_as
from conversations.models import Contact, Conversation
from core.clock import now
from core.errors import Conflict
from core.models import AuditEntry
from hitl.models import Approval
from standins.langflow.flows import IDS, call
from tests.agents.conftest import Desk
from tests.agents.langflow.langflow_fixture import Langflow, langflow

pytestmark = pytest.mark.slow

__all__ = ["langflow"]
TOOLS = ("list_campaigns", "campaign_performance", "pause_campaign")


class Caller:
    """A flow that answers a run; it holds the run's token."""

    def __init__(self, desk: Desk, langflow: Langflow, text: str = "Hello", role: str = "support") -> None:
        langflow.connect()
        self.agent = langflow.make_agent("tools", TOOLS)
        message = desk.receive(text, role)
        started = services.take_message(message_id=message.pk)
        assert started is not None
        claimed = lease.claim(started.pk, now=now() + QUIET)
        assert claimed is not None
        self.run: AgentRun = claimed
        version = self.agent.active_version
        assert version is not None
        self.version: AgentVersion = version
        self.token = tokens.make_token(self.run, self.version)

    def post(self, body: Any, *, agent: Any = None, **headers: str) -> Any:
        raw = body if isinstance(body, str | bytes) else json.dumps(body)
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        return Client().post(f"/mcp/{agent or self.agent.pk}/", raw, content_type="application/json", headers=sent)

    def ask(self, method: str, key: Any = 1, **params: Any) -> Any:
        answer = self.post({"jsonrpc": "2.0", "id": key, "method": method, "params": params})
        assert answer.status_code == 200, answer.content
        return answer.json()

    def call(self, name: str, key: Any = 1, **arguments: Any) -> tuple[Any, bool]:
        result = self.ask("tools/call", key, name=name, arguments=arguments)["result"]
        return json.loads(result["content"][0]["text"]), result["isError"]


@pytest.mark.django_db
def test_token_shows_the_tools_of_its_run_and_they_work_as_for_any_model(desk: Desk, langflow: Langflow) -> None:
    caller = Caller(desk, langflow, "Call me at +1 415 555 0132")
    first = caller.ask("initialize", "a", protocolVersion="2025-06-18", capabilities={}, clientInfo={})
    assert (first["id"], first["result"]["protocolVersion"]) == ("a", "2025-06-18")
    assert caller.ask("initialize", protocolVersion="1999")["result"]["protocolVersion"] == VERSIONS[0]
    assert caller.post({"jsonrpc": "2.0", "method": "notifications/initialized"}).status_code == 202
    assert caller.ask("ping")["result"] == {}
    listed = {tool["name"]: tool for tool in caller.ask("tools/list")["result"]["tools"]}
    assert {*TOOLS, "bring_person"} <= set(listed)
    assert "answer" not in listed
    assert listed["list_campaigns"]["annotations"]["readOnlyHint"]
    assert listed["campaign_performance"]["inputSchema"]["required"] == ["campaign"]
    found, is_error = caller.call("list_campaigns")
    assert not is_error
    assert "Summer Sale" in str(found["data"])
    assert found["note"].startswith("Data from a tool")

    waits, _ = caller.call("pause_campaign", 7, campaign="Summer Sale")
    again, _ = caller.call("pause_campaign", 8, campaign="Summer Sale")
    approval = Approval.objects.get()
    assert approval.state == "pending"
    assert waits == again
    assert waits["data"]["reference"] == approval.reference
    assert AuditEntry.objects.filter(object_id=approval.pk).exists()
    assert desk.sandbox.call("GET", "/v1/campaigns").json()["items"][0]["status"] == "active"
    # The same call id with other arguments is another wish, and a wrong one is told in words.
    assert caller.call("campaign_performance", 7, campaign="Nope")[1]
    refused, is_error = caller.call("pause_campaign", 9, campaign="x" * 400)
    assert (refused["error"], is_error) == ("bad_arguments", True)
    calls = ToolCall.objects.filter(run=caller.run).order_by("id")
    assert [call.state for call in calls] == ["done", "done", "failed", "failed"]


@pytest.mark.django_db
def test_caller_decides_what_is_offered_and_foreign_text_stops_requests(desk: Desk, langflow: Langflow) -> None:
    caller = Caller(desk, langflow, role="visitor")
    listed = {tool["name"] for tool in caller.ask("tools/list")["result"]["tools"]}
    assert "pause_campaign" not in listed
    assert caller.call("pause_campaign", campaign="Summer Sale")[0]["error"] == "not_offered"
    assert caller.call("no_such_tool")[0]["error"] == "unknown_tool"
    Contact.objects.update(language="de")
    assert "Gerne. Ich hole jemanden" in str(caller.call("bring_person", 5))  # our sentence, in their language
    assert not Approval.objects.exists()
    Agent.objects.update(is_active=True)
    AgentRun.objects.update(state="finished", lease_until=None)

    member = Caller(desk, langflow)
    moment = now() + timedelta(seconds=1)
    ToolCall.objects.create(
        run=member.run, call_id="x", name="read", fingerprint="x", state="done", is_foreign=True, finished_at=moment
    )
    assert member.call("pause_campaign", campaign="Summer Sale")[0]["error"] == "tainted"
    assert not member.call("list_campaigns", 2)[1]
    assert not Approval.objects.exists()


@pytest.mark.django_db
def test_token_ends_with_its_run_and_with_the_agent(desk: Desk, langflow: Langflow, settings: Any) -> None:
    caller = Caller(desk, langflow)
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    token = caller.token
    for wrong in ("", "x", token[:-2], token.replace(".", "..", 1), "a" * 700):
        refused = caller.post(body, Authorization=f"Bearer {wrong}")
        assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Bearer")
    assert caller.post(body, agent=uuid4()).status_code == 401
    Conversation.objects.update(state=Conversation.State.PERSON)
    assert caller.post(body).status_code == 403
    Conversation.objects.update(state=Conversation.State.AGENT)
    assert caller.post(body).status_code == 200
    Agent.objects.update(is_active=False)
    assert caller.post(body).status_code == 403
    Agent.objects.update(is_active=True)
    for change in ({"fence": caller.run.fence + 1}, {"fence": caller.run.fence, "state": "finished"}):
        AgentRun.objects.update(**change)
        assert caller.post(body).status_code == 403
    AgentRun.objects.update(state="running")
    desk.world.acme.is_active = False
    desk.world.acme.save(update_fields=["is_active"])
    assert caller.post(body).status_code == 403
    assert not ToolCall.objects.exists()


@pytest.mark.django_db
def test_bad_requests_are_refused_and_nothing_is_called(
    desk: Desk, langflow: Langflow, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    caller = Caller(desk, langflow)
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    for body, status in (
        ("{", 400), ("[]", 400), (json.dumps([ping]), 400), ({**ping, "id": [1]}, 400), ({**ping, "id": True}, 400),
        ({**ping, "jsonrpc": "1.0"}, 400), ({**ping, "method": 5}, 400), ({**ping, "params": [1]}, 400),
        ('{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}', 400), ("x" * 70_000, 413),
        ('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":NaN}}', 400), ("[" * 30_000, 400),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, 202), (ping, 200),
    ):  # fmt: skip
        assert caller.post(body).status_code == status, body
    with pytest.raises(RpcError):
        read_request(b"\xff\xfe")
    assert caller.ask("resources/list")["error"]["code"] == -32601
    for params in ({}, {"name": 5}, {"name": "x" * 61}, {"name": "list_campaigns", "arguments": [1]}):
        assert caller.ask("tools/call", **params)["error"]["code"] == -32602
    assert caller.post(ping, Origin="https://evil.example").status_code == 403
    assert caller.post(ping, Origin=settings.PUBLIC_URL).status_code == 200
    assert caller.post(ping, **{"MCP-Protocol-Version": "1999-01-01"}).status_code == 400
    url = f"/mcp/{caller.agent.pk}/"
    assert Client().get(url, headers={"Authorization": f"Bearer {caller.token}"}).status_code == 405
    assert Client().post(url, {"a": 1}, headers={"Authorization": f"Bearer {caller.token}"}).status_code == 415
    monkeypatch.setattr(limits, "MOST_A_MINUTE", 0)
    assert caller.post(ping).status_code == 429
    assert not ToolCall.objects.exists()


@pytest.mark.django_db
def test_most_requests_and_calls_of_an_answer_count_over_all_connections(
    desk: Desk, langflow: Langflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = Caller(desk, langflow)
    monkeypatch.setattr("agents.answering.tool_calls.round.MAX_WISHES", 1)
    assert not caller.call("pause_campaign", campaign="Summer Sale")[1]
    assert caller.call("pause_campaign", campaign="Winter Coats")[0]["error"] == "too_many_requests"
    assert Approval.objects.count() == 1
    monkeypatch.setattr(live_tools, "MOST_CALLS", 2)
    assert caller.call("list_campaigns")[0]["error"] == "too_many_calls"


@pytest.mark.django_db(transaction=True)
def test_flow_uses_tools_over_the_wire_and_its_answer_names_what_waits(
    live_desk: Desk, langflow: Langflow, live_server: Any, settings: Any
) -> None:
    settings.PUBLIC_URL = live_server.url
    langflow.connect()
    agent = langflow.make_agent("tools", TOOLS)
    said = live_desk.say('list_campaigns {}\npause_campaign {"campaign": "Summer Sale"}')
    approval = Approval.objects.get()
    assert "Summer Sale" in said
    assert approval.reference in said
    assert (live_desk.last_run.state, approval.state) == ("waiting", "pending")
    assert list(ToolCall.objects.order_by("id").values_list("name", flat=True)) == ["list_campaigns", "pause_campaign"]

    # A wish that arrives many times at once is one request.
    message = live_desk.receive("And the other one")
    started = services.take_message(message_id=message.pk)
    assert started is not None
    run = lease.claim(started.pk, now=now() + QUIET)
    version = agent.active_version
    assert run is not None
    assert version is not None
    token = tokens.make_token(run, version)
    params = {"name": "pause_campaign", "arguments": {"campaign": "Winter Boots"}}
    answers: list[Any] = []

    def once(number: int) -> None:
        answers.append(call(f"{live_server.url}/mcp/{agent.pk}/", token, "tools/call", params, number=number)["result"])

    threads = [threading.Thread(target=once, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [json.loads(answer["content"][0]["text"]) for answer in answers]
    assert found == [found[0]] * 4
    assert Approval.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_flow_that_is_tried_reads_and_only_foresees_what_would_act(
    live_desk: Desk, langflow: Langflow, live_server: Any, settings: Any
) -> None:
    settings.PUBLIC_URL = live_server.url
    langflow.connect()
    admin = live_desk.world.actor("admin")
    setup = services.Setup(name="Tried", model="langflow", flow=IDS["tools"], tools=TOOLS)
    draft = services.create_agent(actor=admin, type="custom", setup=setup)
    said = 'list_campaigns {}\npause_campaign {"campaign": "Summer Sale"}\nwithdraw_request {"reference": "BR-1001"}'
    trial = trying.start_trial(actor=admin, agent_id=draft.pk, speaker="member", text=f"{said}\nbring_person {{}}")
    turn = trial.turns.get()
    trying.answer_turn(turn_id=turn.pk)
    turn.refresh_from_db()
    assert (turn.error_code, turn.state) == ("", "answered")
    assert [(step["tool"], step["kind"]) for step in turn.steps] == [
        ("list_campaigns", "reads"), ("pause_campaign", "asks"), ("withdraw_request", "refused"),
        ("bring_person", "reads"),
    ]  # fmt: skip
    assert "Summer Sale" in turn.answer
    assert "nothing was requested" in turn.answer
    assert (turn.brings_person, turn.steps[1]["approval"]["levels"] != []) == (True, True)
    # What Langflow keeps of it is erased, and it knows no more than what was typed.
    session = FlowSession.objects.get()
    assert session.erase_at is not None
    assert langflow.messages()
    assert sessions.erase_session(session_id=session.pk)
    assert not langflow.messages()

    # A case is checked the same way.
    said += '\ncampaign_performance {"campaign": "ada@example.com"}'
    case: dict[str, Any] = {"name": "Pause", "speaker": "member", "says": [said], "must": True}
    case["expects"] = {"asks_approval_for": ["pause_campaign"], "calls": ["list_campaigns"]}
    case_services.keep_case(actor=admin, agent_id=draft.pk, document=case)
    with pytest.raises(Conflict, match="Run the checks"):
        services.activate_draft(actor=admin, agent_id=draft.pk)
    run = checking.start_checks(actor=admin, agent_id=draft.pk)
    checking.work_run(run_id=run.pk, seconds=60)
    assert "@" in str(langflow.messages())
    assert "ada@example.com" not in str(langflow.messages())
    assert run.results.get().passed
    services.activate_draft(actor=admin, agent_id=draft.pk)
    assert not any(model.objects.exists() for model in (Approval, AgentRun, ToolCall, Conversation))
    assert live_desk.sandbox.call("GET", "/v1/campaigns").json()["items"][0]["status"] == "active"


@pytest.mark.django_db
def test_token_of_a_trial_ends_with_its_answer_and_opens_nothing_else(desk: Desk, langflow: Langflow) -> None:
    caller = Caller(desk, langflow)
    admin = desk.world.actor("admin")
    trial_id = uuid4()
    speaker = caller_as("member", actor=admin, version=caller.version, trial_id=trial_id)
    opened = room.open_room(caller.version, speaker, admin, seconds=30)
    caller.token = tokens.make_trial_token(opened.key, caller.version)
    listed = {tool["name"] for tool in caller.ask("tools/list")["result"]["tools"]}
    assert {*TOOLS, "bring_person"} <= listed
    assert not {"answer", "withdraw_request"} & listed
    first, again = (
        caller.call("pause_campaign", campaign="Summer Sale"),
        caller.call("pause_campaign", 2, campaign="Summer Sale"),
    )
    assert first == again
    assert "nothing was requested" in first[0]["data"]["sentence"]
    found = room.find_room(opened.key)
    assert found is not None
    assert len(found.calls["steps"]) == 1
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    desk.world.people["admin"].memberships.update(role="viewer")
    assert caller.post(body).status_code == 403  # the right to try was lost meanwhile
    desk.world.people["admin"].memberships.update(role="admin")
    assert caller.post(body).status_code == 200
    late = room.open_room(caller.version, speaker, admin, seconds=-1)
    for over in (late.key, opened.key, uuid4()):
        room.close_room(over)
        caller.token = tokens.make_trial_token(over, caller.version)
        assert caller.post(body).status_code == 403
    room.keep_calls(opened, room.enter(opened, caller.version, until=0))
    assert room.find_room(opened.key) is None
    assert not any(model.objects.exists() for model in (Approval, ToolCall))
