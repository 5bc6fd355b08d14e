"""Mistakes in the values of a request, as the person reads them."""

import pytest

from core.errors import Invalid
from hitl.actions.observe import observe
from integrations.sandbox_ads.actions import SetCampaignBudget


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "This is needed."),
        ({"daily_budget": "a lot"}, "Write a number, such as 850.00."),
        ({"daily_budget": "-3"}, "At least 0."),
        ({"daily_budget": "8.123"}, "At most 2 digits after the point."),
        ({"daily_budget": "8", "currency": "euro"}, "Three capital letters, such as EUR."),
        ({"daily_budget": "8", "colour": "red"}, "There is no such value."),
    ],
)
def test_mistake_is_told_in_words(values: dict[str, str], words: str) -> None:
    with pytest.raises(Invalid) as caught:
        observe(SetCampaignBudget(), {"campaign": "Summer Sale", **values})
    assert [words] in caught.value.facts["fields"].values()
