"""An approval's state folds from its audit entries, and a history that cannot be is found."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from core.audit import chain
from core.db.roles import as_owner
from hitl.domain.replay import ReplayedState, ReplayError, replay
from tests.hitl.kit.scene import BLUE, Scene, stored


@dataclass
class Row:
    """One made-up entry."""

    action: str
    old_state: str
    new_state: str
    facts: dict[str, Any] = field(default_factory=dict)


def _rows(*moves: str, revisions: tuple[int, ...] = ()) -> list[Row]:
    rows = []
    for number, move in enumerate(moves):
        action, old, new = move.split(">")
        facts = {"version": number + 1, "revision": revisions[number] if revisions else 1}
        rows.append(Row(f"APPROVAL_{action}", old, new, facts))
    return rows


ASKED = "PROPOSE>>pending"
SIGNED = "APPROVE>pending>approved"


def test_history_leads_to_where_it_ends() -> None:
    rows = _rows(ASKED, "EDIT>pending>pending", SIGNED, "CLAIM>approved>executing", revisions=(1, 2, 2, 2))
    assert replay(rows) == ReplayedState("executing", 4, 2)


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        (_rows("APPROVE>>pending"), 1),
        (_rows(ASKED, "CLAIM>approved>executing"), 2),
        (_rows(ASKED, "REJECT>pending>approved"), 2),
        (_rows(ASKED, "REJECT>pending>rejected", "APPROVE>rejected>approved"), 3),
        (_rows(ASKED, SIGNED, revisions=(1, 2)), 2),
        (_rows(ASKED, SIGNED)[1:], 1),
        ([*_rows(ASKED), *_rows(ASKED)], 2),
    ],
)
def test_history_that_cannot_be_is_found_at_its_first_entry(rows: list[Row], place: int) -> None:
    with pytest.raises(ReplayError) as caught:
        replay(rows)
    assert caught.value.place == place


def test_what_the_machine_wrote_folds_to_the_row(scene: Scene) -> None:
    approval = stored(scene.done(scene.approved()))
    entries = chain.chain_of("hitl.approval", approval.pk)
    assert replay(entries) == ReplayedState(approval.state, approval.version, approval.revision)


@pytest.mark.slow
def test_command_counts_what_folds(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.done(scene.approved())
    scene.propose(params=BLUE)
    call_command("verify_approvals")
    assert "acme: 2 approvals match their audit entries" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_row_that_was_moved_past_the_audit_is_named(live_scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    approval = live_scene.propose()
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("alter table hitl_approval disable trigger hitl_guard_approval")
        cursor.execute("update hitl_approval set state = 'approved' where id = %s", [approval.pk])
        cursor.execute("alter table hitl_approval enable always trigger hitl_guard_approval")
    with pytest.raises(CommandError):
        call_command("verify_approvals")
    assert f"acme: {approval.reference}: the row says approved" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_tail_cut_together_with_its_head_is_found_by_what_it_told_of(
    live_scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    approval = live_scene.approved()
    last = chain.chain_of("hitl.approval", approval.pk)[-1]
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("alter table core_auditentry disable trigger walker_append_only")
        cursor.execute("delete from core_auditentry where id = %s", [last.pk])
        cursor.execute("alter table core_auditentry enable always trigger walker_append_only")
        cursor.execute("alter table core_audithead disable trigger core_guard_audithead")
        head = [last.seq - 1, last.previous_hash, last.tenant_id]
        cursor.execute("update core_audithead set seq = %s, hash = %s where tenant_id = %s", head)
        cursor.execute("alter table core_audithead enable always trigger core_guard_audithead")
    assert chain.verify().ok
    with pytest.raises(CommandError):
        call_command("verify_approvals")
    assert f"acme: {approval.reference}: the row says approved, version 2" in capsys.readouterr().out
