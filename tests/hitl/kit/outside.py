"""An outside world in memory: presses are counted where an adapter would meet the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from hitl.actions import registry
from hitl.actions.base import ActionKind, Estimate, Facts, Outcome, Preview, PreviewRow
from tests.hitl.kit.kinds import PressParams


class OutsideAway(Exception):
    """The outside does not answer."""


@dataclass(frozen=True)
class Call:
    """One call that reached the outside, and whether it did something."""

    key: str
    kind: str
    params: dict[str, str]
    happened: bool


@dataclass
class Outside:
    """What is pressed, for how much, and how it answers next."""

    price: str = "10.00"
    answer: str = "done"
    is_away: bool = False
    calls: list[Call] = field(default_factory=list)
    watcher: Callable[[str], None] = str

    def forget(self) -> None:
        """Be as new."""
        self.price, self.answer, self.is_away = "10.00", "done", False
        self.calls, self.watcher = [], str

    def happened(self, key: str) -> int:
        """Return how often a press under the key did something."""
        return len([call for call in self.calls if call.key == key and call.happened])

    def press(self, key: str, kind: str, params: dict[str, str], *, keyed: bool) -> Outcome:
        """Do it, once per key for those who promise keys, and answer as told."""
        if self.is_away:
            raise OutsideAway
        self.watcher(key)
        answer, self.answer = self.answer, "done"
        refused = answer in ("busy", "refused", "lost on the way")
        again = keyed and self.happened(key) > 0
        self.calls.append(Call(key, kind, params, not refused and not again))
        if answer in ("lost on the way", "lost on the way back"):
            raise OutsideAway
        if refused:
            return Outcome("failed_clean", error=answer, retry=answer == "busy")
        return Outcome("succeeded", {"key": key})


OUTSIDE = Outside()
KEYED = ("proof_keyed", "proof_unscored")
"""Whose owner drops a second press; that is the owner's doing, not the kind's."""


class ProofKeyed(ActionKind[PressParams]):
    """Presses a button whose owner drops a second press with the same key."""

    key = "proof_keyed"
    title = "Press a button"
    keyed = True
    base_risk: ClassVar[int] = 10
    params_model = PressParams

    def observe(self, params: PressParams) -> Facts:
        if OUTSIDE.is_away:
            raise OutsideAway
        return {"price": OUTSIDE.price}

    def preview(self, params: PressParams, facts: Facts) -> Preview:
        row = PreviewRow("Price", facts["price"], str(params.amount))
        return Preview(f"Press {params.button} for {params.amount}", [row])

    def estimate(self, params: PressParams, facts: Facts) -> Estimate:
        return Estimate(cost=params.amount, currency="EUR", share=params.amount / Decimal(facts["price"]))

    def subject_key(self, params: PressParams) -> str:
        return f"button:{params.button}"

    def execute(self, params: PressParams, *, idempotency_key: str) -> Outcome:
        texts: dict[str, Any] = {"button": params.button, "amount": format(params.amount, "f")}
        return OUTSIDE.press(idempotency_key, self.key, texts, keyed=self.key in KEYED)


class ProofPlain(ProofKeyed):
    """Presses a button that does it again each time; tells nothing afterwards."""

    key = "proof_plain"
    keyed = False


class ProofProbed(ProofPlain):
    """Like the plain one, but its owner can be asked by key, and then drops what is still on its way."""

    key = "proof_probed"

    def probe(self, params: PressParams, *, idempotency_key: str) -> Outcome | None:
        if OUTSIDE.is_away:
            raise OutsideAway
        if OUTSIDE.happened(idempotency_key):
            return Outcome("succeeded")
        return Outcome("failed_clean", retry=True)


class ProofUnscored(ProofKeyed):
    """One whose size cannot be worked out."""

    key = "proof_unscored"

    def estimate(self, params: PressParams, facts: Facts) -> Estimate:
        raise ZeroDivisionError


KINDS = (ProofKeyed, ProofPlain, ProofProbed, ProofUnscored)


def register_kinds() -> None:
    """Make the kinds known to this process."""
    for kind in KINDS:
        registry.register(kind)
