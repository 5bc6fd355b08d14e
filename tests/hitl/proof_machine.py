"""Everything that may happen to approvals, in any order, with crashes, as a machine of rules.

Hypothesis plays people, agents, clocks, administrators and failing machines against the real services
on PostgreSQL. A model in plain Python says what each call may do; after every step the invariants are
checked. Each example runs in the test's transaction and is taken back at its end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from core import events
from core.actors import Actor
from core.errors import Conflict, Invalid, NotFound, WalkerError
from core.ids import uuid7
from core.scope import tenant_scope
from hitl import assessing, caps, claiming, registry, services
from hitl.claiming import Claim
from hitl.models import Approval, ApprovalWorkflow, Cap, Execution, GroupMember, KillSwitch
from hitl.services import executing, lending, timing
from hitl.types import Origin, Outcome
from tests.hitl import invariants
from tests.hitl.desk import (
    AGENT,
    FRIDAY,
    NAMES,
    SHAPES,
    Desk,
    agent_actor,
    set_active,
    tamper,
    weak,
)
from tests.hitl.invariants import View
from tests.hitl.model import CANCELLABLE, FINAL, OPEN, UNDECIDED, WAITING, Case, Vote, verdict_of
from tests.hitl.outside import KINDS, OUTSIDE

PLACES = ("nowhere", "before claim commit", "after claim", "after effect", "before outcome commit")
ANSWERS = ("done", "busy", "refused", "lost on the way", "lost on the way back")
TICKS = [timedelta(seconds=45), timedelta(minutes=10), timedelta(hours=3), timedelta(hours=26), timedelta(hours=80)]
CASES = st.integers(0, 5)
DISTURBANCES = (
    *("price", "price", "away", "cap", "tamper", "outsider", "absence", "absence", "redeliver"),
    *("come or go", "come or go", "group", "group", "switch", "retire", "workflow", "workflow"),
)
PEOPLE = st.sampled_from(NAMES)
OFTEN = st.sampled_from([True, True, True, False])
AMOUNTS = st.sampled_from(["4.00", "5.00", "7.00"])
BUTTONS = st.sampled_from(["red", "blue"])


class Crash(BaseException):
    """The process is gone."""


@dataclass
class Lost:
    """A worker that was given up, and may wake up."""

    claim: Claim
    has_called: bool
    outcome: Outcome | None


class ApprovalMachine(RuleBasedStateMachine):
    """Everything that may happen to a handful of approvals."""

    desk: ClassVar[Desk]
    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block._from_testcase = True  # type: ignore[attr-defined]  # switches want a transaction of their own
        self.block.__enter__()
        OUTSIDE.forget()
        OUTSIDE.watcher = self.on_effect
        self.moment = FRIDAY
        self.view = View(self.desk.town(), OUTSIDE, FRIDAY)
        self.cases: list[Case] = []
        self.lost: list[Lost] = []
        self.away: dict[UUID, tuple[UUID, Any]] = {}
        self.cap: Cap | None = None
        self.steps = 0

    def teardown(self) -> None:
        """Check what is checked at the end, and take it all back."""
        try:
            self.check_at_the_end()
            self.count()
        finally:
            self.take_back()

    def check_at_the_end(self) -> None:
        """Run the checks that look at whole histories."""
        with self.desk.inside(self.moment):
            for check in invariants.AT_THE_END:
                check(self.view)
            with connection.cursor() as cursor:
                cursor.execute("set constraints all immediate")
        with tenant_scope(self.desk.world.globex.pk):
            invariants.invariant_18_tenant(invariants.look(invariants.NOTHING))

    def take_back(self) -> None:
        """Leave nothing of the example behind."""
        OUTSIDE.forget()
        connection.set_rollback(True)
        self.block.__exit__(None, None, None)

    def count(self) -> None:
        """Remember what came about, so that a run that tried nothing is seen."""
        self.seen.update(entry.action.removeprefix("APPROVAL_") for entry in self.view.now.entries)
        self.seen.update(f"is {row['state']}" for row in self.view.now.approvals.values())
        self.seen["examples"] += 1
        self.seen["steps"] += self.steps
        self.seen["effect"] += len([call for call in OUTSIDE.calls if call.happened])

    @invariant()
    def everything_holds(self) -> None:
        """Look at the rows after each step and run every check."""
        self.look_again()
        self.steps += 1

    # -- what the rules share --

    def on_effect(self, key: str) -> None:
        """Note an effect that starts under a switch."""
        case = next(case for case in self.cases if str(case.id) in key)
        if self.view.town.is_stopped(case.kind, case.agent):
            self.view.pressed_while_stopped.append(key)

    def case(self, number: int) -> Case:
        """Return one of the cases there are."""
        return self.cases[number % len(self.cases)]

    def row(self, case: Case) -> dict[str, Any]:
        """Return its row as it was when last looked at."""
        if case.id not in self.view.now.approvals:
            self.look_again()
        return self.view.now.approvals[case.id]

    def call(self, verb: Callable[..., Any], **options: Any) -> Any:
        """Call a service; what it refuses is a result, and anything else it raises is a failure."""
        with self.desk.inside(self.moment):
            try:
                return verb(**options)
            except WalkerError as error:
                return error

    def expect(self, result: Any, ok: bool, case: Case, state: str = "") -> bool:
        """Compare what a call did with what the model allows; tells whether it was allowed."""
        name = type(result).__name__
        assert isinstance(result, WalkerError) is not ok, f"{name} for {self.row(case)['state']}: {result}"
        if ok and state:
            assert result.state == state, f"{result.state}, the model says {state}"
        if isinstance(result, Conflict) and self.row(case)["state"] in FINAL:
            assert result.facts["state"] == self.row(case)["state"]
            assert result.facts["decided_at"], "the loser is not told who was faster"
        return ok

    def after(self, case: Case) -> Approval:
        """Return the row as it is in the middle of a step, and have the model follow it."""
        with self.desk.inside(self.moment):
            found: Approval = Approval.objects.get(pk=case.id)
        case.state, case.revision = found.state, found.revision
        case.digests[found.revision] = found.digest
        return found

    def barred(self, case: Case) -> set[UUID]:
        """Return those with a hand in it, and who sits in for them now."""
        found, left = set(), set(self.row(case)["excluded"]) | case.excluded
        while left:
            person = left.pop()
            found.add(person)
            to, until = self.away.get(person, (person, self.moment))
            if until > self.moment and to not in found:
                left.add(to)
        return found

    def signer(self, case: Case, person: UUID) -> bool:
        """Tell whether a person could do a signer's move now."""
        row = self.row(case)
        here = [seat for seat in self.view.now.seats.get(case.id, ()) if seat["closed_at"] is None]
        seated = {s["person_id"] for s in here if (s["revision"], s["level"]) == (row["revision"], row["level"])}
        in_time = row["state"] == "pending" and self.moment < row["expires_at"]
        found = self.view.town.people.get(person)
        return (
            in_time and person in seated and person not in self.barred(case) and found is not None and found.may_sign()
        )

    # -- asking --

    @initialize(
        shape=st.sampled_from(SHAPES),
        kinds=st.lists(st.sampled_from([kind.key for kind in KINDS[:3]]), min_size=2, max_size=2),
        who=st.sampled_from(["support", "support", "agent", "first"]),
        signed=st.integers(0, 3),
    )
    def begin(self, shape: str, kinds: list[str], who: str, signed: int) -> None:
        """Begin with one of the workflows and two requests, one of them signed more often than not."""
        self.change_workflow(shape)
        for button, kind in zip(("red", "blue"), kinds, strict=True):
            self.ask_for(who, kind, button, "5.00", "")
        if signed:
            self.sign_all(self.cases[0])

    @precondition(lambda self: len(self.cases) < 5)
    @rule(
        who=st.sampled_from(["support", "support", "first", "admin", "agent"]),
        kind=st.sampled_from([kind.key for kind in KINDS]),
        button=BUTTONS,
        amount=AMOUNTS,
        dedupe=st.sampled_from(["", "", "", "once"]),
    )
    def propose(self, who: str, kind: str, button: str, amount: str, dedupe: str) -> None:
        """Ask for a press; twice where it is doubled."""
        self.ask_for(who, kind, button, amount, dedupe)

    def ask_for(self, who: str, kind: str, button: str, amount: str, dedupe: str) -> None:
        """Ask, and compare with what the model allows."""
        town, is_agent = self.view.town, who == "agent"
        actor = agent_actor() if is_agent else self.desk.actors[who]
        requester = self.desk.person("support" if is_agent else who)
        origin = Origin(requester_user_id=requester)
        if is_agent:
            owner = self.desk.person("second")
            origin = Origin(agent_id=AGENT, agent_owner_id=owner, requester_user_id=requester, tool_call_id=uuid7())
        options = {"kind": kind, "params": {"button": button, "amount": amount}, "origin": origin}
        known = [c for c in self.cases if dedupe and self.row(c)["dedupe_key"] == dedupe and c.state in OPEN]
        result = self.call(services.propose, actor=actor, dedupe_key=dedupe, **options)
        if known:
            assert result.pk == known[0].id, "the same was asked for twice"
            return
        stopped = town.is_stopped(kind, origin.agent_id)
        assert isinstance(result, WalkerError) is (stopped or OUTSIDE.is_away), result
        if isinstance(result, WalkerError):
            return
        excluded = {person for person in (requester, origin.agent_owner_id) if person}
        case = Case(result.pk, kind, requester, origin.agent_id, excluded, "pending", price=OUTSIDE.price)
        self.cases.append(case)
        self.view.cases[case.id] = case
        row = self.after(case)
        assert set(row.excluded) == excluded
        for other in self.cases[:-1]:
            if self.row(other)["state"] in UNDECIDED and self.is_replaced(other, case, row):
                assert self.after(other).state == "superseded"
        if origin.tool_call_id:
            assert self.call(services.propose, actor=actor, **options).pk == result.pk, "a call was asked twice"
        self.check_determinism(row)

    def is_replaced(self, old: Case, new: Case, row: Approval) -> bool:
        """Tell whether a newer request takes the place of an older one."""
        same = (old.kind, old.requester, old.agent) == (new.kind, new.requester, new.agent)
        return same and self.row(old)["subject_key"] == row.subject_key

    def check_determinism(self, row: Approval) -> None:
        """Match the request twice more; it has to come out the same, and nothing is written."""
        kind = registry.get(row.kind)
        params = kind.params_model.model_validate(row.payload)
        with self.desk.inside(self.moment):
            before = invariants.look(self.view.now)
            found = [
                assessing.match_again(
                    row, assessing.assess(kind, params, row.facts, **self.whose(row)), moment=self.moment
                )
                for _ in range(2)
            ]
            after = invariants.look(self.view.now)
        first, second = (each.snapshot for each in found)
        drop = "allow_override"
        assert {k: v for k, v in first.items() if k != drop} == {k: v for k, v in row.snapshot.items() if k != drop}
        invariants.invariant_23_deterministic(first, second, before.approvals, after.approvals)  # type: ignore[arg-type]

    def whose(self, row: Approval) -> dict[str, Any]:
        """Return whose request it is, and when, as the assessment wants it."""
        return {"requester_id": row.requester_id, "agent_id": row.agent_id, "moment": self.moment}

    # -- deciding --

    def vote(self, case: Case, person: UUID, actor: Actor, verdict: str, digest: str) -> None:
        """Vote, and compare what follows with the model."""
        row = self.row(case)
        ok = self.signer(case, person) and digest == row["digest"]
        result = self.call(services.decide, actor=actor, approval_id=case.id, verdict=verdict, digest=digest)
        if self.expect(result, ok, case):
            self.follow_vote(case, person, verdict, row)
        self.after(case)

    def follow_vote(self, case: Case, person: UUID, verdict: str, row: dict[str, Any]) -> None:
        """Say where the vote has to lead."""
        levels, at = row["snapshot"]["levels"], row["level"]
        votes = [*invariants.votes_at(self.view, row, at), Vote(person, verdict, row["digest"])]
        seats = invariants.seats_at(self.view, row, at)
        ladder = invariants.ladder_of(row)
        stands = verdict_of(
            levels[at - 1], ladder, seats, votes, row["digest"], self.view.town,
            originals=invariants.originals_at(self.view, row, at),
        )  # fmt: skip
        found = self.after(case)
        if stands == "approved":
            expected = ("approved", at) if at == len(levels) else ("pending", at + 1)
        else:
            expected = ("rejected" if stands == "rejected" else "pending", at)
        assert (found.state, found.level) == expected, f"{found.state} {found.level}, the model says {expected}"

    @rule(number=CASES, place=st.integers(0, 3), verdict=st.sampled_from(["approve"] * 4 + ["reject"]))
    @precondition(lambda self: any(self.row(case)["state"] == "pending" for case in self.cases))
    def vote_with_a_seat(self, number: int, place: int, verdict: str) -> None:
        """Somebody with a seat votes on what he sees."""
        pending = [case for case in self.cases if self.row(case)["state"] == "pending"]
        case = pending[number % len(pending)]
        able = [name for name in NAMES if self.signer(case, self.desk.person(name))]
        if able:
            name = able[place % len(able)]
            self.vote(case, self.desk.person(name), self.desk.actors[name], verdict, self.row(case)["digest"])

    @rule(number=CASES)
    @precondition(lambda self: any(self.row(case)["state"] == "pending" for case in self.cases))
    def everybody_signs(self, number: int) -> None:
        """Everybody who may signs, level by level, until there is nobody left."""
        pending = [case for case in self.cases if self.row(case)["state"] == "pending"]
        self.sign_all(pending[number % len(pending)])

    def sign_all(self, case: Case) -> None:
        """Have everybody sign who may."""
        self.look_again()
        for name in (*NAMES, *NAMES):
            if self.signer(case, self.desk.person(name)):
                self.vote(case, self.desk.person(name), self.desk.actors[name], "approve", self.row(case)["digest"])
                self.look_again()

    def able(self, case: Case, name: str) -> str:
        """Return the name of somebody who may sign, or this one when nobody may."""
        found = [each for each in NAMES if self.signer(case, self.desk.person(each))]
        return found[NAMES.index(name) % len(found)] if found else name

    def look_again(self) -> None:
        """Look at the rows within a step, with every check."""
        with self.desk.inside(self.moment):
            self.view.step(self.moment)
            for check in invariants.EACH_STEP:
                check(self.view)

    @rule(number=CASES, name=PEOPLE, verdict=st.sampled_from(["approve", "reject"]), stale=st.booleans())
    @precondition(lambda self: self.cases)
    def vote_of_anybody(self, number: int, name: str, verdict: str, stale: bool) -> None:
        """Somebody votes, on what he sees or on what was there before."""
        case = self.case(number)
        actor = self.desk.actors[name]
        digest = case.digests[1] if stale else self.row(case)["digest"]
        if not actor.may("hitl.decide_approval"):
            result = self.call(services.decide, actor=actor, approval_id=case.id, verdict=verdict, digest=digest)
            self.expect(result, False, case)
            return
        self.vote(case, self.desk.person(name), actor, verdict, digest)

    def outsider_tries(self, number: int, verb: str) -> None:
        """The owner of another tenant tries something: there is no such approval."""
        case = self.case(number)
        digest, more = self.row(case)["digest"], {"reason": "Mine"}
        options: dict[str, dict[str, Any]] = {"decide": {"verdict": "approve"}, "edit": {"changes": {"amount": "1.00"}}}
        with tenant_scope(self.desk.world.globex.pk), pytest.raises(NotFound):
            getattr(services, verb)(
                actor=self.desk.outsider, approval_id=case.id, digest=digest, **more, **options.get(verb, {})
            )

    @rule(number=CASES, name=PEOPLE, amount=AMOUNTS, stale=st.sampled_from([False, False, True]), able=OFTEN)
    @precondition(lambda self: any(self.row(case)["state"] == "pending" for case in self.cases))
    def edit(self, number: int, name: str, amount: str, stale: bool, able: bool) -> None:
        """A signer changes the amount."""
        pending = [case for case in self.cases if self.row(case)["state"] == "pending"]
        case = pending[number % len(pending)]
        name = self.able(case, name) if able else name
        actor = self.desk.actors[name]
        row = self.row(case)
        digest = case.digests[1] if stale else row["digest"]
        level = row["snapshot"]["levels"][row["level"] - 1]
        ok = (
            self.signer(case, self.desk.person(name))
            and digest == row["digest"]
            and "amount" in level["editable_fields"]
            and amount != row["payload"]["amount"]
            and not OUTSIDE.is_away
            and not case.is_tampered
        )
        changes = {"amount": amount}
        result = self.call(services.edit, actor=actor, approval_id=case.id, changes=changes, digest=digest)
        if self.expect(result, ok, case, "pending"):
            self.follow_revision(case, row)
            policy = row["snapshot"].get("edit_policy") or {}
            rose = result.risk_score > row["risk_score"] or result.cost is None or result.cost > row["cost"]
            if rose or not policy.get("editor_may_vote"):
                assert self.desk.person(name) in result.excluded, "the editor may sign what he raised"

    def follow_revision(self, case: Case, row: dict[str, Any]) -> None:
        """Check that a new revision begins anew."""
        found = self.after(case)
        assert (found.revision, found.level, found.votes_received) == (row["revision"] + 1, 1, 0)
        case.price = OUTSIDE.price

    @rule(number=CASES, name=PEOPLE, verb=st.sampled_from(["ask", "send_back", "back", "back"]), able=OFTEN)
    @precondition(lambda self: any(self.row(case)["state"] in UNDECIDED for case in self.cases))
    def talk(self, number: int, name: str, verb: str, able: bool) -> None:
        """A question, an answer, sending back, sending in again; by somebody."""
        undecided = [case for case in self.cases if self.row(case)["state"] in UNDECIDED]
        asked_back = [case for case in undecided if self.row(case)["state"] != "pending"]
        found = asked_back if verb == "back" and asked_back else undecided
        case = found[number % len(found)]
        row = self.row(case)
        if verb == "back":
            verb = "resubmit" if row["state"] == "returned" else "answer"
            name = next(each for each in NAMES if self.desk.person(each) == case.requester) if able else name
        else:
            name = self.able(case, name) if able else name
        actor, person = self.desk.actors[name], self.desk.person(name)
        in_time = self.moment < row["expires_at"]
        own = person == case.requester
        paused = self.view.town.is_stopped(case.kind, case.agent)
        ok = {
            "ask": self.signer(case, person),
            "send_back": self.signer(case, person),
            "answer": own and in_time and row["state"] == "info_requested",
            "resubmit": own and in_time and row["state"] == "returned" and not (paused or OUTSIDE.is_away),
        }[verb] and not (verb == "resubmit" and case.is_tampered)
        back = "rejected" if row["rounds"] >= 3 else "returned"
        to = {"ask": "info_requested", "answer": "pending", "send_back": back, "resubmit": "pending"}[verb]
        text = {"text": "Because"} if verb == "answer" else {"reason": "Because"}
        options = {**text, "digest": row["digest"]}
        result = self.call(getattr(services, verb), actor=actor, approval_id=case.id, **options)
        if self.expect(result, ok, case, to) and verb == "resubmit":
            self.follow_revision(case, row)
        self.after(case)

    @rule(
        number=CASES,
        name=PEOPLE,
        verb=st.sampled_from(["cancel", "revoke", "override", "override", "hold", "release"]),
        able=OFTEN,
    )
    @precondition(lambda self: self.cases)
    def close(self, number: int, name: str, verb: str, able: bool) -> None:
        """Withdraw, take back, override, hold or release; by somebody."""
        name = "owner" if verb == "override" and able else name
        case, actor = self.case(number), self.desk.actors[name]
        row, person = self.row(case), self.desk.person(name)
        is_admin = actor.role in ("owner", "admin")
        in_time = row["state"] not in UNDECIDED or self.moment < row["expires_at"]
        ok = {
            "cancel": row["state"] in CANCELLABLE
            and actor.may("hitl.cancel_approval")
            and (is_admin or person == case.requester),
            "revoke": row["state"] == "approved"
            and actor.may("hitl.revoke_approval")
            and (is_admin or person in self.approvers(row)),
            "override": row["state"] == "pending"
            and in_time
            and actor.role == "owner"
            and row["snapshot"]["allow_override"]
            and person not in self.barred(case),
            "hold": row["state"] in OPEN and actor.may("hitl.hold_approval") and "manual" not in row["holds"],
            "release": row["state"] in OPEN and actor.may("hitl.hold_approval") and "manual" in row["holds"],
        }[verb]
        to = {"override": "approved"}.get(verb, row["state"] if verb in ("hold", "release") else "cancelled")
        options = {"digest": row["digest"], "reason": "Because"}
        result = self.call(getattr(services, verb), actor=actor, approval_id=case.id, **options)
        self.expect(result, ok, case, to)
        self.after(case)
        if verb == "override" and ok:
            refused = self.call(services.override, actor=weak(actor), approval_id=case.id, **options)
            self.expect(refused, False, case)

    def approvers(self, row: dict[str, Any]) -> set[UUID]:
        """Return whose last verdict on any level of the current revision was to approve."""
        found = set()
        for level in range(1, len(row["snapshot"]["levels"]) + 1):
            last = {vote.person: vote.verdict for vote in invariants.votes_at(self.view, row, level)}
            found |= {person for person, verdict in last.items() if verdict == "approve"}
        return found

    # -- seats --

    @rule(number=CASES, name=PEOPLE, to=PEOPLE, by_admin=st.booleans(), able=OFTEN)
    @precondition(lambda self: any(self.row(case)["state"] in WAITING for case in self.cases))
    def pass_seat(self, number: int, name: str, to: str, by_admin: bool, able: bool) -> None:
        """A seat is passed on, by its holder or by an administrator."""
        waiting = [case for case in self.cases if self.row(case)["state"] in WAITING]
        case = waiting[number % len(waiting)]
        name = self.able(case, name) if able else name
        row, giver, taker = self.row(case), self.desk.person(name), self.desk.person(to)
        options: dict[str, Any] = {"approval_id": case.id, "to": taker, "digest": row["digest"], "reason": "Busy"}
        if by_admin:
            result = self.call(services.reassign, actor=self.desk.actors["owner"], from_person=giver, **options)
        else:
            result = self.call(services.delegate, actor=self.desk.actors[name], **options)
        if not isinstance(result, WalkerError):
            assert taker not in self.barred(case), "a seat was given to one with a hand in it"
            assert self.view.town.people[taker].may_sign(), "a seat was given to one who may not sign"
            assert self.moment < row["expires_at"]

    def absence(self, name: str, to: str, ends: bool) -> None:
        """Somebody is out of office, or back."""
        giver = self.desk.person(name)
        if not self.view.town.people[giver].may_sign():
            return
        self.align_absences()
        if giver in self.away:
            if ends:
                with self.desk.inside(self.moment):
                    row = lending.Delegation.objects.filter(from_person_id=giver, ended_at=None).first()
                if row is not None:
                    self.call(services.end_delegation, actor=self.desk.actors[name], delegation_id=row.pk)
                del self.away[giver]
            return
        until = self.moment + timedelta(hours=30)
        options = {"to_person": self.desk.person(to), "until": until}
        result = self.call(services.open_delegation, actor=self.desk.actors[name], **options)
        if not isinstance(result, WalkerError):
            self.away[giver] = (self.desk.person(to), until)

    def align_absences(self) -> None:
        """Do what the sweep does for delegations that begin or end."""
        with self.desk.inside(self.moment):
            for due in lending.list_due():
                lending.align_delegation(delegation_id=due.delegation_id)
        self.away = {who: lent for who, lent in self.away.items() if lent[1] > self.moment}

    def come_or_go(self, name: str) -> None:
        """A person is deactivated, or comes back."""
        found = self.view.town.people[self.desk.person(name)]
        found.is_active = not found.is_active
        with self.desk.inside(self.moment):
            set_active(found.id, found.is_active)

    def join_or_leave(self, name: str) -> None:
        """A person leaves the group of approvers, or joins it again."""
        person, group = self.desk.person(name), self.view.town.groups[self.desk.group]
        with self.desk.inside(self.moment):
            if person in group:
                GroupMember.objects.filter(group_id=self.desk.group, user_id=person).delete()
            else:
                GroupMember.objects.create(group_id=self.desk.group, user_id=person)
        group ^= {person}

    # -- definitions and the world --

    @rule(
        what=st.sampled_from(DISTURBANCES),
        number=CASES,
        name=st.sampled_from(["support", "first", "second", "admin", "owner"]),
        to=PEOPLE,
        shape=st.sampled_from(SHAPES),
        scope=st.sampled_from([("tenant", ""), ("kind", "proof_keyed"), ("agent", str(AGENT))]),
        verb=st.sampled_from(["decide", "cancel", "hold", "edit", "revoke"]),
    )
    def disturb(
        self, what: str, number: int, name: str, to: str, shape: str, scope: tuple[str, str], verb: str
    ) -> None:
        """Something happens beside the usual way."""
        if what in ("price", "away", "cap"):
            self.change_the_world(what)
        elif what == "tamper":
            self.tamper_with_payload(number)
        elif what == "outsider":
            self.outsider_tries(number, verb)
        elif what == "absence":
            self.absence(name, to, number % 2 == 0)
        elif what == "redeliver":
            self.redeliver()
        elif what == "come or go":
            self.come_or_go(name)
        elif what == "group":
            self.join_or_leave(name)
        elif what == "switch":
            self.switch(scope)
        elif what == "retire":
            self.retire_workflow()
        else:
            self.change_workflow(shape)

    def change_workflow(self, shape: str) -> None:
        """The workflow is defined anew; running requests keep theirs. One that names somebody who left is refused."""
        with self.desk.inside(self.moment), suppress(Invalid):
            workflow = ApprovalWorkflow.objects.filter(is_active=True).first()
            if workflow is None:
                services.create_workflow(
                    actor=self.desk.actors["owner"], name=f"After {shape}", is_default=True, **self.desk.shape(shape)
                )
            else:
                services.revise_workflow(
                    actor=self.desk.actors["owner"], workflow_id=workflow.pk, **self.desk.shape(shape)
                )

    def retire_workflow(self) -> None:
        """There is no workflow any more."""
        with self.desk.inside(self.moment):
            workflow = ApprovalWorkflow.objects.filter(is_active=True).first()
        if workflow is not None:
            self.call(services.retire_workflow, actor=self.desk.actors["owner"], workflow_id=workflow.pk)

    def change_the_world(self, what: str) -> None:
        """The price changes, the outside goes away or comes back, or there is a limit from now on."""
        if what == "price":
            OUTSIDE.price = "12.00" if OUTSIDE.price == "10.00" else "10.00"
        elif what == "away":
            OUTSIDE.is_away = True
        elif self.cap is None:
            options = {"scope": "all", "currency": "EUR", "amount": "11.00", "window": "month"}
            self.cap = self.call(services.create_cap, actor=self.desk.actors["owner"], **options)
            self.view.cap = Decimal("11.00")

    @rule(tick=st.sampled_from(TICKS))
    def tick(self, tick: timedelta) -> None:
        """Time passes."""
        self.moment += tick
        OUTSIDE.is_away = False

    def switch(self, scope: tuple[str, str]) -> None:
        """A kill switch is thrown, or released."""
        stopped, actor = self.view.town.stopped, self.desk.actors["compliance"]
        if scope in stopped:
            with self.desk.inside(self.moment):
                found = KillSwitch.objects.get(scope=scope[0], target=scope[1], released_at=None)
            released = self.call(services.release_switch, actor=actor, switch_id=found.pk)
            assert not isinstance(released, WalkerError), released
        else:
            options = {"scope": scope[0], "target": scope[1], "reason": "Stop", "wait": timedelta()}
            thrown = self.call(services.throw_switch, actor=actor, **options)
            assert thrown.on_the_wire == 0
        stopped ^= {scope}
        for case in self.cases:
            row = self.after(case)
            held = row.is_open and self.view.town.is_stopped(case.kind, case.agent)
            assert ("kill_switch" in row.holds) is held or not row.is_open, "the holds do not follow the switches"

    def tamper_with_payload(self, number: int) -> None:
        """Somebody with the tables' password changes what is stored."""
        found = [case for case in self.cases if case.state in ("pending", "approved")]
        if not found:
            return
        case = found[number % len(found)]
        with self.desk.inside(self.moment):
            tamper(case.id, '{"button": "all", "amount": "9999.00"}')
        case.is_tampered = True

    # -- doing --

    @rule(number=CASES, place=st.sampled_from(PLACES), answer=st.sampled_from(["done", *ANSWERS]))
    @precondition(lambda self: any(self.row(case)["state"] in ("approved", "executing") for case in self.cases))
    def execute(self, number: int, place: str, answer: str) -> None:
        """A worker carries it out, or dies on the way."""
        ready = [case for case in self.cases if self.row(case)["state"] in ("approved", "executing")]
        self.work(ready[number % len(ready)], place, answer)

    def work(self, case: Case, place: str = "nowhere", answer: str = "done") -> None:
        """Be a worker for one approval, and compare with what the model allows."""
        self.look_again()
        row = self.row(case)
        may = self.may_claim(case, row)
        OUTSIDE.answer = answer
        with self.desk.inside(self.moment):
            self.carry_out(case, place)
        OUTSIDE.answer, OUTSIDE.is_away = "done", False
        found = self.after(case)
        if found.revision > row["revision"]:
            case.price = OUTSIDE.price
        if row["state"] != "approved":
            return
        with self.desk.inside(self.moment):
            actions = {entry.action for entry in invariants.look(self.view.now).entries[len(self.view.now.entries) :]}
        claimed = "APPROVAL_CLAIM" in actions
        says = f"{'claimed' if claimed else 'not claimed'}, the model says otherwise; holds: {found.holds}"
        assert claimed is (may and place != "before claim commit"), says

    def may_claim(self, case: Case, row: dict[str, Any]) -> bool:
        """Tell whether an approved request may be carried out now."""
        with self.desk.inside(self.moment):
            fits = self.cap is None or caps.used(self.cap, self.moment) + (row["cost"] or 0) <= self.cap.amount
            unknown = self.cap is not None and row["cost"] is None
        return (
            row["state"] == "approved"
            and self.moment < row["execute_by"]
            and not row["holds"]
            and not self.view.town.is_stopped(case.kind, case.agent)
            and not OUTSIDE.is_away
            and not case.is_tampered
            and self.view.town.people[case.requester].may_ask()
            and invariants.is_earned(self.view, row)
            and case.price == OUTSIDE.price
            and fits
            and not unknown
        )

    def carry_out(self, case: Case, place: str) -> None:
        """Look, claim, call and report; the worker may be gone at four points."""
        if place == "nowhere":
            services.execute(case.id)
            return
        seen = claiming.look(Approval.objects.get(pk=case.id))
        with dying(place == "before claim commit"):
            claim = claiming.claim(case.id, seen, self.moment)
        if place == "before claim commit" or claim is None:
            return
        if place == "after claim":
            self.lost.append(Lost(claim, False, None))
            return
        outcome = executing._perform(claim)
        self.lost.append(Lost(claim, True, outcome))
        if place == "before outcome commit":
            with dying(True):
                executing.report(claim=claim, outcome=outcome)

    @rule(number=CASES, place=st.sampled_from(PLACES), answer=st.sampled_from(["done", *ANSWERS]))
    @precondition(lambda self: any(self.row(case)["state"] == "pending" for case in self.cases))
    def sign_and_execute(self, number: int, place: str, answer: str) -> None:
        """Everybody signs, and a worker is there at once."""
        pending = [case for case in self.cases if self.row(case)["state"] == "pending"]
        case = pending[number % len(pending)]
        self.sign_all(case)
        if self.row(case)["state"] == "approved":
            self.work(case, place, answer)

    @rule(number=CASES)
    @precondition(lambda self: self.lost)
    def lost_worker_wakes_up(self, number: int) -> None:
        """A worker that was given up goes on where it was."""
        lost = self.lost.pop(number % len(self.lost))
        with self.desk.inside(self.moment):
            execution = Execution.objects.get(pk=lost.claim.execution_id)
            before = Approval.objects.filter(pk=lost.claim.approval_id).values().get()
            current = before["state"] == "executing" and execution.fence == lost.claim.fence
            if not lost.has_called and (current or lost.claim.kind.key != "proof_probed"):
                lost.outcome = executing._perform(lost.claim)
            accepted = executing.report(claim=lost.claim, outcome=lost.outcome or Outcome("unknown"))
            after = Approval.objects.filter(pk=lost.claim.approval_id).values().get()
        if not current:
            invariants.invariant_22_fence(before, after, accepted)
        assert accepted is current

    @rule(kinds=st.sampled_from(["all", "all", "people", "machines"]))
    def sweep(self, kinds: str) -> None:
        """The sweeps run, as after a restart."""
        self.align_absences()
        with self.desk.inside(self.moment):
            # The order in which rows come back is PostgreSQL's own; an example has to be the same each time.
            for due in sorted(timing.claim_due(), key=lambda due: (due.kind, due.approval_id)):
                case = self.view.cases[due.approval_id]
                if due.kind in ("execute", "lease"):
                    if kinds != "people":
                        self.work(case)
                elif due.kind == "unknown":
                    if kinds != "people":
                        services.probe(due.approval_id)
                elif kinds != "machines":
                    timing.fire(due)
                    timing.fire(due)
            services.watch_seats()
            services.hold_covered()
        for case in self.cases:
            self.after(case)

    def redeliver(self) -> None:
        """The outbox is relayed twice; nothing moves."""
        with self.desk.inside(self.moment):
            before = invariants.look(self.view.now)
            events.relay()
            assert events.relay() == 0
            after = invariants.look(self.view.now)
        assert before.approvals == after.approvals

    @rule(number=CASES, lucky=st.booleans())
    @precondition(lambda self: any(self.row(case)["state"] == "unknown" for case in self.cases))
    def settle(self, number: int, lucky: bool) -> None:
        """What is unknown is asked for, or settled by a person with evidence."""
        unknown = [case for case in self.cases if self.row(case)["state"] == "unknown"]
        case = unknown[number % len(unknown)]
        if lucky:
            self.call(services.probe, approval_id=case.id)
            self.after(case)
            return
        outcome = "executed" if self.view.effects(case.id) else "failed"
        options = {"outcome": outcome, "reason": "Looked", "evidence": "Their list"}
        result = self.call(services.resolve, actor=self.desk.actors["admin"], approval_id=case.id, **options)
        ok = self.desk.person("admin") not in self.row(case)["excluded"]
        case.is_settled_by_hand |= self.expect(result, ok, case, outcome)
        self.after(case)


@contextmanager
def dying(dies: bool) -> Iterator[None]:
    """Take back what a process did whose transaction was still open when it died."""
    with suppress(Crash), transaction.atomic():
        yield
        if dies:
            raise Crash
