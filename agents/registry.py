"""Orchestrators and models by key; heavy ones load when first used."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.utils.module_loading import import_string

from agents.loop import BuiltinLoop
from agents.ports import Model, Orchestrator
from core.errors import NotFound

MakeModel = Callable[[str], Model]
MakeOrchestrator = Callable[[Model], Orchestrator]

_models: dict[str, MakeModel] = {}
_remote: set[str] = set()
_orchestrators: dict[str, MakeOrchestrator] = {}


def register_model(key: str, make: MakeModel, *, is_remote: bool = False) -> None:
    """Register a model under a key; `make` takes the model's name at its provider.

    A remote one is asked over a network: only by workers of the queue `models`.
    """
    _models[key] = make
    if is_remote:
        _remote.add(key)


def register_orchestrator(key: str, make: MakeOrchestrator) -> None:
    """Register an orchestrator under a key. Raises TypeError for any other class."""
    if isinstance(make, type) and not issubclass(make, Orchestrator):
        raise TypeError(f"{make!r} is not an Orchestrator")
    _orchestrators[key] = make


def get_model(key: str, name: str) -> Model:
    """Make the model. Raises NotFound for an unknown key."""
    if key not in _models:
        raise NotFound(f"There is no model called {key!r}.")
    return _models[key](name)


def get_orchestrator(key: str, model: Model) -> Orchestrator:
    """Make the orchestrator around a model. Raises NotFound for an unknown key."""
    if key not in _orchestrators:
        raise NotFound(f"There is no orchestrator called {key!r}.")
    return _orchestrators[key](model)


def configured_models() -> list[str]:
    """Return the keys of the models that are ready.

    These are the built-in one and those with an API key.
    """
    return [key for key in _models if _is_configured(key)]


def remote_models() -> list[str]:
    """Return the keys of the configured models that are asked over a network.

    One that is not configured fails at once, and so keeps no worker waiting.
    """
    return [key for key in sorted(_remote) if _is_configured(key)]


def _is_configured(key: str) -> bool:
    needs = {"openai": settings.OPENAI_API_KEY, "anthropic": settings.ANTHROPIC_API_KEY}
    return bool(needs.get(key, "set"))


def _load(path: str) -> MakeModel:
    """Return a maker that imports its class or function at its first call.

    Provider libraries are heavy.
    """

    def make(name: str) -> Model:
        maker: MakeModel = import_string(path)
        return maker(name)

    return make


register_model("local", _load("agents.rule_based_model.model.make_local_model"))
register_model("openai", _load("agents.llm.providers.openai_model"), is_remote=True)
register_model("anthropic", _load("agents.llm.providers.anthropic_model"), is_remote=True)
register_orchestrator("builtin", BuiltinLoop)
