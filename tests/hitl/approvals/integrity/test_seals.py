"""Somebody with the application's database role, every trigger on and no key, cannot make an effect happen."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from django.contrib.postgres.fields import ArrayField
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, models, transaction

from accounts.models import User
from core.actors import Actor
from core.clock import now
from core.errors import Conflict
from core.models import AuditEntry
from core.privacy.encrypted_fields import EncryptedJSONField
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.actions.base import Outcome
from hitl.approvals.change.escalate import escalate
from hitl.approvals.change.holds import hold, release
from hitl.approvals.decide.reassign import reassign
from hitl.approvals.integrity import seals
from hitl.approvals.integrity.sealed_columns import APPROVAL, ASSIGNMENT, DECISION, EXECUTION, Columns
from hitl.approvals.integrity.verification import broken_requests
from hitl.approvals.models.fields import machine_writes
from hitl.approvals.state.transitions import unit_of_work
from hitl.execution import claim as claiming
from hitl.execution import execute
from hitl.execution.kill_switch_activation import activate_kill_switch
from hitl.execution.observation import observe_again
from hitl.management.commands.verify_approvals import problems
from hitl.models import (
    Approval,
    ApprovalText,
    Assignment,
    Decision,
    DecisionToken,
    Delegation,
    Execution,
    Notification,
    Timer,
)
from hitl.seals.tables import TABLES
from tests.hitl.execution.test_claim import _wait_for_a_lock
from tests.hitl.killswitch.test_kill_switches import beside
from tests.hitl.kit.scene import BLUE, Scene, people, roles, stored

DECLARED: Final[dict[type[models.Model], Columns]] = {
    Approval: APPROVAL,
    Assignment: ASSIGNMENT,
    Decision: DECISION,
    Execution: EXECUTION,
}
THREATS: Final = Path(__file__).resolve().parents[4] / "docs" / "explanation" / "threat-model.md"
# What the database itself refuses, also together with a new version.
REFUSED: Final = {
    "hitl_approval": {"id", "tenant_id", "reference", "kind"},
    "hitl_assignment": {"tenant_id", "approval_id"},
    "hitl_decision": {field.column for field in Decision._meta.local_fields},
    "hitl_execution": {"tenant_id"},
}


_DAY: Final = timedelta(days=1)


class _Undone(Exception):
    """What was changed is as before."""


@contextmanager
def undone() -> Iterator[None]:
    """Take back everything that happens inside."""
    with suppress(_Undone), transaction.atomic():
        yield
        raise _Undone


def run(statement: str, *values: object) -> int:
    """Run a statement as the role that the product runs as; return how many rows it changed."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


@dataclass
class Attack:
    """A request that waits for its second vote, and one that waits for its execution."""

    scene: Scene
    second: Actor
    waiting: Approval
    approved: Approval

    def vote(self) -> str:
        """Vote as the second approver; return the code of the refusal, or "" for a vote that counts."""
        try:
            self.scene.decide(self.waiting, actor=self.second)
        except Conflict as refusal:
            return refusal.code
        return ""

    def claim(self, approval: Approval) -> bool:
        """Let the executor try; return True if it got the right to cause the effect."""
        return claiming.claim(approval.pk, observe_again(stored(approval)), now()) is not None

    def named(self) -> set[str]:
        """Return the references that verification names."""
        return {reference for reference, _ in broken_requests()}


@pytest.fixture
def attack(scene: Scene) -> Attack:
    """A 2-of-2 with one vote, and an approved request that was tried once."""
    scene.define({"mode": "quorum", "quorum": 2}, execute_within_hours=48)
    away, substitute = scene.user_id("viewer"), scene.user_id("approver")
    Delegation.objects.create(from_person_id=away, to_person_id=substitute, until=now() + _DAY)
    waiting, approved = scene.decide(scene.propose()), scene.decide(scene.propose(params=BLUE))
    approved = scene.decide(approved, actor=scene.actor("admin"))
    first = claiming.claim(approved.pk, observe_again(approved), now())
    assert first is not None
    execute.settle(claim=first, outcome=Outcome("failed_clean", retry=True))
    return Attack(scene, scene.actor("admin"), stored(waiting), stored(approved))


@pytest.mark.parametrize("model", DECLARED)
def test_every_column_is_declared_once(model: type[models.Model]) -> None:
    columns = DECLARED[model]
    names = [*columns.always, *columns.while_open, *columns.elsewhere, *columns.harmless]
    assert sorted(names) == sorted(field.attname for field in model._meta.local_fields)


def test_threat_model_lists_exactly_the_harmless_columns() -> None:
    told = set(re.findall(r"^\| `(hitl_\w+\.\w+)` \|", THREATS.read_text(), re.MULTILINE))
    harmless = [(model, each.harmless) for model, each in DECLARED.items()]
    harmless += [(table.model, table.harmless) for table in TABLES]
    assert told == {f"{model._meta.db_table}.{name}" for model, names in harmless for name in names}


def _other_value(field: models.Field[Any, Any]) -> str:
    """Return an SQL expression that is another value than the stored one."""
    name = f'"{field.column}"'
    if field.column == "state":
        return "case state when 'pending' then 'approved' else 'pending' end"
    if isinstance(field, models.ForeignKey):
        if field.related_model is User:
            return "(select user_id from accounts_membership where role = 'viewer')"
        other = field.related_model._meta.db_table
        return f"(select o.id from {other} o where o.id is distinct from {field.model._meta.db_table}.{name} limit 1)"
    if isinstance(field, models.UUIDField):
        return "gen_random_uuid()"
    if isinstance(field, ArrayField):
        other = "gen_random_uuid()" if isinstance(field.base_field, models.UUIDField) else "'other'"
        return f"{name} || array[{other}]::{field.db_type(connection)}"
    if isinstance(field, EncryptedJSONField):
        return "null"
    if isinstance(field, models.JSONField):
        return """'{"other": 1}'::jsonb"""
    if isinstance(field, models.DateTimeField):
        return f"coalesce({name}, now()) + interval '1 hour'"
    if isinstance(field, models.CharField | models.TextField):
        return f"left(md5(random()::text), {field.max_length or 9})"
    return f"coalesce({name}, 0) + 1"


def _change(table: str, key: str, field: models.Field[Any, Any], approval: Approval) -> bool:
    """Change one column of one row, with a new version where that is needed; return False if the database refuses."""
    change = f'"{field.column}" = {_other_value(field)}'
    condition = f"where id = (select id from {table} where {key} = %s order by id limit 1)"
    ways = [change]
    if table == "hitl_approval":
        ways += [f"version = version + 1, {change}"]
        ways += [f"version = version + 1, revision = revision + 1, state = 'pending', {change}"]
    for way in ways:
        with suppress(DatabaseError):
            return run(f"update {table} set {way} {condition}", approval.pk) > 0
    return False


@pytest.mark.slow
@pytest.mark.parametrize("model", DECLARED)
def test_changed_column_leads_to_no_vote_and_no_effect_and_is_named(attack: Attack, model: type[models.Model]) -> None:
    table, key = model._meta.db_table, "id" if model is Approval else "approval_id"
    targets = [attack.approved] if model is Execution else [attack.waiting, attack.approved]
    references, refused = {each.reference for each in targets}, set()
    for field in model._meta.local_fields:
        with undone():
            changed = [_change(table, key, field, each) for each in targets]
            if not all(changed):
                refused.add(field.column)
                continue
            if field.attname in DECLARED[model].harmless:
                assert attack.named() == set(), field.column
                continue
            assert attack.named() >= references, field.column
            assert model is Execution or attack.vote() in ("tampered", "stale_digest", "conflict"), field.column
            assert not attack.claim(attack.approved), field.column
    assert refused == REFUSED[table]
    assert attack.scene.effects.pressed == []
    assert (attack.named(), attack.vote()) == (set(), "")


@pytest.mark.slow
def test_weakened_workflow_of_a_waiting_request_approves_nothing(attack: Attack) -> None:
    level = {**attack.waiting.current_level, "quorum": 1, "mode": "any"}
    Approval.objects.filter(pk=attack.waiting.pk).update(snapshot={**attack.waiting.snapshot, "levels": [level]})
    assert attack.vote() == "tampered"
    with undone(), connection.cursor() as cursor:
        decided = "state = 'approved', version = version + 1, decided_as = 'approved', execute_by = expires_at"
        cursor.execute(f"update hitl_approval set {decided} where id = %s", [attack.waiting.pk])
        held = attack.scene.done(attack.waiting)
        assert (held.state, held.holds) == ("approved", ["manual"])
        assert held.hold_reason == "Modified outside the application: the request was changed."
    assert attack.scene.effects.pressed == []


@pytest.mark.slow
def test_requester_who_takes_their_own_exclusion_away_cannot_vote(attack: Attack) -> None:
    requester = attack.scene.actor("support")
    Approval.objects.filter(pk=attack.waiting.pk).update(excluded=[])
    values = {"revision": 1, "level": 1, "person_id": requester.user_id}
    added = Assignment.objects.create(approval=attack.waiting, **values)
    with pytest.raises(Conflict) as caught:
        attack.scene.decide(attack.waiting, actor=attack.scene.actor("approver"))
    assert caught.value.code == "tampered"
    assert list(broken_requests()) == [(attack.waiting.reference, f"assignment {added.pk} was changed or added")]


@pytest.mark.slow
def test_removed_assignment_is_missed(attack: Attack) -> None:
    Assignment.objects.filter(approval=attack.waiting, person_id=attack.scene.user_id("approver")).delete()
    assert attack.vote() == "tampered"
    said = "one of its assignments was removed, changed or put back"
    assert list(broken_requests()) == [(attack.waiting.reference, said)]


@pytest.mark.slow
def test_row_of_an_earlier_moment_is_not_put_back(attack: Attack) -> None:
    scene, approval = attack.scene, attack.waiting
    before = Assignment.objects.get(approval=approval, person_id=scene.user_id("admin"))
    reassign(
        actor=scene.actor("owner"),
        approval_id=approval.pk,
        from_person=scene.user_id("admin"),
        to=scene.user_id("owner"),
        digest=approval.digest,
        reason="Away",
    )
    assert attack.named() == set()
    Assignment.objects.filter(pk=before.pk).update(closed_at=None, moved_at=None, seal=before.seal)
    assert attack.vote() == "tampered"


@pytest.mark.slow
def test_request_put_back_to_before_its_hold_is_found_by_its_audit_entry(scene: Scene) -> None:
    approval = scene.propose()
    whole = {model: list(model._default_manager.filter(**{key: approval.pk})) for model, key in _OWN.items()}
    stop = activate_kill_switch(actor=scene.actor("compliance"), scope="tenant", reason="Stop", wait=timedelta())
    assert stored(approval).holds == ["kill_switch"]
    Notification.objects.filter(approval=approval).delete()
    for model, key in reversed(_OWN.items()):
        model._default_manager.filter(**{key: approval.pk}).delete()
    with machine_writes():
        for model, rows in whole.items():
            model._default_manager.bulk_create(rows)
    assert stored(approval).holds == []
    with pytest.raises(Conflict) as caught:
        scene.decide(approval)
    assert caught.value.code == "tampered"
    assert list(broken_requests()) == [(approval.reference, "the request is not as its newest audit entry says")]
    assert stop.released_at is None


_OWN: Final[dict[type[models.Model], str]] = {
    Approval: "pk",
    Assignment: "approval_id",
    Timer: "approval_id",
    Execution: "approval_id",
    DecisionToken: "approval_id",
    ApprovalText: "approval_id",
}


def test_removed_request_is_named_by_both_commands(scene: Scene) -> None:
    approval = scene.propose()
    for model in (Notification, Timer, Assignment, ApprovalText):
        model._default_manager.filter(approval=approval).delete()
    Approval.objects.filter(pk=approval.pk).delete()
    said = f"request {approval.pk}: it was removed"
    assert f"acme: BROKEN at {said}" in _told("verify_audit")
    assert f"acme: {said}" in _told("verify_approvals")


def test_moved_deadline_revives_nothing_and_can_only_end(scene: Scene) -> None:
    approval = scene.propose()
    later = approval.expires_at + timedelta(days=30)
    Approval.objects.filter(pk=approval.pk).update(expires_at=later)
    with pytest.raises(Conflict) as caught:
        scene.decide(approval, now=approval.expires_at + timedelta(days=1))
    assert caught.value.code == "tampered"
    assert services.expire(approval_id=approval.pk, now=later)
    assert stored(approval).state == "expired"
    assert f"BROKEN at {approval.reference}: the request was changed" in _told("verify_audit")
    assert f"acme: {approval.reference}: the request was changed" in _told("verify_approvals")


@pytest.mark.slow
def test_deadline_moved_by_the_product_is_sealed_again(scene: Scene) -> None:
    approval = scene.propose()
    for step in (hold, release):
        step(actor=scene.actor("compliance"), approval_id=approval.pk, reason="Wait")
    assert list(broken_requests()) == []
    assert scene.done(scene.decide(approval)).state == "executed"
    assert list(problems()) == []


@pytest.mark.slow
def test_timer_holds_what_was_changed_and_alerts_once(scene: Scene) -> None:
    scene.define({}, escalation=[{"after_hours": 1, "add": roles("owner")}])
    approval = scene.propose()
    Approval.objects.filter(pk=approval.pk).update(excluded=[])
    for hours in (2, 3):
        assert not escalate(approval_id=approval.pk, now=now() + timedelta(hours=hours))
    assert stored(approval).holds == ["manual"]
    told = Notification.objects.filter(approval=approval, template="approval_stuck")
    assert told.count() == told.values("recipient").distinct().count() > 0
    with pytest.raises(Conflict) as caught:
        release(actor=scene.actor("compliance"), approval_id=approval.pk)
    assert caught.value.code == "tampered"
    cancelled = services.cancel(actor=scene.actor("owner"), approval_id=approval.pk)
    assert (cancelled.state, [reference for reference, _ in broken_requests()]) == ("cancelled", [approval.reference])


@pytest.mark.slow
def test_outcome_of_an_effect_is_recorded_although_somebody_changed_the_row_meanwhile(scene: Scene) -> None:
    approval = scene.approved()
    claim = claiming.claim(approval.pk, observe_again(approval), now())
    assert claim is not None
    Approval.objects.filter(pk=approval.pk).update(excluded=[])
    assert execute.settle(claim=claim, outcome=Outcome("succeeded"))
    assert (stored(approval).state, len(list(broken_requests()))) == ("executed", 1)


@pytest.mark.slow
def test_forged_audit_entry_vouches_for_nothing(attack: Attack) -> None:
    columns = [field.column for field in AuditEntry._meta.local_fields]
    taken = ", ".join(columns)
    given = taken.replace("seq,", "seq + 1000,", 1).replace("id,", "gen_random_uuid(),", 1)
    last = AuditEntry.objects.filter(object_id=attack.waiting.pk).order_by("-seq").values_list("pk", flat=True)[0]
    for facts in ("facts", "'[\"seal\"]'::jsonb"):
        with undone():
            forged = given.replace("facts", facts, 1)
            run(f"insert into core_auditentry ({taken}) select {forged} from core_auditentry where id = %s", last)
            assert attack.vote() == "tampered"
            assert attack.named() == {attack.waiting.reference}


@pytest.mark.slow
@pytest.mark.parametrize("seal", ["", "1", "1:", "1:é", "gone:0000", ":::::"])
def test_seal_of_another_form_is_a_change(attack: Attack, seal: str) -> None:
    for model in (Assignment, Approval):
        with undone():
            model._default_manager.update(seal=seal)
            assert attack.vote() == "tampered"
            assert attack.named() == {attack.waiting.reference, attack.approved.reference}


_GREEN: Final = {"button": "green", "amount": "5.00"}


@pytest.mark.slow
def test_request_that_ended_before_there_were_seals_is_not_named(
    scene: Scene, tampering: Callable[[str], None]
) -> None:
    scene.done(scene.approved())
    Approval.objects.update(seal="")
    assert [what for _, what in broken_requests()] == ["the request has no seal"]
    tampering("update core_auditentry set facts = facts - 'seal'")
    assert list(broken_requests()) == []


@pytest.mark.slow
def test_request_put_back_to_before_it_was_found_changed_stays_changed(
    attack: Attack, tampering: Callable[[str], None]
) -> None:
    Approval.objects.filter(pk=attack.approved.pk).update(excluded=[])
    assert attack.scene.done(attack.approved).holds == ["manual"]
    same = "excluded = '{{{}}}', moved_at = '{}', version = {}, holds = '{{}}', hold_reason = ''"
    row = attack.approved
    changes = same.format(",".join(map(str, row.excluded)), row.moved_at.isoformat(), row.version)
    tampering(f"update hitl_approval set {changes} where id = '{row.pk}'")
    assert seals.is_intact(stored(row), seals.load_rows([row.pk])[row.pk])
    assert not attack.claim(attack.approved)
    assert attack.named() == {attack.approved.reference}


def test_changes_without_a_transition_have_their_audit_entry(scene: Scene) -> None:
    approval = scene.propose()
    with unit_of_work(now()) as work:
        locked = work.lock(approval.pk)
        Approval.objects.filter(pk=locked.pk).update(priority=7)
    assert AuditEntry.objects.filter(object_type=seals.RESEALED, object_id=approval.pk).count() == 1
    assert list(problems()) == []
    with unit_of_work(now()) as work:
        work.lock(approval.pk)
    assert AuditEntry.objects.filter(object_type=seals.RESEALED, object_id=approval.pk).count() == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["update", "delete", "insert"])
def test_change_beside_a_vote_waits_for_it_and_is_found_by_the_next(live_scene: Scene, what: str) -> None:
    live_scene.define({"mode": "quorum", "quorum": 2, "approvers": people(*_three(live_scene))})
    approval = live_scene.propose()
    with beside() as start:
        with transaction.atomic():
            live_scene.decide(approval)
            change = start(_CHANGES[what])
            _wait_for_a_lock()
        change.result(20)
    with pytest.raises(Conflict) as caught:
        live_scene.decide(approval, actor=live_scene.actor("admin"))
    assert caught.value.code == "tampered"
    assert [reference for reference, _ in broken_requests()] == [approval.reference]


def _three(scene: Scene) -> list[Any]:
    return [scene.user_id(role) for role in ("approver", "admin", "owner")]


_CHANGES: Final[dict[str, Callable[[], int]]] = {
    "update": lambda: run("update hitl_assignment set person_id = person_id, level = 2"),
    "delete": lambda: run("delete from hitl_assignment where closed_at is null"),
    "insert": lambda: run(
        'insert into hitl_assignment (id, tenant_id, approval_id, revision, level, person_id, source, "group", '
        "opened_at) select gen_random_uuid(), tenant_id, approval_id, revision, level, person_id, source, 'x', "
        "opened_at from hitl_assignment limit 1"
    ),
}


def _told(command: str) -> str:
    output = StringIO()
    with pytest.raises(CommandError):
        call_command(command, "--tenant", "acme", stdout=output)
    return output.getvalue()


def test_rows_of_another_tenant_seal_nothing_here(scene: Scene) -> None:
    approval = scene.propose()
    with tenant_scope(scene.world.globex.pk):
        assert list(broken_requests()) == []
        row = {"approval_id": approval.pk, "revision": 1, "level": 1, "person_id": scene.user_id("owner")}
        with pytest.raises(DatabaseError), transaction.atomic():
            Assignment.objects.create(**row)
    assert list(broken_requests()) == []
