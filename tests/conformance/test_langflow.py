"""Our Langflow client before a real Langflow; skipped and counted where it can't be had."""

import json
import os
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.conf import settings

from agents import services
from agents.langflow import connection
from agents.models import Agent, ToolCall
from conversations.models import Message
from hitl.models import Approval
from integrations.langflow import types as codes
from integrations.langflow.client import LangflowClient
from integrations.langflow.types import FlowFailed
from tests.agents.conftest import Desk, live_desk
from tests.conformance.conftest import TOOLS, serving
from tests.edge.ports import free_port
from tests.world import OPERATOR

__all__ = ["live_desk"]
pytestmark = pytest.mark.long
PACKAGE = "langflow-base==1.13.0"
Document = dict[str, Any]
COMPONENT = """
from lfx.custom import Component
from lfx.io import MessageTextInput, Output
from lfx.schema.message import Message

class Own(Component):
    display_name = "Own"
    name = "Own"
    inputs = [
        MessageTextInput(name="question", display_name="Question"),
        MessageTextInput(name="tail", display_name="Tail", value=""),
    ]
    outputs = [Output(name="said", display_name="Said", method="say")]

    def say(self) -> Message:
        {body}
"""


@pytest.fixture(scope="session")
def python_of_langflow() -> Path:
    """The interpreter that has Langflow, installed once; skipped where it can't be."""
    given = os.environ.get("WALKER_LANGFLOW")
    folder = Path(given) if given else TOOLS / "langflow"
    found = folder / "bin" / "langflow"
    if found.exists():
        return found
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is None:
        pytest.skip("uv is missing: no Langflow")
    install = [uv, "pip", "install", "-q", "--python", str(folder / "bin" / "python"), PACKAGE]
    for command in ([uv, "venv", "-q", str(folder)], install):
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            pytest.skip("Langflow can't be installed here")
    return found


@dataclass
class Real:
    """A running Langflow; the methods build flows as its editor does."""

    url: str
    key: str
    kinds: Document

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"x-api-key": self.key}
        answer = httpx2.request(method, self.url + path, json=body, headers=headers, trust_env=False, timeout=60)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def client(self) -> LangflowClient:
        return LangflowClient(self.url, self.key, private_hosts=["127.0.0.1"])

    def node(self, name: str, kind: Document, **values: Any) -> Document:
        template: Document = json.loads(json.dumps(kind))
        for field, value in values.items():
            template["template"].setdefault(field, {"name": field})["value"] = value
        inner = {"id": name, "type": name.split("-", maxsplit=1)[0], "node": template}
        return {"id": name, "type": "genericNode", "position": {"x": 0, "y": 0}, "data": inner}

    def save(self, name: str, nodes: list[Document]) -> str:
        """Save a flow whose components are one after another, and return its id."""
        edges = [_edge(one, other) for one, other in pairwise(nodes)]
        data = {"nodes": nodes, "edges": edges, "viewport": {"x": 0, "y": 0, "zoom": 1}}
        return str(self.ask("POST", "/api/v1/flows/", {"name": name, "data": data})["id"])

    def own(self, name: str, body: str) -> Document:
        """Return a component of one's own: a text in, and what the body makes of it out."""
        made = self.ask("POST", "/api/v1/custom_component", {"code": COMPONENT.format(body=body)})["data"]
        return self.node(name, made)

    def calls(self, name: str, tool: str, **arguments: str) -> str:
        """Save a flow whose answer is the result of one tool, called by Langflow's own MCP component."""
        kinds = self.kinds["input_output"]
        kind = next(each["MCPTools"] for each in self.kinds.values() if "MCPTools" in each)
        asking = self.node(f"MCPTools-{name}", kind, mcp_server={"name": name}, tool=tool)
        asking["data"]["node"]["template"]["tool"].update(show=True, options=[tool])
        for field, value in arguments.items():
            asking["data"]["node"]["template"][field] = {
                "name": field, "type": "str", "value": value, "show": True, "_input_type": "MessageTextInput",
            }  # fmt: skip
        nodes = [self.node(f"ChatInput-{name}", kinds["ChatInput"]), asking,
                 self.node(f"ChatOutput-{name}", kinds["ChatOutput"])]  # fmt: skip
        # Langflow runs what comes after the input, so the component hangs on it.
        edges = [_edge(nodes[0], asking, "tool_placeholder"), _edge(asking, nodes[2])]
        data = {"nodes": nodes, "edges": edges, "viewport": {"x": 0, "y": 0, "zoom": 1}}
        return str(self.ask("POST", "/api/v1/flows/", {"name": name, "data": data})["id"])

    def chat(self, name: str, *middle: Document) -> str:
        kinds = self.kinds["input_output"]
        ends = (
            self.node(f"ChatInput-{name}", kinds["ChatInput"]),
            self.node(f"ChatOutput-{name}", kinds["ChatOutput"]),
        )
        return self.save(name, [ends[0], *middle, ends[1]])


def _edge(one: Document, other: Document, field: str = "") -> Document:
    output = one["data"]["node"]["outputs"][0]
    fields = other["data"]["node"]["template"]
    field = field or next(name for name in ("input_value", "input_data", *_inputs_of(fields)) if name in fields)
    ours = {"dataType": one["data"]["type"], "id": one["id"], "name": output["name"], "output_types": output["types"]}
    theirs = {"fieldName": field, "id": other["id"], "inputTypes": fields[field].get("input_types") or ["Message"],
              "type": fields[field].get("type", "str")}  # fmt: skip
    return {
        "id": f"{one['id']}-{other['id']}",
        "source": one["id"],
        "target": other["id"],
        "sourceHandle": json.dumps(ours).replace('"', "œ"),
        "targetHandle": json.dumps(theirs).replace('"', "œ"),
        "data": {"sourceHandle": ours, "targetHandle": theirs},
    }


def _inputs_of(fields: Document) -> list[str]:
    """The fields of a component that another one may fill, in their order."""
    return [name for name, field in fields.items() if isinstance(field, dict) and field.get("input_types")]


@pytest.fixture(scope="module")
def real(python_of_langflow: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    """A real Langflow with a database of its own."""
    folder = tmp_path_factory.mktemp("langflow")
    port = free_port()
    environment = {
        "DO_NOT_TRACK": "true",
        "LANGFLOW_AUTO_LOGIN": "true",
        "LANGFLOW_SECRET_KEY": urlsafe_b64encode(os.urandom(32)).decode(),
        "LANGFLOW_SSRF_ALLOWED_HOSTS": "127.0.0.1,localhost",
        "LANGFLOW_CONFIG_DIR": str(folder),
        "LANGFLOW_DATABASE_URL": f"sqlite:///{folder}/langflow.db",
    }
    command = ["env", *(f"{name}={value}" for name, value in environment.items()), str(python_of_langflow), "run"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--backend-only", "--no-open-browser"]
    with serving(command, f"http://127.0.0.1:{port}/health", folder / "log", seconds=180) as found:
        url = found.removesuffix("/health")
        token = httpx2.get(f"{url}/api/v1/auto_login", trust_env=False, timeout=60).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        made = httpx2.post(f"{url}/api/v1/api_key/", json={"name": "w"}, headers=headers, trust_env=False, timeout=60)
        assert made.is_success, made.text
        started = Real(url, made.json()["api_key"], {})
        started.kinds = started.ask("GET", "/api/v1/all")
        yield started


def test_client_reads_runs_streams_and_erases(real: Real) -> None:
    client, heard = real.client(), []
    client.check_key()
    flow = real.chat("echo")
    before = client.read_flow(flow)
    assert client.run(flow, "Olá <NAME_1>", session="a:1").text == "Olá <NAME_1>"
    assert client.run(flow, "again", session="b:1", hear=heard.append).text == "again"
    kept = {name: real.ask("GET", f"/api/v1/monitor/messages?session_id={name}") for name in ("a:1", "b:1")}
    assert [[message["text"] for message in messages] for messages in kept.values()] == [
        ["Olá <NAME_1>"] * 2,
        ["again"] * 2,
    ]
    client.erase("a:1")
    assert real.ask("GET", "/api/v1/monitor/messages?session_id=a:1") == []
    assert len(real.ask("GET", "/api/v1/monitor/messages?session_id=b:1")) == 2
    assert client.read_flow(flow).digest == before.digest
    data = real.ask("GET", f"/api/v1/flows/{flow}")["data"]
    data["nodes"][0]["position"] = {"x": 500, "y": 5}
    real.ask("PATCH", f"/api/v1/flows/{flow}", {"data": data})
    assert client.read_flow(flow).digest == before.digest
    data["nodes"][1]["data"]["node"]["template"]["sender_name"]["value"] = "Somebody else"
    real.ask("PATCH", f"/api/v1/flows/{flow}", {"data": data})
    assert client.read_flow(flow).digest != before.digest


@pytest.mark.parametrize("hear", [None, lambda _words: None], ids=["whole", "streamed"])
def test_failures_are_told_apart(real: Real, hear: Any) -> None:
    client, name = real.client(), "streamed" if hear else "whole"
    breaks = real.chat(f"breaks-{name}", real.own("Own-breaks", 'raise ValueError("the warehouse is closed")'))
    silent = real.chat(f"silent-{name}", real.own("Own-silent", 'return Message(text="")'))
    loud = "return Message(text=f'{self.question}{self.tail}'.upper())"
    shouts = real.chat(f"shouts-{name}", real.own("Own-shouts", loud))
    assert client.run(shouts, "hello", session=f"s:{name}", hear=hear).text == "HELLO"
    # A value that somebody sends for one run only, a tweak, is no change of the flow. It is for an input that no
    # other component fills: what comes along an edge wins over it.
    before, tweaks = client.read_flow(shouts).digest, {"Own-shouts": {"tail": ", tweaked"}}
    body = {"input_value": "hello", "input_type": "chat", "output_type": "chat", "session_id": "t:1", "tweaks": tweaks}
    assert "HELLO, TWEAKED" in json.dumps(real.ask("POST", f"/api/v1/run/{shouts}?stream=false", body))
    assert client.read_flow(shouts).digest == before

    def code_of(asked: LangflowClient, flow: str) -> str:
        with pytest.raises(FlowFailed) as failed:
            asked.run(flow, "hello", session=f"f:{name}", hear=hear, seconds=30)
        return failed.value.code

    assert code_of(client, breaks) == codes.FAILED
    assert code_of(client, silent) == codes.EMPTY
    assert code_of(client, "00000000-0000-4000-8000-000000000000") == codes.MISSING
    assert code_of(LangflowClient(real.url, "sk-wrong", private_hosts=["127.0.0.1"]), shouts) == codes.KEY_REFUSED
    nobody = LangflowClient(f"http://127.0.0.1:{free_port()}", real.key, private_hosts=["127.0.0.1"])
    assert code_of(nobody, shouts) == codes.UNREACHABLE
    assert code_of(LangflowClient(real.url, real.key), shouts) == codes.ADDRESS_REFUSED


@pytest.mark.django_db(transaction=True)
def test_flow_calls_our_tools_over_mcp_and_acting_ones_only_ask(
    real: Real, live_desk: Desk, live_server: Any, settings: Any
) -> None:
    settings.PUBLIC_URL, settings.MODEL_HOSTS = live_server.url, ["127.0.0.1"]
    connection.connect_server(actor=OPERATOR, base_url=real.url, key=real.key)
    answer_by(real, "plain", real.chat("plain"))
    assert live_desk.say("Hello there") == "Hello there"
    answer_by(real, "reads", real.calls("reads", "list_campaigns"))
    live_desk.say("Which campaigns do we have?")
    # In clear: what stands behind "name" is masked like a person's.
    assert "Summer Sale" in Message.objects.filter(direction="out").latest("id").body
    assert not Approval.objects.exists()
    answer_by(real, "acts", real.calls("acts", "pause_campaign", campaign="Summer Sale"))
    said = live_desk.say("Pause it")
    run = live_desk.last_run
    assert run.state == "waiting", (run.error_code, said)  # Langflow gives our door two seconds for its first answer
    approval = Approval.objects.get()
    assert approval.state == "pending"
    assert approval.reference in said
    called = ToolCall.objects.order_by("id").values_list("name", flat=True)
    assert list(called) == ["list_campaigns", "pause_campaign"]
    found = live_desk.sandbox.call("GET", "/v1/campaigns").json()["items"]
    assert [row["status"] for row in found if row["name"] == "Summer Sale"] == ["active"]


def answer_by(real: Real, name: str, flow: str) -> None:
    """Let a flow be the head of the only agent; its MCP server in Langflow is set up as the guide says."""
    setup = services.Setup(name=name, model="langflow", flow=flow, tools=("list_campaigns", "pause_campaign"))
    made = services.create_agent(actor=OPERATOR, type="custom", setup=setup)
    Agent.objects.exclude(pk=made.pk).update(is_active=False)
    headers = {"Authorization": "WALKER_MCP_HEADER"}
    address = f"{settings.PUBLIC_URL}/mcp/{made.pk}/"
    real.ask("POST", f"/api/v2/mcp/servers/{name}", {"url": address, "headers": headers})
    services.activate_draft(actor=OPERATOR, agent_id=made.pk)
