"""The organisation's routes as a model that agents can use, and whether workers for models have to run."""

from __future__ import annotations

from agents import registry
from agents.ports import NOT_CONFIGURED, Model, ModelFailed
from agents.routes.candidates import ROUTES, is_ready
from core.tenancy.scope import platform_scope


def register() -> None:
    """Register the routes under one key; safe to repeat."""
    registry.register_model(ROUTES, _refuse, is_remote=True, is_ready=is_ready)


def needs_workers() -> bool:
    """Return True if any organisation asks models over a network. At most one query."""
    if registry.remote_models():
        return True
    with platform_scope():
        return is_ready()


def _refuse(_name: str) -> Model:
    """Raise `ModelFailed`: the routes are asked with the run they are for."""
    raise ModelFailed(NOT_CONFIGURED)
