"""Parameters of the sandbox platform's actions, strict and without floats."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from hitl.actions.base import Money, Params

CENT = Decimal("0.01")


Reference = Annotated[str, StringConstraints(min_length=1, max_length=300)]
"""An id or a unique name; `resolve` turns it into the id."""
# 900 and 900.00 are the same request and must have the same digest.
Budget = Annotated[Money, Field(gt=0, le=1_000_000), AfterValidator(lambda amount: amount.quantize(CENT))]
Currency = Annotated[str, StringConstraints(pattern=r"^([A-Z]{3})?$")]


class CampaignBudget(Params):
    """A new daily budget."""

    campaign: Reference
    daily_budget: Budget = Field(description='New daily amount, such as "900.50"')
    currency: Currency = ""
    """Empty means the account's, which `resolve` fills in."""


class CampaignPause(Params):
    """A campaign to pause."""

    campaign: Reference


class PageMeta(Params):
    """New meta data of a page."""

    page: Reference
    title: Annotated[str, StringConstraints(min_length=1, max_length=120)] | None = None
    description: Annotated[str, StringConstraints(min_length=1, max_length=320)] | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> PageMeta:
        if self.title is None and self.description is None:
            raise ValueError("give a title or a description")
        return self


class ContentPublication(Params):
    """A draft to publish."""

    content: Reference
