"""What an adapter may answer: nothing of it passes for what it is not, and nothing of it loses an outcome."""

from collections.abc import Callable
from decimal import Decimal
from functools import reduce
from typing import Any

import pytest

from core.errors import Refused
from hitl.actions import registry
from hitl.actions.base import Estimate, Facts, Outcome, Preview
from hitl.approvals.change.holds import hold, release
from hitl.models import Execution
from tests.hitl.kit.kinds import PressKeyed, PressParams
from tests.hitl.kit.scene import Scene, stored


class Odd(PressKeyed):
    """Presses the button, and says of it what the test has it say."""

    key = "test_press_odd"
    says: Callable[[], Any] = staticmethod(lambda: Outcome("succeeded"))
    costs: dict[str, Any] = {"cost": Decimal(5), "currency": "EUR"}

    def estimate(self, params: PressParams, facts: Facts) -> Estimate:
        return Estimate(**self.costs)

    def execute(self, params: PressParams, *, idempotency_key: str) -> Outcome:
        super().execute(params, idempotency_key=idempotency_key)
        said: Outcome = type(self).says()
        return said


@pytest.fixture
def odd() -> type[Odd]:
    """The odd kind, known to this process."""
    registry.register(Odd)
    return Odd


def deep() -> dict[str, Any]:
    """Return a document that no parser gets through."""
    return reduce(lambda inner, _: {"a": inner}, range(5000), {})


@pytest.mark.slow
@pytest.mark.parametrize(
    "said", [None, "succeeded", {"kind": "succeeded"}, Outcome("SUCCEEDED", retry=True)]  # type: ignore[arg-type]
)  # fmt: skip
def test_answer_that_is_none_is_unknown_and_never_a_failure(
    scene: Scene, odd: type[Odd], monkeypatch: pytest.MonkeyPatch, said: Any
) -> None:
    monkeypatch.setattr(odd, "says", lambda: said)
    approval = scene.done(scene.approved(odd.key))
    assert (approval.state, Execution.objects.get().outcome) == ("executing", "unknown")


@pytest.mark.parametrize("result", [deep(), ["a"], {"a": "x" * 200_000}, {"a": 0.5}, None])
def test_result_that_cannot_be_kept_hides_no_success(
    scene: Scene, odd: type[Odd], monkeypatch: pytest.MonkeyPatch, result: Any
) -> None:
    monkeypatch.setattr(odd, "says", lambda: Outcome("succeeded", result, None))  # type: ignore[arg-type]
    approval = scene.done(scene.approved(odd.key))
    assert (approval.state, Execution.objects.get().result) == ("executed", {})


SIZES = [
    {"cost": Decimal("1e15")}, {"cost": Decimal("Infinity")}, {"share": Decimal("NaN")}, {"reach": -1},
    {"cost": Decimal(5), "currency": "EURO"}, {"cost": Decimal(5), "currency": "E\0"},
]  # fmt: skip


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_size_that_cannot_be_added_up_counts_as_critical(
    scene: Scene, odd: type[Odd], monkeypatch: pytest.MonkeyPatch, size: dict[str, Any]
) -> None:
    monkeypatch.setattr(odd, "costs", size)
    approval = scene.propose(odd.key)
    assert (approval.risk_level, stored(approval).cost) == ("critical", None)


@pytest.mark.parametrize(
    ("link", "kept"), [("javascript:alert(1)", ""), ("https://a.example/x", "https://a.example/x"), ("//b", "")]
)
def test_link_of_a_preview_leads_to_the_web_or_nowhere(
    scene: Scene, odd: type[Odd], monkeypatch: pytest.MonkeyPatch, link: str, kept: str
) -> None:
    monkeypatch.setattr(odd, "preview", lambda *_: Preview("Press", link=link))
    assert scene.propose(odd.key).preview_url == kept


def test_requester_does_not_release_what_somebody_else_holds(scene: Scene) -> None:
    approval = scene.propose(actor=scene.actor("admin"))
    hold(actor=scene.actor("compliance"), approval_id=approval.pk, reason="Is this right?")
    with pytest.raises(Refused, match="You requested this, so you can't release it"):
        release(actor=scene.actor("admin"), approval_id=approval.pk)
    assert release(actor=scene.actor("owner"), approval_id=approval.pk).holds == []
