"""Creates a demo organisation's models, which the sandbox plays, their budget, and an agent that uses them."""

from datetime import timedelta
from decimal import Decimal

from django.conf import settings

from agents.llm.ports import Usage
from agents.llm.routes.candidates import prices_of
from agents.llm.routes.configuration import RouteSetup, activate_route, create_route
from agents.llm.routes.limits import create_budget
from agents.llm.routes.models import Budget, ModelCall, ModelRoute
from agents.llm.routes.prices import cost
from agents.models import Agent
from agents.services import Setup, activate_draft, create_agent
from core.clock import now
from demo.cast import Organisation
from demo.people import SEEDER
from standins.model import seed as sandbox

AGENT = "Model demo"
HISTORY = 48
INSTRUCTIONS = (
    "You answer colleagues' questions about campaigns. Use the tools for facts and never invent figures. "
    "Bring in a colleague when somebody asks for a person."
)


def ensure_models(organisation: Organisation) -> None:
    """Create what is missing; nothing without the sandbox model. Runs in the organisation's scope."""
    if not settings.SANDBOX_MODEL_TOKEN or ModelRoute.objects.exists():
        return
    key = sandbox.api_key(organisation.slug, settings.SANDBOX_MODEL_TOKEN)
    for setup in _routes(f"{settings.SANDBOX_MODEL_URL}/v1"):
        route = create_route(actor=SEEDER, setup=setup, key=key)
        activate_route(actor=SEEDER, route_id=route.pk)
    create_budget(
        actor=SEEDER,
        scope=Budget.Scope.TENANT,
        period=Budget.Period.MONTH,
        amount="50.00",
        currency="EUR",
        on_spent=Budget.OnSpent.LOCAL,
    )
    _record_history()
    if not Agent.objects.filter(name=AGENT).exists():
        tools = ("list_campaigns", "campaign_performance", "bring_person")
        setup_of_agent = Setup(AGENT, INSTRUCTIONS, model="routes", tools=tools)
        agent = create_agent(actor=SEEDER, type=Agent.CUSTOM, setup=setup_of_agent)
        activate_draft(actor=SEEDER, agent_id=agent.pk)


def _record_history() -> None:
    """Record calls of the last days, so that the usage page shows something."""
    routes = {route.tier: route for route in ModelRoute.objects.all()}
    calls = []
    for number in range(HISTORY):
        tier = "strong" if number % 4 == 0 else "light"
        route, usage = routes[tier], Usage(900 + 37 * number, 90 + 11 * (number % 9), 60 * (number % 3))
        known = prices_of(route)
        calls.append(
            ModelCall(
                route=route,
                route_name=route.name,
                model=route.model,
                tier=tier,
                channel="webchat",
                complexity=55 if tier == "strong" else 15,
                input_tokens=usage.input_tokens,
                cached_tokens=usage.cached_tokens,
                output_tokens=usage.output_tokens,
                price=cost(known, usage) if known else None,
                currency=route.currency,
                outcome="rate_limited" if number % 17 == 5 else "answered",
                milliseconds=700 + 31 * (number % 20),
                first_token_ms=250 + 9 * (number % 20),
                created_at=now() - timedelta(hours=7 * (HISTORY - number)),
            )
        )
    ModelCall.objects.bulk_create(calls)


def _routes(address: str) -> tuple[RouteSetup, RouteSetup]:
    light = RouteSetup(
        "Sandbox small",
        sandbox.LIGHT,
        base_url=address,
        price_input=Decimal("0.15"),
        price_cached=Decimal("0.075"),
        price_output=Decimal("0.60"),
    )
    strong = RouteSetup(
        "Sandbox large",
        sandbox.STRONG,
        base_url=address,
        tier="strong",
        price_input=Decimal("2.50"),
        price_cached=Decimal("1.25"),
        price_output=Decimal("10.00"),
    )
    return light, strong
