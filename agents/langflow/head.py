"""A Langflow flow as an agent's head: one run of the flow is the turn."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from django.conf import settings

from agents.langflow.connection import FLOW, active_server, client_of, is_ready
from agents.langflow.models import FlowServer
from agents.langflow.sessions import open_session
from agents.langflow.tokens import make_token
from agents.llm import registry
from agents.llm.ports import (
    ANSWER_CUT,
    NOT_CONFIGURED,
    CallTools,
    Emit,
    Line,
    Model,
    ModelFailed,
    Orchestrator,
    RunContext,
    RunOutcome,
    Usage,
)
from agents.llm.ports import TOO_SLOW as TURN_TOO_SLOW
from agents.models import AgentActivation, AgentRun, AgentVersion
from core.observability.logging import get_logger
from integrations.langflow.client import RUN_SECONDS, Hear
from integrations.langflow.types import CHANGED, CUT, TOO_SLOW, FlowFailed

log = get_logger(__name__)
LONGEST_INPUT: Final = 16_000
LONGEST_HISTORY: Final = 4_000
HISTORY: Final = "Earlier in this conversation:"
NOW: Final = "The customer writes now:"
_CODES: Final = {CUT: ANSWER_CUT, TOO_SLOW: TURN_TOO_SLOW}


class FlowHead(Orchestrator):
    """Gives a flow what the customer wrote, and passes on its answer; tools are called by the flow, over MCP."""

    key = "langflow"

    def __init__(self, _model: Model) -> None:
        """Take no model: the flow has its own."""

    def run(self, context: RunContext, *, call_tools: CallTools, emit: Emit) -> RunOutcome:
        return outcome_of(lambda: self._ask(context, emit))

    def _ask(self, context: RunContext, emit: Emit) -> RunOutcome:
        version: AgentVersion = AgentVersion.objects.select_related("agent").get(pk=context.version_id)
        run: AgentRun = AgentRun.objects.get(pk=context.run_id)
        server = active_server()
        if client_of(server).read_flow(version.flow).digest != activated_digest(version):
            raise FlowFailed(CHANGED)
        session, is_new = open_session(server, run.conversation_id, version.pk)
        context.look()  # renews the lease: the flow may be silent for as long as it lasts

        def hear(words: str) -> None:
            context.glance()
            emit(words)

        return answer_of(
            version,
            server,
            input_of(context.lines, with_history=is_new),
            session=session.name,
            token=make_token(run, version),
            hear=hear,
            seconds=context.until - time.monotonic(),
        )


def answer_of(
    version: AgentVersion,
    server: FlowServer,
    text: str,
    *,
    session: str,
    token: str,
    hear: Hear,
    seconds: float,
) -> RunOutcome:
    """Run a version's flow once and return its whole answer; `token` opens its tools. Raises `FlowFailed`."""
    answer = client_of(server).run(
        version.flow,
        text,
        session=session,
        variables={
            "WALKER_MCP_URL": f"{settings.PUBLIC_URL}/mcp/{version.agent_id}/",
            "WALKER_MCP_TOKEN": token,
            "WALKER_MCP_HEADER": f"Bearer {token}",
        },
        hear=hear,
        seconds=max(1.0, min(RUN_SECONDS, seconds)),
    )
    return RunOutcome(answer.text, 1, Usage(answer.input_tokens, answer.output_tokens))


def outcome_of(ask: Callable[[], RunOutcome]) -> RunOutcome:
    """Return what a flow answered, or its failure as the outcome."""
    try:
        return ask()
    except FlowFailed as failure:
        log.warning("flow_failed", code=failure.code)
        return RunOutcome("", 1, error=_CODES.get(failure.code, failure.code))


def input_of(lines: Sequence[Line], *, with_history: bool) -> str:
    """Return what a flow is given: what was written since the last answer, and in a new session what came before."""
    spoken = [line for line in lines if line.role != "tool" and line.text]
    begins = len(spoken)
    while begins and spoken[begins - 1].role == "user":
        begins -= 1
    written = "\n".join(line.text for line in spoken[begins:])[-LONGEST_INPUT:]
    history = []
    for line in spoken[:begins]:
        who = "Customer" if line.role == "user" else "Colleague" if line.from_colleague else "You"
        history.append(f"{who}: {line.text}")
    earlier = "\n".join(history)[-LONGEST_HISTORY:]
    return f"{HISTORY}\n{earlier}\n\n{NOW}\n{written}" if with_history and earlier else written


def activated_digest(version: AgentVersion) -> str:
    """Return the digest of the flow when the version was last activated; "" if it never was."""
    latest = AgentActivation.objects.filter(version=version).order_by("-created_at", "-id")
    return latest.values_list("flow_digest", flat=True).first() or ""


def refuse_model(_name: str) -> Model:
    """Raise `ModelFailed`: a flow is no model that could write a brief, only the head of an agent."""
    raise ModelFailed(NOT_CONFIGURED)


def register() -> None:
    """Register flows as a model that agents can use, and as what decides their turns."""
    registry.register_model(FLOW, refuse_model, is_remote=True, is_ready=is_ready)
    registry.register_orchestrator("langflow", FlowHead)
