"""The console's pages of models, budgets and usage."""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from agents.llm.routes import configuration, limits, prices, selectors
from agents.llm.routes.candidates import prices_of
from agents.llm.routes.forms import BudgetChangeForm, BudgetForm, RouteForm, SeenForm
from agents.llm.routes.ledger import MANAGE
from agents.llm.routes.models import Budget, ModelCall, ModelRoute, Tier
from console.base.actions import ServiceAction, service_action
from console.base.crud import calls, edits
from console.base.forms import ConsoleForm
from console.base.lists import Column, SelectFilter, choose, since
from console.base.model_admin import ReadOnlyAdmin, ServiceAdmin
from console.navigation import FIGURES, MODELS, SETTINGS, Nav
from console.templatetags.console_ui import chip, exact, moment, money
from console.viewers import viewer_of
from core.clock import now
from core.errors import Unavailable

TIERS = {Tier.LIGHT: ("Light", "neutral", "bolt"), Tier.STRONG: ("Strong", "info", "bolt")}
OUTCOMES = {"answered": ("good", "check"), "running": ("info", "clock")}
FAILURES = {
    "model_rate_limited": "The provider refused it: too many requests. Try again in a minute.",
    "model_overloaded": "The provider is overloaded. Try again in a minute.",
    "model_unavailable": "The provider failed. Try again later.",
    "model_unreachable": "Nothing answered at this address as a model would. Check the address.",
    "model_rejected": "The provider refused the request. Check the key and the name of the model.",
    "too_slow": "The model took too long.",
    "budget_spent": "A budget is spent. Raise it, or wait for the next period.",
    "model_paused": "Calls are paused after several failures. Try again in a minute.",
}


@admin.register(ModelRoute)
class ModelRouteAdmin(ServiceAdmin):
    """The organisation's models."""

    view_permission = MANAGE
    nav = Nav("Models", "bolt", SETTINGS, MODELS, order=20)
    intro = (
        "Your own language models: their keys, prices and order. Agents set to use them ask a light or a strong one."
    )
    empty_title = "No models yet"
    empty_text = "Agents use the built-in model, which needs no key, or those of this installation."
    list_display = ("name", "model", "for_what", "position", "price", "thousand", "standing")
    to_list = ("remove",)
    ordering = ("-is_active", "tier", "position", "id")
    detail_fields = (
        "name", "provider", "address", "key_state", "model", "for_what", "position", "price", "thousand",
        "context_tokens", "embeddings", "judging", "standing", "version", "created_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelRoute]:
        """Leave out removed routes, whose calls stay on the usage page."""
        return super().get_queryset(request).filter(is_removed=False)

    for_what = Column[ModelRoute]("For", lambda route: chip(*TIERS[Tier(route.tier)]))

    @admin.display(description="Price per million tokens")
    def price(self, route: ModelRoute) -> str:
        """Return the prices of input and output."""
        known = prices_of(route)
        if known is None:
            return "Not entered"
        if known.is_free:
            return "Free"
        words = '<span class="wk-number">{}</span> in, <span class="wk-number">{}</span> out'
        return format_html(words, money(known.input, known.currency), money(known.output, known.currency))

    @admin.display(description="1,000 answers")
    def thousand(self, route: ModelRoute) -> str:
        """Return about what a thousand ordinary answers cost."""
        known = prices_of(route)
        if known is None or known.is_free:
            return "–" if known is None else "Free"
        return format_html('about <span class="wk-number">{}</span>', money(prices.preview(known), known.currency))

    address = Column[ModelRoute]("Address", lambda route: route.base_url or "The provider's own")
    key_state = Column[ModelRoute](
        "Key", lambda route: "Kept, encrypted" if route.__dict__.get("key") is not None else "None"
    )

    @admin.display(description="Embeddings")
    def embeddings(self, route: ModelRoute) -> str:
        """Return the model that makes vectors of texts."""
        if not route.offers_embeddings:
            return "Not offered"
        same = {"model": route.embedding_model, "dimensions": route.embedding_dimensions, "base_url": route.base_url}
        made = route.vectors.filter(**same).count()
        return f"{route.embedding_model}, {made:,} passages done"

    judging = Column[ModelRoute](
        "Judges passages", lambda route: "Yes, for agents that have this checked" if route.judges else "No"
    )
    standing = Column[ModelRoute](
        "State", lambda route: chip("In use", "good", "check") if route.is_active else chip("Off", "neutral", "pause")
    )

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return why the action can't be used now."""
        if action.path == "activate" and obj.is_active:
            return "This model is already in use."
        return "This model is already off." if action.path == "deactivate" and not obj.is_active else ""

    def offered(self, request: HttpRequest, obj: Any, *, on_list: bool = False) -> list[dict[str, Any]]:
        """Return the actions without the switch to the current state."""
        return [each for each in super().offered(request, obj, on_list=on_list) if not each["blocked"]]

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Return the values a form starts with; never the key."""
        if obj is None:
            return {"currency": request.tenant.currency}  # type: ignore[attr-defined]
        setup = configuration.setup_of(obj)
        return {**{name: getattr(setup, name) for name in type(setup).__slots__}, "version": obj.version}

    @service_action(title="Add a model", permission=MANAGE, form=RouteForm, submit="Add",
                    tone="primary", on_list=True,
                    explain="It stays off until you have tested and activated it.")  # fmt: skip
    def create(self, request: HttpRequest, obj: None, form: RouteForm) -> str:
        """Add a route."""
        setup, key = configuration.RouteSetup(**form.setup()), form.cleaned_data["key"]
        made = configuration.create_route(actor=viewer_of(request), setup=setup, key=key)
        return f"{made.name} was added. Test it, then activate it."

    edit = edits(configuration.change_route, "route_id", MANAGE, RouteForm, tone="primary", done="Model saved.",
                 values=lambda form: {"changes": form.setup(), "key": form.cleaned_data["key"]})  # fmt: skip

    @service_action(title="Test", permission=MANAGE,
                    explain="Asks the model for one word. This costs what a short answer costs.")  # fmt: skip
    def test(self, request: HttpRequest, obj: ModelRoute, form: ConsoleForm) -> str:
        """Ask a route once."""
        result = configuration.try_route(actor=viewer_of(request), route_id=obj.pk)
        if not result.is_ok:
            raise Unavailable(FAILURES.get(result.code, "The model gave no whole answer."), code=result.code)
        return f"It answered in {result.milliseconds / 1000:.1f} seconds."

    activate = calls(configuration.activate_route, "route_id", permission=MANAGE, title="Activate",
                     tone="good", done="{.name} is now in use.")  # fmt: skip

    deactivate = calls(configuration.deactivate_route, "route_id", permission=MANAGE,
                       title="Turn off", done="{.name} is off.")  # fmt: skip

    remove = calls(configuration.remove_route, "route_id", permission=MANAGE, title="Remove",
                   form=SeenForm, tone="danger", explain="Its key is deleted. What it cost stays on the usage page.",
                   done="The model was removed.")  # fmt: skip


@admin.register(Budget)
class BudgetAdmin(ServiceAdmin):
    """What models may cost."""

    view_permission = MANAGE
    nav = Nav("Model budgets", "coin", SETTINGS, MODELS, order=30)
    intro = "What your models may cost per day or month. A call that no longer fits is not made."
    empty_title = "No budgets"
    empty_text = "Model calls are not limited. Add a budget before you use a paid model."
    list_display = ("covers", "limit", "taken", "afterwards", "standing")
    ordering = ("-is_active", "scope", "id")
    detail_fields = ("covers", "limit", "taken", "left_over", "afterwards", "standing", "version")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Budget]:
        """Read the agent with the budget."""
        return super().get_queryset(request).select_related("agent")

    def prepare_rows(self, request: HttpRequest, rows: list[Budget]) -> None:
        """Read what is spent of each."""
        spends = selectors.used(rows)
        for budget in rows:
            spend = spends.get(budget.pk)
            budget.used_now = spend.reserved + spend.settled if spend else 0  # type: ignore[attr-defined]

    covers = Column[Budget]("For", lambda budget: budget.agent.name if budget.agent else "All agents")

    @admin.display(description="Amount")
    def limit(self, budget: Budget) -> str:
        """Return the amount and its period."""
        words = '<span class="wk-number">{}</span> a {}'
        return format_html(words, money(budget.amount, budget.currency), budget.period)

    @admin.display(description="Spent")
    def taken(self, budget: Budget) -> str:
        """Return what is reserved and settled in the current period."""
        used = budget.used_now  # type: ignore[attr-defined]
        share = 100 if not budget.amount else min(100, int(100 * used / budget.amount))
        tone = ("danger", "alert") if share >= 100 else ("warn", "alert") if share >= 80 else ("neutral", "")
        words = '<span class="wk-number">{}</span> {}'
        return format_html(words, money(used, budget.currency), chip(f"{share} %", *tone))

    @admin.display(description="1,000 answers")
    def left_over(self, budget: Budget) -> str:
        """Return what a thousand ordinary answers cost with each model in use."""
        known = [(route, prices_of(route)) for route in ModelRoute.objects.filter(is_active=True).order_by("position")]
        words = [f"{route.name}: about {money(prices.preview(cost), cost.currency)}" for route, cost in known if cost]
        return ", ".join(words) or "–"

    afterwards = Column[Budget]("When it is spent", lambda budget: budget.get_on_spent_display())
    standing = Column[Budget](
        "State",
        lambda budget: chip("In use", "good", "check") if budget.is_active else chip("Removed", "neutral", "ban"),
    )

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return why the action can't be used now."""
        return "" if obj is None or obj.is_active else "This budget was removed."

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Return the values a form starts with."""
        if obj is None:
            return {"currency": request.tenant.currency, "on_spent": Budget.OnSpent.LIGHT}  # type: ignore[attr-defined]
        return {"amount": obj.amount, "on_spent": obj.on_spent, "version": obj.version}

    @service_action(title="New budget", permission=MANAGE, form=BudgetForm, submit="Create",
                    tone="primary", on_list=True)  # fmt: skip
    def create(self, request: HttpRequest, obj: None, form: BudgetForm) -> str:
        """Create a budget."""
        said = form.cleaned_data
        made = limits.create_budget(
            actor=viewer_of(request),
            scope=said["scope"],
            agent_id=UUID(said["agent"]) if said["agent"] else None,
            period=said["period"],
            amount=said["amount"],
            currency=said["currency"],
            on_spent=said["on_spent"],
        )
        return f"The budget of {made} now applies."

    edit = edits(limits.change_budget, "budget_id", MANAGE, BudgetChangeForm, title="Change", tone="primary",
                 done="The budget is now {}.")  # fmt: skip

    remove = calls(limits.remove_budget, "budget_id", permission=MANAGE, title="Remove budget",
                   form=SeenForm, tone="danger", explain="Model calls are then no longer limited by it.",
                   done="The budget was removed.")  # fmt: skip


class ByFilter(SelectFilter):
    """By what the table above the list adds up; it narrows nothing."""

    title = "Add up by"
    parameter_name = "by"
    any_label = "Agent"
    options = (("route", "Model"), ("channel", "Channel"), ("day", "Day"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep all rows."""
        return queryset


@admin.register(ModelCall)
class ModelCallAdmin(ReadOnlyAdmin):
    """What models were used for."""

    view_permission = MANAGE
    nav = Nav("Model usage", "coin", FIGURES, order=30)
    intro = "What your models were used for and what it cost, and each call."
    empty_title = "No calls yet"
    empty_text = "The built-in model costs nothing and is not counted."
    change_list_template = "console/usage.html"
    list_display = ("asked_at", "route_name", "agent_name", "tokens", "cost", "took", "ended")
    list_filter: ClassVar = [
        ByFilter,
        since("created_at"),
        choose("outcome", "Outcome", ModelCall.Outcome.choices),
        choose("purpose", "Purpose", ModelCall.Purpose.choices),
    ]
    ordering = ("-id",)
    detail_fields = (
        "asked_exactly", "route_name", "model", "tier", "agent_name", "channel", "purpose", "why_this_one", "tokens",
        "cost", "took", "first_word", "ended",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelCall]:
        """Read the agent with the call."""
        return super().get_queryset(request).select_related("agent")

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the calls of the period add up to; the list refuses other viewers afterwards."""
        if not viewer_of(request).may(MANAGE):
            return {}
        by = request.GET.get("by", "")
        by = by if by in selectors.DIMENSIONS else "agent"
        days = request.GET.get("since", "")
        begins = now() - timedelta(days=int(days) if days in ("1", "7", "30") else 30)
        rows = selectors.add_up(viewer=viewer_of(request), by=by, since=begins)
        heading = {"route": "Model"}.get(by, by.capitalize())
        return {"sums": rows, "heading": heading, "days": days if days in ("1", "7") else "30"}

    asked_at = Column[ModelCall]("When", lambda call: moment(call.created_at))
    asked_exactly = Column[ModelCall]("When", lambda call: exact(call.created_at))
    agent_name = Column[ModelCall]("Agent", lambda call: call.agent.name if call.agent else "None")

    @admin.display(description="Why this model")
    def why_this_one(self, call: ModelCall) -> str:
        """Return how hard the question was, and why."""
        if call.complexity is None:
            return "–"
        reasons = ", ".join(f"{name.replace('_', ' ')} {points}" for name, points in call.factors.items())
        return f"{call.complexity} of 100 points" + (f": {reasons}" if reasons else "")

    @admin.display(description="Tokens in and out")
    def tokens(self, call: ModelCall) -> str:
        """Return the tokens that were used."""
        words = '<span class="wk-number">{}</span> in, <span class="wk-number">{}</span> out{}'
        guess = " (estimated)" if call.is_estimated else ""
        return format_html(words, f"{call.input_tokens:,}", f"{call.output_tokens:,}", guess)

    @admin.display(description="Cost")
    def cost(self, call: ModelCall) -> str:
        """Return what it cost."""
        if call.price is None:
            return "Not known"
        return format_html('<span class="wk-number">{}</span>', money(call.price, call.currency))

    took = Column[ModelCall](
        "Took", lambda call: "–" if call.milliseconds is None else f"{call.milliseconds / 1000:.1f} s"
    )
    first_word = Column[ModelCall](
        "First word after", lambda call: "–" if call.first_token_ms is None else f"{call.first_token_ms / 1000:.1f} s"
    )
    ended = Column[ModelCall](
        "Outcome", lambda call: chip(call.get_outcome_display(), *OUTCOMES.get(call.outcome, ("warn", "alert")))
    )
