"""The sandbox Langflow, listening, and an agent whose head is one of its flows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agents import services
from agents.langflow import connection
from agents.langflow.models import FlowServer
from agents.models import Agent, AnswerRule
from standins.langflow.flows import IDS
from standins.langflow.server import LangflowServer, Sessions
from tests.world import OPERATOR

KEY = "sk-sandbox-langflow"


@dataclass
class Langflow:
    """The running stand-in; the methods are what a test wants to do to it."""

    server: LangflowServer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def connect(self) -> FlowServer:
        return connection.connect_server(actor=OPERATOR, base_url=self.url, key=KEY)

    def make_agent(self, flow: str, tools: tuple[str, ...] = ()) -> Agent:
        """Activate an own agent whose head is a flow; it answers instead of all others."""
        setup = services.Setup(name=f"Flow {flow}", model="langflow", flow=IDS[flow], tools=tools)
        made = services.create_agent(actor=OPERATOR, type="custom", setup=setup)
        agent = services.activate_draft(actor=OPERATOR, agent_id=made.pk)
        Agent.objects.exclude(pk=agent.pk).update(is_active=False)
        AnswerRule.objects.update(agent=agent)
        return agent

    def messages(self) -> list[dict[str, Any]]:
        return self.server.store.list_all()


@pytest.fixture
def langflow(tmp_path: Path, settings: Any) -> Iterator[Langflow]:
    """The sandbox Langflow, which the operator allows inside the own network."""
    settings.MODEL_HOSTS = ["127.0.0.1"]
    store = Sessions(tmp_path / "langflow.sqlite3")
    running = LangflowServer(("127.0.0.1", 0), store, KEY)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield Langflow(running)
    running.shutdown()
    running.server_close()
    thread.join()
    store.close()
