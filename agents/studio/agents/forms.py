"""Forms of the agents page."""

from typing import Any, Final
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

from agents.knowledge.admin.forms import CollectionChoice
from agents.langflow.connection import FLOW_LIMIT
from agents.llm import registry
from agents.models import AgentVersion
from agents.studio.agents import configuration, gallery
from agents.studio.agents.activation import REASON_LIMIT
from agents.studio.agents.portability import FIELDS
from agents.studio.agents.tool_groups import ALWAYS, audience_of, groups_of
from console.base.forms import ConsoleForm

USUAL: Final = {"min_confidence": configuration.CONFIDENCE, "memory": AgentVersion.Memory.VERIFIED}
"""What an empty field means."""
MODEL_WORDS = {
    "local": "Built in: rules, no API key",
    "routes": "Your organisation's models",
    "langflow": "A Langflow flow",
    "openai": "OpenAI-compatible server of this installation",
    "anthropic": "Anthropic, by this installation",
}


class NameForm(ConsoleForm):
    """The agent's name."""

    name = forms.CharField(
        label="Name", max_length=configuration.NAME_LIMIT, help_text="Shown to colleagues in the chat."
    )


class SetupForm(ConsoleForm):
    """A part of an agent's configuration, and which one it was opened with."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def setup(self) -> dict[str, Any]:
        """Return the form's values as fields of `Setup`."""
        kept = {name: self.cleaned_data[name] for name in configuration.Setup.__slots__ if name in self.fields}
        kept |= {name: tuple(kept[name]) for name in ("tools", "collections") if name in kept}
        return {name: USUAL.get(name, value) if value in (None, "") else value for name, value in kept.items()}


class InstructionsForm(NameForm, SetupForm):
    """What an agent is told, and which model reads it."""

    instructions = forms.CharField(
        label="Instructions",
        required=False,
        max_length=configuration.PROMPT_LIMIT,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="For language models. The built-in model follows its own rules.",
    )
    model = forms.ChoiceField(label="Model", help_text="The built-in one, and what is set up under Models.")
    model_name = forms.CharField(
        label="Model name at the provider", required=False, max_length=80, help_text="Leave empty for the default."
    )
    flow = forms.CharField(
        label="Langflow flow",
        required=False,
        max_length=FLOW_LIMIT,
        help_text="If the model is a flow: its id, or its address in Langflow. The flow has its own instructions.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["model"].choices = [(key, MODEL_WORDS.get(key, key)) for key in registry.configured_models()]


class ToolTicks(forms.CheckboxSelectMultiple):
    """The tools to tick; those of every agent are ticked for good."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the context of one tick."""
        option = super().create_option(name, value, *args, **kwargs)
        if value in ALWAYS:
            option["attrs"] |= {"checked": True, "disabled": True}
        return option


class TeamTicks(forms.Widget):
    """For each tool the teams to tick, which the page draws beside it."""

    PREFIX: Final = "teams-"

    def value_from_datadict(self, data: Any, files: Any, name: str) -> dict[str, list[str]]:
        """Return the ticked teams by tool."""
        return {key.removeprefix(self.PREFIX): data.getlist(key) for key in data if key.startswith(self.PREFIX)}


class TeamLimits(forms.Field):
    """The teams that tools are limited to."""

    widget = TeamTicks

    def to_python(self, value: Any) -> dict[str, tuple[UUID, ...]]:
        """Return them by tool. Raises `ValidationError`."""
        try:
            return {tool: tuple(map(UUID, teams)) for tool, teams in (value or {}).items()}
        except ValueError:
            raise ValidationError("Choose from the teams.") from None


class ToolsForm(SetupForm):
    """What an agent may call."""

    tools = forms.MultipleChoiceField(
        label="Tools",
        required=False,
        widget=ToolTicks,
        help_text="People are only offered tools that their own role allows. Tools of a platform appear here once it "
        "is connected. Every agent also shows colleagues their own requests.",
    )
    tool_teams = TeamLimits(required=False)
    max_open_approvals = forms.IntegerField(
        label="Open requests at most",
        required=False,
        min_value=1,
        max_value=configuration.MOST_OPEN,
        help_text="The agent makes no new request beyond this number. Leave empty for the organisation default.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        self.groups = list(groups_of(self.chosen()))
        fields["tools"].choices = [
            (group.title, [(tool.key, f"{tool.title}: {audience_of(tool)}") for tool in group.tools])
            for group in self.groups
        ]

    def chosen(self) -> list[str]:
        """Return the keys of the tools that are ticked, or were when the form was opened."""
        if not self.is_bound:
            return list(self.initial.get("tools") or ())
        return list(self.fields["tools"].widget.value_from_datadict(self.data, self.files, self.add_prefix("tools")))

    def limits(self) -> dict[str, list[Any]]:
        """Return the teams that are ticked by tool, or were when the form was opened."""
        field = self["tool_teams"]
        return dict((field.data if self.is_bound else field.initial) or {})

    def clean_tool_teams(self) -> dict[str, tuple[UUID, ...]]:
        """Drop the limits of tools that are no longer ticked."""
        limits: dict[str, tuple[UUID, ...]] = self.cleaned_data["tool_teams"]
        return {tool: teams for tool, teams in limits.items() if tool in self.chosen()}

    def clean_tools(self) -> list[str]:
        """Keep the order of those that were there: another order is no change."""
        sent = self.cleaned_data["tools"]
        kept = [key for key in self.initial.get("tools") or () if key in sent or key in ALWAYS]
        return [*kept, *(key for key in sent if key not in kept)]


class KnowledgeForm(CollectionChoice, SetupForm):
    """What an agent answers from, and how sure it has to be."""

    chooses = "collections"

    collections = forms.TypedMultipleChoiceField(
        label="Knowledge",
        required=False,
        coerce=UUID,
        widget=forms.CheckboxSelectMultiple,
        help_text="What it answers from. Choose none for everything that the person who asks may see.",
    )
    min_confidence = forms.IntegerField(
        label="Minimum confidence",
        required=False,
        initial=configuration.CONFIDENCE,
        min_value=0,
        max_value=100,
        help_text="From 0 to 100. Below it the agent asks once for other words; then a colleague gets its draft.",
    )
    memory = forms.ChoiceField(
        label="Remembers",
        required=False,
        choices=AgentVersion.Memory.choices,
        initial=AgentVersion.Memory.VERIFIED,
        help_text="Whose facts it uses: what they wrote about themselves, such as their order number.",
    )
    asks_judge = forms.BooleanField(
        label="Re-rank passages",
        required=False,
        help_text="Where documents may not answer a question, a model that judges passages is asked first.",
    )


def seen_by(form: forms.Form) -> dict[str, int | None]:
    """Return the version and revision that were shown with a form, as the services take them."""
    return {f"seen_{name}": form.cleaned_data[name] for name in ("version", "revision")}


class DraftForm(ConsoleForm):
    """The draft that is on the page."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    revision = forms.IntegerField(widget=forms.HiddenInput)


class ActivateForm(DraftForm):
    """The draft that is on the page, and why it is activated although a check fails."""

    override = forms.CharField(
        label="Reason to activate although a check fails",
        required=False,
        max_length=REASON_LIMIT,
        help_text="Only owners can. Leave empty otherwise. Kept in the history, masked.",
    )


class EarlierVersionForm(ConsoleForm):
    """The version that is to answer again; the page sets the choices."""

    version = forms.TypedChoiceField(
        label="Version", coerce=int, help_text="A draft stays as it is. The change is added to the history."
    )


class ImportForm(ConsoleForm):
    """The file of an agent."""

    file = forms.FileField(label="File", help_text="A file that was exported from an agent's page, at most 64 kB.")


class NewAgentForm(InstructionsForm, ToolsForm, KnowledgeForm):
    """An agent of the tenant's own."""

    type = forms.ChoiceField(
        label="Topic",
        choices=gallery.types,
        help_text="Colleagues who ask about it get this agent. Who answers customers is chosen under “Who answers”.",
    )
    template = forms.ChoiceField(
        required=False,
        widget=forms.HiddenInput,
        choices=lambda: [("", ""), *((key, key) for key in gallery.with_cases())],
    )
    tool_teams = None  # type: ignore[assignment]  # limited on the agent's own page
    field_order = FIELDS
