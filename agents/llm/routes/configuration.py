"""Set up the organisation's routes to models: add, change, activate, test, remove."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.versioning import check_version, conflict_with
from agents.llm.endpoints import key_problem, url_problem, with_editor
from agents.llm.ports import Line, ModelFailed
from agents.llm.routes import ledger, prices
from agents.llm.routes.calls import BUDGET_SPENT, OneCall, Place
from agents.llm.routes.candidates import ROUTES, of_route, prices_of
from agents.llm.routes.ledger import MANAGE, Spent
from agents.llm.routes.models import Budget, ModelCall, ModelRoute, Provider, Tier
from agents.models import AgentVersion
from core.actors import Actor
from core.audit import chain
from core.db.locks import locked
from core.errors import Conflict, Invalid, check_fields
from core.text.amounts import parse_amount
from core.text.clean import text_problem

MISSING: Final = "There is no such model route."
NAME_LIMIT: Final = 60
MODEL_LIMIT: Final = 80
SMALLEST_CONTEXT: Final = 2_000
LARGEST_CONTEXT: Final = 10_000_000
LAST_POSITION: Final = 100
TEST_SECONDS: Final = 15.0
TEST_LINE: Final = Line("user", "Answer with the one word: ready")
_PRICES: Final = ("price_input", "price_cached", "price_output", "price_embedding")
_LEADS: Final = frozenset({"provider", "base_url", "model", "key"})
"""What decides who speaks as an agent."""
MOST_DIMENSIONS: Final = 2_000
"""The database's index of vectors takes no more."""


@dataclass(frozen=True, slots=True)
class RouteSetup:
    """What a route is; prices are per million tokens, None where they are not known."""

    name: str
    model: str
    provider: str = Provider.OPENAI
    base_url: str = ""
    tier: str = Tier.LIGHT
    position: int = 1
    price_input: Decimal | None = None
    price_cached: Decimal | None = None
    price_output: Decimal | None = None
    currency: str = "EUR"
    is_free: bool = False
    context_tokens: int = 128_000
    embedding_model: str = ""
    embedding_dimensions: int = 0
    price_embedding: Decimal | None = None
    judges: bool = False


@dataclass(frozen=True, slots=True)
class RouteTest:
    """What came of asking a route once; `text` is what the model said."""

    code: str
    milliseconds: int
    text: str = field(default="", repr=False)
    price: Decimal | None = None

    @property
    def is_ok(self) -> bool:
        """Return True if the model answered."""
        return not self.code


def create_route(*, actor: Actor, setup: RouteSetup, key: str = "") -> ModelRoute:
    """Add a route, switched off until it is activated; its key is sealed and never shown.

    Needs `agents.manage_routes`; raises `Invalid` with the invalid fields, `Conflict` for a name that is taken.
    """
    actor.require(MANAGE)
    clean = _checked(setup, key)
    try:
        with transaction.atomic():
            route: ModelRoute = ModelRoute.objects.create(
                **_columns(clean), key=key.strip() or None, editors=with_editor([], actor)
            )
            _record(actor, "MODEL_ROUTE_CREATED", route, "", "off")
    except IntegrityError:
        raise _taken(actor, clean.name) from None
    return route


def change_route(
    *,
    actor: Actor,
    route_id: UUID,
    changes: Mapping[str, Any],
    key: str = "",
    forget_key: bool = False,
    seen_version: int | None = None,
) -> ModelRoute:
    """Change a route; an empty `key` keeps the old one. A key never moves to another host.

    Needs `agents.manage_routes`; raises `NotFound`, `Invalid`, `Conflict` (`stale_version`, a name that is taken).
    """
    actor.require(MANAGE)
    try:
        with transaction.atomic():
            route = locked(ModelRoute, route_id, MISSING, is_removed=False)
            check_version(actor, "agents.modelroute", route, seen_version)
            old = setup_of(route)
            new = _checked(_with(old, changes), key)
            if _host(new) != _host(old) and route.key and not (key.strip() or forget_key):
                raise Invalid(
                    "Enter the key again: the address has changed.",
                    fields={"key": ["Enter the key for the new address."]},
                )
            if route.is_active:
                _check_activation(new)
            changed = [each.name for each in fields(new) if getattr(new, each.name) != getattr(old, each.name)]
            has_new_key = bool(key.strip()) or (forget_key and bool(route.key))
            if not changed and not has_new_key:
                return route
            for name, value in _columns(new).items():
                setattr(route, name, value)
            if has_new_key:
                route.key = key.strip() or None
            changed += ["key"] if has_new_key else []
            if _LEADS & {*changed}:
                route.editors = with_editor(route.editors, actor)
            route.version += 1
            route.save()
            state = _state(route)
            _record(actor, "MODEL_ROUTE_CHANGED", route, state, state, fields=changed)
    except IntegrityError:
        raise _taken(actor, str(changes.get("name", ""))) from None
    return route


def activate_route(*, actor: Actor, route_id: UUID) -> ModelRoute:
    """Let agents use a route. Safe to repeat.

    Needs `agents.manage_routes`; raises `NotFound`, and `Invalid` while its price is unknown and it is not said to be
    free, or its currency is not that of the budgets.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        route = locked(ModelRoute, route_id, MISSING, is_removed=False)
        if route.is_active:
            return route
        _check_activation(setup_of(route))
        _switch(actor, route, "MODEL_ROUTE_ACTIVATED", is_active=True)
    return route


def deactivate_route(*, actor: Actor, route_id: UUID) -> ModelRoute:
    """Stop using a route; calls under way end. Safe to repeat.

    Needs `agents.manage_routes`; raises `NotFound`, and `Conflict` if agents would be left without a model.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        route = locked(ModelRoute, route_id, MISSING, is_removed=False)
        if route.is_active:
            _refuse_last(route)
            _switch(actor, route, "MODEL_ROUTE_DEACTIVATED", is_active=False)
    return route


def remove_route(*, actor: Actor, route_id: UUID, seen_version: int | None = None) -> ModelRoute:
    """Remove a route and its key; its calls stay on the usage page.

    Needs `agents.manage_routes`; raises `NotFound`, `Conflict` (`stale_version`, `in_use`).
    """
    actor.require(MANAGE)
    with transaction.atomic():
        route = locked(ModelRoute, route_id, MISSING, is_removed=False)
        check_version(actor, "agents.modelroute", route, seen_version)
        old = _state(route)
        if route.is_active:
            _refuse_last(route)
        route.is_active, route.is_removed, route.key = False, True, None
        route.version += 1
        route.save(update_fields=["is_active", "is_removed", "key", "version"])
        _record(actor, "MODEL_ROUTE_REMOVED", route, old, "removed")
    return route


def try_route(*, actor: Actor, route_id: UUID) -> RouteTest:
    """Ask a route for one word, active or not, and return what came of it.

    It costs what a call costs, within the budgets. Not inside a transaction. Needs `agents.manage_routes`; raises
    `NotFound`.
    """
    actor.require(MANAGE)
    with transaction.atomic():
        route = locked(ModelRoute, route_id, MISSING, is_removed=False)
        _record(actor, "MODEL_ROUTE_TESTED", route, _state(route), _state(route))
    candidate, began = of_route(route), time.monotonic()
    budgets = ledger.budgets_of(None) if candidate.prices else []
    call = OneCall(candidate, Place(ModelCall.Purpose.TEST), budgets, None, began + TEST_SECONDS)
    code, text = "", ""
    try:
        turn = call.ask([TEST_LINE], [], prompt="You are being tested.", emit=lambda _: None, request=TEST_LINE.text)
        text = turn.text[:200]
        code = "" if turn.text else f"model_{turn.stop}"
    except ModelFailed as failure:
        code = failure.code
    except Spent:
        code = BUDGET_SPENT
    last = ModelCall.objects.filter(route=route, purpose=ModelCall.Purpose.TEST).order_by("-id").first()
    price = last.price if last else None
    return RouteTest(code, int((time.monotonic() - began) * 1000), text, price)


def editors() -> set[UUID]:
    """Return everyone who chose the address, key or model of a route in use: they lead what it says. One query."""
    rows = ModelRoute.objects.filter(is_active=True).values_list("editors", flat=True)
    return {person for people in rows for person in people}


def setup_of(route: ModelRoute) -> RouteSetup:
    """Return what a route is, without its key."""
    return RouteSetup(**{each.name: getattr(route, each.name) for each in fields(RouteSetup)})


def _columns(setup: RouteSetup) -> dict[str, Any]:
    return {each.name: getattr(setup, each.name) for each in fields(setup)}


def _with(setup: RouteSetup, changes: Mapping[str, Any]) -> RouteSetup:
    return RouteSetup(**(_columns(setup) | dict(changes)))


def _host(setup: RouteSetup) -> tuple[str, str, int | None, str]:
    parts = urlsplit(setup.base_url)
    return setup.provider, parts.scheme, parts.port, (parts.hostname or "").lower()


def _state(route: ModelRoute) -> str:
    return "active" if route.is_active else "off"


def _switch(actor: Actor, route: ModelRoute, action: str, *, is_active: bool) -> None:
    old = _state(route)
    route.is_active = is_active
    route.version += 1
    route.save(update_fields=["is_active", "version"])
    _record(actor, action, route, old, _state(route))


def _refuse_last(route: ModelRoute) -> None:
    """Raise `Conflict` if active agents use the routes and this is the last one."""
    others = ModelRoute.objects.filter(is_active=True).exclude(pk=route.pk)
    if not others.exists() and AgentVersion.objects.filter(model=ROUTES, agent__is_active=True).exists():
        raise Conflict(
            "Agents use this organisation's routes, and this is the last active one. Activate another one first, or "
            "choose another model for these agents.",
            code="in_use",
        )


def _check_activation(setup: RouteSetup) -> None:
    """Raise `Invalid` while nobody knows what the route costs, or its price can't be compared with the budgets."""
    if setup.is_free:
        return
    if setup.price_input is None or setup.price_output is None:
        say = "Enter the price, or say that the model is free."
        raise Invalid("This route has no price.", fields={"price_input": [say]})
    if setup.embedding_model and setup.price_embedding is None:
        say = "Enter the price of embeddings, or empty their model."
        raise Invalid("Its embeddings have no price.", fields={"price_embedding": [say]})
    other = Budget.objects.filter(is_active=True).exclude(currency=setup.currency).first()
    if other is not None:
        say = f"The budget is in {other.currency}. Enter the price in {other.currency}."
        raise Invalid("The currency of this route differs from the budget's.", fields={"currency": [say]})


def _checked(setup: RouteSetup, key: str) -> RouteSetup:
    """Return the setup without extra spaces. Raises `Invalid` with the invalid fields."""
    clean = _with(
        setup,
        {
            "name": " ".join(setup.name.split()),
            "model": setup.model.strip(),
            "base_url": setup.base_url.strip().rstrip("/"),
            "currency": setup.currency.strip().upper(),
            "embedding_model": setup.embedding_model.strip(),
        },
    )
    if not clean.embedding_model:
        clean = _with(clean, {"embedding_dimensions": 0, "price_embedding": None})
    embedding = _line_problem(clean.embedding_model, MODEL_LIMIT)
    if not embedding and clean.embedding_model and clean.provider != Provider.OPENAI:
        embedding = "Only OpenAI-compatible providers offer embeddings. Leave this empty."
    problems = {
        "name": _line_problem(clean.name, NAME_LIMIT, needed=True),
        "model": _line_problem(clean.model, MODEL_LIMIT, needed=True),
        "embedding_model": embedding,
        "embedding_dimensions": ""
        if not clean.embedding_model or 1 <= clean.embedding_dimensions <= MOST_DIMENSIONS
        else f"Enter how many numbers its vectors have, from 1 to {MOST_DIMENSIONS}.",
        "provider": "" if clean.provider in Provider.values else "Choose one of the providers.",
        "tier": "" if clean.tier in Tier.values else "Choose light or strong.",
        "base_url": url_problem(clean.base_url, "https://host/v1") if clean.base_url else "",
        "key": key_problem(key.strip()),
        "currency": ""
        if len(clean.currency) == 3 and clean.currency.isascii() and clean.currency.isalpha()
        else "Enter a three-letter code such as EUR.",
        "position": "" if 1 <= clean.position <= LAST_POSITION else f"Enter a number from 1 to {LAST_POSITION}.",
        "context_tokens": ""
        if SMALLEST_CONTEXT <= clean.context_tokens <= LARGEST_CONTEXT
        else f"Enter a number from {SMALLEST_CONTEXT} to {LARGEST_CONTEXT}.",
        **{name: _price_problem(getattr(clean, name)) for name in _PRICES},
    }
    if clean.is_free and any(getattr(clean, name) for name in _PRICES):
        problems["is_free"] = "A free model has no price. Empty the prices, or don't say it is free."
    elif not clean.is_free and clean.price_input == 0 and clean.price_output == 0:
        problems["is_free"] = "If the model costs nothing, say that it is free."
    check_fields(problems)
    return clean


def _price_problem(price: object) -> str:
    if price is None:
        return ""
    try:
        found = parse_amount(price)
    except ValueError:
        return "Enter an amount such as 0.15."
    if not 0 <= found <= prices.HIGHEST or found != round(found, 4):
        return f"Enter the price of a million tokens, from 0 to {prices.HIGHEST}, with at most four decimals."
    return ""


def _line_problem(text: str, limit: int, *, needed: bool = False) -> str:
    if not text.isprintable():
        return "This contains a character that can't be stored."
    return text_problem(text, limit, needed=needed)


def _taken(actor: Actor, name: str) -> Conflict:
    same = ModelRoute.objects.filter(name=" ".join(name.split()), is_removed=False).first()
    say = "There is already a route with this name."
    return conflict_with(say, code="exists", actor=actor, object_type="agents.modelroute", row=same)


def _record(actor: Actor, action: str, route: ModelRoute, old: str, new: str, **facts: Any) -> None:
    known = prices_of(route)
    named = {
        name: getattr(route, name) for name in ("version", "provider", "model", "tier", "embedding_model", "judges")
    }
    named["host"] = urlsplit(route.base_url).hostname or ""
    named["prices"] = [str(known.input), str(known.output), known.currency] if known else []
    chain.record(actor, action, "agents.modelroute", route.pk, old, new, named | facts)
