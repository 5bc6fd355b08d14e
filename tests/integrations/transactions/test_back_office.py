"""The back office's adapter against its stand-in: what is read, prepared and booked, and booked once."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from core.clock import now
from core.errors import NotFound, Unavailable, WalkerError
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl.execution.kill_switch_activation import activate_kill_switch
from integrations.calls.answers import CleanFailure, Ok, Unknown
from integrations.calls.operations import Line
from integrations.connections import services
from integrations.connections.selectors import webhook_of
from integrations.models import ProviderAccount, ProviderCall
from integrations.transactions import selectors
from integrations.transactions.ports import TransactionClient
from integrations.transactions.types import NewDraft, PreparedDraft, written
from tests.edge.back_office_fixture import BackOffice
from tests.edge.phone_fixture import eventually
from tests.integrations.connections.conftest import office_account
from tests.world import World

NEW = NewDraft("c-1001", "refund", Decimal("49.90"), "EUR", "Laces of order 5001")
COMMIT = "POST /v1/drafts/"
KEY = "walker:a key of tests:1"


@pytest.fixture
def office(back_office: BackOffice, world: World, settings: Any) -> Iterator[BackOffice]:
    """Acme's scope, connected with its back office."""
    settings.BACK_OFFICE_HOSTS = ["127.0.0.1", "localhost"]
    with tenant_scope(world.acme.pk):
        services.connect(actor=world.actor("owner"), provider="back_office", credentials=office_account(back_office))
        back_office.raw("POST", "/__requests")
        yield back_office


def client(**line: Any) -> TransactionClient:
    linked = selectors.connection()
    opened: TransactionClient = linked.open(Line(linked.account, **line)).__enter__()
    return opened


def hint(ident: str, customer: str = "c-1001") -> dict[str, Any]:
    data = {"transaction_id": ident, "customer": customer}
    return {"type": "transaction.changed", "timestamp": "2026-11-27T10:00:00+00:00", "data": data}


def hint_of(ident: str) -> bytes:
    return json.dumps(hint(ident)).encode()


def drafted(key: str = KEY, **changed: Any) -> PreparedDraft:
    answer = client().create_draft(replace(NEW, **changed), key)
    assert isinstance(answer, Ok), answer
    return answer.value


def test_transactions_are_read_for_their_customer_alone(office: BackOffice) -> None:
    found = selectors.list_transactions("c-1001")
    assert [(one.amount, one.status) for one in found][:2] == [
        (Decimal("1499.00"), "pending"), (Decimal("89.50"), "booked"),
    ]  # fmt: skip
    one = selectors.get_transaction("c-1001", found[0].id)
    assert one.as_dict()["amount"] == "1,499.00 EUR"
    assert ("c-1001" in repr(one), "customer" in one.as_dict()) == (False, False)
    for customer, wanted in (("c-1002", found[0].id), ("c-1001", "t-globex-0001"), ("c-1001", "t-none")):
        with pytest.raises(NotFound):
            selectors.get_transaction(customer, wanted)
    assert selectors.list_transactions("c-9999") == []


@pytest.mark.slow
def test_status_is_kept_for_two_minutes_and_told_with_its_age_where_nobody_answers(office: BackOffice) -> None:
    ident = selectors.list_transactions("c-1001")[0].id
    read = partial(selectors.get_transaction, "c-1001", ident)
    account = selectors.connection().account
    with time_machine.travel(now(), tick=False) as clock:
        assert read(line=Line(account, takes_last=True)).status == "pending"
        office.control("change", {"company": "acme", "transaction": ident, "status": "booked"})
        clock.shift(119)
        assert read(line=Line(account, takes_last=True)).status == "pending"
        clock.shift(2)
        assert read(line=Line(account, takes_last=True)).status == "booked"
        clock.shift(121)
        office.script("GET /v1/transactions/", "fail", times=9)
        line = Line(account, takes_last=True)
        assert (read(line=line).status, line.read_at is not None) == ("booked", True)
        with pytest.raises(Unavailable):
            read()


def test_signed_hint_has_the_transaction_and_its_history_read_again_and_does_nothing_else(
    office: BackOffice, client: Client, world: World
) -> None:
    linked = selectors.connection()
    address = urlsplit(webhook_of(linked.account)).path
    ident = selectors.list_transactions("c-1001")[0].id
    body = hint_of(ident)

    def read() -> tuple[str, str]:
        kept = Line(linked.account, takes_last=True)
        rows = selectors.list_transactions("c-1001", line=kept)
        return selectors.get_transaction("c-1001", ident, line=kept).status, rows[0].status

    def post(content: bytes = body, path: str = address, **changed: str) -> tuple[int, str]:
        given = {**office.signed("POST", "", content, place=changed.pop("signs", path)), **changed}
        kind = given.pop("Content-Type")
        with tenant_scope(world.globex.pk):
            answer = client.post(path, content, content_type=kind, headers=given)
        return answer.status_code, answer.json()["code"] if answer.content else ""

    with time_machine.travel(now(), tick=False):
        assert read() == ("pending", "pending")
        office.control("change", {"company": "acme", "transaction": ident, "status": "booked"})
        foreign = address.replace(str(linked.account.pk), str(uuid4()))
        other = address.replace(str(world.acme.pk), str(world.globex.pk))
        refused = {
            "unsigned": post(**{"X-Signature": ""}),
            "other body": post(**{"X-Content-SHA256": "0" * 64}),
            "other key": post(**{"X-Key-Id": "walker-globex-1"}),
            "other path": post(signs="/elsewhere/"),
            "other connection": post(path=foreign),
            "other organisation": post(path=other),
            "not ASCII": post(**{"X-Signature": "v1=\u00e9"}),
        }
        assert set(refused.values()) == {(401, "bad_signature")}, refused
        old = str(int(now().timestamp()) - 301)
        assert post(**office.signed("POST", "", body, place=address, moment=old)) == (401, "stale")
        assert post(b"x" * 9000) == (413, "too_large")
        for wrong in (b"", b"[]", b"\xff", json.dumps({**hint(ident), "more": 1}).encode(), hint_of("../drafts")):
            assert post(wrong) == (422, "invalid")
        assert read() == ("pending", "pending")
        before = AuditEntry.objects.count()
        nonce = "0" * 32
        first, again = (post(**office.signed("POST", "", body, place=address, nonce=nonce)) for _ in range(2))
        assert (first, again) == ((204, ""), (401, "nonce_used"))
        assert read() == ("booked", "booked")
        assert AuditEntry.objects.count() == before
    assert client.get(address).status_code == 405
    services.disconnect(actor=world.actor("owner"), connection_id=linked.account.pk)
    assert (post(), webhook_of(ProviderAccount.objects.get())) == ((401, "bad_signature"), "")


@pytest.mark.slow
def test_sandbox_posts_a_change_that_the_product_takes_where_connecting_said(
    office: BackOffice, live_server: Any, world: World, settings: Any
) -> None:
    settings.PUBLIC_URL = live_server.url
    account, actor = selectors.connection().account, world.actor("owner")
    services.rotate(actor=actor, connection_id=account.pk, credentials=office_account(office))
    account.refresh_from_db()
    ident = selectors.list_transactions("c-1001")[0].id
    kept = Line(account, takes_last=True)
    assert selectors.get_transaction("c-1001", ident, line=kept).status == "pending"
    office.control("change", {"company": "acme", "transaction": ident, "status": "booked"})
    eventually(lambda: 204 in [row["status"] for row in office.control("view")["companies"][0]["deliveries"]])
    assert selectors.get_transaction("c-1001", ident, line=kept).status == "booked"


@pytest.mark.slow
@pytest.mark.parametrize(
    "rule", [{"status": 404}, {"status": 401, "code": "bad_signature"}, {"do": "html", "status": 200}]
)
def test_back_office_that_takes_no_address_is_connected_and_says_what_to_do(
    office: BackOffice, client: Client, world: World, rule: dict[str, Any]
) -> None:
    actor, wanted = world.actor("owner"), webhook_of(selectors.connection().account)
    assert office.control("view")["companies"][0]["hook"] == wanted
    office.control("hook", {"company": "acme", "url": ""})
    office.script("PUT /v1/webhook", **{"do": "fail", "times": 9, **rule})
    row = services.connect(actor=actor, provider="back_office", name="Two", credentials=office_account(office))
    assert (row.state, row.last_error, row.webhook_missing) == ("active", "", True)
    assert office.control("view")["companies"][0]["hook"] == ""
    told = AuditEntry.objects.get(action="CONNECTION_WEBHOOK_SET")
    assert str(told.object_id) == str(selectors.connection().account.pk)
    assert services.test_connection(actor=actor, connection_id=row.pk).is_working
    client.force_login(world.people["owner"], backend="accounts.backends.RoleBackend")
    page, main = (
        reverse("admin:integrations_provideraccount_change", args=[key])
        for key in (row.pk, selectors.connection().account.pk)
    )
    assert "Copy it there." in client.get(page).content.decode()
    assert "Prepare a refund, Book a confirmed transaction" in client.get(main).content.decode()
    body, address = hint_of("t-1"), urlsplit(webhook_of(row)).path
    given = office.signed("POST", "", body, place=address)
    kind = given.pop("Content-Type")
    assert client.post(address, body, content_type=kind, headers=given).status_code == 204
    row.refresh_from_db()
    assert not row.webhook_missing
    assert "Copy it there." not in client.get(page).content.decode()


def test_emergency_stop_keeps_a_webhook_from_being_set(office: BackOffice, world: World) -> None:
    actor, account = world.actor("owner"), selectors.connection().account
    office.control("hook", {"company": "acme", "url": ""})
    activate_kill_switch(actor=actor, scope="connection", target=str(account.pk), reason="Odd answers")
    row = services.rotate(actor=actor, connection_id=account.pk, credentials=office_account(office))
    assert (row.webhook_missing, office.control("view")["companies"][0]["hook"]) == (True, "")


@pytest.mark.slow
def test_token_that_ended_early_is_renewed_once_and_the_connection_stays(office: BackOffice) -> None:
    selectors.list_transactions("c-1001")
    office.control("expire", {"company": "acme"})
    assert selectors.list_transactions("c-1001")
    office.control("expire", {"company": "acme"})
    office.script("GET /v1/transactions", "fail", status=401, code="invalid_token", times=9)
    with pytest.raises(Unavailable):
        selectors.list_transactions("c-1001")
    assert ProviderAccount.objects.get().state == "expired"


def test_draft_is_exactly_what_was_asked_for_and_is_booked_once(office: BackOffice) -> None:
    made = drafted()
    assert (made.amount, made.recipient, made.destination) == (Decimal("49.90"), "Ana Souza", "Card ending in 4242")
    assert drafted().id == made.id
    for _ in range(2):
        booked = client().commit(made.id, made.digest, "BR-1001", "walker:commit of tests:1")
        assert isinstance(booked, Ok)
        assert (booked.value.status, booked.value.customer) == ("booked", "c-1001")
    again = client().commit(made.id, made.digest, "BR-1001", "walker:commit of tests:2")
    assert isinstance(again, CleanFailure)
    assert (again.code, again.retry) == ("draft_committed", False)
    assert office.journal() == ["create_draft", "commit"]
    call = ProviderCall.objects.first()
    assert call is None or "49.90" not in str(vars(call))


def test_changed_and_cancelled_drafts_are_never_booked(office: BackOffice) -> None:
    changed, cancelled = (drafted(f"walker:a key of tests:{number}") for number in range(2))
    office.control("change", {"company": "acme", "draft": changed.id, "amount": "4990.00"})
    assert client().cancel_draft(cancelled.id, "walker:cancel of tests:1") == Ok(True)
    answers = [client().commit(made.id, made.digest, "", f"walker:commit:{made.id}") for made in (changed, cancelled)]
    codes = [answer.code if isinstance(answer, CleanFailure) else "" for answer in answers]
    assert codes == ["draft_changed", "draft_cancelled"]
    assert "commit" not in office.journal()


def test_refusals_name_the_field_and_use_no_words_of_the_vendor(office: BackOffice) -> None:
    foreign = client().create_draft(replace(NEW, currency="USD"), KEY)
    assert isinstance(foreign, CleanFailure)
    assert (list(foreign.facts["fields"]), foreign.detail) == (["currency"], "The back office refused it.")
    unknown = client().create_draft(replace(NEW, customer="c-9999"), KEY)
    assert isinstance(unknown, CleanFailure)
    assert unknown.code == "not_found"
    for amount, currency in (("0.001", "EUR"), ("0", "EUR"), ("-1", "EUR"), ("1.5", "JPY")):
        with pytest.raises(ValueError, match="0"):
            written(Decimal(amount), currency)
    assert (written(Decimal("1.5"), "EUR"), written(Decimal(1200), "JPY")) == ("1.50", "1200")


@pytest.mark.parametrize("deed", ["drop_after", "drop_before", "html_after"])
def test_commit_whose_answer_was_lost_is_repeated_with_the_same_key(office: BackOffice, deed: str) -> None:
    made = drafted()
    office.script(COMMIT, deed)
    alone = client(attempts=1).commit(made.id, made.digest, "", "walker:commit of tests:1")
    assert isinstance(alone, Unknown)
    assert isinstance(client(attempts=1).commit(made.id, made.digest, "", "walker:commit of tests:1"), Ok)
    assert office.journal() == ["create_draft", "commit"]


@pytest.mark.parametrize("trials", [3, pytest.param(200, marks=pytest.mark.long)])
def test_lost_answers_book_each_draft_once(office: BackOffice, trials: int) -> None:
    dice = random.Random(34)
    for number in range(trials):
        made = drafted(f"walker:trial of tests:{number}")
        key = f"walker:commit of tests:{number}"
        for _ in range(dice.randint(1, 3)):
            office.script(COMMIT, dice.choice(["drop_after", "drop_before", "html_after", "fail"]))
            client(attempts=1).commit(made.id, made.digest, "", key)
        office.raw("DELETE", "/__script")
        assert isinstance(client(attempts=1).commit(made.id, made.digest, "", key), Ok)
        assert office.journal().count("commit") == number + 1


def test_plain_http_is_only_for_hosts_that_the_operator_named(office: BackOffice, settings: Any) -> None:
    settings.BACK_OFFICE_HOSTS = []
    with pytest.raises(Unavailable) as refused:
        selectors.list_transactions("c-1001")
    assert refused.value.code == "bad_url"


def test_wrong_secrets_are_refused_when_they_are_connected(office: BackOffice, world: World) -> None:
    codes = []
    for wrong in ({"client_secret": "wrong"}, {"key_secret": "wrong"}, {"url": "http://127.0.0.1:1/v1"}):
        with pytest.raises(WalkerError) as refused:
            services.connect(
                actor=world.actor("owner"),
                provider="back_office",
                name="Second",
                credentials=office_account(office, **wrong),
            )
        codes.append(refused.value.code)
    assert codes == ["invalid_client", "refused", "not_reachable"]
    assert ProviderAccount.objects.count() == 1
