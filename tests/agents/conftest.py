"""A desk with agents: a channel, a colleague and a visitor who write, and the sandbox platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from agents import services
from agents.answering.runs.batches import QUIET
from agents.llm import registry
from agents.llm.ports import Emit, Line, Model, ToolSpec, Turn
from agents.models import AgentRun, AgentVersion
from conversations.models import ChannelAccount, Conversation, Message
from conversations.services import receive
from conversations.types import InboundMessage, SenderIdentity
from core.actors import system
from core.clock import now
from core.models import Outbox
from core.tenancy.models import tenant_scope
from demo.agents import ensure_default_agents
from hitl.services import create_workflow
from integrations.services import connect_provider
from tests.console.conftest import browser  # noqa: F401
from tests.edge.platform_fixture import ACME_TOKEN, Platform
from tests.world import OPERATOR, World

DOOR = system("webchat")
Script = Callable[[Sequence[Line], Sequence[ToolSpec]], Turn]


class Scripted(Model):
    """A model at the edge that says what the test tells it to, and remembers what it saw."""

    key = "scripted"

    def __init__(self, script: Script) -> None:
        self.script = script
        self.seen: list[tuple[list[Line], list[str]]] = []
        self.prompts: list[str] = []

    def turn(self, lines: Sequence[Line], tools: Sequence[ToolSpec], *, prompt: str, emit: Emit) -> Turn:
        self.prompts.append(prompt)
        self.seen.append((list(lines), [tool.name for tool in tools]))
        return self.script(lines, tools)


@dataclass
class Desk:
    """Writes as somebody and works the runs; `world` is the people behind it."""

    world: World
    account: ChannelAccount
    sandbox: Platform
    said: list[UUID] = field(default_factory=list)

    def sender(self, role: str) -> SenderIdentity:
        """A colleague with a signed identity, or an anonymous visitor: `visitor`, `visitor-2` and so on."""
        if role.startswith("visitor"):
            value = "visitor-1" if role == "visitor" else role
            return SenderIdentity(kind="webchat", value=value, verified=False)
        user = self.world.people[role]
        return SenderIdentity(kind="member", value=str(user.pk), verified=True, user_id=user.pk)

    def receive(self, text: str, role: str = "support", **metadata: Any) -> Message:
        """A message arrives; no run is started."""
        inbound = InboundMessage(
            channel_account_id=self.account.pk,
            sender=self.sender(role),
            text=text,
            client_id=uuid4(),
            metadata=metadata,
        )
        return receive(actor=DOOR, inbound=inbound)

    def say(self, text: str, role: str = "support", **metadata: Any) -> str:
        """A message arrives, its run is worked; returns the answer."""
        message = self.receive(text, role, **metadata)
        return self.answers(message.conversation_id)[-1] if self.work(message) else ""

    def work(self, message: Message) -> bool:
        """The run of a message is worked, if it has one."""
        run = _take(message)
        if run is not None:
            services.run_turn(run.pk, now=now() + QUIET)
        return run is not None

    def say_nothing(self, text: str, role: str = "support", **metadata: Any) -> None:
        """A message arrives, its run is worked, and nothing is answered."""
        message = self.receive(text, role, **metadata)
        run = _take(message)
        assert run is not None
        services.run_turn(run.pk, now=now() + QUIET)
        assert self.answers(message.conversation_id) == []

    def answers(self, conversation_id: UUID) -> list[str]:
        """What went out, in order."""
        rows = Message.objects.filter(conversation_id=conversation_id, direction="out")
        return list(rows.order_by("seq").values_list("masked_body", flat=True))

    def script(self, script: Script) -> Scripted:
        """Put a scripted model behind every agent."""
        model = Scripted(script)
        registry.register_model("scripted", lambda _name: model)
        AgentVersion.objects.update(model="scripted")
        return model

    @property
    def conversation(self) -> Conversation:
        return Conversation.objects.get()

    @property
    def last_run(self) -> AgentRun:
        return AgentRun.objects.order_by("-created_at")[0]


def open_desk(world: World, sandbox: Platform) -> Desk:
    ensure_default_agents()
    connect_provider(actor=OPERATOR, provider="sandbox_ads", name="demo", credentials={"token": ACME_TOKEN})
    signers = [{"type": "role", "value": role} for role in ("approver", "admin")]
    create_workflow(actor=OPERATOR, name="All", is_default=True, levels=[{"approvers": signers}])
    account = ChannelAccount.objects.create(kind="webchat", name="Chat", public_key=uuid4().hex)
    return Desk(world, account, sandbox)


def _take(message: Message) -> AgentRun | None:
    """Take a message as the relay does: until its entry is done, a burst with it is under way."""
    run = services.take_message(message_id=message.pk)
    Outbox.objects.filter(event="message_received", ref=message.pk).update(done_at=now())
    return run


@pytest.fixture
def desk(acme: World, sandbox: Platform) -> Desk:
    """The desk in the scope of the first tenant."""
    return open_desk(acme, sandbox)


@pytest.fixture
def live_desk(committed_world: World, sandbox: Platform) -> Iterator[Desk]:
    """The same, committed, for tests with several connections."""
    with tenant_scope(committed_world.acme.pk):
        yield open_desk(committed_world, sandbox)
