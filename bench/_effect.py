"""A kind of action for the benchmark: one INSERT into a table outside, over kept connections."""

from typing import ClassVar

from bench._common import Effects
from hitl.actions.base import ActionKind, Estimate, Facts, Money, Outcome, Params, Preview, PreviewRow


class EffectParams(Params):
    """What to do, for how much."""

    key: str
    amount: Money


class CauseEffect(ActionKind[EffectParams]):
    """Causes one effect; the outside knows no idempotency keys."""

    key = "bench_effect"
    title = "Cause an effect"
    params_model = EffectParams
    effects: ClassVar[Effects]

    def observe(self, params: EffectParams) -> Facts:
        return {"price": "500.00"}

    def preview(self, params: EffectParams, facts: Facts) -> Preview:
        return Preview("Cause an effect", [PreviewRow("Price", facts["price"], str(params.amount))])

    def estimate(self, params: EffectParams, facts: Facts) -> Estimate:
        return Estimate(cost=params.amount, currency="EUR")

    def subject_key(self, params: EffectParams) -> str:
        return f"effect:{params.key}"

    def execute(self, params: EffectParams, *, idempotency_key: str) -> Outcome:
        self.effects.cause(params.key)
        return Outcome("succeeded")
