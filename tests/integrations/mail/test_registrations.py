"""Registering by the API where it is open: by way of a real mail server, to addresses with and without an account."""

import re
from datetime import timedelta
from email import message_from_string
from email.message import Message
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from redis import Redis

from accounts.models import Invitation, Membership, Registration, User
from accounts.services import remove_member
from accounts.sign_in import registration
from core.clock import at, now
from core.tenancy.scope import tenant_scope
from integrations.checks import check_registration
from integrations.mail import registrations
from integrations.models import MailDelivery
from tests.accounts.invitations.inviting import PERSON, invite, link_of
from tests.accounts.resets.resetting import NEW, person_of
from tests.accounts.tokens.devices import Device
from tests.database.emptying import forget_keys
from tests.hitl.decision_links.test_link_door import token_in
from tests.integrations.mail.servers import Smtp
from tests.world import World

ANA = "ana@elsewhere.example"


@pytest.fixture(autouse=True)
def _open_with_mail(settings: Any, smtp: Smtp) -> None:
    settings.REGISTRATION = "open"
    settings.EMAIL_URL, settings.MAIL_FROM = f"smtp://127.0.0.1:{smtp.port}", "Walker <walker@walker.example>"


def register(address: str = ANA, where: str = "203.0.113.77", **changed: str) -> Any:
    return Device(where).post("register", **{**PERSON, "email": address, **changed})


def verify(token: str, password: str = PERSON["password"]) -> Any:
    return Device().post("verify-email", token=token, password=password)


def mailed(smtp: Smtp) -> list[Message]:
    """Send what is due; returns the mails since then."""
    before = len(smtp.mails)
    registrations.deliver_due()
    return [message_from_string(text) for text in smtp.mails[before:]]


def text_of(mail: Message) -> str:
    parts = [part for part in mail.walk() if part.get_content_type() == "text/plain"]
    content = parts[0].get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


def token_of(mail: Message) -> str:
    [found] = set(re.findall(r"/v/([^/\s]+)/", text_of(mail)))
    return str(found)


def test_stranger_registers_confirms_by_mail_and_sees_nothing_until_invited(desk: World, smtp: Smtp) -> None:
    answer = register(" ANA@Elsewhere.example ")
    assert (answer.status_code, answer.json()) == (201, {"next": "verify_email"})
    assert not User.objects.filter(email=ANA).exists()
    stored = Registration.objects.get()
    assert [text for text in (ANA, "García", PERSON["password"]) if text in str(vars(stored))] == []
    [mail] = mailed(smtp)
    assert (mail["To"], mail["Subject"], "Ana" in text_of(mail)) == (ANA, "Confirm your email address", False)
    token = token_of(mail)
    assert token in text_of(mail).split()
    wrong = [token[:-1] + ("A" if token[-1] != "A" else "B"), "x", stored.pk.hex]
    assert {verify(one).status_code for one in wrong} == {410}
    assert (verify(token).json(), Registration.objects.exists()) == ({"next": "be_invited"}, False)
    again = verify(token)
    assert (again.status_code, again.json()["code"]) == (410, "registration_over")
    person = User.objects.get(email=ANA)
    assert (person.get_full_name(), person.check_password(PERSON["password"])) == ("Ana García", True)
    device = Device()
    refused = device.sign_in(person, PERSON["password"])
    assert (refused.status_code, refused.json()["code"]) == (403, "no_membership")
    # An invitation finds the account.
    client = Client()
    client.force_login(person, backend="accounts.backends.RoleBackend")
    assert client.get("/admin/").status_code == 302
    assert client.post(f"/i/{link_of(desk, invite(desk, email=ANA))}/").status_code == 302
    assert device.sign_in(person, PERSON["password"]).status_code == 200
    # No organisation's list of mails has it.
    assert not MailDelivery.objects.filter(type=registrations.TYPE).exists()


def test_known_and_unknown_addresses_get_one_answer_for_the_same_work_and_the_mailbox_learns_it(
    desk: World, smtp: Smtp
) -> None:
    known, found, asked = person_of(desk), [], []
    for number, address in enumerate((known.email, ANA, known.email.upper())):
        with CaptureQueriesContext(connection) as queries:
            answer = register(address, f"203.0.113.{number}")
        found.append((answer.status_code, answer.content, sorted(answer.headers)))
        asked.append([re.sub(r"'[^']*'|\"s\d+_x\d+\"", "…", query["sql"]) for query in queries])
    assert found[0] == found[1] == found[2]
    assert asked[0] == asked[1] == asked[2]
    assert not any("accounts_user" in sql for sql in asked[0])
    subjects = {(mail["To"], mail["Subject"], "/v/" in text_of(mail)) for mail in mailed(smtp)}
    assert subjects == {
        (known.email, "You already have an account", False),
        (ANA, "Confirm your email address", True),
    }
    known.refresh_from_db()
    assert not known.check_password(PERSON["password"])


def test_page_behind_the_link_changes_nothing_until_its_form_is_sent(desk: World, smtp: Smtp) -> None:
    register()
    page = f"/v/{token_of(mailed(smtp)[0])}/"
    browser = Client(enforce_csrf_checks=True)
    for method in ("get", "head", "options"):
        assert getattr(browser, method)(page).status_code < 410
    assert (browser.post(page).status_code, User.objects.filter(email=ANA).exists()) == (403, False)
    shown = browser.get(page)
    assert "Confirm my address" in shown.content.decode()
    form = {**token_in(shown), "password": NEW}
    wrong = browser.post(page, form, headers={"origin": "null"})
    assert (wrong.status_code, "use the newest email" in wrong.content.decode()) == (400, True)
    done = browser.post(page, {**form, "password": PERSON["password"]}, headers={"origin": "null"})
    assert (done.status_code, "Your address is confirmed" in done.content.decode()) == (200, True)
    assert "This link has expired" in browser.get(page).content.decode()
    assert User.objects.filter(email=ANA).exists()


def test_nobody_confirms_what_a_stranger_asked_for_and_who_forgot_their_password_registers_again(
    desk: World, smtp: Smtp, redis_client: Redis
) -> None:
    strangers = "somebody elses umbrella trains"
    register(password=strangers)
    register(where="198.51.100.7")
    first, second = (token_of(mail) for mail in mailed(smtp))
    refused = verify(first)
    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["password"])
    assert (verify(second).status_code, verify(first, strangers).status_code) == (200, 410)
    assert User.objects.get(email=ANA).check_password(PERSON["password"])
    register(where="198.51.100.8", password=NEW)
    token = token_of(mailed(smtp)[0])
    assert [verify(token).status_code for _ in range(5)] == [400] * 5
    assert verify(token, NEW).status_code == 429
    forget_keys(redis_client)
    assert verify(token, NEW).status_code == 200
    assert User.objects.get(email=ANA).check_password(NEW)


def test_member_who_left_registers_again_and_one_of_a_paused_organisation_does_not(desk: World, smtp: Smtp) -> None:
    person = person_of(desk, "viewer")
    with tenant_scope(desk.acme.pk):
        desk.acme.is_active = False
        desk.acme.save(update_fields=["is_active"])
        register(person.email)
        assert mailed(smtp)[0]["Subject"] == "You already have an account"
        desk.acme.is_active = True
        desk.acme.save(update_fields=["is_active"])
        remove_member(actor=desk.actor("owner"), membership_id=Membership.objects.get(user=person).pk)
    register(person.email, "198.51.100.9")
    assert verify(token_of(mailed(smtp)[0])).status_code == 200
    person.refresh_from_db()
    assert person.check_password(PERSON["password"])


def test_link_ends_after_a_day_and_by_an_account_that_was_made_meanwhile(desk: World, smtp: Smtp) -> None:
    register()
    register("bo@elsewhere.example")
    tokens = {mail["To"]: token_of(mail) for mail in mailed(smtp)}
    with at(now() + registration.LIFE + timedelta(seconds=1)):
        assert verify(tokens[ANA]).status_code == 410
        assert (registration.purge(), Registration.objects.count()) == (2, 0)
    register(where="198.51.100.4")
    late = token_of(mailed(smtp)[0])
    row = invite(desk, email=ANA)
    answer = Client().post(f"/i/{link_of(desk, row)}/", PERSON)
    assert (answer.status_code, verify(late).status_code) == (302, 410)


def test_mail_that_the_server_refuses_for_now_leaves_later_and_once(desk: World, smtp: Smtp) -> None:
    # One that nobody can open keeps no other back.
    Registration.objects.create(sealed="", expires_at=now() + registration.LIFE)
    register()
    smtp.replies["RCPT"] = "451 4.3.0 later"
    assert mailed(smtp) == []
    smtp.replies.clear()
    assert mailed(smtp) == []
    with at(now() + timedelta(seconds=30)):
        assert len(mailed(smtp)) == 1
    with at(now() + timedelta(hours=2)):
        assert mailed(smtp) == []


def test_what_is_wrong_is_told_by_field_and_nothing_is_kept(desk: World, smtp: Smtp) -> None:
    bad = {
        "password": {"password": "short"},
        "email": {"address": "no address"},
        "first_name": {"first_name": "shop.example/win"},
        "last_name": {"last_name": ""},
    }
    for field, change in bad.items():
        answer = register(**change)
        assert (answer.status_code, list(answer.json()["fields"])) == (400, [field]), field
    assert (Registration.objects.exists(), mailed(smtp)) == (False, [])


def test_one_address_registers_five_times_an_hour_known_or_not_and_nobody_where_it_cannot_be_counted(
    desk: World, settings: Any
) -> None:
    for number, address in enumerate((person_of(desk).email, ANA)):
        found = [register(address, f"198.51.{number}.{n}").status_code for n in range(6)]
        assert found == [201] * 5 + [429]
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    assert (register("bo@elsewhere.example").status_code, Registration.objects.count()) == (503, 10)


def test_installation_without_mail_and_one_that_is_closed_take_nobody(desk: World, settings: Any) -> None:
    closed = "registration_closed"
    for mode, code in {"invited": "invitation_needed", "closed": closed, "Open": closed, "": closed}.items():
        settings.REGISTRATION = mode
        answer = register()
        assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert [problem.id for problem in check_registration()] == ["integrations.E004"]
    settings.REGISTRATION, settings.MAIL_FROM = "open", ""
    assert [problem.id for problem in check_registration()] == ["integrations.E005"]
    assert (register().status_code, Registration.objects.exists()) == (503, False)


def test_invited_person_joins_at_once_by_the_secret_of_the_link(desk: World, settings: Any) -> None:
    settings.REGISTRATION = "invited"
    row = invite(desk, email=ANA)
    secret, device = link_of(desk, row), Device()
    other = Device().post("register", **PERSON, email="bo@elsewhere.example", invitation=secret)
    assert (other.status_code, other.json()["code"]) == (403, "other_person")
    weak = Device().post("register", **{**PERSON, "password": "short"}, invitation=secret)
    assert (weak.status_code, list(weak.json()["fields"])) == (400, ["password"])
    answer = device.post("register", **PERSON, invitation=secret)
    assert (answer.status_code, answer.json()) == (201, {"next": "sign_in"})
    person = User.objects.get(email=ANA)
    assert (device.sign_in(person, PERSON["password"]).status_code, device.is_in()) == (200, True)
    over = Device().post("register", **PERSON, invitation=secret)
    assert (over.status_code, over.json()["code"]) == (410, "invitation_over")
    unknown = Device().post("register", **PERSON, invitation="x" * 43)
    assert (unknown.status_code, unknown.json()["code"]) == (410, "invitation_over")
    with tenant_scope(desk.acme.pk):
        assert Invitation.objects.get(pk=row.pk).person == person
    member = link_of(desk, invite(desk, email="viewer@globex.example"))
    known = Device().post("register", **PERSON, invitation=member)
    assert (known.status_code, known.json()["code"]) == (403, "sign_in")
    settings.REGISTRATION = "closed"
    assert Device().post("register", **PERSON, invitation=member).json()["code"] == "registration_closed"
