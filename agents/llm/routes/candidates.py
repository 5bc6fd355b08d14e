"""Which models can be asked, in their order: the organisation's routes, or the installation's default."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.conf import settings

from agents.llm import registry
from agents.llm.ports import Model
from agents.llm.routes.models import ModelRoute, Tier
from agents.llm.routes.prices import FREE, Prices
from core.text.amounts import parse_amount

ROUTES: Final = "routes"
"""The model of agents that use the organisation's routes."""
LOCAL: Final = "local"
DEFAULT_NAMES: Final = {"openai": "Installation default (OpenAI)", "anthropic": "Installation default (Anthropic)"}
DEFAULT_CONTEXT: Final = 128_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that can be asked; `prices` None means that nobody knows what it costs.

    `provider` is the kind of interface it is asked by, for metrics: names of models and routes are an organisation's.
    """

    name: str
    model: str
    tier: str
    prices: Prices | None
    context_tokens: int
    make: Callable[[], Model] = field(repr=False)
    route_id: UUID | None = None
    provider: str = LOCAL

    @property
    def breaker(self) -> str:
        """Return what tells its breaker from others of the tenant."""
        return str(self.route_id or re.sub(r"\W+", "-", self.name))


def of_route(route: ModelRoute) -> Candidate:
    """Return a route of the organisation as a candidate. Its key is opened only to ask it."""

    def make() -> Model:
        from agents.llm.hosted.models import route_model  # noqa: PLC0415  (the providers' libraries are heavy)

        return route_model(route.provider, route.model, key=route.key or "", base_url=route.base_url)

    return Candidate(
        route.name,
        route.model,
        route.tier,
        prices_of(route),
        route.context_tokens,
        make,
        route_id=route.pk,
        provider=route.provider,
    )


def prices_of(route: ModelRoute) -> Prices | None:
    """Return the prices of a route; None if they are not known."""
    if route.is_free:
        return Prices(Decimal(0), Decimal(0), currency=route.currency)
    if route.price_input is None or route.price_output is None:
        return None
    return Prices(route.price_input, route.price_output, route.price_cached, route.currency)


def candidates_for(model: str, model_name: str, *, is_hard: bool) -> list[Candidate]:
    """Return the models that can answer, the fitting tier first, each tier in its own order."""
    if model != ROUTES:
        return [_default(model, model_name)]
    wanted = Tier.STRONG if is_hard else Tier.LIGHT
    routes = ModelRoute.objects.filter(is_active=True).order_by("position", "id")
    found = sorted(routes, key=lambda route: route.tier != wanted)
    if found:
        return [of_route(route) for route in found]
    return [_default(key, "") for key in registry.remote_models()]


def is_ready() -> bool:
    """Return True if agents can use the organisation's routes: one is active. One query."""
    return ModelRoute.objects.filter(is_active=True).exists()


def _default(key: str, name: str) -> Candidate:
    prices = read_prices({"openai": settings.OPENAI_PRICES, "anthropic": settings.ANTHROPIC_PRICES}.get(key, ""))
    return Candidate(
        DEFAULT_NAMES.get(key, key),
        name,
        Tier.STRONG,
        prices,
        DEFAULT_CONTEXT,
        lambda: registry.get_model(key, name),
        provider=key,
    )


def read_prices(text: str) -> Prices | None:
    """Return the prices that a setting names: "input cached output currency", or "free"; None if it says nothing."""
    words = text.split()
    if words == ["free"]:
        return FREE
    try:
        inputs, cached, output = (parse_amount(word) for word in words[:3])
    except ValueError:
        return None
    if len(words) != 4 or min(inputs, cached, output) < 0:
        return None
    return Prices(inputs, output, cached, words[3].upper())
