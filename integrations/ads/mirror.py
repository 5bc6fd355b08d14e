"""Who changed an ad campaign lately, by the change log of its platform."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from integrations.ads.ports import AdsClient
from integrations.ads.types import Change
from integrations.calls.answers import Ok
from integrations.ports import AdCampaignRow, LastChange

MOST_OBJECTS: Final = 5
"""Of an ad campaign, such as ad sets with budgets of their own."""


def find_change(client: AdsClient, row: AdCampaignRow, facts: Sequence[str], since: datetime) -> LastChange | None:
    """Return the newest change in the log by which one of some facts became what it is (outside calls).

    The origin of a row holds, for each of its facts, the values that it stands on at the vendor.
    """
    origin: dict[str, Sequence[Change]] = row.origin
    found = []
    for change in [each for fact in facts for each in origin.get(fact, ())][:MOST_OBJECTS]:
        answer = client.list_changes(change, since)
        entries = answer.value if isinstance(answer, Ok) else ()
        found += [one for one in entries if one.field == change.field and one.new == change.new]
    if not found:
        return None
    newest = max(found, key=lambda one: one.at)
    return LastChange(newest.at, newest.who, newest.is_ours)
