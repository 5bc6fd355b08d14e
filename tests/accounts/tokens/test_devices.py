"""What keeps a device signed in and what ends it: repeated refreshes, many at once, time, and lost membership."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import RequestFactory

from accounts import services
from accounts.models import Membership, Notice, Tenant, TokenFamily, TokenKey, User
from accounts.sessions import families
from accounts.sign_in import known_devices, sessions, tokens
from accounts.sign_in.audit import copied_lately
from accounts.sign_in.password_reset import reset_password
from accounts.tokens import access, keys
from core.clock import now
from core.errors import NotSignedIn
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.accounts.resets.resetting import NEW, link_to, person_of
from tests.accounts.test_sessions import is_in, sign_in
from tests.accounts.tokens.devices import Device, families_of
from tests.rows import check_rows
from tests.world import OPERATOR, World

pytestmark = pytest.mark.django_db
PAGE = "/admin/accounts/tokenfamily/"
LOCAL = RequestFactory(REMOTE_ADDR="203.0.113.77")


def refresh(token: str, after: timedelta) -> str:
    """Return the refresh token that one gets some time from now, or the code of the error."""
    try:
        return tokens.refresh(request=LOCAL.post("/"), token=token, now=now() + after).refresh
    except NotSignedIn as problem:
        return problem.code


def test_used_refresh_token_leads_to_the_same_successor_for_ten_seconds_and_then_ends_the_device(world: World) -> None:
    person, device = person_of(world), Device()
    device.sign_in(person)
    first = device.refresh_token
    second = device.refresh().json()["refresh"]
    assert [device.refresh(first).json()["refresh"] for _ in range(2)] == [second, second]
    assert (device.is_in(), families_of(world)) == (True, [(2, "")])
    assert (refresh(first, timedelta(seconds=11)), device.is_in()) == ("bad_refresh", False)
    assert [refresh(token, timedelta()) for token in (second, first)] == ["bad_refresh"] * 2
    assert families_of(world) == [(2, "reused")]
    with tenant_scope(world.acme.pk):
        told, entry = Notice.objects.get(person=person), AuditEntry.objects.get(action="TOKENS_ENDED")
        assert (told.level, told.link, told.kind) == ("alert", PAGE, known_devices.NOTICE)
        assert (entry.new_state, entry.actor_name, entry.address) == ("reused", "sign-in", "203.0.113.0/24")
        assert copied_lately() == 1


def test_token_before_the_last_ends_the_device_at_once(world: World) -> None:
    device = Device()
    device.sign_in(person_of(world))
    first = device.refresh_token
    device.refresh()
    device.refresh()
    assert (device.refresh(first).status_code, families_of(world)) == (401, [(3, "reused")])


def test_signing_out_with_a_token_of_long_ago_tells_the_person(world: World) -> None:
    device = Device()
    device.sign_in(person_of(world))
    first = device.refresh_token
    device.refresh()
    device.refresh()
    assert (device.post("logout", refresh=first).status_code, families_of(world)) == (204, [(3, "reused")])


@pytest.mark.parametrize("what", ["", "x", "a:b", "-".join(["0" * 32] * 3) + "-mfa-1-1.sig", "€"])
def test_text_that_is_no_refresh_token_is_refused_without_a_query(
    world: World, what: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert families.read(what) is None
    assert {Device().post(name, refresh=what).status_code for name in ("refresh", "logout")} == {401 if what else 400}


@pytest.mark.slow
def test_device_stays_signed_in_while_it_is_used_and_ninety_days_at_most(world: World) -> None:
    person, idle, busy = person_of(world), Device(), Device()
    idle.sign_in(person)
    busy.sign_in(person)
    assert refresh(idle.refresh_token, timedelta(days=31)) == "bad_refresh"
    token = busy.refresh_token
    for day in (29, 58, 87):
        token = refresh(token, timedelta(days=day))
        assert token != "bad_refresh", day
    assert refresh(token, timedelta(days=91)) == "bad_refresh"
    assert families.purge(now=now() + timedelta(days=59)) == 0
    assert families.purge(now=now() + timedelta(days=61)) == 1
    assert families.purge(now=now() + timedelta(days=121)) == 1


@pytest.mark.slow
def test_device_unused_for_longest_ends_when_there_are_too_many_and_the_person_is_told_once_a_day(
    world: World, settings: Any
) -> None:
    settings.TOKEN_DEVICES = 2
    person, used, unused, *more = person_of(world), *(Device() for _ in range(4))
    for device in (used, unused):
        assert device.sign_in(person).status_code == 200
    with tenant_scope(world.acme.pk):
        last = TokenFamily.objects.latest("pk")
        TokenFamily.objects.filter(pk=last.pk).update(used_at=now() - timedelta(days=1))
    assert [device.sign_in(person).status_code for device in more] == [200, 200]
    assert [device.is_in() for device in (used, unused, *more)] == [False, False, True, True]
    assert families_of(world) == [(1, "too_many"), (1, "too_many"), (1, ""), (1, "")]
    with tenant_scope(world.acme.pk):
        told = Notice.objects.get(person=person)
        assert (told.level, told.link, "more than 2 devices" in told.body) == ("alert", PAGE, True)
        ends = AuditEntry.objects.filter(action="TOKENS_ENDED").order_by("seq")
        assert list(ends.values_list("new_state", "actor_name")) == [("too_many", "sign-in")] * 2
        assert ends[0].object_id == last.pk
    colleague = Device()
    assert (colleague.sign_in(person_of(world, "owner")).status_code, more[1].is_in()) == (200, True)


def test_second_factor_and_a_fresh_password_count_as_long_as_in_a_session(world: World) -> None:
    person = person_of(world)
    with tenant_scope(world.acme.pk):
        grant = families.begin(user=person, strength="mfa", address="", user_agent="")
        token = access.read(access.issue(grant)[0])
        ages = (timedelta(minutes=4), timedelta(minutes=6), timedelta(hours=11), timedelta(hours=13))
        actors = [access.actor_of_token(token, now=now() + age) for age in ages]
    assert [(one.auth_strength, one.proven_lately) for one in actors] == [
        ("mfa", True), ("mfa", False), ("mfa", False), ("password", False)
    ]  # fmt: skip
    assert {(one.kind, one.scopes, one.user_id) for one in actors} == {("user", None, person.pk)}


def leave(world: World, person: User) -> None:
    membership = Membership.objects.get(user=person)
    services.remove_member(actor=world.actor("owner"), membership_id=membership.pk)
    services.add_member(actor=OPERATOR, user=person, role="approver")


def switch_off(world: World, person: User) -> None:
    User.objects.filter(pk=person.pk).update(is_active=False)


def close(world: World, person: User) -> None:
    Tenant.objects.filter(pk=world.acme.pk).update(is_active=False)


def reset(world: World, person: User) -> None:
    reset_password(secret=link_to(world, person), password=NEW)


def end_everywhere(world: World, person: User) -> None:
    sessions.end_other_sessions(actor=world.actor("approver"), session_key="")


ENDS: dict[str, Callable[[World, User], None]] = {
    "they left, and came back": leave,
    "their account is off": switch_off,
    "the organisation is off": close,
    "a new password": reset,
    "they signed out everywhere": end_everywhere,
}


@pytest.mark.slow
def test_device_ends_with_what_let_it_in(world: World) -> None:
    person = person_of(world)

    def end(name: str) -> None:
        User.objects.filter(pk=person.pk).update(is_active=True)
        Tenant.objects.filter(pk=world.acme.pk).update(is_active=True)
        device, password = Device(), NEW if "a new password" in done else ""
        answer = device.sign_in(person, password) if password else device.sign_in(person)
        assert (answer.status_code, device.is_in()) == (200, True)
        done.append(name)
        with tenant_scope(world.acme.pk):
            ENDS[name](world, person)
        assert (device.get("approvals/").status_code, device.refresh().status_code) == (401, 401)

    done: list[str] = []
    with tenant_scope(world.acme.pk):
        check_rows(ENDS, end)


def test_right_that_was_lost_is_refused_at_the_next_request(world: World) -> None:
    device = Device()
    device.sign_in(person_of(world, "owner"))
    assert device.get("members/").status_code == 200
    with tenant_scope(world.acme.pk):
        Membership.objects.filter(user=world.people["owner"]).update(role="viewer")
    assert device.get("members/").status_code == 403


@pytest.mark.slow
def test_devices_are_seen_and_ended_by_their_person_alone(world: World) -> None:
    person = world.people["support"]
    desk, colleague = sign_in(person), sign_in(world.people["viewer"])
    phone, tablet = Device(), Device("198.51.100.4")
    phone.sign_in(person)
    tablet.sign_in(person)
    page = desk.get(PAGE).content.decode()
    assert [text for text in ("Safari on iPhone", "203.0.113.0/24", "198.51.100.0/24") if text not in page] == []
    foreign = colleague.get(PAGE).content.decode()
    assert [text for text in ("203.0.113.77", "Mozilla") if text in page] == []
    assert "Safari on iPhone" not in foreign
    with tenant_scope(world.acme.pk):
        row = TokenFamily.objects.get(network="203.0.113.0/24")
    assert colleague.post(f"{PAGE}{row.pk}/end/").status_code == 404
    assert (phone.is_in(), desk.post(f"{PAGE}{row.pk}/end/").status_code) == (True, 302)
    assert (phone.is_in(), tablet.is_in(), is_in(desk)) == (False, True, True)
    assert "198.51.100.0/24" in desk.get(PAGE).content.decode()
    assert desk.post(f"{PAGE}{row.pk}/end/").status_code == 404
    with tenant_scope(world.acme.pk):
        entry = AuditEntry.objects.get(action="TOKENS_ENDED")
        assert (entry.actor_user_id, entry.new_state, entry.object_id) == (person.pk, "ended", row.pk)


def test_nothing_in_the_database_is_a_token(world: World) -> None:
    device = Device()
    device.sign_in(person_of(world))
    with tenant_scope(world.acme.pk):
        stored = str(list(TokenFamily.objects.values()))
    assert [one for one in (device.access, device.refresh_token, device.refresh_token[-40:]) if one in stored] == []


def at_once(world: World, many: int) -> set[str]:
    """Refresh one token so many times at once; return what they got."""
    person, device = person_of(world), Device()
    device.sign_in(person)
    start, moment = threading.Barrier(min(many, 16)), now()

    def use(number: int) -> str:
        try:
            if number < start.parties:
                start.wait()
            return tokens.refresh(request=LOCAL.post("/"), token=device.refresh_token, now=moment).refresh
        finally:
            connection.close()

    with ThreadPoolExecutor(start.parties) as pool:
        return set(pool.map(use, range(many)))


@pytest.mark.parametrize("many", [8, pytest.param(200, marks=pytest.mark.slow)])
def test_many_refreshes_of_one_token_leave_one_device_with_one_successor(committed_world: World, many: int) -> None:
    (successor,) = at_once(committed_world, many)
    assert families_of(committed_world) == [(2, "")]
    assert refresh(successor, timedelta(seconds=1)) not in ("bad_refresh", successor)


def test_one_key_is_made_by_many_at_once(transactional_db: None) -> None:
    def make(_number: int) -> str:
        try:
            return keys.signing_key()[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        found = set(pool.map(make, range(6)))
    assert (len(found), TokenKey.objects.count()) == (1, 1)
