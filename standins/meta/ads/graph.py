"""The Marketing API by address: accounts, campaigns, ad sets, insights and the change log.

Fields, edges and parameters are those of facebook-business 26.0.3 (`adobjects`): a campaign has no edge for its
activities, an account and an ad set have one. The change log's rows are as seen at real accounts: amounts of budgets
within `old_value` and `new_value`, `object_type` by the old names (CAMPAIGN_GROUP is a campaign, CAMPAIGN an ad set).
An ad set without a budget of its own says "0"; a campaign leaves it out.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from standins.ads import AdsBehaviour, AdsDesk, AdsStore, Who
from standins.consent import Token
from standins.meta.ads import insights
from standins.meta.ads.budgets import BUDGETS, check_change, check_pace, parse_change
from standins.meta.ads.errors import invalid_parameter, no_such_field, no_such_object
from standins.meta.ads.login import Login
from standins.meta.ads.seed import PEOPLE, seed_ads
from standins.store import Document

VERSION = "v26.0"
LIMIT = 25
MOST = 500
NODES = {"campaign": "AdCampaign", "adset": "AdSet", "account": "AdAccount", "user": "User"}
EVENTS = {("campaign", "status"): "update_campaign_run_status", ("adset", "status"): "update_ad_set_run_status"}
CATEGORIES = {"BUDGET": BUDGETS, "STATUS": ("status",)}
COMMA = re.compile(r",(?![^{]*\})")
"""Between fields, not between those within braces."""
NESTED = re.compile(r"adsets(?:\.limit\((\d+)\))?\{([^{}]+)\}")
"""An edge asked for among the fields: Graph's field expansion."""
STATUS_WORDS = {"ACTIVE": "Active", "PAUSED": "Inactive"}


@dataclass
class MetaBehaviour(AdsBehaviour):
    """What is odd about Meta."""

    query_tokens: bool = False
    """Takes tokens in addresses too, where the vendor's own SDK puts them."""
    quota_used: int = 1
    """Per cent of the quota that are used, in a header."""


class Graph(AdsDesk):
    """The ad accounts; `address` is where the stand-in listens."""

    oddities = MetaBehaviour

    def __init__(self, store: AdsStore, login: Login) -> None:
        super().__init__(store, seed_ads)
        self.login = login
        self.address = ""

    def is_ads(self, rest: str) -> bool:
        """Tell whether an address below the version is one of the Marketing API or of its login."""
        first = rest.partition("/")[0]
        return (
            first in ("dialog", "oauth", "me", "debug_token") or first.startswith("act_") or bool(self.store.get(first))
        )

    def answer(self, method: str, rest: str, params: Document, token: Token) -> Document:
        """Answer a call with a token that counts."""
        node, _, edge = rest.partition("/")
        self.login.require_scope(token, *(("ads_management",) if method == "POST" else ("ads_read", "ads_management")))
        if node == "me":
            return self._me(edge, params, token)
        owned = {account["id"]: account for account in self.store.accounts(token.person)}
        if node.startswith("act_"):
            account = owned.get(node.removeprefix("act_"))
            if account is None:
                raise no_such_object(node)
            return self._account(account, edge, params)
        found = self.store.get(node)
        if found is None or found["account"] not in owned:
            raise no_such_object(node)
        if method == "POST" and not edge:
            return self._update(found, params, token, owned[found["account"]])
        return self._object(found, edge, params, owned[found["account"]])

    def _me(self, edge: str, params: Document, token: Token) -> Document:
        if edge == "adaccounts":
            return self._page("me/adaccounts", self.store.accounts(token.person), params, self._show_account)
        if edge:
            raise no_such_field(edge, NODES["user"])
        return {"id": token.person, "name": PEOPLE[token.person]}

    def _account(self, account: Document, edge: str, params: Document) -> Document:
        place = f"act_{account['id']}/{edge}"
        if not edge:
            return self._show_account(account, _fields(params))
        if edge in ("campaigns", "adsets"):
            rows = self._filtered(self.store.objects(account["id"], edge.removesuffix("s")), params)
            return self._page(place, rows, params, self._show)
        if edge == "insights":
            return self._insights(place, account, params, str(params.get("level", "account")))
        if edge == "activities":
            return self._activities(place, account, params, str(params.get("oid", "")))
        raise no_such_field(edge, NODES["account"])

    def _object(self, found: Document, edge: str, params: Document, account: Document) -> Document:
        kind, place = found["kind"], f"{found['id']}/{edge}"
        if not edge:
            return self._show(found, _fields(params))
        if edge == "insights":
            return self._insights(place, account, params, str(params.get("level", kind)), found)
        if edge == "adsets" and kind == "campaign":
            rows = [one for one in self.store.objects(account["id"], "adset") if one["campaign"] == found["id"]]
            return self._page(place, self._filtered(rows, params), params, self._show)
        if edge == "activities" and kind == "adset":
            return self._activities(place, account, params, found["id"])
        raise no_such_field(edge, NODES[kind])

    def _update(self, found: Document, params: Document, token: Token, account: Document) -> Document:
        wanted, is_trial = parse_change(params)
        with self.store.transaction():
            fresh = self.store.get(found["id"]) or found
            check_change(self.store, fresh, wanted, account)
            if not is_trial:
                check_pace(self.store, fresh, wanted, self.now())
                for field, value in wanted.items():
                    self.put(fresh, field, value, Who(PEOPLE[token.person]))
        return {"success": True}

    def _show_account(self, account: Document, fields: list[str]) -> Document:
        known = {
            "id": f"act_{account['id']}",
            "account_id": account["id"],
            "name": account["name"],
            "currency": account["currency"],
            "timezone_name": account["timezone"],
            "account_status": 1,
            "min_daily_budget": account["least"],
        }
        return _picked(known, fields or ["account_id"], NODES["account"])

    def _show(self, found: Document, fields: list[str]) -> Document:
        is_set = found["kind"] == "adset"
        nested = [name for name in fields if not is_set and NESTED.fullmatch(name)]
        fields = [name for name in fields if name not in nested]
        above = self.store.get(found["campaign"]) if is_set else None
        is_held = above is not None and above["status"] == "PAUSED" and found["status"] == "ACTIVE"
        known: Document = {
            "id": found["id"],
            "name": found["name"],
            "account_id": found["account"],
            "status": found["status"],
            "configured_status": found["status"],
            "effective_status": "CAMPAIGN_PAUSED" if is_held else found["status"],
            "created_time": _stamp(found["created"]),
            "updated_time": _stamp(found["updated"]),
            **{name: str(found[name] or 0) if is_set or found[name] else None for name in BUDGETS},
            "budget_remaining": str(sum(found[name] or 0 for name in BUDGETS)),
            **({"campaign_id": found["campaign"]} if is_set else {"objective": found["objective"]}),
        }
        shown = {
            name: value for name, value in _picked(known, fields, NODES[found["kind"]]).items() if value is not None
        }
        pages = [("adsets", page) for name in nested if (page := self._nested_sets(found, name))]
        return shown | dict(pages)

    def _nested_sets(self, found: Document, name: str) -> Document:
        """Return the ad sets of a campaign within its own answer, as `adsets.limit(2){id,name}` asks; {} for none."""
        parts = NESTED.fullmatch(name)
        limit, inner = (parts[1] or str(LIMIT), parts[2]) if parts else ("", "")
        rows = [one for one in self.store.objects(found["account"], "adset") if one["campaign"] == found["id"]]
        place, asked = f"{found['id']}/adsets", {"limit": limit, "fields": inner}
        return self._page(place, rows, asked, self._show) if rows else {}

    def _filtered(self, rows: list[Document], params: Document) -> list[Document]:
        statuses = _listed(params, "effective_status")
        if statuses:
            rows = [row for row in rows if self._show(row, ["effective_status"])["effective_status"] in statuses]
        for rule in _listed(params, "filtering"):
            rows = [row for row in rows if _fits(row, rule)]
        return rows

    def _insights(
        self, place: str, account: Document, params: Document, level: str, found: Document | None = None
    ) -> Document:
        if level not in ("account", "campaign", "adset"):
            raise invalid_parameter("(#100) level must be one of account, campaign, adset", blame="level")
        today = self.now().astimezone(ZoneInfo(account["timezone"])).date()
        first, last = insights.period_of(params, today)
        sets = self.store.objects(account["id"], "adset")
        if found is not None:
            sets = [one for one in sets if found["id"] in (one["id"], one["campaign"])]
        base = {"account_id": account["id"], "account_name": account["name"], "account_currency": account["currency"]}
        groups: list[tuple[Document, list[Document]]] = [(base, sets)]
        campaigns = {one["id"]: one for one in self.store.objects(account["id"], "campaign")}
        if level == "campaign":
            groups = [
                ({**base, "campaign_id": ident, "campaign_name": one["name"]}, mine)
                for ident, one in campaigns.items()
                if (mine := [ad_set for ad_set in sets if ad_set["campaign"] == ident])
            ]
        if level == "adset":
            groups = [
                ({**base, "campaign_id": one["campaign"], "campaign_name": campaigns[one["campaign"]]["name"],
                  "adset_id": one["id"], "adset_name": one["name"]}, [one])
                for one in sets
            ]  # fmt: skip
        spans = [(first, last)]
        if str(params.get("time_increment", "")) == "1":
            spans = [(day, day) for n in range((last - first).days + 1) if (day := first + timedelta(n))]
        rows = [{**names, **insights.figures(account, mine, *span)} for names, mine in groups for span in spans]
        return self._page(place, rows, params, insights.pick)

    def _activities(self, place: str, account: Document, params: Document, only: str) -> Document:
        since = _moment(params, "since", self.now() - timedelta(days=7))
        until = _moment(params, "until", self.now())
        fields = CATEGORIES.get(str(params.get("category", "")))
        rows = [
            row
            for row in self.shown_effects(account["id"])
            if since <= datetime.fromisoformat(row["time"]) <= until
            and (not only or row["object"] == only)
            and (fields is None or row["field"] in fields)
        ]
        return self._page(place, rows, params, lambda row, asked: self._show_activity(row, asked, account))

    def _show_activity(self, row: Document, fields: list[str], account: Document) -> Document:
        found = self.store.get(row["object"]) or {}
        level = "campaign" if row["kind"] == "campaign" else "ad_set"
        event = EVENTS.get(
            (row["kind"], row["field"]), f"update_{level}_{'budget' if row['field'] in BUDGETS else 'name'}"
        )
        moment = datetime.fromisoformat(row["time"])
        is_ours = row["via"] == "api"
        actor = next((slug for slug, name in PEOPLE.items() if name == row["who"]), "1000" + str(row["id"]))
        known = {
            "actor_id": actor,
            "actor_name": row["who"],
            "application_id": self.login.page.app.client_id if is_ours else "119211728144504",
            "application_name": self.login.page.app.name if is_ours else "Power Editor",
            "event_time": _stamp(row["time"]),
            "date_time_in_timezone": f"{moment.astimezone(ZoneInfo(account['timezone'])):%m/%d/%Y at %I:%M %p}",
            "event_type": event,
            "translated_event_type": event.replace("_", " ").capitalize(),
            "object_id": row["object"],
            "object_name": found.get("name", ""),
            "object_type": "CAMPAIGN_GROUP" if row["kind"] == "campaign" else "CAMPAIGN",
            "extra_data": json.dumps(_extra(row)),
        }
        return _picked(known, fields or ["event_time", "event_type", "object_id", "extra_data"], "AdActivity")

    def _page(self, place: str, rows: list[Any], params: Document, show: Any) -> Document:
        given = str(params.get("limit", LIMIT))
        if not given.isdigit() or not 0 < int(given) <= MOST:
            raise invalid_parameter(f"(#100) Param limit must be from 1 to {MOST}", blame="limit")
        size = min(int(given), self.behaviour.page_size or MOST)
        start, fields = _start(params), _fields(params)
        page = rows[start : start + size]
        answer: Document = {"data": [show(row, fields) for row in page]}
        if page:
            cursors = {"before": _cursor(start), "after": _cursor(start + len(page))}
            answer["paging"] = {"cursors": cursors}
            if start + len(page) < len(rows):
                kept = {
                    name: value for name, value in params.items() if name not in ("access_token", "appsecret_proof")
                }
                query = urlencode({**kept, "after": cursors["after"]})
                answer["paging"]["next"] = f"{self.address}/{VERSION}/{place}?{query}"
        return answer

    def changeable(self, found: Document) -> tuple[str, ...]:
        """Return the fields of an object that people change on the platform."""
        return ("status", "name", *(name for name in BUDGETS if found[name]))

    def view(self) -> Document:
        """Return what the page shows."""
        return {"title": "Sandbox Meta ads", "accounts": [self._view(account) for account in self.store.accounts()]}

    def _view(self, account: Document) -> Document:
        scale = 0 if account["currency"] in insights.NO_CENTS else 2
        campaigns = self.store.objects(account["id"], "campaign")
        sets = self.store.objects(account["id"], "adset")
        names = {one["id"]: one["name"] for one in (*campaigns, *sets)}
        rows = [
            {
                "id": one["id"],
                "name": one["name"],
                "note": f"Ad set of {names[one['campaign']]}" if one["kind"] == "adset" else "Campaign",
                "values": [
                    {"field": "status", "label": "Status", "value": one["status"], "choices": ["ACTIVE", "PAUSED"]},
                    *({"field": name, "label": name.replace("_", " ").capitalize(), "value": one[name], "scale": scale}
                      for name in BUDGETS if one[name]),
                ],
            }
            for campaign in campaigns
            for one in (campaign, *(one for one in sets if one["campaign"] == campaign["id"]))
        ]  # fmt: skip
        log = [{**row, "name": names[row["object"]]} for row in self.store.latest_effects(account["id"], 50)]
        return {
            "id": f"act_{account['id']}",
            "name": account["name"],
            "currency": account["currency"],
            "rows": rows,
            "log": log,
        }


def _fields(params: Document) -> list[str]:
    return [name.strip() for name in COMMA.split(str(params.get("fields", ""))) if name.strip()]


def _picked(known: Document, fields: list[str], node: str) -> Document:
    unknown = [name for name in fields if name not in known]
    if unknown:
        raise no_such_field(unknown[0], node)
    return {name: known[name] for name in dict.fromkeys([*fields, *(["id"] if "id" in known else [])])}


def _listed(params: Document, name: str) -> list[Any]:
    try:
        found = json.loads(str(params.get(name) or "[]"))
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise invalid_parameter(f"(#100) Param {name} must be an array", blame=name)
    return found


def _fits(row: Document, rule: Document) -> bool:
    """Tell whether a row passes a rule of `filtering`: by ids, or by when it was changed."""
    field, operator, value = (rule.get(name) for name in ("field", "operator", "value"))
    if field in ("id", f"{row['kind']}.id") and operator == "IN" and isinstance(value, list):
        return row["id"] in value
    if field in ("updated_time", f"{row['kind']}.updated_time") and operator == "GREATER_THAN" and str(value).isdigit():
        return datetime.fromisoformat(row["updated"]).timestamp() > int(str(value))
    raise invalid_parameter(
        "(#100) The stand-in filters by ids (IN) and updated_time (GREATER_THAN)", blame="filtering"
    )


def _extra(row: Document) -> Document:
    if row["field"] in BUDGETS:
        kind = "Per day" if row["field"] == "daily_budget" else "Lifetime budget"
        return {name: {name: int(row[name[:3]] or 0), "type": kind} for name in ("old_value", "new_value")}
    return {name: STATUS_WORDS.get(row[name[:3]], row[name[:3]]) for name in ("old_value", "new_value")}


def _stamp(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%dT%H:%M:%S+0000}"


def _moment(params: Document, name: str, default: datetime) -> datetime:
    given = str(params.get(name, ""))
    try:
        if not given:
            return default
        found = datetime.fromtimestamp(int(given), UTC) if given.isdigit() else datetime.fromisoformat(given)
    except (ValueError, OverflowError, OSError):
        raise invalid_parameter(f"(#100) Param {name} must be a valid date", blame=name) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _cursor(place: int) -> str:
    return base64.urlsafe_b64encode(str(place).encode()).decode()


def _start(params: Document) -> int:
    try:
        return int(base64.urlsafe_b64decode(str(params.get("after") or "MA==")))
    except (ValueError, binascii.Error):
        raise invalid_parameter("(#100) Invalid cursor", blame="after") from None
