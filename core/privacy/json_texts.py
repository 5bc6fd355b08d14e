"""Change the texts of JSON documents."""

from collections.abc import Callable, Mapping
from typing import Any


def with_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Return a document with `change` applied to each text. Keys, numbers and booleans stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: with_texts(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [with_texts(item, change) for item in value]
    return value
