"""Client of Meta's Marketing API: typed calls by the runner, pages followed by their cursors, failures as data."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, Final, TypeVar

from django.conf import settings

from core.clock import now
from core.errors import Unavailable
from core.http import Reply
from core.text.clean import clean_text
from integrations.ads.change_log import SKEW
from integrations.ads.ports import AdsClient
from integrations.ads.types import AdAccount, Change, Figures, Limit, LogEntry
from integrations.calls.answers import Answer, CleanFailure, Ok
from integrations.calls.operations import Line, Operation, Request, System, is_refusal, wait_of
from integrations.calls.quotas import Quota
from integrations.meta_ads.money import read_count
from integrations.meta_ads.types import AdObject

T = TypeVar("T")
Body = Any
VERSION: Final = "v26.0"
PAGE: Final = 100
MOST_PAGES: Final = 30
READ_SECONDS: Final = 6.0
CHANGE_SECONDS: Final = 10.0
NAME: Final = 300
USAGE: Final = "X-Business-Use-Case-Usage"
LIMITS: Final = frozenset({"4", "17", "613", "80004"})
ENDED: Final = frozenset({"102", "190", "200", "http_401"})
"""Codes of tokens that ended or were taken back, and of permissions that were; most come with status 400."""
UNSURE: Final = frozenset({"", "1", "2"})
"""Codes of an unknown error there, which prove nothing."""
TOO_OFTEN: Final = "613.1487632"
"""The fifth change of an ad set's budget within an hour."""
USUAL_WAIT: Final = 60.0
CALLS_PER_MINUTE: Final = 12
"""Of an ad account at an app with development access: 60 reading calls in five minutes."""
SILENT: Final = timedelta(minutes=5)
"""Ours: Meta names no time after which its log is complete."""
HOUR: Final = timedelta(hours=1)
CHANGES_AN_HOUR: Final = 4
SET_LIMIT: Final = "Meta takes four budget changes of an ad set an hour"
OBJECT_FIELDS: Final = "id,name,status,daily_budget,lifetime_budget"
NESTED_SETS: Final = 50
WITH_SETS: Final = f"{OBJECT_FIELDS},adsets.limit({NESTED_SETS}){{{OBJECT_FIELDS},campaign_id}}"
"""Ad campaigns with their ad sets in one answer."""
LOG_FIELDS: Final = "event_time,event_type,object_id,actor_name,application_id,extra_data"
LOGGED: Final = {
    "update_campaign_budget": "daily_budget",
    "update_ad_set_budget": "daily_budget",
    "update_campaign_run_status": "status",
    "update_ad_set_run_status": "status",
}
CATEGORIES: Final = {"status": "STATUS"}
RUN_STATUS: Final = {"Active": "ACTIVE", "Inactive": "PAUSED"}
_ID: Final = re.compile(r"[0-9]{1,32}")
_ACCOUNT: Final = re.compile(r"act_[0-9]{1,32}")


def code_of(body: Body) -> str:
    """Return the code of an error, with its subcode after a point; "" for what is no error of the API."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("code"), int):
        return ""
    subcode = error.get("error_subcode")
    return f"{error['code']}.{subcode}" if isinstance(subcode, int) else str(error["code"])


def read_error(body: Body) -> tuple[str, str]:
    """Return the code of an error and its words for people, which Meta has for wrong values."""
    code = code_of(body)
    error = body["error"] if code else {}
    words = error.get("error_user_msg") or error.get("message") or ""
    return code, clean_text(str(words), NAME)


def main_code(code: str) -> str:
    """Return a code without its subcode."""
    return code.partition(".")[0]


def proves_nothing(reply: Reply) -> bool:
    """Return True for a refusal in the API's own form; a proxy's page, or an unknown error, leaves it open."""
    return is_refusal(reply) and main_code(code_of(reply.json())) not in UNSURE


def wait_in(reply: Reply) -> float:
    """Return the seconds after which the vendor takes calls again, by its header of usage."""
    try:
        rows = [row for found in json.loads(reply.headers.get(USAGE, "{}")).values() for row in found]
        minutes = max((float(row.get("estimated_time_to_regain_access") or 0) for row in rows), default=0.0)
    except (ValueError, TypeError, AttributeError):
        minutes = 0.0
    named = minutes * 60 if math.isfinite(minutes) else 0.0
    return named or wait_of(reply) or USUAL_WAIT


def read_quota(headers: Mapping[str, str]) -> Quota | None:
    """Return how much is left by the vendor's header of usage, of what is used most; None if it doesn't say it."""
    names = ("call_count", "total_cputime", "total_time")
    try:
        rows = [row for found in json.loads(headers.get(USAGE, "{}")).values() for row in found]
        used = max((int(row[name]) for row in rows for name in names if name in row), default=None)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    return None if used is None else Quota(100, "hour", min(100, max(0, 100 - used)), "percent")


@dataclass(frozen=True)
class MetaSystem(System):
    """The API at an address. Most ended tokens come with status 400, so that the error's code says it."""

    def is_limited(self, reply: Reply, code: str) -> bool:
        return super().is_limited(reply, main_code(code))

    def limit_wait(self, reply: Reply) -> float:
        return wait_in(reply)

    def is_ended(self, reply: Reply, code: str) -> bool:
        return main_code(code) in ENDED


reading = partial(Operation, seconds=READ_SECONDS)
READ_ACCOUNT: Final = reading("read_ad_account", kept_seconds=300)
LIST_ACCOUNTS: Final = reading("list_ad_accounts", keeps_last=False)
LIST_SCOPES: Final = reading("list_scopes", keeps_last=False)
LIST_AD_CAMPAIGNS: Final = reading("list_ad_campaigns")
LIST_AD_SETS: Final = reading("list_ad_sets")
LIST_WITH_SETS: Final = reading("list_ad_campaigns_with_sets", keeps_last=False)
READ_OBJECT: Final = reading("read_ad_object", keeps_last=False)
LIST_FIGURES: Final = reading("list_ad_figures")
READ_LOG: Final = reading("read_ad_changes", keeps_last=False)
# It changes nothing, so that it may be repeated.
TRY_CHANGE: Final = reading("try_ad_change", method="POST", keeps_last=False)
MAKE_CHANGE: Final = Operation(
    "make_ad_change", method="POST", seconds=CHANGE_SECONDS, executes=True, proves_nothing=proves_nothing
)


@dataclass(frozen=True)
class Rows:
    """One page of a list, and the cursor of the next one."""

    items: list[Any]
    after: str = ""


class MetaAdsClient(AdsClient):
    """One ad account."""

    vendor: ClassVar[str] = "Meta"
    silent: ClassVar[timedelta] = SILENT

    def __init__(self, system: System, line: Line, account: str = "") -> None:
        super().__init__(system, line)
        self.account = account

    def get_account(self) -> Answer[AdAccount]:
        """Return the ad account with its currency and time zone."""
        fields = {"fields": "id,name,currency,timezone_name"}
        return self._call(READ_ACCOUNT, Request(self._edge(""), fields), parse_account)

    def list_accounts(self) -> Answer[list[AdAccount]]:
        """Return the ad accounts that the person who allowed the access may use."""
        return self._list(LIST_ACCOUNTS, "/me/adaccounts", parse_account, {"fields": "id,name,currency,timezone_name"})

    def list_scopes(self) -> Answer[list[str]]:
        """Return the permissions that were granted."""

        def granted(body: Body) -> list[str]:
            return [str(row["permission"]) for row in body["data"] if row["status"] == "granted"]

        return self._call(LIST_SCOPES, Request("/me/permissions"), granted)

    def list_ad_campaigns(self) -> Answer[list[AdObject]]:
        """Return the ad campaigns of the account."""
        fields = {"fields": OBJECT_FIELDS}
        return self._list(LIST_AD_CAMPAIGNS, self._edge("/campaigns"), parse_object, fields)

    def list_page(self, after: str) -> Answer[Rows]:
        """Return a page of ad campaigns, each with its ad sets; None for these if there are more than a page."""
        cursor = {"after": after} if after else {}
        asked = {"fields": WITH_SETS, "limit": str(NESTED_SETS), **cursor}
        request = Request(self._edge("/campaigns"), asked)
        return self._call(LIST_WITH_SETS, request, partial(parse_rows, parse_with_sets))

    def list_ad_sets(self) -> Answer[list[AdObject]]:
        """Return the ad sets of all ad campaigns of the account."""
        fields = {"fields": f"{OBJECT_FIELDS},campaign_id"}
        return self._list(LIST_AD_SETS, self._edge("/adsets"), parse_object, fields)

    def read_value(self, change: Change) -> Answer[str]:
        """Return the value of an ad campaign or ad set as it is now, never an earlier answer."""

        def value(body: Body) -> str:
            return parse_object(body).value_of(change.field)

        return self._call(READ_OBJECT, Request(_path(change.object), {"fields": OBJECT_FIELDS}), value)

    def list_figures(self, first: date, last: date, object_id: str = "") -> Answer[list[Figures]]:
        """Return the sums from the first to the last day of each ad campaign, or of the ad campaign or ad set named."""
        path = f"{_path(object_id)}/insights" if object_id else self._edge("/insights")
        period = json.dumps({"since": first.isoformat(), "until": last.isoformat()})
        wanted = "campaign_id,campaign_name,spend,impressions,clicks,actions"
        level = {} if object_id else {"level": "campaign"}
        asked = {**level, "time_range": period, "fields": wanted}
        return self._list(LIST_FIGURES, path, parse_figures, asked)

    def list_changes(self, change: Change, since: datetime) -> Answer[list[LogEntry]]:
        """Return what the change log says of a change's value since a moment, newest first."""
        asked = {
            "oid": change.object,
            "category": CATEGORIES.get(change.field, "BUDGET"),
            "since": str(int(since.timestamp())),
            "fields": LOG_FIELDS,
        }
        return self._list(READ_LOG, self._edge("/activities"), partial(parse_entry, settings.META_ADS_APP_ID), asked)

    def budget_changes(self, ad_set: str) -> list[datetime] | None:
        """Return when an ad set's budget was changed in the last hour, the oldest first; None if it can't be read."""
        since = now() - HOUR
        answer = self.list_changes(Change(ad_set, "daily_budget", "", ""), since)
        return sorted(one.at for one in answer.value if one.at > since) if isinstance(answer, Ok) else None

    def find_limit(self, change: Change) -> Limit | None:
        """Return until when an ad set's budget can't be changed: four changes were made within the hour."""
        until = next_change(self.budget_changes(change.object) or ())
        return Limit(until, SET_LIMIT) if until else None

    def try_change(self, change: Change) -> Answer[bool]:
        """Let the vendor check a change without making it; one too many within the hour is taken later."""
        trial = {change.field: change.new, "execution_options": json.dumps(["validate_only"])}
        answer = self._call(TRY_CHANGE, Request(_path(change.object), json=trial), parse_success)
        return Ok(True) if isinstance(answer, CleanFailure) and answer.code == TOO_OFTEN else answer

    def make_change(self, change: Change, key: str) -> Answer[bool]:
        """Make a change once. The vendor knows no keys: ours is only for the record of calls."""
        request = Request(_path(change.object), json={change.field: change.new}, key=key)
        answer = self._call(MAKE_CHANGE, request, parse_success)
        is_early = isinstance(answer, CleanFailure) and answer.code == TOO_OFTEN
        return replace(answer, was_called=False) if isinstance(answer, CleanFailure) and is_early else answer

    def _edge(self, edge: str) -> str:
        if not _ACCOUNT.fullmatch(self.account):
            raise Unavailable("Choose the ad account of this connection in the settings.", code="not_connected")
        return f"/{self.account}{edge}"

    def _list(
        self, operation: Operation, path: str, parse: Callable[[Body], T], params: Mapping[str, str]
    ) -> Answer[list[T]]:
        """Follow the cursors of a list; the address of the next page that an answer names is never called."""
        found: list[T] = []
        seen = {""}
        asked = {**params, "limit": str(PAGE)}
        while len(seen) <= MOST_PAGES:
            answer = self._call(operation, Request(path, asked), partial(parse_rows, parse))
            if not isinstance(answer, Ok):
                return answer
            found += answer.value.items
            after = answer.value.after
            if not after:
                return Ok(found)
            if after in seen:
                return CleanFailure("endless_pages", "The pages of the list come again and again.")
            seen.add(after)
            asked = {**asked, "after": after}
        return CleanFailure("too_many_pages", f"The list has more than {MOST_PAGES * PAGE:,} rows.")


def _path(object_id: str) -> str:
    """Return the path of an object, so that an id from outside can't reach another endpoint."""
    if not _ID.fullmatch(object_id):
        raise Unavailable("This isn't an id of Meta's.", code="bad_id")
    return f"/{object_id}"


def next_change(changes: Sequence[datetime]) -> datetime | None:
    """Return when an ad set's budget may be changed again, None if it may be now."""
    return changes[-CHANGES_AN_HOUR] + HOUR + SKEW if len(changes) >= CHANGES_AN_HOUR else None


def parse_rows(parse: Callable[[Body], T], body: Body) -> Rows:
    """Return a page of a list from its JSON, with the cursor of the next one."""
    items = [parse(row) for row in body["data"]]
    paging = body.get("paging") or {}
    if not paging.get("next"):
        return Rows(items)
    after = paging["cursors"]["after"]
    if not isinstance(after, str) or not after:
        raise ValueError("a next page without a cursor")
    return Rows(items, after)


def parse_account(body: Body) -> AdAccount:
    """Return an ad account from its JSON."""
    names = ("id", "name", "currency", "timezone_name")
    return AdAccount(*(clean_text(str(body[name]), NAME) for name in names))


def parse_object(body: Body) -> AdObject:
    """Return an ad campaign or ad set from its JSON."""
    return AdObject(
        id=str(body["id"]),
        name=clean_text(str(body["name"]), NAME),
        status=str(body["status"]),
        daily_budget=read_count(body.get("daily_budget")),
        lifetime_budget=read_count(body.get("lifetime_budget")),
        ad_campaign=str(body.get("campaign_id", "")),
    )


def parse_with_sets(body: Body) -> tuple[AdObject, list[AdObject] | None]:
    """Return an ad campaign with its ad sets from their JSON; one without any leaves them out."""
    found = parse_rows(parse_object, body.get("adsets") or {"data": []})
    return parse_object(body), None if found.after else found.items


def parse_figures(body: Body) -> Figures:
    """Return the figures of an ad campaign from their JSON; of the actions only purchases and leads."""
    counts = {str(row["action_type"]): int(row["value"]) for row in body.get("actions") or ()}
    spend = Decimal(body["spend"])
    if not spend.is_finite():
        raise ValueError("no amount")
    return Figures(
        ad_campaign=str(body["campaign_id"]),
        name=clean_text(str(body["campaign_name"]), NAME),
        spend=spend,
        impressions=int(body["impressions"]),
        clicks=int(body.get("clicks", 0)),
        results={"purchases": counts.get("purchase", 0), "leads": counts.get("lead", 0)},
    )


def parse_entry(app_id: str, body: Body) -> LogEntry:
    """Return a row of the change log; one in a form that isn't known says that something happened, and no more."""
    field, old, new = LOGGED.get(str(body["event_type"]), ""), "", ""
    try:
        extra = json.loads(body["extra_data"])
        if field == "status":
            old, new = RUN_STATUS[extra["old_value"]], RUN_STATUS[extra["new_value"]]
        elif field:
            field = "daily_budget" if extra["new_value"]["type"] == "Per day" else "lifetime_budget"
            old, new = str(int(extra["old_value"]["old_value"])), str(int(extra["new_value"]["new_value"]))
    except (KeyError, TypeError, ValueError):
        field = ""
    return LogEntry(
        at=datetime.strptime(body["event_time"], "%Y-%m-%dT%H:%M:%S%z"),
        object=str(body["object_id"]),
        field=field,
        old=old,
        new=new,
        who=clean_text(str(body.get("actor_name", "")), 120),
        is_ours=bool(app_id) and str(body.get("application_id", "")) == app_id,
    )


def parse_success(body: Body) -> bool:
    """Return True for the answer to a change that was made, or would be."""
    if body["success"] is not True:
        raise ValueError("no success")
    return True
