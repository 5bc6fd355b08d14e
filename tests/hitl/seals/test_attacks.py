"""Somebody with the application's database role, every trigger on and no key, loosens no rule, limit or stop unseen."""

import base64
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from io import StringIO
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.db import DatabaseError, models
from psycopg.types.json import Jsonb

from accounts.models import OwedEntry
from accounts.permissions import operators
from agents.answering.routing.selectors import cast_now
from agents.answering.selectors import paused_outside
from core.audit import chain
from core.clock import now
from core.errors import Conflict, NotFound, Refused
from core.models import AuditEntry, AuditHead
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.approvals.change.holds import release
from hitl.approvals.state.context import load_groups
from hitl.decision_links.settings import set_link_policy
from hitl.execution.kill_switch_activation import (
    activate_global,
    activate_kill_switch,
    release_global,
    release_kill_switch,
)
from hitl.killswitch import state
from hitl.models import (
    Approval,
    ApprovalWorkflow,
    ApproverGroup,
    Cap,
    GlobalKillSwitch,
    GroupMember,
    KillSwitch,
)
from hitl.policy import decision_policy, link_policy
from hitl.policy.calendars import create_calendar, revise_calendar
from hitl.policy.decision_policy import set_decision_policy
from hitl.policy.limits import cap_reservations
from hitl.policy.limits.caps import create_cap, revise_cap
from hitl.policy.limits.flags import create_flag, revise_flag
from hitl.policy.limits.risk_weights import set_risk_policy
from hitl.policy.selectors import installation_switch
from hitl.policy.workflows import definitions
from hitl.policy.workflows.groups import revise_group
from hitl.policy.workflows.workflows import revise_workflow
from hitl.seals import tables
from hitl.seals.rules import RULES, RuleSeals
from hitl.seals.tables import TABLES, SealedTable
from hitl.seals.verification import broken_rules
from hitl.selectors.approvals import list_stops
from tests.hitl.approvals.integrity.test_seals import _other_value, _told, run, undone
from tests.hitl.kit.scene import BLUE, Scene, roles, stored
from tests.world import OPERATOR

OFFICE: Final = {"mon": [["09:00", "17:00"]]}
EVERYTHING: Final = {"id": "all", "verdict": "approve", "max_cost": "100000", "max_score": 100, "currency": "EUR"}
STOPPED: Final = ("test_press_plain", "test_press_probed")
VERSIONED: Final = (tables.RISK, tables.LINKS, tables.DECISIONS)
# What the database itself refuses: rows that are only appended, a second row of the same name, and rows in use.
REFUSED: Final = {
    *(f"{table.title}: change {name}" for table in VERSIONED for name in table.columns),
    *(f"{table.title}: delete" for table in (*VERSIONED, tables.CALENDAR)),
    *(f"{tables.LEVEL.title}: change {name}" for name in ("order", "workflow_id")),
}


@pytest.fixture
def ruled(scene: Scene) -> Scene:
    """Two rules of each kind of which there can be two, and one version of each setting."""
    owner, people = scene.actor("owner"), (scene.user_id("approver"), scene.user_id("admin"))
    levels = []
    for name, zone, person in zip(("One", "Two"), ("UTC", "Europe/Berlin"), people, strict=True):
        group = services.create_group(actor=owner, name=name, people=[person])
        calendar = create_calendar(actor=owner, name=name, zone=zone, week=OFFICE)
        levels.append({"approvers": [{"type": "group", "value": str(group.pk)}], "calendar_id": calendar.pk})
        create_flag(actor=owner, name=name.lower(), label=name, condition=f"cost > {len(levels)}")
        create_cap(
            actor=owner, scope="all", currency="EUR", amount=100 * len(levels), window=("day", "month")[len(levels) - 1]
        )
        stop = {"scope": "kind", "target": STOPPED[len(levels) - 1], "reason": name}
        activate_kill_switch(actor=owner, **stop, wait=timedelta())
    scene.define(*levels)
    services.create_workflow(
        actor=owner, name="Other", levels=[{"approvers": roles("owner")}], kinds=["test_press_plain"]
    )
    set_risk_policy(actor=owner, weights={}, kind_points={})
    set_decision_policy(actor=owner, undo_seconds=5, batch_risk="low")
    set_link_policy(actor=owner, is_on=False, reason="Off")
    return scene


def _twice(scene: Scene, approval: Approval) -> Approval:
    for role in ("approver", "admin"):
        approval = scene.decide(stored(approval), actor=scene.actor(role))
    return stored(approval)


def _columns(table: SealedTable) -> list[models.Field[Any, Any]]:
    return [field for field in table.model._meta.local_fields if field.attname in table.columns]


def _change(table: SealedTable, field: models.Field[Any, Any], key: UUID) -> int:
    is_flag = isinstance(field, models.BooleanField)
    value = f'not "{field.column}"' if is_flag else _other_value(field)
    name = table.model._meta.db_table
    return run(f'update {name} set "{field.column}" = {value} where id = %s', key)


# What makes a copied row one that the database takes, and what a person with its role would like it to say.
_COPIES: Final[dict[SealedTable, dict[str, str]]] = {
    tables.WORKFLOW: {"is_default": "false", "priority": "99"},
    tables.LEVEL: {'"order"': '"order" + 9'},
    tables.CALENDAR: {"name": "'Copy'"},
    tables.GROUP: {"name": "'Copy'"},
    tables.MEMBERS: {"user_id": "(select user_id from accounts_membership where role = 'owner')"},
    tables.CAP: {"currency": "'USD'"},
    tables.FLAG: {"name": "'copy'"},
    tables.STOP: {"target": "'copy'"},
    tables.RISK: {"version": "version + 1", "weights": "'{\"cost\": 0}'"},
    tables.LINKS: {"version": "version + 1", "is_on": "true"},
    tables.DECISIONS: {"version": "version + 1", "batch_risk": "'high'", "undo_seconds": "0"},
}
_SWAPS: Final[dict[SealedTable, str]] = {
    tables.WORKFLOW: "kinds",
    tables.LEVEL: "approvers",
    tables.CALENDAR: "zone",
    tables.MEMBERS: "user_id",
    tables.CAP: "amount",
    tables.FLAG: "condition",
    tables.STOP: "activated_at",
}


def _copy(table: SealedTable, key: UUID) -> int:
    name, copied = table.model._meta.db_table, _COPIES[table]
    columns = [f'"{field.column}"' for field in table.model._meta.local_fields]
    values = [copied.get(each) or copied.get(each.strip('"'), each) for each in columns]
    values[columns.index('"id"')] = "gen_random_uuid()"
    return run(f"insert into {name} ({', '.join(columns)}) select {', '.join(values)} from {name} where id = %s", key)


def _remove(table: SealedTable, key: UUID) -> int:
    for part in TABLES:
        if part.root is table.model and part is not table:
            run(f"delete from {part.model._meta.db_table} where {part.key} = %s", key)
    return run(f"delete from {table.model._meta.db_table} where id = %s", key)


def _swap(table: SealedTable, one: UUID, two: UUID) -> int:
    name, column = table.model._meta.db_table, _SWAPS[table]
    return run(
        f'update {name} a set "{column}" = b."{column}" from {name} b where b.id <> a.id and a.id = any (%s) '
        f'and b.id = any (%s) and a."{column}" is distinct from b."{column}"',
        [one, two],
        [one, two],
    )


def _put_back(table: SealedTable, key: UUID, change: Callable[[], object]) -> int:
    """Let the product change a row, and put the row of before back."""
    names = [str(field.column) for field in table.model._meta.local_fields if field.column != "id"]
    before = table.model.objects.filter(pk=key).values(*names).get()
    fields = {str(field.column): field for field in table.model._meta.local_fields}
    change()
    values = [Jsonb(before[name]) if isinstance(fields[name], models.JSONField) else before[name] for name in names]
    asked = ", ".join(f'"{name}" = %s' for name in names)
    return run(f"update {table.model._meta.db_table} set {asked} where id = %s", *values, key)


def _changes(scene: Scene) -> dict[SealedTable, Callable[[UUID], object]]:
    """Return how the product changes one row of each table; versions are only added to."""
    owner = scene.actor("owner")
    week = {"tue": [["09:00", "12:00"]]}
    return {
        tables.WORKFLOW: lambda key: revise_workflow(actor=owner, workflow_id=key, expire_hours=1),
        tables.CALENDAR: lambda key: revise_calendar(actor=owner, calendar_id=key, name="New", zone="UTC", week=week),
        tables.GROUP: lambda key: revise_group(actor=owner, group_id=key, name="New", people=[]),
        tables.CAP: lambda key: revise_cap(actor=owner, cap_id=key, amount=1),
        tables.FLAG: lambda key: revise_flag(actor=owner, flag_id=key, label="New"),
    }


def _loosened(scene: Scene, table: SealedTable, approved: Approval) -> str:
    """Return what a request would get now that it would not have got before the attack, or ""."""
    if table in (tables.WORKFLOW, tables.LEVEL, tables.FLAG, tables.RISK) and not definitions.load().problem:
        return "workflows are selected"
    if table is tables.CAP and not cap_reservations.shortfall(approved, now()):
        return "the limit has room"
    if table is tables.STOP and not all(state.find_stop_reason(kind=kind, agent_id=None) for kind in STOPPED):
        return "nothing is stopped"
    if table is tables.LINKS and link_policy.current().is_on_here:
        return "links are on"
    if table is tables.DECISIONS and decision_policy.current().batch_risk != "none":
        return "batches are allowed"
    if table is tables.MEMBERS:
        asked = {person for people in load_groups(None, RuleSeals()).values() for person in people}
        return "" if len(asked) < 2 and scene.user_id("owner") not in asked else "people are asked"
    return ""


def _attacks(scene: Scene) -> Iterator[tuple[SealedTable, str, Callable[[], int]]]:
    changes = _changes(scene)
    for table in TABLES:
        keys = list(table.model.objects.order_by("id").values_list("pk", flat=True))
        one, last = keys[0], keys[-1]
        for field in _columns(table):
            yield table, f"change {field.column}", lambda t=table, f=field, k=one: _change(t, f, k)
        yield table, "insert a copy", lambda t=table, k=last: _copy(t, k)
        yield table, "delete", lambda t=table, k=last: _remove(t, k)
        if table in _SWAPS:
            yield table, "swap two rows", lambda t=table, k=(one, last): _swap(t, *k)
        if table is tables.STOP:
            yield table, "release", lambda k=one: run("update hitl_killswitch set released_at = now() where id = %s", k)
        if table in changes:
            yield table, "put an old row back", lambda t=table, k=one: _put_back(t, k, lambda: changes[t](k))


@pytest.mark.slow
def test_no_statement_of_the_application_role_loosens_a_rule_unseen(ruled: Scene) -> None:
    approved, waiting = _twice(ruled, ruled.propose()), ruled.propose(params=BLUE)
    tried, refused, wrong = [], set(), []
    assert list(broken_rules()) == []
    for table, how, attack in _attacks(ruled):
        what = f"{table.title}: {how}"
        with undone():
            try:
                assert attack() > 0, what
            except DatabaseError:
                refused.add(what)
                continue
            named = dict(broken_rules())
            tried.append(f"{what} -> {'; '.join(f'{row} {said}' for row, said in named.items())}")
            if not any(row.startswith(table.title) for row in named):
                wrong.append(f"{what}: not named")
            if loosened := _loosened(ruled, table, approved):
                wrong.append(f"{what}: {loosened}")
    print("\n".join([*tried, *(f"{what} -> refused by the database" for what in sorted(refused))]))  # noqa: T201
    assert wrong == []
    assert refused == REFUSED
    assert (list(broken_rules()), stored(waiting).holds) == ([], [])
    assert ruled.done(approved).state == "executed"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.title)
def test_every_column_is_sealed_or_harmless(table: SealedTable) -> None:
    columns = [*table.covered, *table.harmless]
    assert sorted(columns) == sorted(field.attname for field in table.model._meta.local_fields)


@pytest.mark.slow
def test_rule_changed_between_match_and_claim_asks_a_person_and_loses_nothing(ruled: Scene) -> None:
    approved, owner = _twice(ruled, ruled.propose()), ruled.actor("owner")
    default = ApprovalWorkflow.objects.get(is_default=True)
    everything = "update hitl_approvalworkflow set auto_rules = %s where id = %s", Jsonb([EVERYTHING]), default.pk
    attacks: dict[str, tuple[Any, ...]] = {
        "Spending limits were changed outside": ("update hitl_cap set amount = 100000",),
        "The votes do not satisfy": ("delete from hitl_groupmember",),
        "An emergency stop covers this": ("delete from hitl_killswitch",),
        "Rules were changed outside": everything,
    }
    for reason, attack in attacks.items():
        with undone():
            run(*attack)
            held = ruled.done(approved)
            assert (held.state, held.hold_reason[: len(reason)]) == ("approved", reason)
    run(*everything)
    held, asked = ruled.done(approved), ruled.propose(params=BLUE)
    assert (held.holds, asked.holds, asked.state, asked.risk_level) == (
        ["manual"],
        ["unsatisfiable"],
        "pending",
        "critical",
    )
    said = f"workflow “{default.name}” (changed)"
    assert held.hold_reason == asked.hold_reason == f"Rules were changed outside the application: {said}."
    named = f"workflow {default.pk}: changed outside the application"
    assert all(named in _told(command) for command in ("verify_approvals", "verify_audit", "seal_rules"))
    with pytest.raises(Conflict) as caught:
        revise_workflow(actor=owner, workflow_id=default.pk, expire_hours=9)
    said = f"Can't save: workflow “{default.name}” was changed outside Walker. Ask the operator to check it and run"
    assert (caught.value.code, caught.value.detail) == ("tampered", f"{said} seal_rules.")
    run("update hitl_approvalworkflow set auto_rules = '[]' where id = %s", default.pk)
    release(actor=ruled.actor("compliance"), approval_id=approved.pk)
    assert ruled.done(approved).state == "executed"
    run(*everything)
    call_command("seal_rules", "--accept", stdout=StringIO())
    assert (list(broken_rules()), ruled.propose(params={**BLUE, "button": "x"}).decided_role) == ([], "rule")


@pytest.mark.slow
def test_time_zone_that_is_none_is_named_and_holds_requests(ruled: Scene) -> None:
    approved = _twice(ruled, ruled.propose())
    for zone in ("x", "../x", ""):
        with undone():
            run("update accounts_tenant set timezone = %s", zone)
            held, asked = ruled.done(approved), ruled.propose(params=BLUE)
            reason = "Spending limits were changed outside the application: time zone (changed)."
            assert (held.holds, held.hold_reason, asked.holds) == (["caps"], reason, ["unsatisfiable"]), zone
            for command in ("verify_approvals", "verify_audit", "seal_rules"):
                assert "time zone: changed outside the application" in _told(command), (zone, command)
            # What is no time zone can't be vouched for.
            call_command("seal_rules", "--accept", stdout=StringIO())
            assert dict(broken_rules()) == {"time zone": "changed outside the application"}
    assert ruled.done(approved).state == "executed"


@pytest.mark.slow
def test_inserted_member_of_a_group_decides_nothing(ruled: Scene) -> None:
    approval, first = ruled.propose(), ApproverGroup.objects.order_by("id").first()
    another, actor = ruled.world.another("approver")
    GroupMember.objects.create(group=first, user=another)
    for voter in (actor, ruled.actor("approver")):
        with pytest.raises(Refused) as caught:
            ruled.decide(approval, actor=voter)
        assert caught.value.code == "not_an_approver"


@pytest.mark.slow
def test_seal_of_another_time_or_tenant_counts_for_nothing(ruled: Scene) -> None:
    entries = {"old": AuditEntry.objects.filter(object_type=RULES).earliest("seq")}
    entries["new"] = AuditEntry.objects.filter(object_type=RULES).latest("seq")
    with tenant_scope(ruled.world.globex.pk):
        entries["foreign"] = AuditEntry.objects.filter(object_type=RULES).latest("seq")
    for entry in entries.values():
        values = {field.attname: getattr(entry, field.attname) for field in AuditEntry._meta.local_fields}
        own = {"id": uuid4(), "tenant_id": ruled.world.acme.pk, "object_id": ruled.world.acme.pk, "seq": 10**6}
        with undone():
            AuditEntry(**{**values, **own}).save(force_insert=True)
            with pytest.raises(Refused) as caught:
                ruled.propose()
            assert (caught.value.code, [row for row, _ in broken_rules()]) == ("paused", ["rules"])
            run("update hitl_cap set amount = amount + 1 where id = %s", Cap.objects.earliest("id").pk)
            forged, loosened = [f"{row}: {what}" for row, what in broken_rules()]
            assert "spending limit" in loosened
            # Neither the broken chain nor one row hides another.
            told = _told("verify_audit")
            assert all(f"acme: BROKEN at {each}" in told for each in ("entry ", forged, loosened))
    for statement in ("update core_auditentry set facts = '{}'", "delete from core_auditentry"):
        with pytest.raises(DatabaseError):
            run(statement)


@pytest.mark.slow
def test_head_of_the_audit_log_never_goes_back_behind_a_seal(ruled: Scene) -> None:
    owner, cap, before = ruled.actor("owner"), Cap.objects.earliest("id").pk, AuditHead.objects.get().seq
    run("update core_audithead set seq = seq + 1000000")
    revise_cap(actor=owner, cap_id=cap, amount=7)
    attacks = (
        "delete from core_audithead",
        f"update core_audithead set seq = {before}",
        "update core_audithead set hash = ''",
        f"update core_audithead set seq = seq + 1, tenant_id = '{uuid4()}'",
    )
    for statement in attacks:
        with pytest.raises(DatabaseError):
            run(statement)
    revise_cap(actor=owner, cap_id=cap, amount=8)
    assert list(broken_rules()) == []


@pytest.mark.slow
def test_stop_of_the_installation_is_released_by_its_release_alone(scene: Scene) -> None:
    def reason() -> str:
        return state.find_stop_reason(kind="test_press_keyed", agent_id=None)

    switch = activate_global(actor=OPERATOR, reason="Stop", wait=timedelta())
    owed = {"object_type": "hitl.globalkillswitch", "object_id": switch.pk, "owed_to": [scene.world.acme.pk]}
    actor = {"kind": "system", "id": "", "user_id": "", "role": "", "name": "x", "auth_strength": "", "address": ""}
    OwedEntry.objects.create(action="KILLSWITCH_RELEASED", new_state="released", actor=actor, **owed)
    operators.write_owed_entries()
    for statement in ("update hitl_globalkillswitch set released_at = now()", "delete from hitl_globalkillswitch"):
        run(statement)
        assert reason() == state.RELEASED_OUTSIDE
        assert [row for row, _ in broken_rules()] == [f"emergency stop {switch.pk} of the installation"]
    owed_entry = f"installation: owed entry KILLSWITCH_RELEASED hitl.globalkillswitch {switch.pk}: not sealed"
    out = StringIO()
    call_command("seal_rules", "--accept", stdout=out)
    assert f"{owed_entry}; accepted" in out.getvalue()
    operators.write_owed_entries()
    assert (reason(), list(broken_rules()), OwedEntry.objects.count()) == ("", [], 0)
    activate_global(actor=OPERATOR, reason="Again", wait=timedelta())
    assert reason() == "Again"
    release_global(actor=OPERATOR)
    assert (reason(), list(broken_rules())) == ("", [])


@pytest.mark.slow
def test_stop_that_is_released_outside_is_released_by_who_may_stop(scene: Scene) -> None:
    actor, agent = scene.actor("compliance"), str(uuid4())
    stop = partial(activate_kill_switch, actor=actor, reason="x", wait=timedelta())

    def release_by_command(*words: str) -> str:
        out = StringIO()
        call_command("killswitch", "release", "--tenant", "acme", *words, stdout=out)
        return out.getvalue()

    keys = [stop(scope="tenant").pk, stop(scope="kind", target=STOPPED[0]).pk]
    keys.append(KillSwitch.objects.create(scope="agent", target=agent, reason="x").pk)
    call_command("seal_rules", "--accept", stdout=StringIO())
    run("update hitl_killswitch set released_at = now()")
    assert (paused_outside(), agent in cast_now().paused) == ({"", agent}, True)
    release_kill_switch(actor=actor, switch_id=keys[0])
    assert release_by_command("--kind", STOPPED[0]) == f"released {keys[1]}\n"
    assert [row.pk for row in list_stops(viewer=actor)] == keys[2:]
    run("delete from hitl_killswitch")
    assert release_by_command() == f"released {keys[2]}\n"
    assert (list(list_stops(viewer=actor)), list(broken_rules()), paused_outside()) == ([], [], frozenset())
    with pytest.raises(NotFound):
        release_kill_switch(actor=actor, switch_id=keys[2])


def test_stop_that_nobody_sealed_is_taken_over_by_who_presses(scene: Scene) -> None:
    KillSwitch.objects.create(scope="tenant", reason="Mine")
    press = partial(activate_kill_switch, actor=scene.actor("compliance"), scope="tenant", reason="Leak")
    switch = press(wait=timedelta())
    run("delete from hitl_killswitch")
    assert state.find_stop_reason(kind="test_press_keyed", agent_id=None) == state.CHANGED_OUTSIDE.format(
        f"emergency stop {switch.pk} (removed)"
    )


def test_stop_of_the_installation_that_nobody_recorded_is_taken_over_by_who_presses(scene: Scene) -> None:
    GlobalKillSwitch.objects.create(reason="Mine")
    press = partial(activate_global, actor=OPERATOR, reason="Leak", wait=timedelta())
    press()
    with pytest.raises(Conflict):
        press()
    run("delete from hitl_globalkillswitch")
    for tenant in (scene.world.acme, scene.world.globex):
        with tenant_scope(tenant.pk):
            assert state.find_stop_reason(kind="test_press_keyed", agent_id=None) == state.RELEASED_OUTSIDE


def test_stop_of_the_installation_that_was_released_outside_is_released(scene: Scene) -> None:
    switch = activate_global(actor=OPERATOR, reason="Stop", wait=timedelta())
    run("update hitl_globalkillswitch set released_at = now()")
    out = StringIO()
    call_command("killswitch", "list", "--global", stdout=out)
    shown = installation_switch(viewer=scene.actor("viewer"))
    assert (str(switch.pk) in out.getvalue(), shown["active"]) == (True, True)
    assert release_global(actor=OPERATOR) == 1
    with pytest.raises(Conflict):
        release_global(actor=OPERATOR)
    for tenant in (scene.world.acme, scene.world.globex):
        with tenant_scope(tenant.pk):
            told = [entry.action for entry in chain.chain_of("hitl.globalkillswitch", switch.pk)]
            assert (told, RuleSeals().stops_everywhere()) == (["KILLSWITCH_ACTIVATED", "KILLSWITCH_RELEASED"], {})


@pytest.mark.slow
def test_change_by_the_product_in_between_and_a_new_key_are_no_attack(ruled: Scene, settings: Any) -> None:
    seals, owner = RuleSeals(), ruled.actor("owner")
    assert seals.lines
    revise_workflow(actor=owner, workflow_id=ApprovalWorkflow.objects.get(is_default=True).pk, expire_hours=9)
    current = definitions.load(seals)
    assert (current.problem, {row.expire_hours for row in current.workflows}) == ("", {9, 72})
    settings.WALKER_KEYS = f"{settings.WALKER_KEYS},new:{base64.b64encode(bytes(32)).decode()}"
    assert (list(broken_rules()), ruled.propose().state) == ([], "pending")
    revise_cap(actor=owner, cap_id=Cap.objects.earliest("id").pk, amount=7)
    assert AuditEntry.objects.filter(object_type=RULES).latest("seq").key_id == "new"
    assert (list(broken_rules()), ruled.propose(params=BLUE).state) == ([], "pending")
