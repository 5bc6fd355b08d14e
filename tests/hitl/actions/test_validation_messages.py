"""Mistakes in the values of a request, as the person reads them."""

import pytest

from core.errors import Invalid
from hitl.actions.observe import observe
from integrations.sandbox_ads.kinds import SetCampaignBudget


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Required."),
        ({"daily_budget": "a lot"}, "Enter a number, such as 850.00."),
        ({"daily_budget": "-3"}, "Must be at least 0."),
        ({"daily_budget": "8.123"}, "Use at most 2 digits after the point."),
        ({"daily_budget": "8", "currency": "euro"}, "Enter three capital letters, such as EUR."),
        ({"daily_budget": "8", "colour": "red"}, "Unknown field."),
    ],
)
def test_mistake_is_told_in_words(values: dict[str, str], words: str) -> None:
    with pytest.raises(Invalid) as caught:
        observe(SetCampaignBudget(), {"campaign": "Summer Sale", **values})
    assert [words] in caught.value.facts["fields"].values()
