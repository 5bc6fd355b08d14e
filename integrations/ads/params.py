"""Parameters of the actions on advertising platforms, strict and without floats."""

from typing import Annotated

from pydantic import Field, StringConstraints

from hitl.actions.base import Money, Params

Reference = Annotated[str, StringConstraints(min_length=1, max_length=300)]
"""An id or a unique name; `resolve` turns it into the id."""
Budget = Annotated[Money, Field(gt=0, le=1_000_000_000)]
Currency = Annotated[str, StringConstraints(pattern=r"^([A-Z]{3})?$")]


class AdBudget(Params):
    """A new daily budget of an ad campaign."""

    ad_campaign: Reference = Field(description="Name or id of the ad campaign")
    daily_budget: Budget = Field(description='New daily amount, such as "900.50"')
    currency: Currency = Field("", description="Leave empty for the account's")


class OneAdCampaign(Params):
    """An ad campaign to pause or resume."""

    ad_campaign: Reference = Field(description="Name or id of the ad campaign")
