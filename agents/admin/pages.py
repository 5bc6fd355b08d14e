"""The console's pages of agents and their runs."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Max, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from agents import services
from agents.admin.forms import MODEL_WORDS, AgentForm, NameForm, NewAgentForm
from agents.configuration import CHANGE
from agents.models import Agent, AgentRun
from agents.tools import registry as tools
from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm
from console.base.lists import choose, since
from console.base.model_admin import ReadOnlyAdmin, ServiceAdmin
from console.navigation import Nav
from console.templatetags.console_ui import chip, exact, moment
from console.viewers import viewer_of

RUN_STATES = {
    "queued": ("neutral", "clock"),
    "running": ("info", "bolt"),
    "waiting": ("warn", "clock"),
    "finished": ("good", "check"),
    "failed": ("danger", "x-circle"),
}


@admin.register(Agent)
class AgentAdmin(ServiceAdmin):
    """The built-in agents and the tenant's own."""

    view_permission = "agents.view_agent"
    nav = Nav("Agents", "agent", group="Set-up", order=20)
    intro = "Who answers customers and colleagues, and in which version."
    empty_title = "No agents yet"
    list_display = ("name", "type", "category", "current_version", "standing", "created_at")
    list_filter: ClassVar = [choose("type", "Type", Agent.Type.choices)]
    ordering = ("-is_active", "name", "id")
    detail_fields = (
        "name",
        "type",
        "category",
        "current_version",
        "tools",
        "thinks_with",
        "open_limit",
        "instructions",
        "standing",
        "created_at",
    )

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
        """Return the titles of the tools that the newest version may call."""
        names = services.setup_of(agent).tools
        titles = (tools.get(name).title if tools.is_known(name) else f"{name} (unavailable)" for name in names)
        return ", ".join(titles) or "None"

    @admin.display(description="Model")
    def thinks_with(self, agent: Agent) -> str:
        """Return the model of the newest version."""
        setup = services.setup_of(agent)
        return f"{MODEL_WORDS.get(setup.model, setup.model)} {setup.model_name}".strip()

    @admin.display(description="Open requests at most")
    def open_limit(self, agent: Agent) -> str:
        """Return how many open requests it may have."""
        return str(services.setup_of(agent).max_open_approvals or "Organisation default")

    @admin.display(description="Instructions")
    def instructions(self, agent: Agent) -> str:
        """Return the instructions for a language model."""
        return services.setup_of(agent).instructions or "–"

    @admin.display(description="State")
    def standing(self, agent: Agent) -> str:
        """Return whether it answers, and whether it is built in."""
        origin = "Built in" if agent.is_system else "Your own"
        word = chip("Answers", "good", "check") if agent.is_active else chip("Off", "neutral", "pause")
        return format_html('<span class="wk-chips">{} {}</span>', word, chip(origin))

    def why_not(self, request: HttpRequest, action: ServiceAction, agent: Any) -> str:
        """Refuse to edit a built-in agent, and to switch an agent to the state it has."""
        if action.path == "edit" and agent.is_system:
            return "Built-in agents can't be edited. Make a copy to customise it."
        if action.path == "retire" and not agent.is_active:
            return "This agent is already off."
        return "This agent is already on." if action.path == "restore" and agent.is_active else ""

    def offered(self, request: HttpRequest, obj: Any, *, on_list: bool = False) -> list[dict[str, Any]]:
        """Return the actions without the switch to the current state."""
        found = super().offered(request, obj, on_list=on_list)
        return [each for each in found if each["action"].path == "edit" or not each["blocked"]]

    def form_initial(self, request: HttpRequest, action: ServiceAction, agent: Any) -> dict[str, Any]:
        """Start from the newest version."""
        if action.path == "copy":
            return {"name": f"{agent.name} (own)"}
        if action.path != "edit":
            return {}
        setup = services.setup_of(agent)
        kept = {name: getattr(setup, name) for name in type(setup).__slots__}
        return {**kept, "tools": list(setup.tools), "version": agent.newest}

    @service_action(
        path="create",
        title="New agent",
        permission=CHANGE,
        form=NewAgentForm,
        submit="Create agent",
        tone="primary",
        on_list=True,
        explain="Create an agent of your own. You can't approve its requests.",
    )
    def create(self, request: HttpRequest, obj: None, form: NewAgentForm) -> str:
        """Create an own agent."""
        setup = services.Setup(**form.setup())
        agent = services.create_agent(actor=viewer_of(request), type=form.cleaned_data["type"], setup=setup)
        return f"{agent.name} is now answering."

    @service_action(
        path="edit",
        title="Edit",
        permission=CHANGE,
        form=AgentForm,
        submit="Save as a new version",
        tone="primary",
        explain="Each change is a new version; current runs keep theirs. You can't approve its requests after that.",
    )
    def edit(self, request: HttpRequest, obj: Agent, form: AgentForm) -> str:
        """Save a new version."""
        version = form.cleaned_data["version"]
        services.change_agent(actor=viewer_of(request), agent_id=obj.pk, changes=form.setup(), seen_version=version)
        return "Agent saved."

    @service_action(path="copy", title="Copy", permission=CHANGE, form=NameForm, submit="Make a copy")
    def copy(self, request: HttpRequest, obj: Agent, form: ConsoleForm) -> str:
        """Copy this agent."""
        name = form.cleaned_data["name"]
        agent = services.copy_agent(actor=viewer_of(request), agent_id=obj.pk, name=name)
        return f"{agent.name} is now answering. You can edit it."

    @service_action(
        path="retire", title="Switch off", permission=CHANGE, explain="It stops answering. History is kept."
    )
    def retire(self, request: HttpRequest, obj: Agent, form: ConsoleForm) -> str:
        """Switch the agent off."""
        services.retire_agent(actor=viewer_of(request), agent_id=obj.pk)
        return "The agent is switched off."

    @service_action(path="restore", title="Switch on", permission=CHANGE)
    def restore(self, request: HttpRequest, obj: Agent, form: ConsoleForm) -> str:
        """Switch the agent on."""
        services.restore_agent(actor=viewer_of(request), agent_id=obj.pk)
        return "The agent is switched on."


@admin.register(AgentRun)
class AgentRunAdmin(ReadOnlyAdmin):
    """The runs of agents, turn by turn."""

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
    detail_fields = ("exactly", "agent_name", "why", "standing", "took", "talk", "trouble", "model_calls")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentRun]:
        """Read the agent with the run."""
        return super().get_queryset(request).select_related("agent_version__agent")

    def object_title(self, run: AgentRun) -> str:
        """Return the title with the agent's name."""
        return f"{self.agent_name(run)} run"

    def detail_context(self, request: HttpRequest, obj: AgentRun) -> dict[str, Any]:
        """Return the fields and the tool calls."""
        calls = list(obj.tool_calls.order_by("id"))
        for call in calls:
            call.words = call.name.replace("_", " ").capitalize()  # type: ignore[attr-defined]
            call.trouble = call.code.replace("_", " ").capitalize()  # type: ignore[attr-defined]
            call.said = [(name.replace("_", " ").capitalize(), value) for name, value in call.arguments.items()]  # type: ignore[attr-defined]
        return {**super().detail_context(request, obj), "calls": calls}

    @admin.display(description="What went wrong")
    def trouble(self, run: AgentRun) -> str:
        """Return the code of the failure, in words."""
        return run.error_code.replace("_", " ").capitalize() or "Nothing"

    @admin.display(description="When")
    def exactly(self, run: AgentRun) -> str:
        """Return when it began, to the minute."""
        return exact(run.created_at)

    @admin.display(description="Model calls")
    def model_calls(self, run: AgentRun) -> str:
        """Return how often the model was called."""
        return str(run.rounds)

    @admin.display(description="When")
    def started(self, run: AgentRun) -> str:
        """Return when it began."""
        return moment(run.created_at)

    @admin.display(description="Agent")
    def agent_name(self, run: AgentRun) -> str:
        """Return the agent's name."""
        return run.agent_version.agent.name if run.agent_version else "Not chosen yet"

    @admin.display(description="Started by")
    def why(self, run: AgentRun) -> str:
        """Return what started it."""
        return run.get_trigger_display()

    @admin.display(description="State")
    def standing(self, run: AgentRun) -> str:
        """Return its state."""
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
