"""A forgotten password: who is sent a link, how long it counts, and what a new password ends and leaves."""

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Membership, Tenant, User
from accounts.services import add_member
from accounts.sign_in.password_reset import find_user_by_link, make_reset_link, offer_reset, reset_password
from core.audit import chain
from core.clock import now
from core.errors import Gone, Invalid, Refused
from core.models import AuditEntry, Outbox
from core.tenancy.scope import platform_scope, tenant_scope
from tests.accounts.resets.resetting import NEW, link_to, person_of
from tests.world import OPERATOR, PASSWORD, World

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _own_mail(settings: Any) -> None:
    """The installation has mail of its own."""
    settings.EMAIL_URL, settings.MAIL_FROM = "console://", "Walker <walker@walker.example>"


def announced(event: str = "password_reset_asked") -> int:
    with platform_scope():
        return Outbox.objects.filter(event=event).count()


def close_memberships(world: World, user: User) -> None:
    with tenant_scope(world.acme.pk):
        Membership.objects.filter(user=user).update(is_active=False)


def switch_off_organisation(world: World, user: User) -> None:
    with tenant_scope(world.acme.pk):
        Tenant.objects.filter(pk=world.acme.pk).update(is_active=False)


def switch_off(world: World, user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def take_password(world: World, user: User) -> None:
    user.set_unusable_password()
    user.save()


NOBODY = pytest.mark.parametrize("bar", [close_memberships, switch_off_organisation, switch_off, take_password])


def test_person_is_offered_a_link_and_his_organisation_learns_of_it(world: World) -> None:
    user = person_of(world)
    assert offer_reset(user_id=user.pk, asked=now())
    assert announced() == 1
    with tenant_scope(world.acme.pk):
        entry = AuditEntry.objects.get(action="PASSWORD_RESET_ASKED")
    assert (entry.actor_kind, entry.actor_user_id, entry.address, entry.facts) == ("system", None, "", {})


@NOBODY
def test_who_could_not_sign_in_afterwards_is_offered_nothing(world: World, bar: Callable[[World, User], None]) -> None:
    user = person_of(world)
    bar(world, user)
    assert not offer_reset(user_id=user.pk, asked=now())
    assert announced() == 0


@NOBODY
def test_link_of_who_could_not_sign_in_any_more_counts_no_more(
    world: World, bar: Callable[[World, User], None]
) -> None:
    user = person_of(world)
    secret = link_to(world, user)
    bar(world, user)
    assert find_user_by_link(secret) is None
    with pytest.raises(Gone):
        reset_password(secret=secret, password=NEW)


def test_without_mail_of_the_installation_nobody_is_offered_anything(world: World, settings: Any) -> None:
    settings.EMAIL_URL = ""
    assert not offer_reset(user_id=person_of(world).pk, asked=now())
    assert announced() == 0


def test_links_are_made_by_the_system_only(world: World) -> None:
    with tenant_scope(world.acme.pk), pytest.raises(Refused):
        make_reset_link(actor=world.actor("owner"), membership_id=world.acme.pk, asked=now())


def test_link_counts_for_an_hour_from_the_asking_however_late_it_is_made(world: World) -> None:
    user, asked = person_of(world), now() - HOUR + timedelta(seconds=30)
    secret = link_to(world, user, asked=asked)
    assert find_user_by_link(secret) == user
    assert find_user_by_link(secret, now=asked + HOUR + timedelta(seconds=2)) is None
    with pytest.raises(Gone):
        reset_password(secret=secret, password=NEW, now=asked + HOUR + timedelta(seconds=2))


def test_new_password_ends_all_links(world: World) -> None:
    user = person_of(world)
    first, second = link_to(world, user), link_to(world, user, asked=now() - timedelta(minutes=5))
    reset_password(secret=first, password=NEW)
    assert [find_user_by_link(first), find_user_by_link(second)] == [None, None]
    with pytest.raises(Gone):
        reset_password(secret=first, password=PASSWORD)
    assert User.objects.get(pk=user.pk).check_password(NEW)


@pytest.mark.slow
def test_signing_in_ends_the_link(world: World, client: Client) -> None:
    user = person_of(world)
    secret = link_to(world, user)
    client.post("/admin/login/", {"username": user.email, "password": PASSWORD})
    assert find_user_by_link(secret) is None


@pytest.mark.parametrize("change", [lambda secret: secret[:-1] + "x", lambda secret: secret + "0", lambda _: "no"])
def test_link_that_was_changed_is_none(world: World, change: Callable[[str], str]) -> None:
    secret = change(link_to(world, person_of(world)))
    assert find_user_by_link(secret) is None
    with pytest.raises(Gone):
        reset_password(secret=secret, password=NEW)


def test_link_of_one_person_sets_nobody_elses_password(world: World) -> None:
    mine, other = person_of(world), person_of(world, "owner")
    secret = link_to(world, mine)
    assert find_user_by_link(secret.replace(mine.pk.hex, other.pk.hex)) is None


@pytest.mark.parametrize("weak", ["short", "password1234", "approver@acme.example", ""])
def test_weak_password_changes_nothing_and_the_link_still_counts(world: World, weak: str) -> None:
    user = person_of(world)
    secret = link_to(world, user)
    with pytest.raises(Invalid) as refusal:
        reset_password(secret=secret, password=weak)
    assert refusal.value.facts["fields"]["password"]
    assert find_user_by_link(secret) == user


def test_every_organisation_of_the_person_learns_of_it_and_he_by_one_mail(world: World) -> None:
    user = person_of(world)
    with tenant_scope(world.globex.pk):
        add_member(actor=OPERATOR, user=user, role="viewer")
    reset_password(secret=link_to(world, user), password=NEW, address="203.0.113.9")
    for tenant, role in ((world.acme, "approver"), (world.globex, "viewer")):
        with tenant_scope(tenant.pk):
            entry = AuditEntry.objects.get(action="PASSWORD_RESET")
            membership = Membership.objects.get(user=user)
            found = (entry.actor_user_id, entry.role, entry.auth_strength, entry.object_id, entry.facts)
            assert found == (user.pk, role, "link", membership.pk, {})
            assert chain.verify().ok
    assert announced("password_changed") == 1


def test_of_two_who_hold_one_link_one_sets_the_password(committed_world: World) -> None:
    user, barrier, ended = person_of(committed_world), Barrier(2), []
    secret = link_to(committed_world, user)

    def use(password: str) -> None:
        barrier.wait()
        try:
            reset_password(secret=secret, password=password)
            ended.append(password)
        except Gone:
            ended.append("")
        connection.close()

    threads = [Thread(target=use, args=(f"{NEW} {number}",)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = [password for password in ended if password]
    assert len(ended) == 2
    assert User.objects.get(pk=user.pk).check_password(winner)
