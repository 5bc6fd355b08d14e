"""One's own sessions: where one is signed in, and what ends them."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import services
from accounts.members.profile import USE
from accounts.models import BrowserSession, Membership, User
from accounts.sessions import store
from accounts.sessions.engine import stored_key
from accounts.sign_in import sessions
from core.clock import now
from core.errors import NotFound, Refused
from core.models import AuditEntry
from core.privacy.encryption import digest_of_secret
from core.tenancy.scope import tenant_scope
from tests.world import OPERATOR, PASSWORD, World

pytestmark = pytest.mark.django_db
PAGE = "/admin/accounts/browsersession/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Windows"),
        (IPHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Mac"),
        ("Mozilla/5.0 (Linux; Android 15) SamsungBrowser/28.0 Chrome/130 Safari/537.36", "Samsung Internet on Android"),
        ("<script>alert(1)</script>", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_browser_is_named_in_our_words(agent: str, words: str) -> None:
    assert store.device_of(agent) == words


def sign_in(person: User, agent: str = FIREFOX, address: str = "203.0.113.77") -> Client:
    """Return a browser in which the person has given their password."""
    person.set_password(PASSWORD)
    person.save(update_fields=["password"])
    return again(person, agent, address)


def again(person: User, agent: str, address: str) -> Client:
    client = Client(REMOTE_ADDR=address, HTTP_USER_AGENT=agent)
    answer = client.post("/admin/login/", {"username": person.email, "password": PASSWORD})
    assert answer.status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


@pytest.mark.slow
def test_sessions_are_seen_and_ended_by_their_person_alone(world: World) -> None:
    person, colleague = world.people["support"], sign_in(world.people["viewer"])
    desk = sign_in(person)
    phone, old = again(person, IPHONE, "198.51.100.4"), again(person, "", "2001:db8:7:8::1")
    page = desk.get(PAGE).content.decode()
    shown = (
        "Firefox on Windows",
        "This one",
        "203.0.113.0/24",
        "Safari on iPhone",
        "198.51.100.0/24",
        "2001:db8:7::/48",
    )
    assert [text for text in shown if text not in page] == []
    assert [text for text in ("203.0.113.77", "198.51.100.4", "Mozilla") if text in page] == []
    row = BrowserSession.objects.get(device="Safari on iPhone")
    key = phone.session.session_key or ""
    assert (row.digest, key in str(BrowserSession.objects.values())) == (digest_of_secret(key), False)
    assert colleague.post(f"{PAGE}{row.pk}/end/").status_code == 404
    assert [is_in(one) for one in (desk, phone, old)] == [True] * 3
    assert desk.post(f"{PAGE}{row.pk}/end/").status_code == 302
    assert [is_in(one) for one in (desk, phone, old)] == [True, False, True]
    assert desk.post(f"{PAGE}end-others/").status_code == 302
    assert [is_in(one) for one in (desk, phone, old, colleague)] == [True, False, False, True]
    with tenant_scope(world.acme.pk):
        entries = AuditEntry.objects.filter(action__endswith="_ENDED").order_by("seq")
        assert list(entries.values_list("action", "facts", "actor_user_id")) == [
            ("SESSION_ENDED", {"count": "1"}, person.pk),
            ("OTHER_SESSIONS_ENDED", {"count": "1"}, person.pk),
        ]
        actor, own = world.actor("support"), BrowserSession.objects.get(user=person)
        with pytest.raises(NotFound):
            sessions.end_session(actor=world.actor("owner"), session_id=own.pk)
        for other in (OPERATOR, actor.limited_to(frozenset({USE}))):
            with pytest.raises(Refused):
                sessions.end_other_sessions(actor=other, session_key="")


def test_this_session_is_not_ended_by_mistake(world: World) -> None:
    desk = sign_in(world.people["support"])
    own = BrowserSession.objects.get()
    assert "using this session" in desk.get(f"{PAGE}{own.pk}/").content.decode()
    answer = desk.post(f"{PAGE}end-others/", follow=True)
    assert "You had no other session" in answer.content.decode()


@pytest.mark.slow
def test_everywhere_else_means_sessions_that_were_never_noted_too(world: World) -> None:
    person = world.people["support"]
    desk, quiet, foreign = sign_in(person), again(person, IPHONE, "198.51.100.4"), sign_in(world.people["viewer"])
    BrowserSession.objects.exclude(digest=digest_of_secret(desk.session.session_key or "")).delete()
    assert "1 session signed out" in desk.post(f"{PAGE}end-others/", follow=True).content.decode()
    assert (is_in(desk), is_in(quiet), is_in(foreign)) == (True, False, True)


@pytest.mark.slow
def test_list_has_no_session_that_ended_otherwise(world: World) -> None:
    person = world.people["support"]
    desk, phone = sign_in(person), again(person, IPHONE, "198.51.100.4")
    assert phone.post("/admin/logout/").status_code == 302
    assert BrowserSession.objects.count() == Session.objects.count() == 1
    expired = again(person, IPHONE, "198.51.100.4")
    own = stored_key(digest_of_secret(expired.session.session_key or ""))
    Session.objects.filter(pk=own).update(expire_date=now() - timedelta(days=1))
    person.refresh_from_db()
    assert [row.device for row in store.list_open(person)] == ["Firefox on Windows"]
    other = sign_in(person, "", "198.51.100.4")  # with another hash, as after a new password
    person.refresh_from_db()
    assert [row.device for row in store.list_open(person)] == ["Unknown browser"]
    assert (is_in(desk), is_in(other)) == (False, True)
    assert store.purge(now=now() + timedelta(days=20)) == 3


def test_removed_member_is_signed_out_unless_another_organisation_has_them(world: World) -> None:
    leaver, both = world.people["support"], world.people["viewer"]
    with tenant_scope(world.globex.pk):
        services.add_member(actor=OPERATOR, user=both, role="viewer")
    gone, stays = sign_in(leaver), sign_in(both)
    with tenant_scope(world.acme.pk):
        for person in (leaver, both):
            membership = Membership.objects.get(user=person)
            services.remove_member(actor=world.actor("owner"), membership_id=membership.pk)
        services.add_member(actor=OPERATOR, user=leaver, role="support")
    assert (is_in(gone), is_in(stays)) == (False, True)
    assert set(BrowserSession.objects.values_list("user_id", flat=True)) == {both.pk}


def test_session_is_noted_once_in_five_minutes(world: World, django_assert_num_queries: Any) -> None:
    person = world.people["support"]
    facts: dict[str, Any] = {
        "user_id": person.pk,
        "session_key": "a key",
        "address": "203.0.113.77",
        "user_agent": FIREFOX,
    }
    store.note_use(**facts, now=now() - timedelta(hours=1))
    with django_assert_num_queries(0):
        store.note_use(**facts)
    assert BrowserSession.objects.get().seen_at < now() - timedelta(minutes=59)


@pytest.mark.slow
def test_statements_of_the_pages_do_not_grow_with_sessions(world: World) -> None:
    person, counts = world.people["support"], list[int]()
    desk = sign_in(person)
    for more in (0, 2):
        for number in range(more):
            again(person, IPHONE, f"198.51.100.{number}")
        for page in (PAGE, "/admin/accounts/user/"):
            desk.get(page)
            with CaptureQueriesContext(connection) as asked:
                assert desk.get(page).status_code == 200
            counts.append(len(asked))
    assert (counts[:2] == counts[2:], max(counts) <= 40) == (True, True), counts


def test_error_of_the_database_is_not_hidden_by_a_lost_redis(world: World, settings: Any) -> None:
    def lose(execute: Any, sql: str, *rest: Any) -> Any:
        settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
        raise DatabaseError("gone")

    who = {"user_id": world.people["support"].pk, "session_key": "a key of its own"}
    with connection.execute_wrapper(lose), pytest.raises(DatabaseError, match="gone"):
        store.note_use(**who, address="203.0.113.77", user_agent=FIREFOX)
