"""Validate the parameters of a request and observe its target, before any transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from core.errors import Invalid, Unavailable, WalkerError
from core.observability.logging import get_logger
from hitl.actions.base import Facts
from hitl.actions.registry import AnyKind
from hitl.domain.digest import Unrepresentable, plain

log = get_logger(__name__)
_PATTERNS: Final = {
    "^([A-Z]{3})?$": "Enter three capital letters, such as EUR.",
    "^[A-Z]{3}$": "Enter three capital letters, such as EUR.",
}
_WORDS: Final = {
    "missing": "Required.",
    "string_too_short": "Required.",
    "string_too_long": "Use at most {max_length} characters.",
    "decimal_parsing": "Enter a number, such as 850.00.",
    "decimal_type": "Enter a number, such as 850.00.",
    "finite_number": "Enter a number, such as 850.00.",
    "int_parsing": "Enter a whole number.",
    "int_type": "Enter a whole number.",
    "greater_than": "Must be more than {gt}.",
    "greater_than_equal": "Must be at least {ge}.",
    "less_than": "Must be less than {lt}.",
    "less_than_equal": "Must be at most {le}.",
    "decimal_max_places": "Use at most {decimal_places} digits after the point.",
    "decimal_max_digits": "Use at most {max_digits} digits.",
    "decimal_whole_digits": "Use at most {whole_digits} digits before the point.",
    "too_long": "Use at most {max_length} entries.",
    "extra_forbidden": "Unknown field.",
}
"""Validation errors as sentences for the person who typed the values."""


@dataclass(frozen=True)
class Observation:
    """Checked parameters, the payload they make, and the facts of this moment."""

    kind: AnyKind
    params: BaseModel
    payload: dict[str, Any]
    facts: Facts


def observe(kind: AnyKind, params: Mapping[str, Any]) -> Observation:
    """Validate the parameters and observe the target (outside call). Raises Invalid, Unavailable."""
    checked = _check(kind, params)
    try:
        resolved = kind.resolve(checked)
        facts = kind.observe(resolved)
    except WalkerError:
        raise
    except Exception as error:  # boundary: an adapter raises what it likes
        # The requester only learns that the look-up failed, not what the adapter raised.
        log.exception("facts_not_observed", kind=kind.key)
        raise Unavailable(
            "The current state could not be looked up. Try again in a moment.", code="observe_failed"
        ) from error
    payload = _as_plain(resolved)
    try:
        return Observation(kind, resolved, payload, plain(facts))
    except Unrepresentable as error:
        # The facts cannot be stored: that is not the requester's mistake.
        log.warning("facts_not_kept", kind=kind.key)
        raise Unavailable(
            "The current state could not be looked up. Try again in a moment.", code="observe_failed"
        ) from error


def read_arguments(kind: AnyKind, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the checked parameters as they were given, before names are resolved. Raises Invalid."""
    return _as_plain(_check(kind, params))


def _check(kind: AnyKind, params: Mapping[str, Any]) -> BaseModel:
    try:
        return kind.params_model.model_validate(dict(params))  # type: ignore[no-any-return]
    except ValidationError as error:
        found: dict[str, list[str]] = {}
        for row in error.errors(include_url=False, include_input=False):
            name = ".".join(str(part) for part in row["loc"]) or "params"
            found.setdefault(name, []).append(describe_mistake(row))
        raise Invalid("Some values are not valid.", fields=found) from None


def _as_plain(params: BaseModel) -> dict[str, Any]:
    try:
        found: dict[str, Any] = plain(params.model_dump())
    except Unrepresentable as error:
        raise Invalid(str(error), fields={"params": [str(error)]}) from None
    return found


def describe_mistake(row: Mapping[str, Any]) -> str:
    """Return a pydantic error as a sentence, by default its own message."""
    facts = row.get("ctx") or {}
    if row["type"] == "string_pattern_mismatch":
        return _PATTERNS.get(str(facts.get("pattern")), "The format is not valid.")
    words = _WORDS.get(str(row["type"]))
    return words.format(**facts) if words else str(row["msg"])
