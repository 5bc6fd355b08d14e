"""What happens beside the usual way: time, definitions, the world outside, kill switches, tampering."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from accounts.models import Membership
from accounts.privacy.erasure import erase_member
from core.audit import chain
from core.errors import Conflict, Invalid, NotFound, WalkerError
from core.events.relay import relay
from core.privacy.erasure.services import work_on
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.execution import claim
from hitl.execution.kill_switch_activation import activate_kill_switch, release_kill_switch
from hitl.execution.observation import observe_again
from hitl.management.commands.verify_approvals import problems
from hitl.models import Approval, ApprovalWorkflow, KillSwitch
from hitl.policy.workflows import workflows
from hitl.policy.workflows.workflows import revise_workflow
from tests.database import tampering
from tests.hitl.kit.desk import AGENT, SHAPES
from tests.hitl.kit.looking import look
from tests.hitl.kit.model import FINAL
from tests.hitl.kit.moves import MOVES
from tests.hitl.kit.outside import OUTSIDE
from tests.hitl.machine.proof_console import ConsoleMoves
from tests.hitl.machine.proof_ground import CASES, PEOPLE

TICKS = [
    *(timedelta(seconds=5), timedelta(seconds=45), timedelta(minutes=10)),
    *(timedelta(hours=3), timedelta(hours=26), timedelta(hours=80)),
]
DISTURBANCES = (
    *("price", "price", "away", "cap", "tamper", "outsider", "absence", "absence", "redeliver"),
    *("come or go", "come or go", "group", "group", "switch", "retire", "workflow", "workflow"),
)
EACH_ERASES = 8
TAMPERINGS = ("payload", "state", "vote", "owner's vote", *tampering.KINDS)


_CHANGED = "update hitl_approval set {} = '{}' where id = '{}'"


class _Undone(Exception):
    """What was tampered with is as before."""


class WorldMoves(ConsoleMoves):
    """What nobody asked for."""

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
        """The workflow is defined again; running requests keep theirs. One that names somebody who left is refused."""
        with self.desk.inside(self.moment), suppress(Invalid):
            workflow = ApprovalWorkflow.objects.filter(is_active=True).first()
            if workflow is None:
                services.create_workflow(
                    actor=self.desk.actors["owner"], name=f"After {shape}", is_default=True, **self.desk.shape(shape)
                )
            else:
                revise_workflow(actor=self.desk.actors["owner"], workflow_id=workflow.pk, **self.desk.shape(shape))

    def retire_workflow(self) -> None:
        """There is no workflow any more."""
        with self.desk.inside(self.moment):
            workflow = ApprovalWorkflow.objects.filter(is_active=True).first()
        if workflow is not None:
            self.call(workflows.retire_workflow, actor=self.desk.actors["owner"], workflow_id=workflow.pk)

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
        """A kill switch is activated, or released."""
        stopped, actor = self.view.town.stopped, self.desk.actors["compliance"]
        if scope in stopped:
            with self.desk.inside(self.moment):
                found = KillSwitch.objects.get(scope=scope[0], target=scope[1], released_at=None)
            released = self.call(release_kill_switch, actor=actor, switch_id=found.pk)
            assert not isinstance(released, WalkerError), released
        else:
            options = {"scope": scope[0], "target": scope[1], "reason": "Stop", "wait": timedelta()}
            activated = self.call(activate_kill_switch, actor=actor, **options)
            assert activated.in_flight_calls == 0
        stopped ^= {scope}
        for case in self.cases:
            row = self.after(case)
            held = row.is_open and self.view.town.is_stopped(case.kind, case.agent)
            follows = ("kill_switch" in row.holds) is held or (case.is_tampered and not held)
            assert follows or not row.is_open, "the holds do not follow the switches"

    def tamper_with_payload(self, number: int) -> None:
        """Somebody with the tables' password changes what is stored, and it stays so."""
        found = self.those("pending", "approved")
        if not found:
            return
        case = found[number % len(found)]
        with self.desk.inside(self.moment):
            tampering.tamper(_CHANGED.format("payload", '{"button": "all", "amount": "9999.00"}', case.id))
        case.is_tampered = True
        self.seen["tamper payload"] += 1

    @rule(what=st.sampled_from(TAMPERINGS[1:]), number=st.integers(0, 99))
    @precondition(lambda self: len(self.view.now.entries) > 1)
    def tamper_and_verify(self, what: str, number: int) -> None:
        """Somebody with the tables' password rewrites the past: it is found at its place; then it is as before."""
        with self.desk.inside(self.moment), suppress(_Undone), transaction.atomic():
            if what == "state":
                self.move_past_the_audit(number)
            elif what.endswith("vote"):
                self.forge_a_vote(what, number)
            else:
                self.rewrite_history(what, number)
            raise _Undone
        self.seen[f"tamper {what}"] += 1

    def are_named(self, *cases: Any) -> bool:
        """Tell whether these do not follow from the audit, and besides only such whose payload was tampered with."""
        found = {reference for reference, _ in problems()}
        wanted = {self.row(case)["reference"] for case in cases}
        return wanted <= found <= wanted | {self.row(case)["reference"] for case in self.cases if case.is_tampered}

    def move_past_the_audit(self, number: int) -> None:
        """The row says what its entries do not: it is named, alone."""
        case = self.case(number)
        other = "executed" if self.row(case)["state"] != "executed" else "approved"
        tampering.tamper(_CHANGED.format("state", other, case.id))
        assert chain.verify().ok
        assert self.are_named(case)

    def forge_a_vote(self, what: str, number: int) -> None:
        """A vote is written that nobody gave: it is found, and nothing is carried out on it."""
        case = self.case(number)
        forged = tampering.FORGED_VOTE.format(approval=case.id, person=self.desk.person("first"))
        if what == "vote":
            with connection.cursor() as cursor:
                cursor.execute(forged)
        else:
            tampering.tamper(forged)
        assert self.are_named(case)
        seen = observe_again(Approval.objects.get(pk=case.id))
        assert claim.claim(case.id, seen, self.moment) is None or self.row(case)["state"] == "executing"

    def rewrite_history(self, what: str, number: int) -> None:
        """An entry is changed: the chain breaks there, and its approval does not follow any more."""
        entries = self.view.now.entries
        # The one before last at most: to be put in the place of the next, there has to be a next.
        entry = entries[number % (len(entries) - 1)]
        tampering.tamper_with_history(self.desk.tenant, what, entry.seq)
        verdict = chain.verify()
        assert verdict.first_bad == tampering.first_bad(what, entry.seq), verdict
        reference = self.view.now.approvals[entry.object_id]["reference"]
        if what not in ("swap", "re-insert"):
            assert reference in [found for found, _ in problems()], f"{what} of an entry of {reference} is not seen"

    def redeliver(self) -> None:
        """The outbox is relayed twice; nothing moves."""
        with self.desk.inside(self.moment):
            before = look(self.view.now)
            relay()
            assert relay() == 0
            after = look(self.view.now)
        assert before.approvals == after.approvals

    def outsider_tries(self, number: int, verb: str) -> None:
        """The owner of another tenant tries something: there is no such approval."""
        case = self.case(number)
        digest, more = self.row(case)["digest"], {"reason": "Mine"}
        options: dict[str, dict[str, Any]] = {"decide": {"verdict": "approve"}, "edit": {"changes": {"amount": "1.00"}}}
        with tenant_scope(self.desk.world.globex.pk), pytest.raises(NotFound):
            MOVES[verb](actor=self.desk.outsider, approval_id=case.id, digest=digest, **more, **options.get(verb, {}))

    def check_at_the_end(self) -> None:
        """In some examples somebody is erased at last: a rule of its own would cost each of them its time."""
        super().check_at_the_end()
        with self.desk.inside(self.moment):
            assert self.are_named(), "a seal does not fit what the product itself wrote"
        turn, rest = divmod(self.seen["examples"], EACH_ERASES)
        if rest == 0:
            with self.desk.inside(self.moment):
                self.erase(self.desk.person(("support", "first", "admin")[turn % 3]))

    def erase(self, person: UUID) -> None:
        """Erase a member; what is being executed for them stands in the way, what was final stays as it was."""
        mine = Approval.objects.filter(requester_id=person)
        busy = set(mine.filter(state__in=("executing", "unknown")).values_list("reference", flat=True))
        final = dict(mine.filter(state__in=FINAL).values_list("pk", "state"))
        owner = replace(self.desk.actors["owner"], auth_strength="mfa")
        membership = Membership.objects.values_list("pk", flat=True).get(user_id=person)
        erasure = self.call(erase_member, actor=owner, membership_id=membership, reason="asked_for")
        assert isinstance(erasure, Conflict) is bool(busy), erasure
        if isinstance(erasure, Conflict):
            assert set(erasure.facts["approvals"]) == busy
            return
        while work_on(erasure_id=erasure.pk):
            pass
        assert chain.verify().ok, "the chain broke"
        assert self.are_named(), "a history does not lead to its row"
        assert set(mine.values_list("state", flat=True)) <= FINAL, "something of theirs is still open"
        assert final.items() <= dict(mine.values_list("pk", "state")).items(), "something final has moved"
        self.seen["erase"] += 1
