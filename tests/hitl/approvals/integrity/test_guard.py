"""Nothing but the machine moves an approval: not the ORM, not raw SQL."""

import importlib
import re
from pathlib import Path

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Model

from core.models import Outbox
from core.tenancy.scope import tenant_scope
from hitl.approvals.models.fields import StateGuarded
from hitl.domain.state_machine import FINAL, OPEN, TABLE, Event, IllegalTransition, State, check
from hitl.models import Approval, Assignment, Decision, Execution, Notification, Timer
from tests.hitl.kit.scene import Scene, stored

LEGAL_PAIRS = set().union(*(row.pairs() for row in TABLE))
MOVED = (Approval, Decision, Execution, Assignment, Timer)
DOCS = Path(__file__).resolve().parents[4] / "docs" / "reference" / "approvals.md"


def _sql(statement: str, *values: object) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


def test_update_of_the_state_is_refused(scene: Scene) -> None:
    approval = scene.propose()
    with pytest.raises(StateGuarded):
        Approval.objects.filter(pk=approval.pk).update(state="approved")


def test_save_of_the_state_is_refused(scene: Scene) -> None:
    approval = scene.propose()
    approval.state = "approved"
    with pytest.raises(StateGuarded):
        approval.save()


@pytest.mark.parametrize(
    "change",
    [
        "state = 'approved'",
        "state = 'executed', version = version + 1",
        "state = 'approved', version = version + 2",
        "version = version + 1, digest = 'x'",
        "version = version + 1, payload = '{}'",
        "version = version + 1, kind_version = kind_version + 1",
        "version = version + 1, reference = 'BR-1'",
        "version = version + 1, kind = 'x'",
        "payload = '{}'",
        "holds = '{manual}'",
        "reference = 'BR-1'",
    ],
)
def test_raw_update_out_of_order_is_refused(scene: Scene, change: str) -> None:
    approval = scene.propose()
    with pytest.raises(DatabaseError):
        _sql(f"update hitl_approval set {change} where id = %s", approval.pk)
    assert stored(approval).state == "pending"


def test_number_below_zero_is_refused(scene: Scene) -> None:
    approval = scene.propose()
    counted = [field.column for field in Approval._meta.local_fields if "Positive" in type(field).__name__]
    for column in counted:
        with pytest.raises(IntegrityError):
            _sql(f"update hitl_approval set {column} = -1 where id = %s", approval.pk)
    assert len(counted) == 15


def test_risk_above_a_hundred_is_refused(scene: Scene) -> None:
    approval = scene.propose()
    with pytest.raises(IntegrityError):
        _sql("update hitl_approval set version = version + 1, risk_score = 101 where id = %s", approval.pk)


@pytest.mark.django_db
@pytest.mark.parametrize("model", [Decision, Execution, Notification, Outbox, Assignment, Timer])
def test_number_of_what_a_move_writes_is_never_below_zero(model: type[Model]) -> None:
    counted = [field.column for field in model._meta.local_fields if "Positive" in type(field).__name__]
    with connection.cursor() as cursor:
        cursor.execute(
            "select column_name from information_schema.columns "
            "where table_name = %s and domain_name in ('walker_count', 'walker_small_count')",
            [model._meta.db_table],
        )
        assert {name for (name,) in cursor.fetchall()} == set(counted)


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["walker_count", "walker_small_count"])
def test_count_below_zero_is_refused(kind: str) -> None:
    with pytest.raises(IntegrityError):
        _sql(f"select (-1)::{kind}")


def test_row_that_does_not_begin_as_pending_is_refused(scene: Scene) -> None:
    scene.propose()
    columns = [field.column for field in Approval._meta.local_fields]
    taken = ", ".join(columns)
    given = taken.replace("state", "'approved'", 1).replace("reference", "'BR-2'", 1)
    given = re.sub(r"^id\b", "gen_random_uuid()", given)
    with pytest.raises(DatabaseError, match="begins as pending"):
        _sql(f"insert into hitl_approval ({taken}) select {given} from hitl_approval")


@pytest.mark.parametrize("statement", ["update hitl_decision set verdict = 'reject'", "delete from hitl_decision"])
def test_vote_is_never_changed(scene: Scene, statement: str) -> None:
    scene.approved()
    with pytest.raises(DatabaseError):
        _sql(statement)
    assert Decision.objects.get().verdict == "approve"


def test_row_of_another_tenant_is_not_there(scene: Scene) -> None:
    approval = scene.propose()
    with tenant_scope(scene.world.globex.pk):
        moved = _sql("update hitl_approval set tags = '{x}' where id = %s", approval.pk)
        assert (moved, Approval.objects.count()) == (0, 0)


def test_trigger_knows_the_same_moves_as_the_table() -> None:
    migration = importlib.import_module("hitl.migrations.0012_empty_requests_by_age")
    known = {tuple(pair.split(">")) for pair in migration.PAIRS}
    assert known == {(old.value, new.value) for old, new in LEGAL_PAIRS}


def test_final_states_absorb() -> None:
    assert not {old for old, _ in LEGAL_PAIRS} & set(FINAL)


def test_every_event_has_one_row() -> None:
    assert sorted(row.event for row in TABLE) == sorted(Event)


def test_every_state_is_reached() -> None:
    assert {new for _, new in LEGAL_PAIRS} == set(State)
    assert {old for old, _ in LEGAL_PAIRS} == set(OPEN)


@pytest.mark.parametrize(
    ("event", "old", "new"),
    [
        (Event.APPROVE, State.REJECTED, State.APPROVED),
        (Event.CLAIM, State.PENDING, State.EXECUTING),
        (Event.OVERRIDE, State.RETURNED, State.APPROVED),
    ],
)
def test_move_outside_the_table_is_refused(event: Event, old: State, new: State) -> None:
    with pytest.raises(IllegalTransition):
        check(event, old, new)


def test_reference_page_shows_the_table_of_the_code() -> None:
    text = DOCS.read_text()
    rows = re.findall(r"^\| (\d+a?) \| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    expected = [
        (row.number, row.event.value, _words(row.sources), _words(row.targets) or "unchanged", row.who) for row in TABLE
    ]
    assert rows == expected


def _words(states: tuple[State, ...]) -> str:
    return ", ".join(states) or ""


@pytest.mark.django_db
def test_what_every_move_writes_has_no_index_beside_those_of_its_model() -> None:
    wanted = {index.name for model in MOVED for index in model._meta.indexes}
    wanted |= {constraint.name for model in MOVED for constraint in model._meta.constraints}
    with connection.cursor() as cursor:
        cursor.execute(
            "select indexname from pg_indexes where tablename = any(%s)", [[m._meta.db_table for m in MOVED]]
        )
        found = {name for (name,) in cursor.fetchall()}
    assert {name for name in found - wanted if not name.endswith("_pkey")} == {
        "walker_987372d90d_key",  # for the rows of an approval
        "walker_2a113e6ae0_key",  # for late reports of an execution
    }
