"""The moves of people: asking, voting, editing, talking, closing, passing an assignment on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from core.actors import Actor
from core.errors import WalkerError
from core.ids import uuid7
from hitl import services
from hitl.actions import registry
from hitl.actions.base import Origin
from hitl.approvals.change import edit as edits
from hitl.approvals.change.escalate import escalate_now
from hitl.approvals.decide import delegations
from hitl.approvals.decide import override as overrides
from hitl.approvals.decide.delegations import end_delegation, open_delegation
from hitl.approvals.decide.reassign import delegate, reassign
from hitl.decision_links import rules
from hitl.decision_links.links import decide_by_link
from hitl.models import Approval, GroupMember
from hitl.policy.workflows import definitions, select
from tests.database.sealing import seal_rules
from tests.hitl.kit import invariants
from tests.hitl.kit.desk import AGENT, NAMES, agent_actor, set_active, weak
from tests.hitl.kit.looking import written
from tests.hitl.kit.model import CANCELLABLE, OPEN, UNDECIDED, UNDO, WAITING, Case, Vote, verdict_of
from tests.hitl.kit.moves import MOVES
from tests.hitl.kit.outside import KINDS, OUTSIDE
from tests.hitl.machine.proof_ground import CASES, OFTEN, PEOPLE, Ground
from tests.world import OPERATOR

AMOUNTS = st.sampled_from(["4.00", "5.00", "7.00"])
BUTTONS = st.sampled_from(["red", "blue"])
CHANNELS = st.sampled_from(["service", "service", "console"])
SAYING = ("ask", "answer", "send_back", "resubmit")
CLOSING = ("cancel", "revoke", "override", "hold", "release")


class PeopleMoves(Ground):
    """What people do to approvals, each call compared with what the model allows."""

    # -- asking --

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
        asked = (kind, requester, origin.agent_id) if dedupe else None
        known = [c for c in self.those(*OPEN) if self.row(c)["dedupe_key"] and (c.kind, c.requester, c.agent) == asked]
        result = self.call(services.propose, actor=actor, dedupe_key=dedupe, **options)
        if known:
            if known[0].asked == options["params"]:
                assert result.pk == known[0].id, "the same was asked for twice"
            else:
                assert getattr(result, "code", "") == "different_arguments", result
            return
        stopped = town.is_stopped(kind, origin.agent_id)
        assert isinstance(result, WalkerError) is (stopped or OUTSIDE.is_away), result
        if isinstance(result, WalkerError):
            return
        excluded = {person for person in (requester, origin.agent_owner_id) if person}
        case = Case(result.pk, kind, requester, origin.agent_id, excluded, "pending", price=OUTSIDE.price)
        case.asked = options["params"]
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
            before = written()
            current = definitions.load()
            assessed = select.assess(current, kind, params, row.facts, **self.whose(row))
            found = [select.match_again(current, row, assessed, moment=self.moment) for _ in range(2)]
            after = written()
        first, second = (each.snapshot for each in found)
        drop = "allow_override"
        assert {k: v for k, v in first.items() if k != drop} == {k: v for k, v in row.snapshot.items() if k != drop}
        invariants.invariant_23_deterministic(first, second, before, after)

    def whose(self, row: Approval) -> dict[str, Any]:
        """Return whose request it is, and when, as the assessment wants it."""
        return {"requester_id": row.requester_id, "agent_id": row.agent_id, "moment": self.moment}

    # -- deciding --

    def vote(self, case: Case, person: UUID, actor: Actor, verdict: str, digest: str, channel: str = "service") -> None:
        """Vote, and compare what follows with the model."""
        row = self.row(case)
        ok = self.signer(case, person) and digest == row["digest"]
        options = {"verdict": verdict, "digest": digest, "channel": channel}
        result = self.call(services.decide, actor=actor, approval_id=case.id, **options)
        if self.expect(result, ok, case):
            self.follow_vote(case, person, verdict, row, channel)
        self.after(case)

    def follow_vote(
        self, case: Case, person: UUID, verdict: str, row: dict[str, Any], channel: str = "service"
    ) -> None:
        """Say where the vote has to lead."""
        levels, at = row["snapshot"]["levels"], row["level"]
        votes = [*invariants.votes_at(self.view, row, at), Vote(person, verdict, row["digest"])]
        assignments = invariants.assignments_at(self.view, row, at)
        escalation = invariants.escalation_of(row)
        stands = verdict_of(
            levels[at - 1], escalation, assignments, votes, row["digest"], self.view.town,
            originals=invariants.originals_at(self.view, row, at),
        )  # fmt: skip
        found = self.after(case)
        if stands == "approved":
            expected = ("approved", at) if at == len(levels) else ("pending", at + 1)
        else:
            expected = ("rejected" if stands == "rejected" else "pending", at)
        assert (found.state, found.level) == expected, f"{found.state} {found.level}, the model says {expected}"
        waits = found.state == "approved" and channel == "console"
        assert found.execute_after == (self.moment + UNDO if waits else None)

    @rule(
        number=CASES,
        place=st.integers(0, 3),
        verdict=st.sampled_from(["approve"] * 4 + ["reject"]),
        channel=CHANNELS,
    )
    @precondition(lambda self: any(self.row(case)["state"] == "pending" for case in self.cases))
    def vote_with_an_assignment(self, number: int, place: int, verdict: str, channel: str = "service") -> None:
        """Somebody with an assignment votes on what they see."""
        pending = [case for case in self.cases if self.row(case)["state"] == "pending"]
        case = pending[number % len(pending)]
        able = [name for name in NAMES if self.signer(case, self.desk.person(name))]
        if able:
            name = able[place % len(able)]
            digest = self.row(case)["digest"]
            self.vote(case, self.desk.person(name), self.desk.actors[name], verdict, digest, channel)

    @rule(number=CASES, name=PEOPLE, able=OFTEN)
    @precondition(lambda self: self.those("pending"))
    def mail_a_link(self, number: int, name: str, able: bool) -> None:
        """Somebody is mailed a link by which to decide; their older ones are void."""
        pending = self.those("pending")
        case = pending[number % len(pending)]
        name = self.able(case, name) if able else name
        person = self.desk.person(name)
        secret = self.call(services.make_link, actor=OPERATOR, approval_id=case.id, person_id=person)
        assert not secret or self.signer(case, person), "a link for one who is not asked"
        if secret:
            with self.desk.inside(self.moment):
                found = rules.find_link(secret)
            assert found is not None
            self.mailed.append((case, name, found.token_id))

    @rule(which=st.integers(0, 9), verdict=st.sampled_from(["approve", "approve", "reject"]), right=OFTEN)
    @precondition(lambda self: self.mailed)
    def press_a_link(self, which: int, verdict: str, right: bool) -> None:
        """Somebody opens a link, old or new, and fills in its page; most often as it wants it."""
        case, name, token_id = self.mailed[-1 - which % len(self.mailed)]
        row, person = self.row(case), self.desk.person(name)
        with self.desk.inside(self.moment):
            before = written()
            problem = rules.open_link(token_id).problem
            assert written() == before, "looking at a link has written"
        typed = row["reference"] if right else "BR-1"
        options = {"typed": typed, "verdict": verdict, "reason": "Because"}
        result = self.call(decide_by_link, token_id=token_id, **options)
        self.expect(result, problem is None and right, case)
        if not isinstance(result, WalkerError):
            assert self.signer(case, person), "a link decided for one who is not asked"
            self.follow_vote(case, person, verdict, row)
        self.after(case)

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

    @rule(number=CASES, name=PEOPLE, verdict=st.sampled_from(["approve", "reject"]), stale=st.booleans())
    @precondition(lambda self: self.cases)
    def vote_of_anybody(self, number: int, name: str, verdict: str, stale: bool) -> None:
        """Somebody votes, on what they see or on what was there before."""
        case = self.case(number)
        actor = self.desk.actors[name]
        digest = case.digests[1] if stale else self.row(case)["digest"]
        if not actor.may("hitl.decide_approval"):
            result = self.call(services.decide, actor=actor, approval_id=case.id, verdict=verdict, digest=digest)
            self.expect(result, False, case)
            return
        self.vote(case, self.desk.person(name), actor, verdict, digest)

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
        ok = self.may_edit(case, row, self.desk.person(name), digest, amount)
        changes = {"amount": amount}
        result = self.call(edits.edit, actor=actor, approval_id=case.id, changes=changes, digest=digest)
        if self.expect(result, ok, case, "pending"):
            self.follow_revision(case, row)
            policy = row["snapshot"].get("edit_policy") or {}
            rose = result.risk_score > row["risk_score"] or result.cost is None or result.cost > row["cost"]
            if rose or not policy.get("editor_may_vote"):
                assert self.desk.person(name) in result.excluded, "the editor may approve what they raised"

    def may_edit(self, case: Case, row: dict[str, Any], person: UUID, digest: str, amount: str) -> bool:
        """Tell whether a person may change the amount now."""
        level = row["snapshot"]["levels"][row["level"] - 1]
        return (
            self.signer(case, person)
            and digest == row["digest"]
            and "amount" in level["editable_fields"]
            and amount != row["payload"]["amount"]
            and not OUTSIDE.is_away
        )

    def follow_revision(self, case: Case, row: dict[str, Any]) -> None:
        """Check that a new revision starts over."""
        found = self.after(case)
        assert (found.revision, found.level, found.votes_received) == (row["revision"] + 1, 1, 0)
        case.price = OUTSIDE.price

    # -- talking --

    @rule(number=CASES, name=PEOPLE, able=OFTEN)
    @precondition(lambda self: self.those("pending"))
    def ask(self, number: int, name: str, able: bool) -> None:
        """A signer asks something back."""
        self.say("ask", self.those("pending"), number, name, able)

    @rule(number=CASES, name=PEOPLE, able=OFTEN)
    @precondition(lambda self: self.those("info_requested"))
    def answer(self, number: int, name: str, able: bool) -> None:
        """The requester answers."""
        self.say("answer", self.those("info_requested"), number, name, able)

    @rule(number=CASES, name=PEOPLE, able=OFTEN)
    @precondition(lambda self: self.those("pending"))
    def send_back(self, number: int, name: str, able: bool) -> None:
        """A signer wants it otherwise."""
        self.say("send_back", self.those("pending"), number, name, able)

    @rule(number=CASES, name=PEOPLE, able=OFTEN)
    @precondition(lambda self: self.those("returned"))
    def resubmit(self, number: int, name: str, able: bool) -> None:
        """The requester sends it in again."""
        self.say("resubmit", self.those("returned"), number, name, able)

    @rule(number=CASES, name=PEOPLE, verb=st.sampled_from((*SAYING, *CLOSING)))
    @precondition(lambda self: self.cases)
    def speak_out_of_turn(self, number: int, name: str, verb: str) -> None:
        """Anybody says anything about any of them."""
        (self.say if verb in SAYING else self.close)(verb, self.cases, number, name, False)

    def say(self, verb: str, among: list[Case], number: int, name: str, able: bool) -> None:
        """Ask, answer, send back or send in again, and compare with what the model allows."""
        case = among[number % len(among)]
        row = self.row(case)
        if able and verb in ("answer", "resubmit"):
            name = next(each for each in NAMES if self.desk.person(each) == case.requester)
        elif able:
            name = self.able(case, name)
        actor, person = self.desk.actors[name], self.desk.person(name)
        in_time = self.moment < row["expires_at"]
        own = person == case.requester and in_time and self.still_may(name, "hitl.propose_approval")
        paused = self.view.town.is_stopped(case.kind, case.agent)
        ok = {
            "ask": self.signer(case, person),
            "send_back": self.signer(case, person),
            "answer": own and row["state"] == "info_requested" and not case.is_tampered,
            "resubmit": own and row["state"] == "returned" and not (paused or OUTSIDE.is_away or case.is_tampered),
        }[verb]
        back = "rejected" if row["rounds"] >= 3 else "returned"
        to = {"ask": "info_requested", "answer": "pending", "send_back": back, "resubmit": "pending"}[verb]
        text = {"text": "Because"} if verb == "answer" else {"reason": "Because"}
        options = {**text, "digest": row["digest"]}
        result = self.call(MOVES[verb], actor=actor, approval_id=case.id, **options)
        if self.expect(result, ok, case, to) and verb == "resubmit":
            self.follow_revision(case, row)
        self.after(case)

    # -- closing --

    @rule(number=CASES, name=PEOPLE, able=OFTEN)
    @precondition(lambda self: self.those(*CANCELLABLE))
    def cancel(self, number: int, name: str, able: bool) -> None:
        """Somebody withdraws it, most often one who may."""
        self.close("cancel", self.those(*CANCELLABLE), number, "admin" if able else name, able)

    @rule(number=CASES, name=PEOPLE, able=OFTEN)
    @precondition(lambda self: self.those("approved"))
    def revoke(self, number: int, name: str, able: bool) -> None:
        """Somebody takes an approval back before it is carried out."""
        self.close("revoke", self.those("approved"), number, "owner" if able else name, able)

    @rule(number=CASES, name=PEOPLE, able=OFTEN)
    @precondition(lambda self: self.those("pending"))
    def override(self, number: int, name: str, able: bool) -> None:
        """Somebody breaks the glass."""
        self.close("override", self.those("pending"), number, "owner" if able else name, able)

    @rule(number=CASES, name=PEOPLE, able=OFTEN)
    @precondition(lambda self: self.those(*OPEN))
    def hold_or_release(self, number: int, name: str, able: bool) -> None:
        """Somebody stops one request, or lets it go on."""
        found = self.those(*OPEN)
        verb = "release" if "manual" in self.row(found[number % len(found)])["holds"] else "hold"
        self.close(verb, found, number, "owner" if able else name, able)

    def close(self, verb: str, among: list[Case], number: int, name: str, able: bool) -> None:
        """Withdraw, take back, override, hold or release, and compare with what the model allows."""
        case, actor = among[number % len(among)], self.desk.actors[name]
        row = self.row(case)
        to = {"override": "approved"}.get(verb, row["state"] if verb in ("hold", "release") else "cancelled")
        options = {"digest": row["digest"], "reason": "Because"}
        ok = self.may_close(verb, case, row, name)
        result = self.call(MOVES[verb], actor=actor, approval_id=case.id, **options)
        self.expect(result, ok, case, to)
        self.after(case)
        if verb == "override" and ok:
            refused = self.call(overrides.override, actor=weak(actor), approval_id=case.id, **options)
            self.expect(refused, False, case)

    def may_close(self, verb: str, case: Case, row: dict[str, Any], name: str) -> bool:
        """Tell whether a person may withdraw, take back, override, hold or release it now."""
        actor, person = self.desk.actors[name], self.desk.person(name)
        is_admin = actor.role in ("owner", "admin")
        in_time = row["state"] not in UNDECIDED or self.moment < row["expires_at"]
        held = "manual" in row["holds"]
        if verb == "cancel":
            mine = self.still_may(name, "hitl.cancel_approval") and (is_admin or person == case.requester)
            return row["state"] in CANCELLABLE and mine
        if verb == "revoke":
            mine = self.still_may(name, "hitl.revoke_approval") and (is_admin or person in self.approvers(row))
            return row["state"] == "approved" and mine and (is_admin or not case.is_tampered)
        if verb == "override":
            allowed = bool(row["snapshot"].get("allow_override")) and person not in self.barred(case)
            is_ready = row["state"] == "pending" and in_time and not case.is_tampered
            return is_ready and self.still_may(name, "hitl.override_approval") and allowed
        if verb == "hold":
            return row["state"] in OPEN and not held and self.still_may(name, "hitl.hold_approval")
        has_hand = person in self.barred(case) or case.is_tampered
        return row["state"] in OPEN and held and self.still_may(name, "hitl.hold_approval") and not has_hand

    def approvers(self, row: dict[str, Any]) -> set[UUID]:
        """Return whose last verdict on any level of the current revision was to approve."""
        found = set()
        for level in range(1, len(row["snapshot"]["levels"]) + 1):
            last = {vote.person: vote.verdict for vote in invariants.votes_at(self.view, row, level)}
            found |= {person for person, verdict in last.items() if verdict == "approve"}
        return found

    # -- assignments --

    @rule(number=CASES, name=PEOPLE, to=PEOPLE, by_admin=st.booleans(), able=OFTEN)
    @precondition(lambda self: any(self.row(case)["state"] in WAITING for case in self.cases))
    def pass_assignment(self, number: int, name: str, to: str, by_admin: bool, able: bool) -> None:
        """An assignment is passed on, by its holder or by an administrator."""
        waiting = [case for case in self.cases if self.row(case)["state"] in WAITING]
        case = waiting[number % len(waiting)]
        name = self.able(case, name) if able else name
        row, giver, taker = self.row(case), self.desk.person(name), self.desk.person(to)
        options: dict[str, Any] = {"approval_id": case.id, "to": taker, "digest": row["digest"], "reason": "Busy"}
        if by_admin:
            result = self.call(reassign, actor=self.desk.actors["owner"], from_person=giver, **options)
        else:
            result = self.call(delegate, actor=self.desk.actors[name], **options)
        if not isinstance(result, WalkerError):
            assert taker not in self.barred(case), "an assignment was given to one with a hand in it"
            assert self.view.town.people[taker].may_sign(), "an assignment was given to one who may not sign"
            assert self.moment < row["expires_at"]

    @rule(number=CASES, name=PEOPLE, able=OFTEN)
    @precondition(lambda self: any(self.row(case)["state"] in WAITING for case in self.cases))
    def escalate_by_hand(self, number: int, name: str, able: bool) -> None:
        """Somebody takes the next escalation step before its time."""
        waiting = [case for case in self.cases if self.row(case)["state"] in WAITING]
        case = waiting[number % len(waiting)]
        name = "owner" if able else name
        row, actor = self.row(case), self.desk.actors[name]
        steps = sum(1 + int(step.get("repeat") or 0) for step in row["snapshot"].get("escalation") or [])
        may = self.still_may(name, "hitl.reassign_approval") and self.desk.person(name) not in self.barred(case)
        ok = may and self.moment < row["expires_at"] and row["escalation_step"] < steps and not case.is_tampered
        options = {"digest": row["digest"], "reason": "Urgent"}
        result = self.call(escalate_now, actor=actor, approval_id=case.id, **options)
        if self.expect(result, ok, case, row["state"]):
            assert self.after(case).escalation_step == row["escalation_step"] + 1

    def absence(self, name: str, to: str, ends: bool) -> None:
        """Somebody is out of office, or back."""
        giver = self.desk.person(name)
        if not self.view.town.people[giver].may_sign():
            return
        self.align_absences()
        if giver in self.away:
            if ends:
                with self.desk.inside(self.moment):
                    row = delegations.Delegation.objects.filter(from_person_id=giver, ended_at=None).first()  # type: ignore[attr-defined]
                if row is not None:
                    self.call(end_delegation, actor=self.desk.actors[name], delegation_id=row.pk)
                del self.away[giver]
            return
        until = self.moment + timedelta(hours=30)
        options = {"to_person": self.desk.person(to), "until": until}
        result = self.call(open_delegation, actor=self.desk.actors[name], **options)
        if not isinstance(result, WalkerError):
            self.away[giver] = (self.desk.person(to), until)

    def align_absences(self) -> None:
        """Do what the sweep does for delegations that begin or end."""
        with self.desk.inside(self.moment):
            for _, delegation_id in delegations.list_due():
                delegations.align_delegation(delegation_id=delegation_id)
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
            seal_rules()
        group ^= {person}
