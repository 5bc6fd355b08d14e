"""Every rule of the approval engine that can be checked in a state, each as a named check with its sentence."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from core.audit import chain
from core.models import AuditEntry
from hitl.domain.replay import ReplayedState, replay
from tests.hitl.kit import model
from tests.hitl.kit.looking import NOTHING, Row, Seen, look
from tests.hitl.kit.model import FINAL, MOVES, WAITING, Case, Town, Vote, verdict_of
from tests.hitl.kit.outside import Outside


@dataclass
class View:
    """Everything a check may look at after a step: the rows before and after, and the model."""

    town: Town
    outside: Outside
    moment: datetime
    before: Seen = field(default_factory=lambda: NOTHING)
    now: Seen = field(default_factory=lambda: NOTHING)
    cases: dict[UUID, Case] = field(default_factory=dict)
    pressed_while_stopped: list[str] = field(default_factory=list)
    cap: Decimal | None = None

    def step(self, moment: datetime) -> None:
        """Look again."""
        self.moment, self.before, self.now = moment, self.now, look(self.now)

    def fresh(self) -> list[AuditEntry]:
        """Return the audit entries of this step."""
        return self.now.entries[len(self.before.entries) :]

    def history(self, approval_id: UUID) -> list[AuditEntry]:
        """Return the audit entries of one approval, oldest first."""
        return [entry for entry in self.now.entries if entry.object_id == approval_id]

    def effects(self, approval_id: UUID) -> int:
        """Return how often something happened outside for an approval, over all its revisions."""
        prefix = f"walker:{approval_id}:"
        return len([call for call in self.outside.calls if call.happened and call.key.startswith(prefix)])


def event_of(entry: AuditEntry) -> str:
    """Return the event's name of an audit entry."""
    return entry.action.removeprefix("APPROVAL_")


def digest_of(row: Mapping[str, Any], revision: int, payload: Mapping[str, Any]) -> str:
    """Return what was signed, worked out a second time."""
    signed = {
        "tenant": str(row["tenant_id"]),
        "approval": str(row["id"]),
        "revision": revision,
        "kind": row["kind"],
        "kind_version": row["kind_version"],
        "payload": payload,
    }
    text = json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def assignments_at(view: View, row: Row, level: int, *, moved: bool = False) -> list[model.Assignment]:
    """Return the assignments of a level of the current revision; with `moved` those that moved on as well."""
    return [
        model.Assignment(
            assignment["person_id"],
            assignment["for_person_id"] or assignment["rightful_id"] or assignment["person_id"],
            assignment["group"],
            assignment["source"],
        )
        for assignment in view.now.assignments.get(row["id"], ())
        if (assignment["revision"], assignment["level"]) == (row["revision"], level)
        and (moved or assignment["moved_at"] is None)
    ]


def originals_at(view: View, row: Row, level: int) -> list[model.Assignment]:
    """Return the assignments of a level with those that moved on, whose first holders set what everybody means."""
    return assignments_at(view, row, level, moved=True)


def votes_at(view: View, row: Row, level: int) -> list[Vote]:
    """Return the verdicts on the current revision of a level."""
    return [
        Vote(vote["person_id"], vote["verdict"], vote["digest"])
        for vote in view.now.votes.get(row["id"], ())
        if (vote["revision"], vote["level"]) == (row["revision"], level)
        and vote["verdict"] in ("approve", "reject")
        and vote["person_id"]
    ]


def standing(view: View, row: Row, level: int) -> str:
    """Return where a level stands, worked out a second time."""
    definition, originals = row["snapshot"]["levels"][level - 1], originals_at(view, row, level)
    assignments, votes = assignments_at(view, row, level), votes_at(view, row, level)
    return verdict_of(definition, escalation_of(row), assignments, votes, row["digest"], view.town, originals=originals)


def escalation_of(row: Row) -> list[Row]:
    """Return the people named by the escalation steps."""
    steps = row["snapshot"].get("escalation") or []
    return [rung for step in steps for rung in (*(step.get("add") or []), *(step.get("replace") or []))]


def is_earned(view: View, row: Row) -> bool:
    """Tell whether the votes, or an override or a rule, entitle an approval to its effect now."""
    votes = [vote for vote in view.now.votes.get(row["id"], ()) if vote["revision"] == row["revision"]]
    signed = [vote for vote in votes if vote["digest"] == row["digest"]]
    if any(vote["actor_kind"] == "rule" and vote["verdict"] == "approve" for vote in signed):
        return True
    if row["decided_as"] == "overridden":
        people = {vote["person_id"] for vote in signed if vote["verdict"] == "override"}
        found = [view.town.people[person] for person in people]
        return bool(found) and all(p.is_active and p.role == "owner" and p.id not in row["excluded"] for p in found)
    approving = [vote for vote in signed if vote["verdict"] == "approve"]
    people = {vote["person_id"] for vote in approving}
    if row["snapshot"].get("distinct_approvers") and len({(v["person_id"], v["level"]) for v in approving}) > len(
        people
    ):
        return False
    if people & set(row["excluded"]) or not all(view.town.people[person].may_sign() for person in people):
        return False
    return all(standing(view, row, level) == "approved" for level in range(1, len(row["snapshot"]["levels"]) + 1))


def invariant_01_once(view: View) -> None:
    """At most one effect per (approval, revision), for keyed and non-keyed adapters."""
    counts = Counter(call.key for call in view.outside.calls if call.happened)
    assert all(count == 1 for count in counts.values()), f"done twice: {counts}"


def invariant_02_earned(view: View) -> None:
    """An effect exists only for a committed approval whose votes satisfy the frozen workflow."""
    for entry in view.fresh():
        if event_of(entry) == "CLAIM":
            row = view.now.approvals[entry.object_id]
            assert not view.cases[row["id"]].is_tampered, "claimed although the payload was changed"
            assert view.town.people[row["requester_id"]].may_ask(), "claimed for one who may not ask any more"
            assert is_earned(view, row), f"{row['reference']} was claimed without being earned"


def invariant_03_bound(view: View) -> None:
    """Digest of the effect = digest in the execution = digest in every counted vote."""
    for call in view.outside.calls:
        _, approval_id, revision = call.key.split(":")
        row, number = view.now.approvals[UUID(approval_id)], int(revision)
        expected = digest_of(row, number, call.params)
        execution = next(e for e in view.now.executions[row["id"]] if e["revision"] == number)
        assert execution["digest"] == expected, "another thing was done than what was claimed"
        votes = [vote for vote in view.now.votes.get(row["id"], ()) if vote["revision"] == number]
        counted = {vote["digest"] for vote in votes if vote["verdict"] in ("approve", "override")}
        assert counted == {expected}, "another thing was done than what was signed"


def invariant_04_no_self_approval(view: View) -> None:
    """Requester, agent's owner, the person it acts for, and an editor who raised anything never sign."""
    for approval_id, votes in view.now.votes.items():
        row, case = view.now.approvals[approval_id], view.cases[approval_id]
        old = view.before.approvals.get(approval_id, row)
        assert set(old["excluded"]) <= set(row["excluded"]), f"{row['reference']} forgot who had a hand in it"
        for vote in votes:
            if vote["verdict"] not in ("approve", "reject", "override"):
                continue
            current = vote["revision"] == row["revision"]
            barred = case.excluded | (set(row["excluded"]) if current else set())
            assert vote["person_id"] not in barred, f"{row['reference']} was signed by one of its own"


def invariant_05_one_vote(view: View) -> None:
    """A person has one vote per revision and level; the last one counts."""
    for row in view.now.approvals.values():
        last = {vote.person: vote.verdict for vote in votes_at(view, row, row["level"])}
        in_favour = len([verdict for verdict in last.values() if verdict == "approve"])
        assert row["votes_received"] <= in_favour, f"{row['reference']} counts more votes than people"


def invariant_05_distinct_approvers(view: View) -> None:
    """Where nobody signs twice, nobody who signed a level is asked at a later one, or signs it."""
    for approval_id, row in view.now.approvals.items():
        if not row["snapshot"].get("distinct_approvers"):
            continue
        votes = [vote for vote in view.now.votes.get(approval_id, ()) if vote["revision"] == row["revision"]]
        signed = {(vote["person_id"], vote["level"]) for vote in votes if vote["verdict"] == "approve"}
        for person, level in [
            *signed,
            *((assignment["person_id"], assignment["level"]) for assignment in _here(view, row)),
        ]:
            earlier = [one for one in signed if one[0] == person and one[1] < level]
            assert not earlier, f"{row['reference']} asks somebody who signed it"


def invariant_06_monotone(view: View) -> None:
    """`version` + 1 per transition; histories are paths of the table; final states absorb."""
    moved = Counter(entry.object_id for entry in view.fresh())
    for approval_id, row in view.now.approvals.items():
        old = view.before.approvals.get(approval_id)
        assert row["version"] == (old["version"] if old else 0) + moved[approval_id], "a version was skipped"
        if old and old["state"] in FINAL:
            assert (row["state"], row["version"]) == (old["state"], old["version"]), "a final state was left"
    for entry in view.fresh():
        assert (event_of(entry), entry.old_state, entry.new_state) in MOVES, f"{entry.action} is not in the table"


def invariant_07_one_winner(view: View) -> None:
    """Of all calls that would end an approval exactly one succeeds."""
    ends = Counter(entry.object_id for entry in view.now.entries if entry.new_state in FINAL)
    assert all(count == 1 for count in ends.values())


def invariant_08_never_fail_open(view: View) -> None:
    """What is broken or missing never approves, and a quorum is never clamped down."""
    for entry in view.fresh():
        if entry.new_state == "approved" and entry.old_state != "approved":
            assert event_of(entry) in model.APPROVING
    for row in view.now.approvals.values():
        if row["kind"] == "proof_unscored":
            assert row["risk_level"] == "critical", "what cannot be scored has to be critical"
        if row["state"] == "pending":
            level = row["snapshot"]["levels"][row["level"] - 1]
            needed = len(model.places(level, originals_at(view, row, row["level"])))
            assert row["votes_required"] >= needed, f"{row['reference']} asks for too few votes"


def invariant_09_stricter_on_edit(view: View) -> None:
    """Required levels after an edit include those before, unless risk and cost fell and policy says so."""
    for entry in view.fresh():
        if event_of(entry) not in ("EDIT", "DRIFT"):
            continue
        old, new = view.before.approvals[entry.object_id], view.now.approvals[entry.object_id]
        allowed = (old["snapshot"].get("edit_policy") or {}).get("fall_allows_fewer") is True
        fell = new["risk_score"] < old["risk_score"] and abs(new["cost"] or 0) < abs(old["cost"] or 0)
        if not (allowed and fell and event_of(entry) == "EDIT"):
            assert _covers(old["snapshot"]["levels"], new["snapshot"]["levels"]), "an edit weakened the workflow"
            is_distinct = [snapshot.get("distinct_approvers", False) for snapshot in (old["snapshot"], new["snapshot"])]
            assert is_distinct != [True, False], "an edit lets somebody sign twice"


def _covers(old: list[Row], new: list[Row]) -> bool:
    if not all(part["approvers"] for level in new for part in model.parts(level)):
        return True
    left = [part for level in new for part in model.parts(level)]
    for part in [part for level in old for part in model.parts(level)]:
        found = next((other for other in left if _is_no_weaker(part, other)), None)
        if found is None:
            return False
        left.remove(found)
    return True


def _is_no_weaker(old: Row, new: Row) -> bool:
    before = {(row["type"], str(row["value"])) for row in old["approvers"]}
    after = {(row["type"], str(row["value"])) for row in new["approvers"]}
    same = new["mode"] == old["mode"] and after == before
    fits = same if old["mode"] in ("all", "per_group") else after <= before
    return fits and _least(new) >= _least(old) and new["reject_threshold"] <= old["reject_threshold"]


def _least(level: Row) -> int:
    named = len([row for row in level["approvers"] if row["type"] == "user"])
    return {"quorum": int(level["quorum"]), "all": max(1, named)}.get(level["mode"], 1)


def invariant_10_expiry_or_effect(view: View) -> None:
    """Expiry or effect, never both."""
    for row in view.now.approvals.values():
        if row["state"] == "expired":
            assert view.effects(row["id"]) == 0, f"{row['reference']} expired and was done"


def invariant_11_kill_switch(view: View) -> None:
    """While a switch covers an approval no claim commits and no effect starts; nothing is lost after."""
    assert view.pressed_while_stopped == []
    for entry in view.fresh():
        if event_of(entry) in ("CLAIM", "RECLAIM"):
            row = view.now.approvals[entry.object_id]
            assert not view.town.is_stopped(row["kind"], row["agent_id"]), "claimed under a switch"


def invariant_12_outbox(view: View) -> None:
    """Announcements exist exactly for the transitions that committed."""
    told = Counter((row["event"], row["ref"]) for row in view.now.outbox)
    for approval_id in view.now.approvals:
        states = [(entry.old_state, entry.new_state) for entry in view.history(approval_id)]
        changes = [new for old, new in states if new != old]
        expected = {
            "approval_opened": 1,
            "approval_asks": len([new for new in changes if new in ("info_requested", "returned")]),
            "approval_closed": len([new for new in changes if new in FINAL]),
            "action_finished": len([new for new in changes if new in ("executed", "failed", "unknown")]),
        }
        assert {name: told[name, approval_id] for name in expected} == expected


def invariant_13_timers(view: View) -> None:
    """Every open state has the timer that ends it, and a final one has none."""
    wanted = {"approved": "lapse", "executing": "lease", "unknown": "unknown"}
    for row in view.now.approvals.values():
        mine = view.now.timers.get(row["id"], [])
        kinds = {timer["kind"] for timer in mine if timer["revision"] == row["revision"]}
        assert len(kinds) == len(mine), f"{row['reference']} has a stale timer"
        if row["state"] in FINAL:
            assert not kinds, f"{row['reference']} is over and still has {kinds}"
        else:
            assert wanted.get(row["state"], "expire") in kinds, f"{row['reference']} would never end"
        if row["state"] == "approved":
            assert "execute" in kinds, f"{row['reference']} would never be carried out"


def invariant_14_reachable(view: View) -> None:
    """Everything that waits has an open assignment, or a hold with an alert; what is decided has none."""
    for row in view.now.approvals.values():
        if row["state"] in WAITING and "unsatisfiable" not in row["holds"]:
            assert any(assignment["closed_at"] is None for assignment in _here(view, row)), (
                f"{row['reference']} asks nobody"
            )
        if row["state"] not in (*WAITING, "returned"):
            assignments = view.now.assignments.get(row["id"], ())
            assert all(assignment["closed_at"] for assignment in assignments), f"{row['reference']} asks somebody still"


def _here(view: View, row: Row) -> Iterator[Row]:
    for assignment in view.now.assignments.get(row["id"], ()):
        if (assignment["revision"], assignment["level"]) == (row["revision"], row["level"]):
            yield assignment


def invariant_15_audit_complete(view: View) -> None:
    """The state can be recomputed by folding the audit; entries = version."""
    for approval_id, row in view.now.approvals.items():
        entries = view.history(approval_id)
        assert replay(entries) == ReplayedState(row["state"], row["version"], row["revision"])
        assert len(entries) == row["version"]


def invariant_16_audit_tight(view: View) -> None:
    """The chain as written verifies."""
    verdict = chain.verify()
    assert verdict.ok, f"{verdict.reason} at {verdict.first_bad}"


def invariant_17_links(view: View) -> None:
    """A link decides at most once, only for its action, person and revision; above a set risk never."""
    for approval_id, row in view.now.approvals.items():
        mine = view.now.links.get(approval_id, [])
        spent = Counter((link["person_id"], link["revision_digest"]) for link in mine if link["consumed_at"])
        votes = [vote for vote in view.now.votes.get(approval_id, ()) if vote["channel"] == "email_link"]
        used = Counter((vote["person_id"], vote["digest"]) for vote in votes)
        assert used <= spent, f"{row['reference']} was decided by a link that is not spent"
        levels = Counter((vote["person_id"], vote["digest"], vote["level"]) for vote in votes)
        assert all(count == 1 for count in levels.values()), f"{row['reference']}: a link counted twice"
        assert all(vote["auth_strength"] == "link" for vote in votes)
        live = [link for link in mine if link["consumed_at"] is None]
        assert {link["revision_digest"] for link in live} <= {row["digest"]}, "an old link is not void"
        assert len(live) == len({link["person_id"] for link in live}), "somebody has two links"
        fresh = votes[len([v for v in view.before.votes.get(approval_id, ()) if v["channel"] == "email_link"]) :]
        assert not fresh or row["risk_score"] < 50, f"{row['reference']} was too risky for a link"


def invariant_18_tenant(theirs: Seen) -> None:
    """Nobody of one tenant moves a row of another; to be called within the other tenant."""
    assert (theirs.approvals, theirs.votes, theirs.entries, theirs.outbox) == ({}, {}, [], [])


def invariant_18b_undo(view: View) -> None:
    """What can be undone is not claimed before its time, and an undo is a revoke before the claim."""
    for entry in view.fresh():
        row = view.now.approvals[entry.object_id]
        rows = [row, view.before.approvals.get(entry.object_id, row)]
        if event_of(entry) == "CLAIM":
            assert all(each["execute_after"] is None or each["execute_after"] <= view.moment for each in rows), (
                f"{row['reference']} was claimed while it could be undone"
            )
        if entry.facts.get("undo"):
            assert (event_of(entry), entry.old_state, entry.new_state) == ("REVOKE", "approved", "cancelled")
            assert (row["state"], row["decided_as"]) == ("cancelled", "revoked")
            assert row["execute_after"] is not None, f"{row['reference']} could not be undone"
            assert view.effects(row["id"]) == 0, f"{row['reference']} was undone and done"


def invariant_19_clock(view: View) -> None:
    """Answer time never runs backwards, is due within business hours, and stands still when paused."""
    for row in view.now.approvals.values():
        old = view.before.approvals.get(row["id"])
        if old:
            assert row["sla_minutes_over"] >= old["sla_minutes_over"], "answer time ran backwards"
        due = row["sla_due_at"]
        if row["state"] in ("info_requested", "returned") or (row["state"] == "pending" and row["holds"]):
            assert due is None, f"{row['reference']}: the clock runs while it should not"
        elif row["state"] == "pending":
            assert due is not None, f"{row['reference']}: no clock runs"
            level = row["snapshot"]["levels"][row["level"] - 1]
            assert not level["calendar"] or due <= view.moment or _is_office_time(due), f"{due} is no working time"


def _is_office_time(moment: datetime) -> bool:
    local = moment.astimezone(ZoneInfo("Europe/Berlin"))
    return local.weekday() < 5 and time(9) <= local.time() <= time(17)


def invariant_20_resume(view: View) -> None:
    """The agent gets exactly one terminal result per tool call, under the call it asked with."""
    closed = Counter(row["ref"] for row in view.now.outbox if row["event"] == "approval_closed")
    for row in view.now.approvals.values():
        if row["tool_call_id"] is not None:
            assert closed[row["id"]] == (row["state"] in FINAL)
    for told in view.now.outbox:
        call = view.now.approvals[told["ref"]]["tool_call_id"]
        assert told["payload"].get("tool_call_id") == (str(call) if call else None)


def invariant_21_caps(view: View) -> None:
    """Reserved and spent never pass the limit; every end gives back what was not spent."""
    spent: Counter[tuple[UUID, str]] = Counter()
    for row in (row for rows in view.now.reservations.values() for row in rows):
        if row["state"] != "released":
            spent[row["cap_id"], row["period"]] += row["amount"]
        state = view.now.approvals[row["approval_id"]]["state"]
        if row["state"] == "reserved":
            assert state in ("executing", "unknown"), f"{state} keeps a reservation"
    if view.cap is not None:
        assert all(total <= view.cap for total in spent.values()), f"{spent} is over the limit"


def invariant_22_fence(before: Row, after: Row, accepted: bool) -> None:
    """An executor with an old fence cannot change the row."""
    assert not accepted, "the report of an old executor was accepted"
    assert before == after


def invariant_23_deterministic(first: Any, second: Any, before: int, after: int) -> None:
    """The same facts and workflow version give the same levels, and working them out writes nothing."""
    assert first == second
    assert before == after


def invariant_24_crash_equivalent(view: View) -> None:
    """With crashes or without, what a state says about the effect is true, or it says `unknown`."""
    for row in view.now.approvals.values():
        effects, case = view.effects(row["id"]), view.cases[row["id"]]
        if row["state"] in ("unknown", "executing") or case.is_settled_by_hand:
            continue
        assert effects == (row["state"] == "executed"), f"{row['reference']} is {row['state']} with {effects} effects"


EACH_STEP = (
    invariant_01_once,
    invariant_02_earned,
    invariant_03_bound,
    invariant_04_no_self_approval,
    invariant_05_one_vote,
    invariant_05_distinct_approvers,
    invariant_06_monotone,
    invariant_08_never_fail_open,
    invariant_09_stricter_on_edit,
    invariant_10_expiry_or_effect,
    invariant_11_kill_switch,
    invariant_13_timers,
    invariant_14_reachable,
    invariant_17_links,
    invariant_18b_undo,
    invariant_19_clock,
    invariant_21_caps,
    invariant_24_crash_equivalent,
)
AT_THE_END = (
    invariant_07_one_winner,
    invariant_12_outbox,
    invariant_15_audit_complete,
    invariant_16_audit_tight,
    invariant_20_resume,
)
