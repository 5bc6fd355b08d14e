"""Registries, by which higher apps offer implementations to lower ones."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from core.errors import NotFound

T = TypeVar("T")


class Registry(Generic[T]):
    """Classes by key; registering one that doesn't implement the base is a start-up error."""

    def __init__(self, base: type[T], *, name: str) -> None:
        self._base = base
        self._name = name
        self._classes: dict[str, type[T]] = {}

    def register(self, key: str, implementation: type[T]) -> None:
        """Register a class; the same class twice is harmless, another under its key an error."""
        if not issubclass(implementation, self._base):
            raise TypeError(f"{implementation!r} is not a {self._base.__name__}")
        if self._classes.get(key, implementation) is not implementation:
            raise ValueError(f"{self._name} {key!r} is already registered")
        self._classes[key] = implementation

    def get(self, key: str) -> type[T]:
        """Return the class of a key. Raises NotFound."""
        try:
            return self._classes[key]
        except KeyError:
            raise NotFound(f"There is no {self._name} called {key[:60]!r}.") from None

    def keys(self) -> list[str]:
        """Return the keys in order."""
        return sorted(self._classes)

    def items(self) -> Iterator[tuple[str, type[T]]]:
        """Yield (key, class) in the order of keys."""
        return iter(sorted(self._classes.items(), key=lambda item: item[0]))
