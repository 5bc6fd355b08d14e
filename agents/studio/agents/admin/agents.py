"""The console's pages of agents."""

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.http import content_disposition_header
from django.utils.text import slugify

from accounts.permissions import shares
from agents import selectors, services
from agents.answering.routing.panels import open_accounts, otherwise_of, places_of
from agents.answering.routing.selectors import Outlook, outlook
from agents.models import Agent, AgentVersion
from agents.studio.agents import gallery, portability
from agents.studio.agents.activation import ACTIVATE
from agents.studio.agents.admin import rows
from agents.studio.agents.admin.contents import PARTS, SHOWN_VERSIONS, contents_of, versions_of
from agents.studio.agents.admin.studio import FOR_EDITORS, TABS, draft_of, frame_of, kept_draft, tab_url
from agents.studio.agents.configuration import CHANGE, version_shown
from agents.studio.agents.forms import (
    ActivateForm,
    EarlierVersionForm,
    ImportForm,
    InstructionsForm,
    KnowledgeForm,
    NameForm,
    NewAgentForm,
    SetupForm,
    ToolsForm,
    seen_by,
)
from agents.studio.agents.tool_groups import titles_of
from agents.studio.evals.admin.runs import CheckActions
from agents.studio.trials.admin import TryAction
from agents.studio.trials.speakers import TRY
from console.base.actions import ServiceAction, action_url, service_action, usable, why_not
from console.base.crud import calls
from console.base.forms import ConsoleForm
from console.base.lists import SelectFilter
from console.base.model_admin import ServiceAdmin
from console.base.share import end_share_action, share_action
from console.extensions import MOST_FOUND, Finder, Found, finders
from console.navigation import AGENTS, Nav
from console.templatetags.console_ui import chip, exact
from console.viewers import reads_fresh_parts, viewer_of
from conversations.registry import agent_use
from conversations.selectors import VIEW_FIGURES
from core.actors import Actor
from core.reliability import kept

SHOWN_ON = {
    **dict.fromkeys(("activate", "activate-again", "discard", "roll-back"), "versions"),
    **dict.fromkeys(("check", "replay"), "checks"),
}
"""The tabs that show what actions did."""
FEW = 10
"""Agents up to which a list needs no filter."""
MENU = ("copy", "share", "end-share", "discard", "activate-again", "retire", "restore")
"""The actions of the menu of an agent's page."""


def _from_template(key: str) -> dict[str, Any]:
    """Return what the form of a new agent starts with; nothing for an unknown template."""
    template = gallery.find(key)
    if template is None:
        return {}
    setup = template.setup()
    return {
        "template": key if template.cases else "",
        "name": setup.name,
        "type": template.type,
        "instructions": setup.instructions,
        "tools": list(setup.tools),
    }


def _saves(title: str, form: type[SetupForm]) -> ServiceAction:
    """Return the action of a tab that saves its part of the draft; all who may see the agent may open it."""

    def save(self: Any, request: HttpRequest, obj: Agent, form: SetupForm) -> str:
        services.change_agent(actor=viewer_of(request), agent_id=obj.pk, changes=form.setup(), **seen_by(form))
        return "Draft saved."

    tab = service_action(
        title=title, permission=CHANGE, reading=selectors.VIEW_AGENT, form=form, submit="Save draft", on_object=True
    )
    return tab(save)


class TypeFilter(SelectFilter):
    """Agents of a type."""

    title = "Type"
    parameter_name = field = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the types that agents may have here."""
        return gallery.types()


class AgentFinder(Finder):
    """Agents by a part of their name."""

    title, order, permission = "Agents", 25, selectors.VIEW_AGENT

    def find(self, viewer: Actor, words: str) -> list[Found]:
        """Return the agents, those in use first."""
        rows = selectors.query_agents(viewer=viewer).filter(name__icontains=words).order_by("-is_active", "name", "id")
        return [
            Found(
                row.name,
                "In use" if row.is_active else "Off",
                tab_url(row, "instructions"),
            )
            for row in rows[:MOST_FOUND]
        ]


finders.register("agents.agents", AgentFinder)


@admin.register(Agent)
class AgentAdmin(TryAction, CheckActions, ServiceAdmin):
    """The built-in agents and the tenant's own."""

    view_permission = "agents.view_agent"
    share_kind = shares.AGENT
    nav = Nav("Agents", "agent", AGENTS, order=10)
    intro = "Who answers customers and colleagues, and how often."
    empty_title = "No agents yet"
    change_list_template = "console/agents.html"
    list_display = ("agent", "answers", "model_title", "used", "last", "version")
    list_filter: ClassVar = [TypeFilter]
    is_elsewhere = True

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs of the tabs and actions, of the gallery of templates and of the export."""
        wrap = self.admin_site.admin_view
        return [
            path("templates/", wrap(self.gallery_view), name="agents_agent_templates"),
            path("<uuid:object_id>/export/", wrap(self.export_view), name="agents_agent_export"),
            path("<uuid:object_id>/edit/", wrap(self.detail_view), name="agents_agent_edit"),
            *(
                path(f"<uuid:object_id>/{tab}/", wrap(partial(self.tab_view, tab=tab)), name=f"agents_agent_{tab}")
                for tab in ("checks", "versions")
            ),
            *super().get_urls(),
        ]

    def gallery_view(self, request: HttpRequest) -> HttpResponse:
        """Show the templates that a new agent can start from."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        if not viewer_of(request).may(CHANGE):
            raise PermissionDenied("Your role can't create agents.")
        context = {
            **self.admin_site.each_context(request),
            "title": "New agent",
            "opts": self.model._meta,
            "list_title": "Agents",
            "list_url": self.list_url(),
            "templates": [
                (template, titles_of(template.setup().tools), len(template.cases)) for template in gallery.templates()
            ],
            "create_url": reverse("admin:agents_agent_create"),
        }
        return TemplateResponse(request, "console/agent_templates.html", context)

    def export_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Download the agent's configuration as a file."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role can't open this page.")
        agent = self.object_or_404(request, object_id)
        document = portability.export_agent(viewer=viewer_of(request), agent_id=agent.pk)
        answer = HttpResponse(portability.write_file(document), content_type="application/json")
        answer["Content-Disposition"] = content_disposition_header(True, f"{slugify(agent.name) or 'agent'}.json")
        return answer

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return the list's actions; a new agent begins with the choice of a template."""
        context = super().list_context(request)
        for offer in context["offered"]:
            if offer["action"].path == "create":
                offer["url"] = reverse("admin:agents_agent_templates")
        return context

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        """Read with each agent whether customers may get it."""
        chosen = self._outlook(request).for_customers
        unused = Q(is_active=False) | Q(active_version=None)
        return selectors.query_agents(viewer=viewer_of(request)).annotate(
            is_for_customers=Case(When(pk__in=chosen, then=Value(True)), default=Value(False)),
            place=Case(When(unused, then=Value(2)), When(pk__in=chosen, then=Value(0)), default=Value(1)),
        )

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return those that answer customers first, then the colleagues' ones, then those not in use."""
        return ("place", "name", "id")

    def get_list_display(self, request: HttpRequest) -> Any:
        """Leave out what agents did for those who may see no figures."""
        hidden = () if viewer_of(request).may(VIEW_FIGURES) else ("used", "last")
        return tuple(column for column in self.list_display if column not in hidden)

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Offer a filter only where there is something to narrow."""
        is_long = len(Agent.objects.values_list("pk")[: FEW + 1]) > FEW
        return self.list_filter if is_long or TypeFilter.parameter_name in request.GET else ()

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Read on which channels each answers customers, and what it did lately. Two queries."""
        found, accounts, uses = self._outlook(request), open_accounts(), agent_use(viewer_of(request))
        for row in rows:
            row.places = places_of(found, row, accounts) if row.is_active and row.active_version else []
            row.use = uses.get(str(row.pk))

    def object_url(self, agent: Agent) -> str:
        """Return the first tab of an agent."""
        return tab_url(agent, "instructions")

    def after_action_url(self, request: HttpRequest, action: ServiceAction, agent: Any) -> str:
        """Return the tab that an action was used on, or that shows what it did."""
        tab = SHOWN_ON.get(action.path, action.path)
        return tab_url(agent, tab) if tab in TABS else super().after_action_url(request, action, agent)

    def form_page(self, request: HttpRequest, action: ServiceAction, obj: Any, form: Any, status: int) -> HttpResponse:
        """Show the tab of an action that has one, any other form by itself."""
        if action.path not in TABS:
            return super().form_page(request, action, obj, form, status)
        shown: dict[str, Any] = {"form": form, "post_url": tab_url(obj, action.path)}
        if action.path == "try":
            shown |= self.playground(request, obj)
            if reads_fresh_parts(request):
                return self._fresh_parts(request, obj, shown)
        else:
            viewer = viewer_of(request)
            is_open = viewer.may(CHANGE) and not self.why_not(request, action, obj)
            shown |= contents_of(viewer, obj, action.path, form, is_open=is_open, found=self._outlook(request))
        return self._tab(request, obj, action.path, shown, status)

    def tab_view(self, request: HttpRequest, object_id: UUID, tab: str) -> HttpResponse:
        """Show the agent's cases and what they showed, or its versions and what the draft changes."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        viewer = viewer_of(request)
        if not (viewer.may(TRY) if tab in FOR_EDITORS else self.opens_to(viewer)):
            raise PermissionDenied("Your role can't open this page.")
        agent = self.object_or_404(request, object_id)
        if tab == "checks" and reads_fresh_parts(request):
            return self._fresh_parts(request, agent, self.run_context(request, agent))
        shown = self.checks_context(request, agent) if tab == "checks" else versions_of(viewer, agent)
        return self._tab(request, agent, tab, shown)

    def _fresh_parts(self, request: HttpRequest, agent: Agent, shown: dict[str, Any]) -> HttpResponse:
        """Show the parts of a tab that are read again while an answer or a run is made."""
        context = {**shown, "obj": agent, "draft": SimpleLazyObject(partial(draft_of, agent))}
        return TemplateResponse(request, "console/studio/fresh.html", context)

    def _outlook(self, request: HttpRequest) -> Outlook:
        """Return who answers what; read once for each request."""
        if not hasattr(request, "outlook"):
            request.outlook = outlook(viewer=viewer_of(request))  # type: ignore[attr-defined]
        found: Outlook = request.outlook  # type: ignore[attr-defined]
        return found

    def _tab(
        self, request: HttpRequest, agent: Agent, tab: str, shown: dict[str, Any], status: int = 200
    ) -> HttpResponse:
        """Show a tab in the frame that all of them share."""
        viewer = viewer_of(request)
        menu = usable([action for action in self.service_actions.values() if action.path in MENU], viewer, agent)
        context = {
            **self.page_context(request, f"{TABS[tab]}: {agent.name}", obj=agent),
            **frame_of(viewer, agent, tab),
            "chips": self.chips_of(agent),
            "menu": [
                (action, action_url(self, action, agent))
                for action in menu
                if not why_not(self, request, action, agent)
            ],
            **shown,
        }
        return TemplateResponse(request, f"console/studio/{tab}.html", context, status=status)

    agent, answers, model_title = rows.name, rows.answers, rows.model
    used, last, version = rows.used, rows.last, rows.version

    def chips_of(self, agent: Agent) -> list[str]:
        """Return who gets it, and whether it is built in."""
        return [rows.use_chip(agent), chip("Built in" if agent.is_system else "Your own")]

    def why_not(self, request: HttpRequest, action: ServiceAction, agent: Any) -> str:
        """Refuse what the agent's state doesn't allow."""
        if agent is None:
            return ""
        if action.path == "roll-back":
            return "" if self._earlier(agent) else "There is no earlier version."
        never, draft = agent.active_version is None, agent.draft_number
        built_in = "Built-in agents can't be edited. Make a copy to customise it." if agent.is_system else ""
        reasons = {
            **dict.fromkeys(PARTS, built_in),
            "activate": "" if draft else "There is no draft.",
            "activate-again": "" if agent.active_version and agent.active_version.flow else "It has no flow.",
            "discard": "The agent has nothing but its draft." if never else "" if draft else "There is no draft.",
            "retire": "" if agent.is_active else "This agent is already off.",
            "restore": "This agent is already on." if agent.is_active else "",
        }
        return reasons.get(action.path, "")

    def form_initial(self, request: HttpRequest, action: ServiceAction, agent: Any) -> dict[str, Any]:
        """Start from the draft, or the active version where there is none."""
        if action.path == "copy":
            return {"name": f"{agent.name} (own)"}
        if action.path == "create":
            return _from_template(request.GET.get("template", ""))
        if action.path in ("try", "roll-back"):
            return {"trial": request.GET.get("trial"), "version": request.GET.get("version")}
        if action.path not in (*PARTS, "activate"):
            return {}
        current = version_shown(agent, kept_draft(agent))
        setup = services.setup_in(current)
        kept = {name: getattr(setup, name) for name in type(setup).__slots__}
        lists = {"tools": list(setup.tools), "collections": [str(key) for key in setup.collections]}
        return {**kept, **lists, "version": current.number, "revision": current.revision}

    def action_form(self, request: HttpRequest, action: ServiceAction, obj: Any, *, bound: bool = False) -> ConsoleForm:
        """Return the action's form; going back offers the earlier versions."""
        form = super().action_form(request, action, obj, bound=bound)
        if action.path == "roll-back":
            fields: Any = form.fields
            fields["version"].choices = [
                (version.number, f"Version {version.number} of {exact(version.created_at)}")
                for version in self._earlier(obj)
            ]
        return form

    def _earlier(self, agent: Agent) -> list[AgentVersion]:
        """Return the versions that may answer again, newest first."""
        rows = agent.versions.filter(is_draft=False).order_by("-number")
        return [version for version in rows[: SHOWN_VERSIONS + 1] if version.pk != agent.active_version_id]

    @service_action(
        title="New agent",
        permission=CHANGE,
        form=NewAgentForm,
        submit="Create agent",
        tone="primary",
        on_list=True,
        explain="Create an agent of your own. It answers once its draft is activated; you can't approve its requests.",
    )
    def create(self, request: HttpRequest, obj: None, form: NewAgentForm) -> HttpResponse:
        """Create an own agent and open its page, where it is tried and activated."""
        setup = services.Setup(**form.setup())
        kind, template = form.cleaned_data["type"], form.cleaned_data["template"]
        agent = services.create_agent(actor=viewer_of(request), type=kind, setup=setup, template=template)
        todo = "Try it and run its checks" if template else "Try it"
        messages.success(request, f"{agent.name} is a draft. {todo}; it answers once you activate it.")
        return redirect(self.object_url(agent))

    @service_action(
        path="import",
        title="Import",
        permission=CHANGE,
        form=ImportForm,
        submit="Import agent",
        on_list=True,
        explain="Create an agent from an exported file. It answers once its draft is activated.",
    )
    def import_file(self, request: HttpRequest, obj: None, form: ImportForm) -> str:
        """Create an agent from a file."""
        document = portability.read_file(form.cleaned_data["file"].read(portability.LARGEST_FILE + 1))
        agent = portability.import_agent(actor=viewer_of(request), document=document)
        return f"{agent.name} is a draft. It answers once you activate it."

    @service_action(
        title="Activate",
        permission=ACTIVATE,
        form=ActivateForm,
        submit="Activate the draft",
        tone="primary",
        explain="The draft answers from now on; current runs keep their version. You can't approve its requests.",
    )
    def activate(self, request: HttpRequest, obj: Agent, form: ActivateForm) -> str:
        """Let the draft answer."""
        override = form.cleaned_data["override"]
        agent = services.activate_draft(actor=viewer_of(request), agent_id=obj.pk, override=override, **seen_by(form))
        kept.forget()  # who answered seconds ago
        found = outlook(viewer=viewer_of(request))
        if found.rivals:
            missing = f"If no answer rule applies: {otherwise_of(found)}. Choose who answers on this page."
            messages.warning(request, missing)
        version = f"version {form.cleaned_data['version']}"
        if places := places_of(found, agent, open_accounts()):
            return f"{agent.name} answers customers in {version} now, on {', '.join(places)}."
        if agent.pk in found.for_customers:
            return f"{agent.name} is active in {version}. It answers customers once a channel is connected."
        return f"{agent.name} is active in {version}. It answers no customers yet: choose it under Who answers."

    activate_again = calls(services.activate_again, "agent_id", permission=ACTIVATE,
                           title="Activate flow again",
                           explain="The agent answers with its Langflow flow as it is now. "
                           "You can't approve its requests.",
                           done="{.name} is now answering with its flow as it is in Langflow.")  # fmt: skip

    share, end_share = share_action(shares.AGENT), end_share_action(shares.AGENT)
    instructions = _saves("Instructions", InstructionsForm)
    tools = _saves("Tools", ToolsForm)
    knowledge = _saves("Knowledge", KnowledgeForm)

    discard = calls(services.discard_draft, "agent_id", permission=CHANGE, title="Discard draft",
                    explain="The changes of the draft are deleted. The active version stays as it is.",
                    done="The draft is discarded.")  # fmt: skip

    @service_action(
        title="Go back to an earlier version",
        permission=ACTIVATE,
        form=EarlierVersionForm,
        submit="Activate this version",
        explain="The version answers again from now on. You can't approve its requests.",
    )
    def roll_back(self, request: HttpRequest, obj: Agent, form: EarlierVersionForm) -> str:
        """Let an earlier version answer again."""
        number = form.cleaned_data["version"]
        services.roll_back(actor=viewer_of(request), agent_id=obj.pk, version=number)
        return f"Version {number} is answering again."

    copy = calls(services.copy_agent, "agent_id", permission=CHANGE, title="Copy", form=NameForm,
                 submit="Make a copy", done="{.name} is a draft. Edit it, then activate it.")  # fmt: skip

    retire = calls(services.retire_agent, "agent_id", permission=CHANGE, title="Switch off",
                   explain="It stops answering. History is kept.", done="The agent is switched off.")  # fmt: skip

    restore = calls(services.restore_agent, "agent_id", permission=CHANGE, title="Switch on",
                    done="The agent is switched on.")  # fmt: skip
