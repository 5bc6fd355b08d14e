"""Operators of the installation: the command line makes them, and they act in person with a second factor."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from io import StringIO
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from accounts import tasks
from accounts.models import OwedEntry, Tenant, User
from accounts.permissions import operators
from accounts.permissions.operators import require_operator, set_operator
from accounts.permissions.roles import ROLES
from accounts.services import create_tenant
from core.actors import Actor
from core.audit import chain as audit
from core.errors import Conflict, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl.execution import kill_switch_activation
from hitl.execution.kill_switch_activation import activate_global, release_global
from hitl.models import GlobalKillSwitch
from tests.hitl.machine.test_races import at_once
from tests.world import OPERATOR, World

pytestmark = pytest.mark.django_db
HOME = "203.0.113.9"


def run(*words: str) -> str:
    out = StringIO()
    call_command("operator", *words, stdout=out)
    return out.getvalue()


def strong(actor: Actor) -> Actor:
    return replace(actor, auth_strength="mfa", address=HOME)


def make(world: World, role: str = "compliance") -> Actor:
    """Make the person of the role an operator; returns them, signed in with a second factor."""
    set_operator(actor=OPERATOR, email=world.people[role].email, is_on=True)
    return strong(world.actor(role))


def code_of(actor: Actor) -> str:
    with pytest.raises(Refused) as caught:
        require_operator(actor)
    return caught.value.code


@pytest.mark.parametrize("role", ROLES)
def test_no_role_of_an_organisation_makes_an_operator(acme: World, role: str) -> None:
    assert code_of(strong(acme.actor(role))) == "not_operator"
    with pytest.raises(Refused):
        activate_global(actor=strong(acme.actor(role)), reason="Stop")
    with pytest.raises(Refused):
        release_global(actor=strong(acme.actor(role)))


def test_operator_stops_all_organisations_and_lets_them_go_on(acme: World) -> None:
    operator = make(acme)
    activate_global(actor=operator, reason="Stop")
    assert release_global(actor=operator) == 1
    assert not GlobalKillSwitch.objects.filter(released_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_operators_at_the_same_moment_one_stops_and_one_is_told(committed_world: World) -> None:
    with tenant_scope(committed_world.acme.pk):
        operator = make(committed_world)
        for move, word in (("activate_global", "KILLSWITCH_ACTIVATED"), ("release_global", "KILLSWITCH_RELEASED")):
            more = {"reason": "Stop"} if move == "activate_global" else {}
            results = at_once([partial(getattr(kill_switch_activation, move), actor=operator, **more)] * 2)
            assert sum(isinstance(one, Conflict) for one in results) == 1
            assert AuditEntry.objects.filter(action=word).count() == 1
    assert GlobalKillSwitch.objects.count() == 1


AS: dict[str, Callable[[Actor], Actor]] = {
    "weak_sign_in": lambda actor: replace(actor, auth_strength="password"),
    "key": lambda actor: replace(actor, auth_strength="api_key").limited_to(actor.permissions),
    "strong key": lambda actor: actor.limited_to(actor.permissions),
    "agent": lambda actor: replace(actor, kind="agent", id=uuid4()),
    "contact": lambda actor: replace(actor, kind="contact"),
}


@pytest.mark.parametrize("way", AS)
def test_operator_acts_in_person_with_a_second_factor_only(acme: World, way: str) -> None:
    expected = way if way == "weak_sign_in" else "not_operator"
    assert code_of(AS[way](make(acme))) == expected


def test_operator_without_the_right_in_his_organisation_stops_nothing(acme: World) -> None:
    with pytest.raises(Refused):
        activate_global(actor=make(acme, "approver"), reason="Stop")


def test_withdrawn_operator_is_none_at_once(acme: World) -> None:
    operator = make(acme)
    set_operator(actor=OPERATOR, email=acme.people["compliance"].email, is_on=False)
    assert code_of(operator) == "not_operator"


def test_locked_account_is_no_operator(acme: World) -> None:
    operator = make(acme)
    type(acme.people["compliance"]).objects.update(is_active=False)
    assert code_of(operator) == "not_operator"


@pytest.mark.parametrize("role", ["owner", "compliance"])
def test_nobody_in_an_organisation_makes_operators(acme: World, role: str) -> None:
    with pytest.raises(Refused):
        set_operator(actor=strong(acme.actor(role)), email=acme.people[role].email, is_on=True)


def test_command_gives_takes_and_lists(world: World) -> None:
    email = world.people["owner"].email
    assert "is now an operator" in run("grant", "--email", email.upper())
    assert "already" in run("grant", "--email", email)
    assert run("list").split() == [email]
    run("withdraw", "--email", email)
    assert run("list") == ""
    for tenant in (world.acme, world.globex):
        with tenant_scope(tenant.pk):
            chain = audit.chain_of("accounts.user", world.people["owner"].pk)
            assert [entry.action for entry in chain] == ["OPERATOR_GRANTED", "OPERATOR_WITHDRAWN"]
            assert {entry.actor_name for entry in chain} == {"console-operator"}


@pytest.mark.parametrize(
    ("words", "told"), [(["grant"], "Name the person"), (["grant", "--email", "x@y.example"], "No active account")]
)
def test_command_says_what_is_wrong(world: World, words: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        run(*words)


def test_every_organisation_records_the_operator_and_only_his_own_whence_he_came(acme: World) -> None:
    operator = make(acme)
    switch = activate_global(actor=operator, reason="Stop")
    for tenant, has_address in ((acme.acme, True), (acme.globex, False)):
        with tenant_scope(tenant.pk):
            (entry,) = audit.chain_of("hitl.globalkillswitch", switch.pk)
            assert (entry.role, entry.actor_user_id, bool(entry.address)) == ("operator", operator.user_id, has_address)
            assert audit.verify().ok


def words_of(tenant_id: UUID, kind: str, key: UUID) -> list[str]:
    with tenant_scope(tenant_id):
        assert audit.verify().ok
        return [entry.action for entry in audit.chain_of(kind, key)]


def cut_short(monkeypatch: pytest.MonkeyPatch, *, after: int) -> None:
    """Let the process die when so many organisations have their entry."""
    whole = operators.write_owed_entries_of
    left = iter(range(after))

    def settle(tenant_id: UUID) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        whole(tenant_id)

    monkeypatch.setattr(operators, "write_owed_entries_of", settle)


@pytest.mark.parametrize("after", [0, 1])
def test_entries_of_a_stop_that_is_cut_short_are_finished_once_and_in_order(
    acme: World, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    operator = make(acme)
    with monkeypatch.context() as patch:
        cut_short(patch, after=after)
        with pytest.raises(KeyboardInterrupt):
            activate_global(actor=operator, reason="Stop")
    switch = GlobalKillSwitch.objects.get(released_at=None)
    with pytest.raises(Conflict):
        activate_global(actor=operator, reason="Stop")
    release_global(actor=operator)
    tasks.settle_entries()
    for tenant in (acme.acme, acme.globex):
        told = words_of(tenant.pk, "hitl.globalkillswitch", switch.pk)
        assert told == ["KILLSWITCH_ACTIVATED", "KILLSWITCH_RELEASED"]
    assert not OwedEntry.objects.exists()


def test_organisation_that_is_deactivated_during_a_stop_records_its_release(acme: World) -> None:
    switch = activate_global(actor=OPERATOR, reason="Stop")
    with tenant_scope(acme.globex.pk):
        assert Tenant.objects.filter(pk=acme.globex.pk).update(is_active=False) == 1
    release_global(actor=OPERATOR)
    told = words_of(acme.globex.pk, "hitl.globalkillswitch", switch.pk)
    assert told == ["KILLSWITCH_ACTIVATED", "KILLSWITCH_RELEASED"]


def test_entry_that_a_sweep_writes_says_who_it_was_and_only_at_home_whence(
    acme: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = make(acme)
    with monkeypatch.context() as patch:
        cut_short(patch, after=0)
        with pytest.raises(KeyboardInterrupt):
            activate_global(actor=operator, reason="Stop")
    tasks.settle_entries()
    told = {}
    for tenant in (acme.acme, acme.globex):
        with tenant_scope(tenant.pk):
            entry = AuditEntry.objects.get(action="KILLSWITCH_ACTIVATED")
            told[tenant.slug] = (entry.actor_user_id, entry.role, entry.auth_strength, entry.address)
    who = (operator.user_id, "operator", "mfa")
    assert told == {"acme": (*who, "203.0.113.0/24"), "globex": (*who, "")}


def test_chain_that_cannot_be_written_keeps_no_other_waiting(acme: World, monkeypatch: pytest.MonkeyPatch) -> None:
    user, whole = acme.people["owner"], operators.write_owed_entries_of
    operators.record_in_all_tenants(
        actor=OPERATOR, action="OPERATOR_GRANTED", object_type="accounts.user", object_id=user.pk
    )
    broken, other = operators.list_owed_tenants()

    def settle(tenant_id: UUID) -> None:
        if tenant_id == broken:
            raise RuntimeError("no such chain")
        whole(tenant_id)

    monkeypatch.setattr(operators, "write_owed_entries_of", settle)
    tasks.settle_entries()
    assert (words_of(broken, "accounts.user", user.pk), OwedEntry.objects.get().owed_to) == ([], [broken])
    assert words_of(other, "accounts.user", user.pk) == ["OPERATOR_GRANTED"]


def test_organisation_that_is_opened_later_records_who_is_an_operator(acme: World) -> None:
    operator = make(acme)
    later = create_tenant(actor=OPERATOR, name="Initech", slug="initech")
    assert words_of(later.pk, "accounts.user", operator.user_id or later.pk) == ["OPERATOR_GRANTED"]


def test_flag_set_by_hand_is_no_appointment_in_an_organisation_that_is_opened_later(acme: World) -> None:
    operator, forger, withdrawn = make(acme), acme.people["owner"], make(acme, "admin")
    set_operator(actor=OPERATOR, email=acme.people["admin"].email, is_on=False)
    flagged = [forger.pk, withdrawn.user_id]
    User.objects.filter(pk__in=flagged).update(is_superuser=True)
    later = create_tenant(actor=OPERATOR, name="Initech", slug="initech")
    with tenant_scope(later.pk):
        assert operators.is_operator(operator)
        assert not any(operators.is_operator(acme.actor(role)) for role in ("owner", "admin"))
        assert {name for name, _ in operators.unappointed_operators()} == {f"account {key}" for key in flagged}


def interrupt(monkeypatch: pytest.MonkeyPatch, then: Callable[[], object]) -> None:
    """Let something happen right after the entries of an appointment are written."""
    whole = operators.write_owed_entries

    def write() -> None:
        whole()
        monkeypatch.setattr(operators, "write_owed_entries", whole)
        then()

    monkeypatch.setattr(operators, "write_owed_entries", write)


def die() -> None:
    raise KeyboardInterrupt


@pytest.mark.slow
def test_appointment_and_its_end_are_completed_in_every_organisation(
    acme: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = acme.people["owner"]
    email, later = user.email, uuid4()
    interrupt(monkeypatch, partial(create_tenant, actor=OPERATOR, name="New", slug="new", tenant_id=later))
    assert "is now" in run("grant", "--email", email)
    assert words_of(later, "accounts.user", user.pk)[-1:] == ["OPERATOR_GRANTED"]
    with tenant_scope(bare := uuid4()):
        Tenant.objects.create(id=bare, name="Bare", slug="bare")
    assert ("is now" in run("grant", "--email", email), "already" in run("grant", "--email", email)) == (True, True)
    assert words_of(bare, "accounts.user", user.pk) == ["OPERATOR_GRANTED"]
    assert ("no longer" in run("withdraw", "--email", email), "is not" in run("withdraw", "--email", email)) == (
        True,
        True,
    )
    for when in ("all written", "none written"):
        with monkeypatch.context() as patch:
            if when == "all written":
                interrupt(patch, die)
            else:
                cut_short(patch, after=0)
            with pytest.raises(KeyboardInterrupt):
                run("grant", "--email", email)
        assert "no longer" in run("withdraw", "--email", email), when
        User.objects.filter(pk=user.pk).update(is_superuser=True)
        assert [name for name, _ in operators.unappointed_operators()] == [f"account {user.pk}"], when
        User.objects.filter(pk=user.pk).update(is_superuser=False)
