"""Random histories and rules, and a plain evaluation of them: every sum over all that came before, nothing kept."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.db.models import F

from core.ids import uuid7
from core.models import AuditEntry
from hitl.approvals.models.fields import machine_writes
from hitl.domain import matching, risk
from hitl.domain.auto_rules import AutoRule, Spent, auto_decision, auto_rule_from, within_windows
from hitl.domain.estimate import Estimate
from hitl.domain.strictness import is_no_weaker, no_weaker_than
from hitl.models import Approval, ApprovalWorkflow, Cap
from hitl.policy.workflows import definitions
from hitl.policy.workflows.snapshot import freeze, freeze_without_workflow
from tests.hitl.kit.kinds import PressKeyed, PressPlain

DAY = timedelta(days=1)
KINDS = {kind.key: kind for kind in (PressKeyed, PressPlain)}
ENDS = {
    "pending": (), "approved": ("approved",), "executed": ("approved", "executing", "executed"),
    "failed": ("approved", "executing", "failed"), "rejected": ("rejected",), "expired": ("expired",),
    "cancelled": ("cancelled",), "lapsed": ("approved", "expired"),
}  # fmt: skip
UNWANTED = ("rejected", "cancelled", "expired")
CONDITIONS = ["", "", "", "cost > 40", "risk >= 30", "spent > 150", 'channel == "sms"', "share > 0.5 or reach > 500",
              'currency == "EUR" and hour >= 12']  # fmt: skip


def amount(dice: random.Random) -> str:
    """Return an amount, often the same ones, so that bounds are met."""
    return dice.choice(["0.00", "20.00", "40.00", "60.00", "100.00", f"{dice.uniform(1, 1500):.2f}"])


def levels(dice: random.Random) -> list[dict[str, Any]]:
    """Return one to three levels."""
    found = []
    for number in range(dice.choice([1, 1, 2, 3])):
        names = dice.sample(["approver", "admin", "owner", "compliance"], dice.choice([1, 1, 2]))
        mode = dice.choice(["any", "any", "quorum"])
        approvers = [{"type": "role", "value": name} for name in names]
        more = {"quorum": 2} if mode == "quorum" else {}
        parallel = {"parallel": True} if number and dice.random() < 0.3 else {}
        found.append({"name": f"L{number}", "mode": mode, "approvers": approvers, **more, **parallel})
    return found


def conditions(dice: random.Random) -> dict[str, Any]:
    """Return what a workflow covers and what its rules decide."""
    rules = []
    if dice.random() < 0.6:
        row = {"id": "small", "verdict": "approve", "max_cost": dice.choice(["40.00", "100.00", "500.00"])}
        row |= {"max_score": dice.choice([25, 35, 49]), "per": dice.choice(["kind", "agent", "requester"])}
        row |= dice.choice([{}, {"per_day": 2}, {"window_amount": "150.00", "window_hours": dice.choice([24, 72])}])  # type: ignore[call-overload]
        rules.append(row)
    if dice.random() < 0.3:
        rules.append({"id": "risky", "verdict": "reject", "min_score": dice.choice([45, 60])})
    costs = dice.choice([{}, {}, {"min_cost": "40.00"}, {"max_cost": "100.00", "currency": "EUR"}])
    chosen = dice.choice(CONDITIONS)
    return {
        "priority": dice.choice([0, 0, 5]),
        "kinds": dice.choice([[], [], ["test_press_keyed"]]),
        "risk_levels": dice.choice([[], [], ["medium", "high"]]),
        "channels": dice.choice([[], [], ["sms"]]),
        "contact_tags": dice.choice([[], [], ["vip"]]),
        "condition": chosen,
        "distinct_approvers": dice.random() < 0.3,
        "auto_rules": rules,
        **costs,
    }


def history(dice: random.Random, number: int, now: datetime, people: list[UUID], snapshot: Mapping[str, Any]) -> None:
    """Write past requests with all that an evaluation reads, as the application's role may."""
    agents = [uuid4(), uuid4()]
    moved: dict[tuple[str, ...], list[UUID]] = {}
    rows = []
    for _ in range(number):
        made = now - timedelta(minutes=dice.randrange(1, dice.choice([60 * 24 * 40, 60 * 24 * 4])))
        end = dice.choice(list(ENDS))
        is_scored, cost = dice.random() > 0.05, Decimal(amount(dice))
        is_known = dice.random() > 0.1 and is_scored
        decided = made + timedelta(hours=dice.randrange(60))
        few = "The requester has few earlier requests."
        many = f"{dice.randrange(9)} of the last {dice.randrange(9, 50)} requests by this requester were rejected."
        requester, agent = dice.choice([*people, None]), dice.choice([*agents, None])
        words = {"approved": "approved", "executed": "approved", "failed": "approved", "lapsed": "approved"}
        is_rule = end in words and dice.random() < 0.3
        made_up: dict[str, Any] = {"decided_at": decided, "decided_role": "rule" if is_rule else "approver"}
        rows.append(
            Approval(
                id=uuid7(), reference=f"H-{uuid4().hex[:12]}", kind=dice.choice(list(KINDS)), kind_version=1,
                payload={"button": "red", "amount": str(cost)} if dice.random() > 0.05 else {"erased": True},
                digest="0" * 64, summary="Press", state="pending",
                facts={"price": dice.choice(["10.00", "100.00", "1000.00"])},
                facts_digest="0" * 64, subject_key=uuid4().hex, risk_score=10, risk_level="low", risk_version=1,
                risk_factors=[{"name": "history", "points": 1, "sentence": dice.choice([few, many])}]
                if is_scored else [{"name": "unassessable", "points": 100, "sentence": "No."}],
                cost=cost if is_known else None, currency=dice.choice(["EUR", "EUR", "USD"]) if is_known else "",
                reach=dice.choice([None, 50, 5000]), requester_id=requester, requester_kind="user", agent_id=agent,
                channel=dice.choice(["", "sms", "email"]), contact_tags=dice.choice([[], ["vip"]]),
                excluded=[requester] if requester else [], snapshot=snapshot, created_at=made,
                expires_at=made + 3 * DAY, moved_at=made,
                **({} if end in ("pending", "expired", "cancelled") else
                   {**made_up, "decided_as": words.get(end, "rejected")}),
                resolved_at=None if end in ("pending", "approved") else decided + timedelta(hours=1),
            )
        )  # fmt: skip
        moved.setdefault(ENDS[end], []).append(rows[-1].pk)
    with machine_writes():
        Approval.objects.bulk_create(rows)
        for states, keys in moved.items():
            for state in states:
                Approval.objects.filter(pk__in=keys).update(state=state, version=F("version") + 1)


@dataclass
class Case:
    """A request as one set of rules treats it."""

    row: Approval
    estimate: Estimate
    subject: matching.Subject
    snapshot: Mapping[str, Any]
    auto: AutoRule | None = None
    held: bool = False

    @property
    def verdict(self) -> str:
        """Return what a rule decides."""
        return "" if self.auto is None else self.auto.verdict


def evaluate(rows: list[Approval], since: datetime) -> list[Case]:
    """Evaluate requests of the range by the rules that are stored now, the plain way."""
    now = definitions.load()
    shapers = set(AuditEntry.objects.filter(action="WORKFLOW_CREATED").values_list("actor_user_id", flat=True))
    cases: list[Case] = []
    for row in rows:
        estimate = _estimate(row)
        if any(factor["name"] == "unassessable" for factor in row.risk_factors):
            scored = risk.unassessable("as then")
            estimate = Estimate()
        else:
            kind = KINDS[row.kind]
            scored = risk.assess(
                title=kind.title, base_risk=kind.base_risk, estimate=estimate, history=_history(row),
                local_time=row.created_at.astimezone(now.zone), kind=row.kind, policy=now.risk_policy,
            )  # fmt: skip
        subject = matching.Subject(
            row.kind, scored.level, scored.score, estimate.cost, estimate.currency, row.agent_id, row.channel,
            estimate.share, row.reach if estimate.reach is not None else None, tuple(row.contact_tags),
            row.created_at.astimezone(now.zone),
        )  # fmt: skip
        case = Case(row, _estimate(row), subject, freeze_without_workflow())
        if row.created_at >= since:
            _decide(case, cases, now, shapers)
        elif row.decided_role == "rule" and row.decided_as == "approved":
            case.auto = AutoRule("history", "approve")
        cases.append(case)
    _hold(cases, since, now)
    return [case for case in cases if case.row.created_at >= since]


def _estimate(row: Approval) -> Estimate:
    known = "amount" in row.payload
    share = Decimal(row.payload["amount"]) / Decimal(row.facts["price"]) if known else None
    return Estimate(row.cost, row.currency, share, row.reach)


def _history(row: Approval) -> risk.History:
    words = row.risk_factors[0]["sentence"].split()
    return risk.History() if words[0] == "The" else risk.History(int(words[4]), int(words[0]), 0)


def _decide(case: Case, earlier: list[Case], now: definitions.Definitions, shapers: set[UUID]) -> None:
    row, who = case.row, case.row.requester_id or case.row.agent_id
    if case.subject.cost is not None and who is not None:
        own = [
            other.row for other in earlier
            if (other.row.requester_id if row.requester_id else other.row.agent_id) == who
            and other.row.currency == row.currency and other.row.created_at > row.created_at - DAY
            and not (other.row.state in UNWANTED and other.row.resolved_at <= row.created_at)
        ]  # fmt: skip
        spent = abs(case.subject.cost) + sum((abs(other.cost) for other in own if other.cost is not None), Decimal(0))
        case.subject = replace(case.subject, spent=spent)
    choice = matching.pick([definitions.rule_of(each) for each in now.workflows], case.subject)
    if choice is None:
        return
    flows = {each.pk: each for each in now.workflows}
    chosen = [flows[each.workflow_id] for each in (choice.rule, choice.floor) if each is not None]
    case.snapshot = freeze(chosen[0])
    if len(chosen) == 2:
        case.snapshot = no_weaker_than(freeze(chosen[1]), case.snapshot)
    if choice.certain:
        found = [_rule(flow, case, earlier) for flow in chosen]
        rejecting = [each for each in found if each and each.verdict == "reject"]
        case.auto = rejecting[0] if rejecting else found[0] if all(found) else None
    if case.verdict == "approve" and set(row.excluded) & shapers:
        case.auto = None


def _rule(flow: ApprovalWorkflow, case: Case, earlier: list[Case]) -> AutoRule | None:
    found = auto_decision([auto_rule_from(each) for each in flow.auto_rules], case.subject)
    if found is None or found.verdict == "reject":
        return found
    row, cost = case.row, case.subject.cost
    if cost is None or {"agent": row.agent_id, "requester": row.requester_id}.get(found.per, 1) is None:
        return None

    def spent(per: str, hours: int) -> Spent:
        same = [
            each.row for each in earlier
            if each.verdict == "approve" and each.row.kind == row.kind and each.row.currency == row.currency
            and each.row.created_at > row.created_at - timedelta(hours=hours)
            and (per == "kind" or getattr(each.row, f"{per}_id") == getattr(row, f"{per}_id"))
        ]  # fmt: skip
        return Spent(len(same), sum((abs(each.cost or Decimal(0)) for each in same), Decimal(0)))

    own, day, kind_day = spent(found.per, found.window_hours), spent(found.per, 24), spent("kind", 24)
    return found if within_windows(found, cost, own=own, day=day, kind_day=kind_day) else None


def _hold(cases: list[Case], since: datetime, now: definitions.Definitions) -> None:
    """Spend in the order of the approvals; what does not fit is held and not counted."""
    caps, used = list(Cap.objects.filter(is_active=True).order_by("id")), dict[tuple[UUID, str], Decimal]()
    due = []
    for place, case in enumerate(cases):
        row, is_new = case.row, case.row.created_at >= since
        was = row.decided_as == "approved" and row.state in ("approved", "executing", "unknown", "executed")
        if is_new and case.auto is not None:
            at = row.created_at if case.verdict == "approve" else None
        else:
            at = row.decided_at if was else None
        if at is not None:
            due.append((at, place, case, is_new))
    for at, _, case, is_new in sorted(due, key=lambda each: each[:2]):
        row = case.row
        mine = [
            cap for cap in caps
            if cap.scope == "all" or (cap.scope == "kind" and cap.target == row.kind)
            or (cap.scope == "agent" and cap.target == str(row.agent_id))
        ]  # fmt: skip
        failed = any(factor["name"] == "unassessable" for factor in row.risk_factors)
        if row.cost is None:
            case.held = is_new and bool(mine) and (failed or any(cap.scope == "kind" for cap in mine))
            continue
        if row.cost <= 0:
            continue
        groups: dict[tuple[str, str], set[str]] = {}
        for cap in mine:
            groups.setdefault((cap.scope, cap.target), set()).add(cap.currency)
        local = at.astimezone(now.zone).date().isoformat()
        counted = [
            (cap, (cap.pk, local if cap.window == "day" else local[:7])) for cap in mine if cap.currency == row.currency
        ]
        over = any(used.get(key, Decimal(0)) + row.cost > cap.amount for cap, key in counted)
        is_held = over or any(row.currency not in currencies for currencies in groups.values())
        if is_new:
            case.held = is_held
        if not (is_new and is_held):
            for _, key in counted:
                used[key] = used.get(key, Decimal(0)) + row.cost


def category(before: Case, after: Case) -> str:
    """Name the difference."""
    if after.held and not before.held:
        return "held"
    if after.verdict != before.verdict:
        return {"reject": "rejected", "approve": "automatic", "": "people"}[after.verdict]
    if before.held and not after.held:
        return "weaker"
    if after.verdict:
        return "same"
    up, down = (_asks_no_less(*pair) for pair in ((before, after), (after, before)))
    if up != down:
        return "stricter" if up else "weaker"
    if before.snapshot["workflow"] != after.snapshot["workflow"]:
        return "other_workflow"
    return "same" if up else "other_approvers"


def _asks_no_less(old: Case, new: Case) -> bool:
    apart = [bool(each.snapshot.get("distinct_approvers")) for each in (old, new)]
    return apart[0] <= apart[1] and is_no_weaker(old.snapshot, new.snapshot)
