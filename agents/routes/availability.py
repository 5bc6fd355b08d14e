"""The organisation's routes as a model that agents can use, and whether workers for models have to run."""

from __future__ import annotations

from django.db.models import BooleanField, Exists, ExpressionWrapper, Q, QuerySet

from agents import registry
from agents.flows.connecting import FLOW
from agents.flows.connecting import is_ready as has_flow_server
from agents.flows.head import refuse_model
from agents.models import AgentVersion
from agents.ports import NOT_CONFIGURED, Model, ModelFailed
from agents.routes.candidates import ROUTES, is_ready
from agents.routes.models import ModelRoute
from core.tenancy.scope import platform_scope


def register() -> None:
    """Register the routes, and Langflow flows, under one key each; safe to repeat."""
    registry.register_model(ROUTES, _refuse, is_remote=True, is_ready=is_ready)
    registry.register_model(FLOW, refuse_model, is_remote=True, is_ready=has_flow_server)


def with_routes(versions: QuerySet[AgentVersion]) -> QuerySet[AgentVersion]:
    """Return the versions with whether answers of each ask routes for vectors of questions, or for a judgement."""
    routes = ModelRoute.objects.filter(is_active=True)
    embeds, judges = Exists(routes.exclude(embedding_model="")), Exists(routes.filter(judges=True))
    asks = ExpressionWrapper(Q(embeds) | Q(judges, asks_judge=True), output_field=BooleanField())
    return versions.annotate(asks_routes=asks)


def asks_network(version: AgentVersion) -> bool:
    """Return True if answers of a version ask anything over a network, so that a worker that may wait makes them.

    No query for a version that was read `with_routes`, else one.
    """
    if version.flow or version.model in registry.networked_models():
        return True
    if "asks_routes" not in version.__dict__:
        version = with_routes(AgentVersion.objects.filter(pk=version.pk)).get()
    return bool(version.__dict__["asks_routes"])


def needs_workers() -> bool:
    """Return True if any organisation asks models over a network.

    At most one query for each kind.
    """
    with platform_scope():
        return registry.needs_workers()


def _refuse(_name: str) -> Model:
    """Raise `ModelFailed`: the routes are asked with the run they are for."""
    raise ModelFailed(NOT_CONFIGURED)
