"""Which orchestrators and models there are, by key; heavy ones load when first used."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings

from agents.loop import BuiltinLoop
from agents.ports import Model, Orchestrator
from core.errors import NotFound

MakeModel = Callable[[str], Model]
MakeOrchestrator = Callable[[Model], Orchestrator]

_models: dict[str, MakeModel] = {}
_orchestrators: dict[str, MakeOrchestrator] = {}


def register_model(key: str, make: MakeModel) -> None:
    """Offer a model under a key; `make` takes the model's name at its provider."""
    _models[key] = make


def register_orchestrator(key: str, make: MakeOrchestrator) -> None:
    """Offer an orchestrator under a key. Raises TypeError on a class that is none."""
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
    """The keys of the models that can be used now: the built-in one, and those whose key is set."""
    needs = {"openai": settings.OPENAI_API_KEY, "anthropic": settings.ANTHROPIC_API_KEY}
    return [key for key in _models if needs.get(key, "set")]


def _local(name: str) -> Model:
    from agents.rule_based_model.model import LocalModel  # noqa: PLC0415

    return LocalModel()


def _openai(name: str) -> Model:
    from agents.llm.providers import openai_model  # noqa: PLC0415  (1.5 s, 115 MB)

    return openai_model(name)


def _anthropic(name: str) -> Model:
    from agents.llm.providers import anthropic_model  # noqa: PLC0415

    return anthropic_model(name)


register_model("local", _local)
register_model("openai", _openai)
register_model("anthropic", _anthropic)
register_orchestrator("builtin", BuiltinLoop)
