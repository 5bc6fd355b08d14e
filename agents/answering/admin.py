"""The console's pages of agents' runs."""

import re
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from agents.answering.routing.words import words_of
from agents.answering.runs.explanation import Explanation, explain_run
from agents.llm.ports import ANSWER_TOOL
from agents.models import AgentRun, ToolCall
from console.base.lists import Column, choose, during, since
from console.base.model_admin import ReadOnlyAdmin
from console.navigation import AGENTS, Nav
from console.templatetags.console_ui import chip, exact, link, moment
from console.viewers import viewer_of
from conversations import services as conversations
from conversations.selectors import seen_by
from core.text.amounts import money_text

RUN_STATES = {
    "queued": ("neutral", "clock"),
    "running": ("info", "bolt"),
    "waiting": ("warn", "clock"),
    "finished": ("good", "check"),
    "failed": ("danger", "x-circle"),
}
FACTORS: Final = {
    "coverage": "How much of the question the sources cover",
    "judged": "A model judged whether the sources state the answer",
    "records": "It read records with a tool",
    "nothing_read": "It states facts, but read nothing",
    "not_cited": "It cites none of what it read",
    "numbers_not_read": "It has numbers that nothing it read shows",
    "failed_calls": "Tool calls failed",
    "mended": "Something was taken out of it",
    "bounded": "Keeps the score within 0 and 100",
}
MENDED: Final = {
    "hidden": "hidden characters",
    "links": "links and email addresses from elsewhere",
    "outcomes": "a claim about a request, which our own sentence replaced",
}
REDACTED: Final = {
    "phone": "phone numbers",
    "email": "email addresses",
    "card": "card numbers",
    "iban": "IBANs",
    "ip": "IP addresses",
    "url": "links",
    "national_id": "national ids",
    "name": "names",
    "address": "postal addresses",
}
_CODE: Final = re.compile(r"[a-z]+(?:_[a-z]+)+")


@admin.register(AgentRun)
class AgentRunAdmin(ReadOnlyAdmin):
    """Agent runs, turn by turn."""

    view_permission = "agents.view_agentrun"
    nav = Nav("Agent runs", "bolt", AGENTS, order=20)
    intro = "Each turn of an agent: what started it, what it called, and how it ended."
    empty_title = "No runs yet"
    list_display = ("started", "agent_name", "why", "standing", "took", "talk")
    list_filter: ClassVar = [
        choose("state", "State", AgentRun.State.choices),
        choose("trigger", "Started by", AgentRun.Trigger.choices),
        since("created_at"),
        during("created_at"),
    ]
    ordering = ("-id",)
    detail_template = "console/run.html"
    detail_fields = ("exactly", "agent_name", "version", "why", "chosen", "standing", "took", "talk", "trouble")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentRun]:
        """Read the agent with the run."""
        seen = seen_by(viewer_of(request), "conversation__", need="agents.view_agentrun")
        return super().get_queryset(request).filter(seen).select_related("agent_version__agent")

    def object_title(self, run: AgentRun) -> str:
        """Return the title with the agent's name."""
        return f"{self.agent_name(run)} run"

    def detail_context(self, request: HttpRequest, obj: AgentRun) -> dict[str, Any]:
        """Return the fields, and what explains the answer: sources, calls of tools and models, and their cost."""
        viewer = viewer_of(request)
        why = explain_run(viewer=viewer, run_id=obj.pk)
        if why.messages:
            conversations.record_view(actor=viewer, conversation_id=obj.conversation_id)
        for call in why.tool_calls:
            call.words = _in_words(call.name)  # type: ignore[attr-defined]
            call.trouble = _in_words(call.code)  # type: ignore[attr-defined]
            call.said = _said(call)  # type: ignore[attr-defined]
        return {
            **super().detail_context(request, obj),
            "explained": why,
            "mended": [MENDED.get(code, code) for code in obj.mended],
            "redacted": [f"{REDACTED.get(kind, kind)} ({count})" for kind, count in sorted(obj.redacted.items())],
            "factors": [(FACTORS.get(each["name"], each["name"]), each["points"]) for each in why.factors],
            "costs": [money_text(price, currency) for currency, price in why.costs.items()],
            "without_model": _without_model(why),
        }

    trouble = Column[AgentRun](
        "What went wrong", lambda run: run.error_code.replace("_", " ").capitalize() or "Nothing"
    )
    exactly = Column[AgentRun]("When", lambda run: exact(run.created_at))
    version = Column[AgentRun]("Version", lambda run: str(run.agent_version.number) if run.agent_version else "–")
    started = Column[AgentRun]("When", lambda run: moment(run.created_at))
    agent_name = Column[AgentRun](
        "Agent", lambda run: run.agent_version.agent.name if run.agent_version else "Not chosen yet"
    )
    chosen = Column[AgentRun]("Why this agent", lambda run: words_of(run.chosen_by) or "–")
    why = Column[AgentRun]("Started by", lambda run: run.get_trigger_display())
    standing = Column[AgentRun](
        "State", lambda run: chip(run.get_state_display(), *RUN_STATES.get(run.state, ("neutral", "dot")))
    )

    @admin.display(description="Took")
    def took(self, run: AgentRun) -> str:
        """Return how long it ran."""
        if run.started_at is None or run.finished_at is None:
            return "–"
        return f"{(run.finished_at - run.started_at).total_seconds():.1f} s"

    talk = Column[AgentRun](
        "Conversation", lambda run: link("conversations_conversation_change", run.conversation_id, "Open")
    )


def _in_words(code: str) -> str:
    return code.replace("_", " ").capitalize()


def _said(call: ToolCall) -> list[tuple[str, str]]:
    """Return the arguments of a call, codes in words; an answer's parts are read in the conversation."""
    if call.name == ANSWER_TOOL:
        return []
    return [
        (_in_words(name), _in_words(value) if _CODE.fullmatch(value) else value)
        for name, value in call.arguments.items()
    ]


def _without_model(why: Explanation) -> str:
    """Return why no model was asked."""
    run = why.run
    if run.trigger != AgentRun.Trigger.MESSAGE:
        return "None. Walker reported the outcome itself."
    if run.agent_version and run.agent_version.flow:
        return "None. A Langflow flow answered."
    if run.reply_id and not run.rounds:
        return "None. The same question had been answered within the hour."
    return "None. Walker's own rules answered." if run.reply_id else "None."
