"""Ask a route for the vectors of texts: reserved, recorded and settled as every call of a model."""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from django.conf import settings

from agents.knowledge.search.storage import is_available
from agents.llm.ports import (
    OVERLOADED,
    RATE_LIMITED,
    REJECTED,
    TOO_SLOW,
    UNAVAILABLE,
    UNREACHABLE,
    ModelFailed,
    Usage,
)
from agents.llm.routes import ledger, prices
from agents.llm.routes.calls import BREAKER_OPEN, UNPRICED, Place
from agents.llm.routes.ledger import Settlement
from agents.llm.routes.models import ModelCall, ModelRoute
from core.errors import Unavailable
from core.http import NoAnswer, NotSent, OutgoingHttp, Patience, Reply
from core.reliability.circuit_breaker import breaker
from core.tenancy.scope import current_tenant_id

PROVIDER_ADDRESS: Final = "https://api.openai.com/v1"
MOST_TEXTS: Final = 32
"""In one call."""
CHARACTERS: Final = 6_000
"""Of one text: models cut or refuse longer ones."""
LARGEST_ANSWER: Final = 8_000_000
_COOL_DOWN: Final = timedelta(seconds=30)
_OVERLOADED: Final = frozenset({503, 529})
Outcome = ModelCall.Outcome


@dataclass(frozen=True, slots=True)
class Embedder:
    """The route that makes the organisation's vectors."""

    route: ModelRoute = field(repr=False)

    @property
    def prices(self) -> prices.Prices:
        """Return what a million tokens cost."""
        price = Decimal(0) if self.route.is_free else self.route.price_embedding or Decimal(0)
        return prices.Prices(price, Decimal(0), currency=self.route.currency)

    @property
    def makes(self) -> dict[str, Any]:
        """Return what its vectors have in common, by column: no others are compared with them."""
        route = self.route
        return {
            "route_id": route.pk,
            "base_url": route.base_url,
            "model": route.embedding_model,
            "dimensions": route.embedding_dimensions,
        }

    def embed(self, texts: Sequence[str], *, seconds: float, place: Place) -> list[list[float]]:
        """Return the vector of each text, which holds no personal data any more. Not inside a transaction.

        Raises `ModelFailed`, and `Spent` if the price does not fit under a budget.
        """
        asked = [text[:CHARACTERS] for text in texts]
        request = json.dumps(asked, ensure_ascii=False)
        budgets = ledger.budgets_of(place.agent_id)
        if not self.prices.is_free and any(each.currency != self.prices.currency for each in budgets):
            raise ModelFailed(UNPRICED)
        guard = breaker(f"embeddings:{current_tenant_id().hex}:{self.route.pk}", cool_down=_COOL_DOWN)
        try:
            guard.allow()
        except Unavailable:
            raise ModelFailed(BREAKER_OPEN) from None
        limits = prices.bound(request, 0)
        row = ModelCall(
            run_id=place.run_id,
            trial_id=place.trial_id,
            agent_id=place.agent_id,
            channel=place.channel,
            route=self.route,
            route_name=self.route.name,
            model=self.route.embedding_model,
            tier=self.route.tier,
            purpose=place.purpose,
            currency=self.prices.currency,
        )
        ledger.open_call(row, budgets, prices.worst(self.prices, limits))
        began, outcome, usage, is_estimated = time.monotonic(), Outcome.STOPPED, Usage(), False
        try:
            answer = self._ask(asked, seconds)
            outcome, code = _outcome(answer)
            if outcome in (Outcome.ANSWERED, Outcome.TIMED_OUT):
                # What was worked on costs, whether it arrived or not.
                usage, is_estimated = prices.believable(_used(answer), limits, prices.estimate(request, ""))
            if code:
                raise ModelFailed(code)
            try:
                vectors = _read(answer, len(asked), self.route.embedding_dimensions)
            except (ValueError, TypeError, KeyError):
                outcome = Outcome.FAILED
                raise ModelFailed(UNAVAILABLE) from None
            guard.succeeded()
        except ModelFailed as failure:
            if failure.code != REJECTED:
                guard.failed()
            raise
        finally:
            settlement = Settlement(
                outcome,
                usage,
                price=prices.cost(self.prices, usage),
                is_estimated=is_estimated,
                milliseconds=int((time.monotonic() - began) * 1000),
            )
            ledger.close_call(row.pk, settlement)
        return vectors

    def _ask(self, texts: Sequence[str], seconds: float) -> Reply | NotSent | NoAnswer:
        client = OutgoingHttp(
            self.route.base_url or PROVIDER_ADDRESS,
            headers={"Authorization": f"Bearer {self.route.key or 'none'}"},
            patience=Patience(min(3.0, seconds), seconds, seconds, LARGEST_ANSWER),
            private_hosts=settings.MODEL_HOSTS,
            provider="embeddings",
        )
        try:
            body = {"model": self.route.embedding_model, "input": list(texts), "encoding_format": "float"}
            return client.request("POST", "/embeddings", json=body)
        finally:
            client.close()


def find_embedder() -> Embedder | None:
    """Return the first active route that offers embeddings; None without one, or where vectors can't be compared."""
    routes = ModelRoute.objects.filter(is_active=True, embedding_dimensions__gt=0).exclude(embedding_model="")
    found = next((route for route in routes.order_by("position", "id") if route.offers_embeddings), None)
    return Embedder(found) if found is not None and is_available() else None


def _outcome(answer: Reply | NotSent | NoAnswer) -> tuple[Outcome, str]:
    """Return how a call ended, and the code of its failure."""
    if isinstance(answer, NotSent):
        return Outcome.UNREACHABLE, UNREACHABLE
    if isinstance(answer, NoAnswer):
        is_late = answer.code == "timed_out"
        return (Outcome.TIMED_OUT, TOO_SLOW) if is_late else (Outcome.UNREACHABLE, UNREACHABLE)
    if answer.status == 200:
        return Outcome.ANSWERED, ""
    if answer.status == 429:
        return Outcome.RATE_LIMITED, RATE_LIMITED
    if answer.status in _OVERLOADED:
        return Outcome.OVERLOADED, OVERLOADED
    return (Outcome.UNREACHABLE, UNAVAILABLE) if answer.status >= 500 else (Outcome.REJECTED, REJECTED)


def _used(answer: Reply | NotSent | NoAnswer) -> Usage:
    found = answer.json() if isinstance(answer, Reply) else None
    used = found.get("usage") if isinstance(found, dict) else None
    tokens = used.get("prompt_tokens") if isinstance(used, dict) else 0
    return Usage(tokens if type(tokens) is int and tokens > 0 else 0)


def _read(answer: Reply | NotSent | NoAnswer, count: int, size: int) -> list[list[float]]:
    """Return the vectors in the order of the texts. Raises an error for an answer that holds anything else."""
    rows = answer.json()["data"] if isinstance(answer, Reply) else []
    found = {row["index"]: row["embedding"] for row in rows}
    if len(rows) != count or set(found) != set(range(count)):
        raise ValueError
    return [_vector(found[place], size) for place in range(count)]


def _vector(values: Any, size: int) -> list[float]:
    if not isinstance(values, list) or len(values) != size:
        raise ValueError
    if not all(type(value) in (int, float) and abs(value) < 1e6 for value in values):  # neither NaN nor infinite
        raise ValueError
    length = math.sqrt(sum(value * value for value in values))
    if length < 1e-6:
        raise ValueError
    return [value / length for value in values]
