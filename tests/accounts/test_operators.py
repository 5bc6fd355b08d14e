"""Operators of the installation: the command line makes them, and they act in person with a second factor."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from accounts.operators import require_operator, set_operator
from accounts.roles import ROLES
from core import audit
from core.actors import Actor
from core.errors import Conflict, Refused
from core.models import AuditEntry
from core.scope import tenant_scope
from hitl import services
from hitl.models import GlobalKillSwitch
from tests.hitl.test_races import at_once
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
    """Make the person of the role an operator; returns him, signed in with a second factor."""
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
        services.throw_global(actor=strong(acme.actor(role)), reason="Stop")
    with pytest.raises(Refused):
        services.release_global(actor=strong(acme.actor(role)))


def test_operator_stops_all_organisations_and_lets_them_go_on(acme: World) -> None:
    operator = make(acme)
    services.throw_global(actor=operator, reason="Stop")
    assert services.release_global(actor=operator) == 1
    assert not GlobalKillSwitch.objects.filter(released_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_operators_at_the_same_moment_one_stops_and_one_is_told(committed_world: World) -> None:
    with tenant_scope(committed_world.acme.pk):
        operator = make(committed_world)
        for move, word in (("throw_global", "KILLSWITCH_THROWN"), ("release_global", "KILLSWITCH_RELEASED")):
            more = {"reason": "Stop"} if move == "throw_global" else {}
            results = at_once([partial(getattr(services, move), actor=operator, **more)] * 2)
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
        services.throw_global(actor=make(acme, "approver"), reason="Stop")


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
    assert "is an operator" in run("grant", "--email", email.upper())
    assert "already" in run("grant", "--email", email)
    assert run("list").split() == [email]
    run("withdraw", "--email", email)
    assert run("list") == ""
    for tenant in (world.acme, world.globex):
        with tenant_scope(tenant.pk):
            chain = audit.chain_of("accounts.user", world.people["owner"].pk)
            assert [entry.action for entry in chain] == ["OPERATOR_GRANTED", "OPERATOR_WITHDRAWN"]
            assert {entry.actor_name for entry in chain} == {"console-operator"}


@pytest.mark.parametrize(("words", "told"), [(["grant"], "Say who"), (["grant", "--email", "x@y.example"], "Nobody")])
def test_command_says_what_is_wrong(world: World, words: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        run(*words)


def test_every_organisation_records_the_operator_and_only_his_own_whence_he_came(acme: World) -> None:
    operator = make(acme)
    switch = services.throw_global(actor=operator, reason="Stop")
    for tenant, has_address in ((acme.acme, True), (acme.globex, False)):
        with tenant_scope(tenant.pk):
            (entry,) = audit.chain_of("hitl.globalkillswitch", switch.pk)
            assert (entry.role, entry.actor_user_id, bool(entry.address)) == ("operator", operator.user_id, has_address)
            assert audit.verify().ok
