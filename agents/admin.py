"""The console's pages of agents and their runs."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Max, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from agents.models import Agent, AgentRun
from console.bases import ReadOnlyAdmin
from console.lists import choose, since
from console.navigation import Nav
from console.templatetags.console_ui import chip, moment
from hitl import stoppable

RUN_STATES = {
    "queued": ("neutral", "clock"),
    "running": ("info", "bolt"),
    "waiting": ("warn", "clock"),
    "finished": ("good", "check"),
    "failed": ("danger", "x-circle"),
}


class AgentTargets(stoppable.Targets):
    """Agents, as what a kill switch may stop."""

    scope, title = "agent", "One agent"

    def choices(self) -> list[tuple[str, str]]:
        """Return the tenant's agents."""
        return [(str(key), name) for key, name in Agent.objects.order_by("name", "id").values_list("pk", "name")]


stoppable.targets.register("agent", AgentTargets)


@admin.register(Agent)
class AgentAdmin(ReadOnlyAdmin):
    """Who answers: ours and the tenant's own."""

    view_permission = "agents.view_agent"
    nav = Nav("Agents", "agent", group="Set-up", order=20)
    intro = "Who answers customers and colleagues, and in which version."
    empty_title = "No agents yet"
    list_display = ("name", "type", "category", "current_version", "standing", "created_at")
    list_filter: ClassVar = [choose("type", "Type", Agent.Type.choices)]
    ordering = ("-is_active", "name", "id")
    detail_fields = ("name", "type", "category", "current_version", "tools", "thinks_with", "standing", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        """Read the newest version's number with the agent."""
        rows: QuerySet[Agent] = super().get_queryset(request).annotate(newest=Max("versions__number"))
        return rows

    @admin.display(description="Version")
    def current_version(self, agent: Agent) -> str:
        """Return the newest version's number."""
        return str(agent.newest or "–")  # type: ignore[attr-defined]

    @admin.display(description="Tools")
    def tools(self, agent: Agent) -> str:
        """Return what the newest version may call."""
        version = agent.versions.order_by("-number").first()
        names = [str(tool).replace("_", " ") for tool in version.tools] if version else []
        return ", ".join(names) or "Those of its type"

    @admin.display(description="Model")
    def thinks_with(self, agent: Agent) -> str:
        """Return what the newest version thinks with."""
        version = agent.versions.order_by("-number").first()
        return f"{version.model} {version.model_name}".strip() if version else "–"

    @admin.display(description="State")
    def standing(self, agent: Agent) -> str:
        """Tell whether it answers."""
        origin = "Built in" if agent.is_system else "Your own"
        word = chip("Answers", "good", "check") if agent.is_active else chip("Off", "neutral", "pause")
        return format_html('<span class="wk-chips">{} {}</span>', word, chip(origin))


@admin.register(AgentRun)
class AgentRunAdmin(ReadOnlyAdmin):
    """What agents did, turn by turn."""

    view_permission = "agents.view_agentrun"
    nav = Nav("Agent runs", "bolt", group="Oversight", order=60)
    intro = "Each turn of an agent: what started it, what it called, and how it ended."
    empty_title = "No runs yet"
    list_display = ("started", "agent_name", "why", "standing", "took", "talk")
    list_filter: ClassVar = [
        choose("state", "State", AgentRun.State.choices),
        choose("trigger", "Started by", AgentRun.Trigger.choices),
        since("created_at"),
    ]
    ordering = ("-id",)
    detail_template = "console/run.html"
    detail_fields = ("agent_name", "why", "standing", "took", "talk", "error_code", "rounds")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentRun]:
        """Read the agent with the run."""
        return super().get_queryset(request).select_related("agent_version__agent")

    def object_title(self, run: AgentRun) -> str:
        """Return the agent's name and the run's end."""
        return f"Run of {self.agent_name(run)}"

    def detail_context(self, request: HttpRequest, obj: AgentRun) -> dict[str, Any]:
        """Return the fields and the tool calls."""
        calls = obj.tool_calls.order_by("id")
        return {**super().detail_context(request, obj), "calls": calls}

    @admin.display(description="When")
    def started(self, run: AgentRun) -> str:
        """Return when it began."""
        return moment(run.created_at)

    @admin.display(description="Agent")
    def agent_name(self, run: AgentRun) -> str:
        """Return who ran."""
        return run.agent_version.agent.name if run.agent_version else "Not chosen yet"

    @admin.display(description="Started by")
    def why(self, run: AgentRun) -> str:
        """Return what started it."""
        return run.get_trigger_display()

    @admin.display(description="State")
    def standing(self, run: AgentRun) -> str:
        """Return how far it has come."""
        return chip(run.get_state_display(), *RUN_STATES.get(run.state, ("neutral", "dot")))

    @admin.display(description="Took")
    def took(self, run: AgentRun) -> str:
        """Return how long it ran."""
        if run.started_at is None or run.finished_at is None:
            return "–"
        return f"{(run.finished_at - run.started_at).total_seconds():.1f} s"

    @admin.display(description="Conversation")
    def talk(self, run: AgentRun) -> str:
        """Return a link to the conversation."""
        url = reverse("admin:conversations_conversation_change", args=[run.conversation_id])
        return format_html('<a class="wk-over" href="{}">Open</a>', url)
