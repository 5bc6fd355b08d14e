"""Forms of the agents page."""

from typing import Any

from django import forms

from agents import configuration, registry
from agents.models import Agent
from agents.tools import registry as tools
from console.base.forms import ConsoleForm

MODEL_WORDS = {"local": "Built in: rules, no key", "openai": "OpenAI-compatible server", "anthropic": "Anthropic"}


class NameForm(ConsoleForm):
    """What the agent is called."""

    name = forms.CharField(
        label="Name", max_length=configuration.NAME_LIMIT, help_text="Colleagues see it in the chat."
    )


class AgentForm(NameForm):
    """What an agent is configured with."""

    instructions = forms.CharField(
        label="Instructions",
        required=False,
        max_length=configuration.PROMPT_LIMIT,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="For language models. The built-in model works by its own rules.",
    )
    model = forms.ChoiceField(label="Model", help_text="Those with a key in the settings.")
    model_name = forms.CharField(
        label="Model's name at its provider", required=False, max_length=80, help_text="Empty: the usual one."
    )
    tools = forms.MultipleChoiceField(
        label="Tools",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Who writes is offered only what he may use himself.",
    )
    max_open_approvals = forms.IntegerField(
        label="Open requests at a time",
        required=False,
        min_value=1,
        max_value=configuration.MOST_OPEN,
        help_text="It asks for nothing more while so many wait. Empty: the desk's own limit.",
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["model"].choices = [(key, MODEL_WORDS.get(key, key)) for key in registry.configured_models()]
        known = [(key, tools.get(key)) for key in tools.keys() if key not in tools.FOR_EVERY_AGENT]  # noqa: SIM118
        fields["tools"].choices = [
            (key, f"{tool.title} (asks for a signature)" if tool.acting else tool.title) for key, tool in known
        ]

    def setup(self) -> dict[str, Any]:
        """Return what was filled in as fields of `Setup`."""
        names = ("name", "instructions", "model", "model_name", "tools", "max_open_approvals")
        return {name: self.cleaned_data[name] for name in names} | {"tools": tuple(self.cleaned_data["tools"])}


class NewAgentForm(AgentForm):
    """An agent of the tenant's own."""

    type = forms.ChoiceField(
        label="Works on",
        choices=Agent.Type.choices,
        help_text="It answers before the built-in agent of this work. A custom one answers where a page names it.",
    )
    field_order = ("name", "type", "instructions", "model", "model_name", "tools", "max_open_approvals")
