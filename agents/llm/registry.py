"""Orchestrators and models by key, and the rules that providers bring; heavy ones load when first used."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from agents.llm.ports import AnswerMatcher, Line, Model, Orchestrator, Role, Topic, TopicChoice
from core.errors import NotFound

MakeModel = Callable[[str], Model]
MakeOrchestrator = Callable[[Model], Orchestrator]

_models: dict[str, MakeModel] = {}
_remote: set[str] = set()
_configured: dict[str, Callable[[], bool]] = {}
_ready: dict[str, Callable[[], bool]] = {}
_orchestrators: dict[str, MakeOrchestrator] = {}
_topic_choices: list[TopicChoice] = []
_answer_matchers: list[AnswerMatcher] = []


def register_model(
    key: str,
    make: MakeModel,
    *,
    is_remote: bool = False,
    is_configured: Callable[[], bool] | None = None,
    is_ready: Callable[[], bool] | None = None,
) -> None:
    """Register a model under a key; `make` takes the model's name at its provider.

    A remote one is asked over a network: only by workers of the queue `models`. `is_configured` tells whether the
    installation has what it needs, `is_ready` whether the organisation in scope
    can use it.
    """
    _models[key] = make
    if is_remote:
        _remote.add(key)
    if is_configured:
        _configured[key] = is_configured
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
    return [key for key in _models if is_usable(key)]


def is_usable(key: str) -> bool:
    """Return True if the organisation in scope can use a model now. One query for one of its own, else none."""
    return key in _models and _is_configured(key) and (key not in _ready or _ready[key]())


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
    return key not in _configured or _configured[key]()


def register_topic_choice(choice: TopicChoice) -> None:
    """Register rules that find what messages are about; those registered first are asked first."""
    _topic_choices.append(choice)


def register_answer_matcher(matcher: AnswerMatcher) -> None:
    """Register rules that find answers to approvers; those registered first are asked first."""
    _answer_matchers.append(matcher)


def topic_of(lines: Sequence[Line]) -> Topic | None:
    """Return what the newest lines are about, for every model; None when no rule tells."""
    return next((topic for choice in _topic_choices if (topic := choice.topic(lines))), None)


def question_answered(lines: Sequence[tuple[Role, str]]) -> str:
    """Return the reference of the request whose question the newest lines answer, or ""."""
    return next((reference for rules in _answer_matchers if (reference := rules.question_answered(lines))), "")


def lazily(path: str) -> Callable[[Any], Any]:
    """Return a maker that imports its class or function at its first call. Provider libraries are heavy."""

    def make(given: Any) -> Any:
        module, _, name = path.rpartition(".")
        return getattr(import_module(module), name)(given)

    return make
