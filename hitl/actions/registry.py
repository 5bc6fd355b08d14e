"""The registered action kinds."""

from typing import Any, TypeVar

from core.errors import NotFound
from hitl.actions.base import ActionKind

AnyKind = ActionKind[Any]
K = TypeVar("K", bound=type[AnyKind])

_kinds: dict[str, AnyKind] = {}


def register(kind_cls: K) -> K:
    """Register an action kind. Raises TypeError for anything else, ValueError when another class has the key."""
    if not (isinstance(kind_cls, type) and issubclass(kind_cls, ActionKind)):
        raise TypeError(f"{kind_cls!r} is not an ActionKind")
    holder = _kinds.get(kind_cls.key)
    if holder is not None and type(holder) is not kind_cls:
        raise ValueError(f"action kind {kind_cls.key!r} is already registered")
    _kinds[kind_cls.key] = kind_cls()
    return kind_cls


def get(key: str) -> AnyKind:
    """Return the kind's instance. Raises NotFound for an unknown key."""
    try:
        return _kinds[key]
    except KeyError:
        raise NotFound("This kind of action doesn't exist.", kind=key) from None


def is_known(key: str) -> bool:
    return key in _kinds


def keys() -> list[str]:
    """Return the keys in order."""
    return sorted(_kinds)


def titles() -> list[tuple[str, str]]:
    """Return (key, title) of the kinds in order, as choices of a form."""
    return [(key, _kinds[key].title) for key in keys()]
