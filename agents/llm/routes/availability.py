"""The organisation's routes as a model that agents can use, and whether workers for models have to run."""

from collections.abc import Sequence

from agents.llm import registry
from agents.llm.ports import NOT_CONFIGURED, Model, ModelFailed
from agents.llm.routes.candidates import ROUTES, is_ready
from agents.llm.routes.models import ModelRoute
from agents.models import AgentVersion
from core.reliability import kept
from core.tenancy.scope import platform_scope


def register() -> None:
    """Register the routes under one key; safe to repeat."""
    registry.register_model(ROUTES, _refuse, is_remote=True, is_ready=is_ready)


def asks_network(version: AgentVersion) -> bool:
    """Return True if answers of a version ask anything over a network, so that a worker that may wait makes them.

    Its model, or routes for vectors of questions or for a judgement, as they were seconds ago. At most one query.
    """
    if version.flow or version.model in registry.networked_models():
        return True
    return any(embedding_model or (judges and version.asks_judge) for embedding_model, judges in _routes())


def has_judge() -> bool:
    """Return True if a route judges, as it was seconds ago. At most one query."""
    return any(judges for _, judges in _routes())


def needs_workers() -> bool:
    """Return True if any organisation asks models over a network: a query a kind."""
    with platform_scope():
        return registry.needs_workers()


def _routes() -> Sequence[tuple[str, bool]]:
    """Return of each active route the model of its vectors, and whether it judges."""
    routes = ModelRoute.objects.filter(is_active=True).values_list("embedding_model", "judges")
    found: Sequence[tuple[str, bool]] = kept.keep(lambda: tuple(routes), "routes that do more than answer")
    return found


def _refuse(_name: str) -> Model:
    """Raise `ModelFailed`: the routes are asked with the run they are for."""
    raise ModelFailed(NOT_CONFIGURED)
