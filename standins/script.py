"""The failure script: rules that make the next requests fail, stall or lose their answer."""

import threading
from dataclasses import dataclass, field
from typing import Any

from standins.errors import invalid, refuse_unknown

DEEDS = (
    "fail",
    "429",
    "stall",
    "stall_after",
    "drop_before",
    "drop_after",
    "html",
    "html_after",
    "change_before",
    "change_after",
)
MAX_SECONDS = 120


@dataclass
class Rule:
    """A failure for the next `times` requests whose "METHOD /path" starts with `match`.

    `code` is the vendor's own code of a refusal; `change` is what somebody else changes meanwhile.
    """

    match: str
    do: str
    times: int = 1
    status: int = 500
    seconds: float = 5.0
    retry_after: int = 1
    code: str = ""
    change: dict[str, Any] = field(default_factory=dict)


def parse_rule(body: dict[str, Any]) -> Rule:
    """Return a rule from its JSON; raises a 422 error that names the wrong field."""
    refuse_unknown(body, Rule)
    if not isinstance(body.get("match"), str) or not body["match"].strip():
        raise invalid(match='Use "METHOD /path", e.g. "POST /v1/campaigns".')
    if body.get("do") not in DEEDS:
        raise invalid(do=f"One of {', '.join(DEEDS)}.")
    rule = Rule(**body)
    if not isinstance(rule.times, int) or rule.times < 1:
        raise invalid(times="A whole number, at least 1.")
    lowest = 200 if rule.do.startswith("html") else 400
    if not isinstance(rule.status, int) or not lowest <= rule.status <= 599:
        raise invalid(status=f"A status from {lowest} to 599.")
    if not isinstance(rule.seconds, (int, float)) or not 0 <= rule.seconds <= MAX_SECONDS:
        raise invalid(seconds=f"From 0 to {MAX_SECONDS}.")
    if not isinstance(rule.retry_after, int) or rule.retry_after < 0:
        raise invalid(retry_after="Whole seconds, 0 or more.")
    if not isinstance(rule.code, str) or not isinstance(rule.change, dict):
        raise invalid(code="The vendor's code as text, and `change` as an object.")
    return rule


class Script:
    """The active rules, used in order and kept in memory only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def add(self, rule: Rule) -> None:
        """Append a rule."""
        with self._lock:
            self._rules.append(rule)

    def clear(self) -> None:
        """Drop all rules."""
        with self._lock:
            self._rules.clear()

    def list_rules(self) -> list[dict[str, Any]]:
        """Return the rules that still apply."""
        with self._lock:
            return [vars(rule).copy() for rule in self._rules]

    def take(self, request_line: str) -> Rule | None:
        """Use the first rule that matches "METHOD /path" once and return it, or None."""
        with self._lock:
            for rule in self._rules:
                if request_line.startswith(rule.match):
                    rule.times -= 1
                    self._rules = [left for left in self._rules if left.times > 0]
                    return rule
        return None
