"""Orchestrators and models by key; heavy ones load when first used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from agents.loop import BuiltinLoop
from agents.ports import Model, Orchestrator
from core.errors import NotFound

MakeModel = Callable[[str], Model]
MakeOrchestrator = Callable[[Model], Orchestrator]

_models: dict[str, MakeModel] = {}
_remote: set[str] = set()
_ready: dict[str, Callable[[], bool]] = {}
_orchestrators: dict[str, MakeOrchestrator] = {}


def register_model(
    key: str, make: MakeModel, *, is_remote: bool = False, is_ready: Callable[[], bool] | None = None
) -> None:
    """Register a model under a key; `make` takes the model's name at its provider.

    A remote one is asked over a network: only by workers of the queue `models`. `is_ready` tells whether the
    organisation in scope can use it.
    """
    _models[key] = make
    if is_remote:
        _remote.add(key)
    if is_ready:
        _ready[key] = is_ready


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
    """Return the keys of the models that are ready for the organisation in scope.

    These are the built-in one, those with an API key, and the organisation's own routes if one is active.
    """
    return [key for key in _models if _is_configured(key) and (key not in _ready or _ready[key]())]


def remote_models() -> list[str]:
    """Return the keys of the installation's configured models that are asked over a network.

    One that is not configured fails at once, and so keeps no worker waiting.
    """
    return [key for key in sorted(_remote) if key not in _ready and _is_configured(key)]


def networked_models() -> list[str]:
    """Return the keys of all models whose runs belong to the workers for models.

    Those of the installation, and the routes that any organisation may set up for itself.
    """
    return [*remote_models(), *sorted(_ready.keys() & _remote)]


def needs_workers() -> bool:
    """Return True if the organisations in scope ask any model over a network."""
    return bool(remote_models()) or any(is_ready() for key, is_ready in _ready.items() if key in _remote)


def _is_configured(key: str) -> bool:
    needs = {"openai": settings.OPENAI_API_KEY, "anthropic": settings.ANTHROPIC_API_KEY}
    return bool(needs.get(key, "set"))


def _load(path: str) -> Callable[[Any], Any]:
    """Return a maker that imports its class or function at its first call.

    Provider libraries are heavy.
    """

    def make(given: Any) -> Any:
        maker: Callable[[Any], Any] = import_string(path)
        return maker(given)

    return make


register_model("local", _load("agents.rule_based_model.model.make_local_model"))
register_model("openai", _load("agents.llm.providers.openai_model"), is_remote=True)
register_model("anthropic", _load("agents.llm.providers.anthropic_model"), is_remote=True)
register_orchestrator("builtin", BuiltinLoop)
register_orchestrator("langflow", _load("agents.flows.head.FlowHead"))
