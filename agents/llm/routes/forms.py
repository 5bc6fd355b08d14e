"""Forms of the pages of models, budgets and usage."""

from dataclasses import fields
from typing import Any

from django import forms

from agents.llm import endpoints
from agents.llm.routes import configuration, prices
from agents.llm.routes.models import Budget, Provider, Tier
from agents.models import Agent
from console.base.forms import AmountField, ConsoleForm

PER_MILLION = "For a million tokens, as the provider's price list says."


class SeenForm(ConsoleForm):
    """A form that carries the version that was shown."""

    version = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)


def _price(label: str, help_text: str = PER_MILLION) -> AmountField:
    return AmountField(
        label=label, required=False, min_value=0, max_value=prices.HIGHEST, decimal_places=4, help_text=help_text
    )


class RouteForm(SeenForm):
    """A route to a model."""

    name = forms.CharField(label="Name", max_length=configuration.NAME_LIMIT)
    provider = forms.ChoiceField(label="Provider", choices=Provider.choices)
    base_url = forms.CharField(
        label="Address",
        required=False,
        max_length=endpoints.URL_LIMIT,
        help_text="Such as https://host/v1. Leave it empty for the provider's own address.",
    )
    key = forms.CharField(
        label="Key",
        required=False,
        max_length=endpoints.KEY_LIMIT,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Encrypted and never shown again. Leave it empty to keep the current key.",
    )
    model = forms.CharField(label="Model", max_length=configuration.MODEL_LIMIT, help_text="Its name at the provider.")
    tier = forms.ChoiceField(
        label="For", choices=[(Tier.LIGHT, "Easy questions (light)"), (Tier.STRONG, "Hard questions (strong)")]
    )
    position = forms.IntegerField(
        label="Order", min_value=1, max_value=configuration.LAST_POSITION, initial=1, help_text="1 is asked first."
    )
    price_input = _price("Price of input")
    price_cached = _price("Price of cached input", "Leave it empty if it costs the same.")
    price_output = _price("Price of output")
    currency = forms.CharField(label="Currency", max_length=3, help_text="Such as EUR.")
    is_free = forms.BooleanField(label="The model is free", required=False, help_text="Such as one that you run.")
    context_tokens = forms.IntegerField(
        label="Context size",
        min_value=configuration.SMALLEST_CONTEXT,
        max_value=configuration.LARGEST_CONTEXT,
        initial=128_000,
        help_text="Tokens of question and answer together.",
    )
    embedding_model = forms.CharField(
        label="Model for embeddings",
        required=False,
        max_length=configuration.MODEL_LIMIT,
        help_text="If the provider offers one. Documents are then found by meaning as well as by words.",
    )
    embedding_dimensions = forms.IntegerField(
        label="Size of vectors",
        required=False,
        min_value=0,
        max_value=configuration.MOST_DIMENSIONS,
        help_text="How many numbers a vector of this model has, such as 1536.",
    )
    price_embedding = _price("Price of embeddings")
    judges = forms.BooleanField(
        label="Judges passages",
        required=False,
        help_text="It is asked what the answers of models over a network claim, and for agents that have passages "
        "judged, whether these answer.",
    )

    def setup(self) -> dict[str, Any]:
        """Return the form's values as fields of `RouteSetup`."""
        said = {each.name: self.cleaned_data[each.name] for each in fields(configuration.RouteSetup)}
        return said | {"embedding_dimensions": said["embedding_dimensions"] or 0}


class BudgetForm(ConsoleForm):
    """A budget."""

    scope = forms.ChoiceField(label="For", choices=Budget.Scope.choices)
    agent = forms.ChoiceField(label="Agent, if one", required=False)
    amount = AmountField(label="Amount", decimal_places=2)
    currency = forms.CharField(label="Currency", max_length=3, help_text="That of your models' prices, such as EUR.")
    period = forms.ChoiceField(label="Per", choices=Budget.Period.choices)
    on_spent = forms.ChoiceField(label="When it is spent", choices=Budget.OnSpent.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        agents = Agent.objects.filter(is_active=True).order_by("name").values_list("id", "name")
        self.fields["agent"].choices = [("", "–"), *((str(key), name) for key, name in agents)]  # type: ignore[attr-defined]


class BudgetChangeForm(SeenForm):
    """A new amount, and what happens once it is spent."""

    amount = AmountField(label="Amount", decimal_places=2)
    on_spent = forms.ChoiceField(label="When it is spent", choices=Budget.OnSpent.choices)
