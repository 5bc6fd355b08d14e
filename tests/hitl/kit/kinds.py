"""Kinds of action for tests, whose effects are counted outside."""

import json
import os
import urllib.error
import urllib.request  # the adapter under test is as plain as can be
from decimal import Decimal
from typing import Any, ClassVar

from hitl.actions import registry
from hitl.actions.base import ActionKind, Estimate, Facts, Money, Outcome, Params, Preview, PreviewRow

EFFECTS_URL = "WALKER_TEST_EFFECTS"


class PressParams(Params):
    """What to press, for how much."""

    button: str
    amount: Money


def _call(path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    document = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(os.environ[EFFECTS_URL] + path, document)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    return found


class PressKeyed(ActionKind[PressParams]):
    """Presses a button whose owner drops a second press with the same key."""

    key = "test_press_keyed"
    title = "Press a button"
    keyed = True
    base_risk: ClassVar[int] = 10
    params_model = PressParams

    def observe(self, params: PressParams) -> Facts:
        return {"price": _call("/facts")["price"]}

    def preview(self, params: PressParams, facts: Facts) -> Preview:
        row = PreviewRow("Price", facts["price"], str(params.amount))
        return Preview(f"Press {params.button} for {params.amount}", [row])

    def estimate(self, params: PressParams, facts: Facts) -> Estimate:
        share = params.amount / Decimal(facts["price"])
        return Estimate(cost=params.amount, currency="EUR", share=share)

    def subject_key(self, params: PressParams) -> str:
        return f"button:{params.button}"

    def execute(self, params: PressParams, *, idempotency_key: str) -> Outcome:
        try:
            found = _call("/press", {"key": idempotency_key, "keyed": self.keyed})
        except urllib.error.HTTPError as error:
            error.close()
            return Outcome("failed_clean", error=f"status {error.code}", retry=error.code == 503)
        _call("/linger")
        return Outcome("succeeded", {"key": found["key"]})


class PressPlain(PressKeyed):
    """Presses a button that does it again each time; tells nothing afterwards."""

    key = "test_press_plain"
    keyed = False


class PressProbed(PressPlain):
    """Like the plain one, but its owner can be asked by key."""

    key = "test_press_probed"

    def probe(self, params: PressParams, *, idempotency_key: str) -> Outcome | None:
        if idempotency_key in _call("/facts")["pressed"]:
            return Outcome("succeeded")
        return Outcome("failed_clean", retry=True)


def register_kinds() -> None:
    """Make the kinds known to this process."""
    for kind in (PressKeyed, PressPlain, PressProbed):
        registry.register(kind)
