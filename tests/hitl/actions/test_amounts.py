"""Money is read in plain ASCII digits wherever a person, a program or a model can write it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from agents.answering.tools import registry as tools
from core.errors import Invalid
from hitl.domain.auto_rules import auto_rule_from
from hitl.policy.admin.caps import AmountForm, CapForm
from hitl.policy.admin.simulate import TrialForm
from hitl.policy.admin.workflow_form.form import WorkflowForm
from hitl.policy.admin.workflow_form.rules import RuleForm
from hitl.policy.limits.caps import create_cap
from hitl.policy.rest.policies import CapChange, CapRequest
from hitl.policy.rest.workflows import TrialRequest
from hitl.policy.workflows.validation import problems_of
from integrations.sandbox_ads.params import CampaignBudget
from tests.hitl.kit.scene import Scene

UNCLEAR = ("１００", "1_000", "+100", "100\n", " 100", "1e2", "१००", "1,000", "0x10", "Infinity", "100.", ".5")
LIMIT = {"scope": "all", "currency": "EUR", "window": "day"}
RULE = {"id": "small", "verdict": "approve"}


def _form_takes(form: type[Any], name: str) -> Callable[[str], bool]:
    return lambda amount: name not in form({name: amount}).errors


def _rest_takes(serializer: type[Any], name: str) -> Callable[[str], bool]:
    def takes(amount: str) -> bool:
        asked = serializer(data={name: amount})
        asked.is_valid()
        return name not in asked.errors

    return takes


def _takes(call: Callable[[], object]) -> bool:
    try:
        call()
    except (Invalid, ValidationError, ValueError):
        return False
    return True


def _tool_reads(amount: str) -> None:
    tools.get("set_campaign_budget").read({"campaign": "x", "daily_budget": amount})


def _places(scene: Scene) -> Iterator[tuple[str, Callable[[str], bool]]]:
    owner = scene.actor("owner")
    yield "a new limit", lambda amount: _takes(lambda: create_cap(actor=owner, amount=amount, **LIMIT))
    yield "a range of costs", lambda amount: "min_cost" not in problems_of(None, {"min_cost": amount})
    yield "a rule", lambda amount: _takes(lambda: auto_rule_from({**RULE, "max_cost": amount}))
    yield "an action", lambda amount: _takes(lambda: CampaignBudget(campaign="x", daily_budget=amount))
    yield "a model's tool", lambda amount: _takes(lambda: _tool_reads(amount))
    yield "a limit's form", _form_takes(CapForm, "amount")
    yield "a limit's new amount", _form_takes(AmountForm, "amount")
    yield "a trial's form", _form_takes(TrialForm, "cost")
    yield "a workflow's form", _form_takes(WorkflowForm, "max_cost")
    yield "a rule's form", _form_takes(RuleForm, "window_amount")
    yield "a limit over the API", _rest_takes(CapRequest, "amount")
    yield "a new amount over the API", _rest_takes(CapChange, "amount")
    yield "a trial over the API", _rest_takes(TrialRequest, "cost")


@pytest.mark.parametrize("amount", UNCLEAR)
def test_amount_not_in_plain_digits_is_refused_everywhere(scene: Scene, amount: str) -> None:
    assert [place for place, takes in _places(scene) if takes(amount)] == []


def test_amount_in_plain_digits_is_taken_everywhere(scene: Scene) -> None:
    assert [place for place, takes in _places(scene) if not takes("100.50")] == []
