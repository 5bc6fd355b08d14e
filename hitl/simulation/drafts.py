"""The changed rule of a simulation: checked like a saved one, and put in place of today's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from core.actors import Actor
from core.db.rows import get_row
from core.errors import Invalid, NotFound
from core.text.amounts import money_text
from hitl.domain import risk
from hitl.models import ApprovalLevel, ApprovalWorkflow, BusinessCalendar, Cap, Simulation
from hitl.policy.limits import caps, risk_weights
from hitl.policy.workflows import definitions, workflows
from hitl.policy.workflows.definitions import Definitions
from hitl.policy.workflows.validation import LEVEL_FIELDS

What = Simulation.What
MANAGE: Final = "hitl.manage_workflow"
KEYS: Final = {
    What.WORKFLOW: frozenset({"workflow", "name", "levels", "conditions"}),
    What.CAP: frozenset({"cap", "scope", "target", "currency", "amount", "window"}),
    What.RISK: frozenset({"weights", "kind_points"}),
}
CAP_FIELDS: Final = ("scope", "target", "currency", "window")
NEW: Final = "New: "


@dataclass(frozen=True)
class Rules:
    """All that a request is evaluated with: definitions and spending limits."""

    definitions: Definitions
    caps: tuple[Cap, ...]


@dataclass(frozen=True)
class Checked:
    """A draft that could be saved, and its title."""

    title: str
    draft: dict[str, Any]


def current_rules() -> Rules:
    """Read the rules of today. Five queries."""
    return Rules(definitions.load(), tuple(Cap.objects.filter(is_active=True).order_by("id")))


def check(actor: Actor, what: str, draft: Mapping[str, Any]) -> Checked:
    """Check a draft as if it were saved: permission and values.

    Raises Refused, NotFound, Invalid (names the fields).
    """
    if what not in What.values:
        raise Invalid("Choose what to try.", fields={"what": [f"One of {', '.join(What.values)}."]})
    unknown = sorted(set(draft) - KEYS[What(what)])
    if unknown:
        raise Invalid("Unknown fields.", fields={"draft": [f"Unknown: {', '.join(unknown)[:100]}."]})
    return {What.WORKFLOW: _workflow, What.CAP: _cap, What.RISK: _risk}[What(what)](actor, draft)


def _workflow(actor: Actor, draft: Mapping[str, Any]) -> Checked:
    key = _id_of(draft.get("workflow"), "workflow")
    levels, conditions = draft.get("levels"), draft.get("conditions", {})
    if not isinstance(conditions, Mapping):
        raise Invalid("The workflow has errors.", fields={"conditions": ["Must be an object."]})
    if levels is not None and not (isinstance(levels, Sequence) and not isinstance(levels, str)):
        raise Invalid("The workflow has errors.", fields={"levels": ["Must be a list."]})
    name = draft.get("name")
    if name is not None and not isinstance(name, str):
        raise Invalid("The workflow has errors.", fields={"name": ["Enter a name."]})
    if key is None:
        actor.require(MANAGE)
        workflows.check_definition(name or "", levels or [], conditions)
        row, all_levels, everything = None, levels or [], {**workflows.conditions_of(ApprovalWorkflow()), **conditions}
    else:
        row = workflows.check_change(actor, key, name, levels, conditions)
        all_levels = workflows.levels_of(row) if levels is None else levels
        everything = {**workflows.conditions_of(row), **conditions}
        name = row.name if name is None else name
    said = {
        "workflow": key,
        "name": str(name).strip()[:80],
        "levels": [dict(level) for level in all_levels],
        "conditions": dict(everything),
        "version": 0 if row is None else row.version,
    }
    return Checked(f"{'' if row else NEW}{said['name']}", said)


def _cap(actor: Actor, draft: Mapping[str, Any]) -> Checked:
    actor.require(MANAGE)
    key = _id_of(draft.get("cap"), "cap")
    if key is None:
        values = caps.checked(
            **{name: str(draft.get(name) or "") for name in ("scope", "target", "currency", "window")}
        )
        amount = caps.checked_amount(draft.get("amount"))
        return Checked(f"{NEW}{money_text(amount, values['currency'])}", {**values, "cap": None, "amount": amount})
    row = get_row(Cap, key, "This limit doesn't exist.", is_active=True)
    amount = caps.checked_amount(draft.get("amount"))
    said = {name: getattr(row, name) for name in (*CAP_FIELDS, "version")}
    return Checked(f"{money_text(amount)} instead of {row}", {**said, "cap": key, "amount": amount})


def _risk(actor: Actor, draft: Mapping[str, Any]) -> Checked:
    actor.require(MANAGE)
    weights, points = draft.get("weights") or {}, draft.get("kind_points") or {}
    if not (isinstance(weights, Mapping) and isinstance(points, Mapping)):
        raise Invalid("The risk scoring has errors.", fields={"weights": ["Must be objects of numbers."]})
    checked = risk_weights.checked(weights, points)
    now = definitions.risk_policy().version
    return Checked("Risk scoring", {"weights": checked[0], "kind_points": checked[1], "version": now})


def _id_of(value: object, field: str) -> UUID | None:
    if value in (None, ""):
        return None
    try:
        return UUID(str(value))
    except ValueError:
        raise Invalid("This doesn't exist.", fields={field: ["Enter an id."]}) from None


def with_draft(rules: Rules, what: str, draft: Mapping[str, Any]) -> Rules:
    """Return the rules with the draft of a simulation in its place. One query for a workflow.

    Raises NotFound if the workflow or limit it changes has been retired meanwhile.
    """
    if what == What.RISK:
        policy = risk.Policy(rules.definitions.risk_policy.version + 1, draft["weights"], draft["kind_points"])
        return replace(rules, definitions=replace(rules.definitions, risk_policy=policy))
    if what == What.CAP:
        return replace(rules, caps=_caps_with(rules.caps, draft))
    changed = workflow_of(draft)
    others = [row for row in rules.definitions.workflows if row.pk != changed.pk]
    if draft["workflow"] and len(others) == len(rules.definitions.workflows):
        raise NotFound("This workflow was retired meanwhile.")
    if changed.is_default:
        for row in others:
            row.is_default = False  # in memory only: these rows are this simulation's own
    return replace(rules, definitions=replace(rules.definitions, workflows=(*others, changed)))


def _caps_with(rows: Sequence[Cap], draft: Mapping[str, Any]) -> tuple[Cap, ...]:
    values = {name: draft[name] for name in CAP_FIELDS}
    changed = Cap(**values, amount=Decimal(draft["amount"]))
    if draft["cap"] is None:
        same = [row for row in rows if all(getattr(row, name) == value for name, value in values.items())]
        return (*(row for row in rows if row not in same), changed)
    changed.pk = UUID(draft["cap"])
    if changed.pk not in {row.pk for row in rows}:
        raise NotFound("This limit was removed meanwhile.")
    return tuple(changed if row.pk == changed.pk else row for row in rows)


def workflow_of(draft: Mapping[str, Any]) -> ApprovalWorkflow:
    """Return the changed workflow with its levels, not saved. One query if a level has a calendar."""
    fields = {field.name: field for field in ApprovalWorkflow._meta.get_fields() if hasattr(field, "to_python")}
    values = {
        name: fields[name].to_python(value) for name, value in draft["conditions"].items() if value not in (None, "")
    }
    workflow = ApprovalWorkflow(name=draft["name"], version=draft["version"] + 1, **values)
    if draft["workflow"]:
        workflow.pk = UUID(draft["workflow"])
    wanted = {level.get("calendar_id") for level in draft["levels"]} - {None, ""}
    calendars = {str(row.pk): row for row in BusinessCalendar.objects.filter(pk__in=wanted)} if wanted else {}
    levels = []
    for order, said in enumerate(draft["levels"], start=1):
        own = {name: value for name, value in said.items() if name in LEVEL_FIELDS - {"calendar_id"}}
        calendar = calendars.get(str(said.get("calendar_id")))
        levels.append(ApprovalLevel(workflow=workflow, order=order, calendar=calendar, **own))
    # As `prefetch_related` leaves them: nothing reads the stored levels.
    workflow._prefetched_objects_cache = {"levels": levels}  # type: ignore[attr-defined]
    return workflow


def save(actor: Actor, what: str, draft: Mapping[str, Any]) -> None:
    """Save a draft by the service of its kind, based on the version it was made from.

    Raises what the service raises: Refused, NotFound, Invalid, Conflict (`stale_version`).
    """
    if what == What.RISK:
        risk_weights.set_risk_policy(
            actor=actor,
            weights=draft["weights"],
            kind_points=draft["kind_points"],
            reason="Tried on past requests first.",
            seen_version=draft["version"],
        )
    elif what == What.CAP and draft["cap"] is None:
        values = {name: draft[name] for name in CAP_FIELDS}
        caps.create_cap(actor=actor, **values, amount=draft["amount"])
    elif what == What.CAP:
        key = UUID(draft["cap"])
        caps.revise_cap(actor=actor, cap_id=key, amount=draft["amount"], seen_version=draft["version"])
    else:
        body = {"name": draft["name"], "levels": draft["levels"], **draft["conditions"]}
        if draft["workflow"] is None:
            workflows.create_workflow(actor=actor, **body)
        else:
            key = UUID(draft["workflow"])
            workflows.revise_workflow(actor=actor, workflow_id=key, seen_version=draft["version"], **body)
