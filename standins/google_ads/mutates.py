"""Changes of budgets and campaigns: operations with a mask, tried out, all or none, or each for itself.

Requests and answers are those of `MutateCampaignBudgetsRequest` and `MutateCampaignsRequest` (google-ads 34.0.0): with
`validateOnly` only errors come back, with `partialFailure` what failed stands in `partialFailureError` and its result
is empty. Only updates of amounts, names and statuses are played.
"""

from dataclasses import dataclass
from typing import Any

from standins.ads import AdsStore
from standins.errors import ApiError
from standins.google_ads.errors import INVALID, Fault, Refused, bad_json, failure
from standins.google_ads.rows import NO_CENTS, camel
from standins.store import Document

ACCEPTED = {"operations", "partialFailure", "validateOnly", "responseContentType"}
FIELDS = {
    "budget": {"amountMicros": "amount_micros", "totalAmountMicros": "total_amount_micros", "name": "name"},
    "campaign": {"status": "status", "name": "name"},
}
KNOWN = {
    "budget": {
        "resourceName",
        "id",
        "name",
        "amountMicros",
        "totalAmountMicros",
        "status",
        "explicitlyShared",
        "period",
    },
    "campaign": {"resourceName", "id", "name", "status", "campaignBudget", "startDateTime", "endDateTime"},
}
AMOUNTS = ("amount_micros", "total_amount_micros")
MOST_OPERATIONS = 10_000
LARGEST = 10**15


@dataclass(frozen=True)
class Change:
    """A valid operation: what is to be set."""

    found: Document
    values: Document


class Faulty(Exception):
    """An operation that can't be carried out."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.name)
        self.fault = fault


def parse_request(kind: str, body: Document) -> list[Document]:
    """Return the operations of a request; raises what the API's front answers to JSON of another form."""
    unknown = sorted(set(body) - ACCEPTED)
    if unknown:
        raise bad_json("", f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.')
    operations = body.get("operations")
    if not isinstance(operations, list) or not operations or len(operations) > MOST_OPERATIONS:
        raise Refused(
            400, Fault("requestError", "REQUIRED_FIELD_MISSING", "Required field is missing.", ("operations",))
        )
    for index, one in enumerate(operations):
        place = f"operations[{index}]"
        if not isinstance(one, dict) or set(one) - {"update", "updateMask", "create", "remove"}:
            raise bad_json(place, f"Invalid JSON payload received. Unknown name at '{place}': Cannot find field.")
        update = one.get("update", {})
        if not isinstance(update, dict) or set(update) - KNOWN[kind]:
            raise bad_json(
                place, f"Invalid JSON payload received. Unknown name at '{place}.update': Cannot find field."
            )
        mask = one.get("updateMask", "")
        if not isinstance(mask, str) or "_" in mask:
            raise bad_json(f"{place}.update_mask", f"Invalid value at '{place}.update_mask' (FieldMask), \"{mask}\"")
        for name in ("amountMicros", "totalAmountMicros"):
            if name in update and not _is_number(update[name]):
                words = f"Invalid value at '{place}.update.{name}' (TYPE_INT64), \"{update[name]}\""
                raise bad_json(f"{place}.update.{name}", words)
    return operations


def _is_number(value: Any) -> bool:
    text = str(value).removeprefix("-")
    return isinstance(value, int | str) and not isinstance(value, bool) and text.isascii() and text.isdigit()


def check_operations(
    store: AdsStore, customer: Document, kind: str, operations: list[Document]
) -> tuple[list[Change | None], list[Fault]]:
    """Return what each operation sets, None for a faulty one, and all faults."""
    changes: list[Change | None] = []
    faults: list[Fault] = []
    seen: set[str] = set()
    for index, one in enumerate(operations):
        try:
            change = _check(store, customer, kind, one, index)
            if change.found["id"] in seen:
                words = "Request has multiple operations on the same resource."
                raise Faulty(Fault("mutateError", "ID_EXISTS_IN_MULTIPLE_MUTATES", words, (("operations", index),)))
            seen.add(change.found["id"])
            changes.append(change)
        except Faulty as faulty:
            changes.append(None)
            faults.append(faulty.fault)
    return changes, faults


def _check(store: AdsStore, customer: Document, kind: str, operation: Document, index: int) -> Change:
    path: tuple[str | tuple[str, int], ...] = (("operations", index), "update")
    update, mask = operation.get("update"), [one for one in operation.get("updateMask", "").split(",") if one]
    if update is None:
        raise Faulty(Fault("mutateError", "MUTATE_NOT_ALLOWED", "The stand-in only updates.", path[:1]))
    if not mask:
        words = "The field mask must be provided for update operations."
        raise Faulty(Fault("fieldMaskError", "FIELD_MASK_MISSING", words, (("operations", index), "update_mask")))
    unknown = [name for name in mask if name not in FIELDS[kind]]
    if unknown:
        words = f"The field mask contained an invalid field: '{unknown[0]}'."
        raise Faulty(Fault("fieldMaskError", "FIELD_NOT_FOUND", words, (("operations", index), "update_mask")))
    found = store.get(str(update.get("resourceName", "")))
    if found is None or found["account"] != customer["id"] or found["kind"] != kind:
        raise Faulty(Fault("mutateError", "RESOURCE_NOT_FOUND", "Resource was not found.", (*path, "resource_name")))
    if found["status"] == "REMOVED":
        words = "The operation is not allowed for removed resources."
        raise Faulty(Fault("contextError", "OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE", words, path))
    values: Document = {}
    for name in mask:
        field = FIELDS[kind][name]
        given = update.get(name, "")
        values[field] = _amount(found, customer, field, given, path) if field in AMOUNTS else str(given)
    if values.get("status", "ENABLED") not in ("ENABLED", "PAUSED"):
        raise Faulty(Fault("requestError", "INVALID_ENUM_VALUE", "Enum value is not permitted.", (*path, "status")))
    return Change(found, values)


def _amount(found: Document, customer: Document, field: str, given: Any, path: tuple[Any, ...]) -> int:
    """Return an amount in micros that the budget can have."""
    micros = int(given or 0)
    unit = 1_000_000 if customer["currency"] in NO_CENTS else 10_000
    is_daily = found["period"] == "DAILY"
    name = ""
    if field == "total_amount_micros" and is_daily:
        name = "TOTAL_BUDGET_AMOUNT_MUST_BE_UNSET_FOR_BUDGET_PERIOD_DAILY"
    elif field == "amount_micros" and not is_daily:
        name = "BUDGET_AMOUNT_MUST_BE_UNSET_FOR_CUSTOM_BUDGET_PERIOD"
    elif micros < 0:
        name = "NEGATIVE_MONEY_AMOUNT"
    elif micros < unit:
        name = "MONEY_AMOUNT_LESS_THAN_CURRENCY_MINIMUM_CPC"
    elif micros > LARGEST:
        name = "MONEY_AMOUNT_TOO_LARGE"
    elif micros % unit:
        name = "NON_MULTIPLE_OF_MINIMUM_CURRENCY_UNIT"
    if name:
        words = name.replace("_", " ").capitalize() + "."
        raise Faulty(Fault("campaignBudgetError", name, words, (*path, field)))
    return micros


def show_results(kind: str, body: Document, changes: list[Change | None], faults: list[Fault]) -> Document:
    """Return the answer: names of what was changed, and what failed."""
    shown: Document = {}
    if faults:
        words = "Multiple errors in ‘details’. The first: " if len(faults) > 1 else ""
        shown["partialFailureError"] = {
            "code": INVALID,
            "message": f"{words}{faults[0].message}",
            "details": [failure(*faults)],
        }
    if body.get("validateOnly"):
        return shown
    is_whole = body.get("responseContentType") == "MUTABLE_RESOURCE"
    shown["results"] = [_result(kind, change, is_whole=is_whole) if change else {} for change in changes]
    return shown


def _result(kind: str, change: Change, *, is_whole: bool) -> Document:
    name = change.found["id"]
    if not is_whole:
        return {"resourceName": name}
    group = "campaignBudget" if kind == "budget" else "campaign"
    fields = {camel(field): str(value) for field, value in change.values.items()}
    return {"resourceName": name, group: {"resourceName": name, **fields}}


def refuse_unless_partial(body: Document, faults: list[Fault]) -> None:
    """Refuse the whole request because of its faults, unless each operation counts for itself."""
    if faults and not body.get("partialFailure"):
        raise Refused(400, *faults)


def refuse_manager(customer: Document) -> None:
    """Refuse changes below a manager's own number."""
    if customer["is_manager"]:
        words = "Request cannot be executed by a manager account."
        raise Refused(400, Fault("requestError", "CANNOT_BE_EXECUTED_BY_MANAGER_ACCOUNT", words))


def no_such_path(path: str) -> ApiError:
    """Return what the API's front answers to an unknown address."""
    error = ApiError(404, "NOT_FOUND", path)
    error.body = {"error": {"code": 404, "message": "Requested entity was not found.", "status": "NOT_FOUND"}}
    return error
