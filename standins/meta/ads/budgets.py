"""What Meta checks before it changes a campaign or ad set.

A budget stands on the campaign or on its ad sets, daily or for the whole run; both at once is subcode 1885621, too
little is 1885272. An ad set's budget may be changed four times an hour; the fifth is 613, subcode 1487632. Amounts are
whole numbers of the currency's smallest unit. That a budget can't be turned from daily to lifetime is our reading of
Meta's guide; which subcode it has was not found, so none is given.
"""

import json
from datetime import datetime, timedelta

from standins.ads import AdsStore
from standins.meta.ads.errors import graph_error, invalid_parameter
from standins.store import Document

BUDGETS = ("daily_budget", "lifetime_budget")
STATUSES = ("ACTIVE", "PAUSED")
CHANGES_AN_HOUR = 4
LONGEST_BUDGET = 15
ACCEPTED = {*BUDGETS, "name", "status", "execution_options", "fields", "access_token", "appsecret_proof"}


def parse_change(params: Document) -> tuple[Document, bool]:
    """Return what is to change, and whether it is only tried out; raises an error with code 100."""
    unknown = sorted(set(params) - ACCEPTED)
    if unknown:
        raise invalid_parameter(f"(#100) The stand-in knows no parameter {unknown[0]}", blame=unknown[0])
    wanted: Document = {name: str(params[name]) for name in ("name", "status") if name in params}
    if wanted.get("status", "ACTIVE") not in STATUSES:
        raise invalid_parameter(f"(#100) Param status must be one of {{{', '.join(STATUSES)}}}", blame="status")
    for name in BUDGETS:
        if name not in params:
            continue
        text = str(params[name])
        if not text.isascii() or not text.isdigit() or len(text) > LONGEST_BUDGET:
            raise invalid_parameter(f"(#100) Param {name} must be an integer", blame=name)
        wanted[name] = int(text)
    options = _options(params.get("execution_options"))
    return wanted, "validate_only" in options


def _options(given: object) -> list[str]:
    """Return the options of a call: a list in JSON, as the SDK sends it."""
    if not given:
        return []
    try:
        options = json.loads(str(given))
    except ValueError:
        options = None
    if not isinstance(options, list) or set(options) - {"validate_only", "include_recommendations"}:
        raise invalid_parameter("(#100) Param execution_options must be an array", blame="execution_options")
    return [str(option) for option in options]


def check_change(store: AdsStore, found: Document, wanted: Document, account: Document) -> None:
    """Check budgets against what the campaign and its ad sets have; raises an error with code 100."""
    asked = [name for name in BUDGETS if name in wanted]
    if not asked:
        return
    if len(asked) > 1:
        raise invalid_parameter("Invalid parameter", said="Choose one budget. Give a daily or a lifetime budget.")
    name, kind = asked[0], found["kind"]
    above = store.get(found["campaign"]) if kind == "adset" else None
    siblings = [one for one in store.objects(found["account"], "adset") if one["campaign"] == found["id"]]
    is_above = above is not None and any(above[one] for one in BUDGETS)
    is_below = kind == "campaign" and any(one[budget] for one in siblings for budget in BUDGETS)
    if is_above or is_below:
        place = "The campaign" if is_above else "An ad set"
        said = f"Budget conflict. {place} already has a budget."
        raise invalid_parameter("Invalid parameter", subcode=1885621, said=said, blame=name)
    other = BUDGETS[1 - BUDGETS.index(name)]
    if found[other]:
        said = f"Budget type can't be changed. It has a {other.replace('_', ' ')}."
        raise invalid_parameter("Invalid parameter", said=said, blame=name)
    if wanted[name] < account["least"]:
        said = f"Your budget is too low. It must be at least {account['least']} in the smallest unit of the currency."
        raise invalid_parameter("Invalid parameter", subcode=1885272, said=said, blame=name)


def check_pace(store: AdsStore, found: Document, wanted: Document, moment: datetime) -> None:
    """Refuse the fifth change of an ad set's budget within an hour."""
    if found["kind"] != "adset" or not any(name in wanted for name in BUDGETS):
        return
    lately = store.effects_since(found["id"], moment - timedelta(hours=1))
    if sum(row["field"] in BUDGETS and row["old"] != row["new"] for row in lately) >= CHANGES_AN_HOUR:
        said = "Too many budget changes. An ad set's budget can be changed 4 times an hour. Wait an hour and try again."
        raise graph_error(613, "(#613) Calls to this api have exceeded the rate limit.", subcode=1487632, said=said)
