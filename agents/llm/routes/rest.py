"""Endpoints of model routes, budgets and usage."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar
from uuid import UUID

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from agents.llm import endpoints
from agents.llm.routes import configuration, limits, prices, selectors
from agents.llm.routes.candidates import prices_of
from agents.llm.routes.ledger import MANAGE
from agents.llm.routes.models import Budget, ModelRoute, Provider, Spend, Tier
from core.rest.fields import FROM, SEEN, UNTIL, AmountField, MomentField, RowSerializer
from core.rest.idempotency import idempotent
from core.rest.views import ApiViewSet, ListViewSet, Query, ReadOneMixin

PRICE_HELP = "For a million tokens; null: not known."
SPENDS = "spends"


class RouteSerializer(RowSerializer[ModelRoute]):
    """A route to a model; its key is never shown."""

    has_key = serializers.SerializerMethodField()
    thousand_answers = serializers.SerializerMethodField(help_text="About what 1,000 ordinary answers cost.")

    class Meta:
        model = ModelRoute
        fields: ClassVar[list[str]] = (
            "id name provider base_url has_key model price_input price_cached price_output currency is_free "
            "context_tokens tier position embedding_model embedding_dimensions price_embedding judges "
            "is_active thousand_answers version created_at"
        ).split()

    def get_has_key(self, route: ModelRoute) -> bool:
        """Return True if a key is kept."""
        return route.__dict__.get("key") is not None

    def get_thousand_answers(self, route: ModelRoute) -> str | None:
        """Return the preview of the price."""
        known = prices_of(route)
        return None if known is None else str(prices.preview(known))


class RouteFields(serializers.Serializer[Any]):
    """What a route is; what is left out stays."""

    name = serializers.CharField(max_length=configuration.NAME_LIMIT, required=False)
    provider = serializers.ChoiceField(choices=Provider.choices, required=False)
    base_url = serializers.CharField(
        max_length=endpoints.URL_LIMIT, required=False, allow_blank=True, help_text="Empty: the provider's own."
    )
    key = serializers.CharField(
        max_length=endpoints.KEY_LIMIT, default="", allow_blank=True, help_text="Sealed; never shown again."
    )
    model = serializers.CharField(max_length=configuration.MODEL_LIMIT, required=False)
    price_input = AmountField(max_digits=12, decimal_places=4, required=False, allow_null=True, help_text=PRICE_HELP)
    price_cached = AmountField(max_digits=12, decimal_places=4, required=False, allow_null=True, help_text=PRICE_HELP)
    price_output = AmountField(max_digits=12, decimal_places=4, required=False, allow_null=True, help_text=PRICE_HELP)
    currency = serializers.CharField(max_length=3, required=False)
    is_free = serializers.BooleanField(required=False)
    context_tokens = serializers.IntegerField(required=False)
    tier = serializers.ChoiceField(choices=Tier.choices, required=False)
    position = serializers.IntegerField(required=False, help_text="Lower ones of a tier are asked first.")
    embedding_model = serializers.CharField(
        max_length=configuration.MODEL_LIMIT, required=False, allow_blank=True, help_text="Empty: it offers none."
    )
    embedding_dimensions = serializers.IntegerField(required=False, help_text="Numbers in each of its vectors.")
    price_embedding = AmountField(
        max_digits=12, decimal_places=4, required=False, allow_null=True, help_text=PRICE_HELP
    )
    judges = serializers.BooleanField(required=False, help_text="Asked whether passages answer a question.")


class RouteRequest(RouteFields):
    """A new route."""

    name = serializers.CharField(max_length=configuration.NAME_LIMIT)
    model = serializers.CharField(max_length=configuration.MODEL_LIMIT)


class RouteChange(RouteFields):
    """A change, made from the version that was seen."""

    forget_key = serializers.BooleanField(default=False)
    version = serializers.IntegerField(source="seen_version", required=False, min_value=1, help_text=SEEN)


class RouteTestSerializer(serializers.Serializer[Any]):
    """What came of asking a route once."""

    is_ok = serializers.BooleanField(read_only=True)
    code = serializers.CharField(read_only=True, help_text="Empty if it answered.")
    milliseconds = serializers.IntegerField(read_only=True)
    text = serializers.CharField(read_only=True)
    price = serializers.DecimalField(max_digits=20, decimal_places=8, read_only=True, allow_null=True)


class ModelRouteViewSet(ReadOneMixin, ListViewSet):
    """Routes to models."""

    descriptions: ClassVar = {
        "list": "List the routes to models, newest first. Needs `agents.manage_routes`.",
        "retrieve": "Read a route without its key. Needs `agents.manage_routes`.",
    }
    permissions: ClassVar = dict.fromkeys(
        "list retrieve create partial_update destroy activate deactivate test".split(), MANAGE
    )
    serializer_class = RouteSerializer
    request_serializers: ClassVar = {"create": RouteRequest, "partial_update": RouteChange}
    lookup_url_kwarg = "route_id"
    list_rows = staticmethod(selectors.query_routes)
    read_row = staticmethod(selectors.get_route)

    @idempotent
    def create(self, request: Request) -> Response:
        """Add a route, off until it is activated. Needs `agents.manage_routes`; 409 `exists`."""
        body = self.read_body()
        key = body.pop("key")
        setup = configuration.RouteSetup(**body)
        return self.respond(configuration.create_route(actor=self.actor, setup=setup, key=key))

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change a route; without a key the old one stays. Needs `agents.manage_routes`; 409 `stale_version`."""
        body = self.read_body()
        more = {name: body.pop(name) for name in ("key", "forget_key", "seen_version") if name in body}
        changed = configuration.change_route(actor=self.actor, changes=body, **more, **self.kwargs)
        return self.respond(changed)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Remove a route and its key; its calls stay counted. Needs `agents.manage_routes`; 409 `in_use`,
        `stale_version`."""
        return self.call_service(configuration.remove_route)

    @action(detail=True, methods=["post"])
    @idempotent
    def activate(self, request: Request, **kwargs: Any) -> Response:
        """Let agents use a route; 400 while its price is unknown. Needs `agents.manage_routes`."""
        return self.call_service(configuration.activate_route)

    @action(detail=True, methods=["post"])
    @idempotent
    def deactivate(self, request: Request, **kwargs: Any) -> Response:
        """Stop using a route. Needs `agents.manage_routes`; 409 `in_use`."""
        return self.call_service(configuration.deactivate_route)

    @action(detail=True, methods=["post"], serializer_class=RouteTestSerializer)
    @idempotent
    def test(self, request: Request, **kwargs: Any) -> Response:
        """Ask a route for one word; it costs what a call costs. Needs `agents.manage_routes`."""
        return self.call_service(configuration.try_route)


class BudgetSerializer(RowSerializer[Budget]):
    """A budget of models, and how much of it is spent in its day or month."""

    spent = serializers.SerializerMethodField(help_text="Reserved and settled.")

    class Meta:
        model = Budget
        fields: ClassVar[list[str]] = (
            "id scope agent_id period amount currency on_spent spent version created_at"
        ).split()

    def get_spent(self, budget: Budget) -> str:
        """Return what is reserved and settled in the current period."""
        spend = self.context[SPENDS].get(budget.pk)
        return "0" if spend is None else f"{(spend.reserved + spend.settled).normalize():f}"


class BudgetRequest(serializers.Serializer[Any]):
    """A new budget."""

    scope = serializers.ChoiceField(choices=Budget.Scope.choices)
    agent = serializers.UUIDField(source="agent_id", default=None, allow_null=True, help_text="For `agent`.")
    period = serializers.ChoiceField(choices=Budget.Period.choices)
    amount = AmountField(max_digits=16, decimal_places=2)
    currency = serializers.CharField(max_length=3)
    on_spent = serializers.ChoiceField(choices=Budget.OnSpent.choices, default=Budget.OnSpent.PERSON)


class BudgetChange(serializers.Serializer[Any]):
    """A new amount, and what happens once it is spent."""

    amount = AmountField(max_digits=16, decimal_places=2)
    on_spent = serializers.ChoiceField(choices=Budget.OnSpent.choices)
    version = serializers.IntegerField(source="seen_version", min_value=1, help_text=SEEN)


class BudgetViewSet(ReadOneMixin, ListViewSet):
    """Budgets of models."""

    descriptions: ClassVar = {
        "list": "List the budgets of models in use, newest first. Needs `agents.manage_routes`.",
        "retrieve": "Read a budget with what is spent of it. Needs `agents.manage_routes`.",
    }
    permissions: ClassVar = dict.fromkeys("list retrieve create partial_update destroy".split(), MANAGE)
    serializer_class = BudgetSerializer
    spends: Mapping[UUID, Spend] = {}
    request_serializers: ClassVar = {"create": BudgetRequest, "partial_update": BudgetChange}
    lookup_url_kwarg = "budget_id"
    list_rows = staticmethod(selectors.query_budgets)
    read_row = staticmethod(selectors.get_budget)

    def get_serializer_context(self) -> dict[str, Any]:
        """Return the context, with what is spent of the budgets that are shown."""
        return {**super().get_serializer_context(), SPENDS: self.spends}

    def represent(self, rows: Iterable[Any]) -> Any:
        """Return budgets as they are shown: what is spent is read for all of them together."""
        rows = list(rows)
        self.spends = selectors.used(rows)
        return super().represent(rows)

    def respond(self, row: Any) -> Response:
        """Return the response that shows a budget."""
        self.spends = selectors.used([row])
        return super().respond(row)

    @idempotent
    def create(self, request: Request) -> Response:
        """Limit what models cost per day or month. Needs `agents.manage_routes`; 409 `exists`."""
        return self.call_service(limits.create_budget)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change a budget; what is spent stays spent. Needs `agents.manage_routes`; 409 `stale_version`."""
        return self.call_service(limits.change_budget)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Remove a budget. Needs `agents.manage_routes`; 409 `stale_version`."""
        return self.call_service(limits.remove_budget)


class UsageQuery(Query):
    """How calls are added up."""

    by = serializers.ChoiceField(choices=[(name, name) for name in selectors.DIMENSIONS], default="agent")
    since = MomentField(default=None, allow_null=True, help_text=FROM)
    until = MomentField(default=None, allow_null=True, help_text=UNTIL)


class UsageSerializer(serializers.Serializer[Any]):
    """What the calls of one agent, route, channel or day add up to."""

    name = serializers.CharField(read_only=True, help_text="Of the agent, route or channel, or the day.")
    calls = serializers.IntegerField(read_only=True)
    failed = serializers.IntegerField(read_only=True, help_text="Calls without a whole answer.")
    input_tokens = serializers.IntegerField(read_only=True)
    cached_tokens = serializers.IntegerField(read_only=True)
    output_tokens = serializers.IntegerField(read_only=True)
    price = serializers.DecimalField(max_digits=20, decimal_places=8, read_only=True)
    currency = serializers.CharField(read_only=True)


class UsageViewSet(ApiViewSet):
    """What models were used for."""

    permissions: ClassVar = {"list": MANAGE}
    serializer_class = UsageSerializer
    pagination_class = None

    def get_query_class(self) -> type[Query]:
        """Return the parameters."""
        return UsageQuery

    def list(self, request: Request) -> Response:
        """Add up model calls by agent, route, channel or day. Needs `agents.manage_routes`."""
        asked = {name: self.query[name] for name in ("by", "since", "until")}
        return Response(self.represent(selectors.add_up(viewer=self.actor, **asked)))
