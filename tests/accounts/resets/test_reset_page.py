"""The pages of a forgotten password: everybody gets one answer, looking changes nothing, and who was in is out."""

from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.secret_pages import UNKNOWN_PER_MINUTE
from config.celery import app
from core.models import Outbox
from core.tenancy.scope import platform_scope, tenant_scope
from tests.accounts.resets.resetting import NEW, link_to, person_of
from tests.hitl.decision_links.test_link_door import FORBIDDEN, token_in
from tests.security.rows import changed, snapshot
from tests.world import PASSWORD, World

ASK = "/account/reset/"
SECOND = "/account/2fa/authenticate/"
OVER = "This link has expired"
SECRET = "JBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def _own_mail(settings: Any) -> Iterator[None]:
    """The installation has mail of its own, and a worker that is there at once."""
    settings.EMAIL_URL, settings.MAIL_FROM = "console://", "Walker <walker@walker.example>"
    app.conf.task_always_eager = app.conf.task_eager_propagates = True
    yield
    app.conf.task_always_eager = app.conf.task_eager_propagates = False


@pytest.fixture
def person(world: World) -> User:
    """The approver, with a password."""
    return person_of(world)


@pytest.fixture
def browser() -> Client:
    """A browser of nobody, with its check of forms."""
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


def path(world: World, user: User) -> str:
    return f"/r/{link_to(world, user)}/"


def send(browser: Client, address: str, **fields: str) -> Any:
    """Open the page and fill it in as a person does, whose browser names no origin."""
    return browser.post(address, {**token_in(browser.get(address)), **fields}, headers={"origin": "null"})


def sign_in(user: User, password: str) -> tuple[Client, str]:
    client = Client()
    return client, client.post("/admin/login/", {"username": user.email, "password": password}).get("Location", "")


def code() -> str:
    return format_hotp_value(hotp_value(SECRET, next(iter(yield_hotp_counters_from_time()))))


def announced() -> int:
    with platform_scope():
        return Outbox.objects.filter(event="password_reset_asked").count()


def test_sign_in_page_leads_there(client: Client, db: None) -> None:
    assert f'href="{ASK}"' in client.get("/admin/login/").content.decode()
    assert "Send reset link" in client.get(ASK).content.decode()


def test_known_and_unknown_addresses_get_the_same_answer_for_the_same_questions(person: User) -> None:
    found, asked = [], []
    app.conf.task_always_eager = False  # the answer does not wait for what a worker does
    for address in (person.email, "nobody@acme.example", person.email.upper()):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = Client().post(ASK, {"email": address})
        found.append((answer.status_code, answer.content, sorted(answer.headers)))
        asked.append([query["sql"].replace(address.upper(), "…").replace(address, "…") for query in queries])
    assert found[0] == found[1] == found[2]
    assert asked[0] == asked[1]
    assert found[0][0] == 200


def test_only_the_known_address_is_written_to(person: User) -> None:
    for address in ("nobody@acme.example", f"  {person.email.upper()}"):
        Client().post(ASK, {"email": address})
    assert announced() == 1


@pytest.mark.parametrize("address", ["", "no address", "a@b\x00.example", f"{'a' * 260}@x.example"])
def test_what_is_no_address_is_told(client: Client, db: None, address: str) -> None:
    answer = client.post(ASK, {"email": address})
    assert (answer.status_code, 'role="alert"' in answer.content.decode()) == (400, True)


@pytest.mark.parametrize("address", ["approver@acme.example", "nobody@acme.example"])
def test_one_address_is_asked_for_five_times_an_hour(person: User, address: str) -> None:
    given = [Client().post(ASK, {"email": address}, REMOTE_ADDR=f"198.51.100.{n}") for n in range(6)]
    assert [answer.status_code for answer in given] == [200] * 5 + [429]
    assert given[-1]["Retry-After"] == "3600"


def test_address_in_letters_whose_capitals_are_its_own_is_no_other_address(world: World) -> None:
    person_of(world, "compliance")
    given = [
        Client().post(ASK, {"email": f"compl{letter}ance@acme.example"}, REMOTE_ADDR=f"198.51.100.{n}")
        for n, letter in enumerate("iııiII")
    ]
    assert ([answer.status_code for answer in given], announced()) == ([200] * 5 + [429], 5)


def test_one_visitor_asks_ten_times_a_minute(client: Client, db: None) -> None:
    statuses = [client.post(ASK, {"email": f"nobody-{n}@acme.example"}).status_code for n in range(11)]
    assert statuses == [200] * 10 + [429]


def test_where_nobody_can_count_nobody_is_sent_anything(client: Client, person: User, settings: Any) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    found = {client.post(ASK, {"email": address}).status_code for address in (person.email, "nobody@acme.example")}
    assert (found, announced()) == ({503}, 0)


def test_link_is_used_also_where_nobody_can_count(browser: Client, world: World, person: User, settings: Any) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    assert send(browser, path(world, person), password=NEW).status_code == 302


def test_installation_without_mail_says_so(client: Client, person: User, settings: Any) -> None:
    settings.MAIL_FROM = ""
    assert "This installation can't send email" in client.get(ASK).content.decode()
    assert client.post(ASK, {"email": person.email}).status_code == 503


def test_form_without_its_token_is_refused(browser: Client, world: World, person: User) -> None:
    assert browser.post(ASK, {"email": person.email}).status_code == 403
    assert browser.post(path(world, person), {"password": NEW}).status_code == 403


def test_new_password_signs_in_and_ends_every_session(world: World, person: User, browser: Client) -> None:
    elsewhere, _ = sign_in(person, PASSWORD)
    person.refresh_from_db()
    answer = send(browser, path(world, person), password=NEW)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/")
    assert "Your password was changed" in browser.get("/admin/login/").content.decode()
    assert elsewhere.get("/admin/")["Location"].startswith("/admin/login/")
    assert sign_in(person, PASSWORD)[1] == ""
    assert sign_in(person, NEW)[1] == "/admin/"


def test_own_browser_is_signed_out_as_well_and_anothers_is_not(world: World, person: User) -> None:
    other = Client()
    other.force_login(world.people["viewer"], backend="accounts.backends.RoleBackend")
    mine, _ = sign_in(person, PASSWORD)
    person.refresh_from_db()
    send(mine, path(world, person), password=NEW)
    assert mine.get("/admin/").status_code == 302
    person.refresh_from_db()
    send(other, path(world, person), password=f"{NEW} again")
    assert other.get("/admin/").status_code == 200


def test_second_factor_is_asked_for_as_ever(world: World, person: User, browser: Client) -> None:
    TOTP.activate(person, SECRET)
    send(browser, path(world, person), password=NEW)
    client, place = sign_in(person, NEW)
    assert place == SECOND
    assert client.get("/admin/").status_code == 302
    assert client.post(SECOND, {"code": code()})["Location"] == "/admin/"


def test_who_had_proven_the_old_password_gets_in_by_no_code(world: World, person: User, browser: Client) -> None:
    TOTP.activate(person, SECRET)
    halfway, place = sign_in(person, PASSWORD)
    assert place == SECOND
    send(browser, path(world, person), password=NEW)
    assert halfway.post(SECOND, {"code": code()})["Location"] == "/admin/login/"
    assert halfway.get("/admin/").status_code == 302


def test_address_locked_by_wrong_tries_is_open_again(world: World, person: User, browser: Client) -> None:
    for _ in range(6):
        sign_in(person, "wrong")
    assert sign_in(person, PASSWORD)[1] == ""
    send(browser, path(world, person), password=NEW)
    assert sign_in(person, NEW)[1] == "/admin/"


@pytest.mark.parametrize("method", ["get", "head", "options", "put", "patch", "delete"])
def test_looking_writes_nothing(world: World, person: User, browser: Client, method: str) -> None:
    address = path(world, person)
    with tenant_scope(world.acme.pk):
        before = snapshot()
        assert getattr(browser, method)(address).status_code < 500
        assert changed(before, snapshot()) == set()
    assert User.objects.get(pk=person.pk).password == person.password


def test_scanner_that_sends_the_form_changes_nothing(world: World, person: User, browser: Client) -> None:
    address = path(world, person)
    assert [send(browser, address).status_code, send(browser, address, password="test").status_code] == [400, 400]
    assert User.objects.get(pk=person.pk).check_password(PASSWORD)


def test_faults_are_plain_words_and_the_password_is_not_shown(world: World, person: User, browser: Client) -> None:
    text = send(browser, path(world, person), password="grapefruit").content.decode()
    assert "at least 12 characters" in text
    assert "grapefruit" not in text


def test_address_of_the_page_is_kept_by_nobody(world: World, person: User, browser: Client) -> None:
    answer = browser.get(path(world, person))
    assert [word for word in FORBIDDEN if word not in str(answer.headers)] == []


def test_used_and_forged_links_show_one_page(world: World, person: User, browser: Client) -> None:
    used = path(world, person)
    send(browser, used, password=NEW)
    found = [Client().get(one) for one in (used, "/r/forged/")]
    assert [(answer.status_code, OVER in answer.content.decode()) for answer in found] == [(404, True)] * 2
    assert found[0].content == found[1].content


def test_guessing_is_slowed_down_and_a_real_link_still_opens(world: World, person: User, browser: Client) -> None:
    address = path(world, person)
    statuses = [browser.get(f"/r/no-{n}/").status_code for n in range(UNKNOWN_PER_MINUTE + 1)]
    assert (statuses[-2:], browser.get(address).status_code) == ([404, 429], 200)
