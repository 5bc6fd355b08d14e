"""What the door answers, and what it keeps."""

import base64
import hashlib
import json
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from django.core.checks import run_checks
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client import generate_latest
from psycopg import OperationalError

from channels_app.kit.found import forget
from channels_app.kit.health import read_health
from channels_app.models import InboundDelivery
from channels_app.twilio import senders
from channels_app.webhooks import deliveries
from conversations.channel_accounts.accounts import connect_channel
from conversations.models import ChannelAccount, Message
from core.observability.metrics import REGISTRY
from core.tenancy.scope import tenant_scope
from tests.channels_app.twilio.conftest import OURS, SID, TOKEN, WEBHOOK, Door, connect, fields, post, sign
from tests.world import OPERATOR, World

EMPTY = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'


def refused(reason: str) -> float:
    text = generate_latest(REGISTRY).decode()
    line = f'walker_webhook_refused_total{{provider="twilio",reason="{reason}"}} '
    return float(next((row.removeprefix(line) for row in text.splitlines() if row.startswith(line)), 0))


def test_signed_message_is_stored_and_answered_with_an_empty_response(door: Door) -> None:
    answer = post(fields("Olá 😀 & co=1"))
    assert (answer.status_code, answer["Content-Type"], answer.content) == (200, "text/xml", EMPTY)
    assert [row.event_key for row in door.rows()] == [f"SM{1:032x}"]


def test_stored_body_is_encrypted(door: Door) -> None:
    post(fields("meet me at noon"))
    with door.inside(), connection.cursor() as cursor:
        cursor.execute("select body, queue_key, headers from channels_app_inbounddelivery")
        ((body, queue_key, headers),) = cursor.fetchall()
    assert b"noon" not in bytes(body)
    assert "34600123456" not in f"{queue_key}{headers}"


def test_accepted_message_costs_one_statement_once_the_number_is_known(door: Door) -> None:
    post(fields(number=1))
    with CaptureQueriesContext(connection) as seen:
        post(fields(number=2))
    assert [query["sql"].split(";")[-1].split()[0] for query in seen.captured_queries] == ["insert"]


NOT_OURS = "whatsapp:+10000000000"


@pytest.mark.parametrize(
    ("change", "token"),
    [({"AccountSid": "AC" + "0" * 32}, TOKEN), ({"AccountSid": ""}, TOKEN), ({"To": NOT_OURS}, "guessed")],
)
def test_unknown_account_and_unproven_number_are_refused_and_counted(
    door: Door, change: dict[str, str], token: str
) -> None:
    before = refused("unknown_number")
    assert post(fields(**change), token=token).status_code == 403
    assert (refused("unknown_number"), door.rows()) == (before + 1, [])


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (WEBHOOK, {"To": NOT_OURS}),
        # The number of WhatsApp isn't connected for SMS.
        (WEBHOOK, {"To": OURS, "From": "+34600123456"}),
        (
            f"/channels/whatsapp/status/{UUID(int=7)}/",
            {"From": NOT_OURS, "MessageStatus": "failed", "ErrorCode": "63024"},
        ),
    ],
)
def test_message_to_a_number_that_is_not_connected_is_stored_and_shown_and_nothing_is_done(
    door: Door, path: str, change: dict[str, str]
) -> None:
    for _ in range(2):
        assert post(fields(**change), path=path).status_code == 200
    deliveries.dispatch_due_deliveries()
    (row,) = door.rows()
    assert (row.state, row.headers["kind"], row.channel_account_id) == ("done", "unknown_number", door.account.pk)
    with door.inside():
        assert not Message.objects.exists()
        health = read_health(viewer=OPERATOR, account_id=door.account.pk)
        assert (health.state, health.error_code) == ("error", "unknown_number")
        assert health.error is not None
        assert "isn't connected here" in health.error.reason
    # Once it is connected, what Twilio sends again is a new message.
    if path == WEBHOOK:
        kind, bare = senders.split_address(change["To"])
        with door.inside():
            connect_channel(
                actor=OPERATOR,
                kind=kind,
                provider="twilio",
                name="Another",
                address=bare,
                provider_account=SID,
                credentials={"account_sid": SID, "auth_token": TOKEN},
            )
        forget()
        door.take(**change)
        with door.inside():
            assert Message.objects.count() == 1


def test_token_decides_whose_the_message_to_a_number_is_that_is_not_connected(door: Door) -> None:
    claim(door.world, "+447700900777", token="another")
    assert post(fields(To=NOT_OURS)).status_code == 200
    # Others may claim the number too: what they can't prove isn't theirs.
    assert post(fields(number=2, To="whatsapp:+447700900777")).status_code == 200
    assert len(door.rows()) == 2
    assert post(fields(number=3, To=NOT_OURS), token="another").status_code == 200
    with tenant_scope(door.world.globex.pk):
        assert InboundDelivery.objects.count() == 1


def test_another_number_of_the_organisation_takes_nothing_of_a_connected_one(door: Door) -> None:
    """A wrong token is corrected where it is, and shown there."""
    with door.inside():
        connect_channel(
            actor=OPERATOR,
            kind="whatsapp",
            provider="twilio",
            name="Another",
            address="+447700900002",
            provider_account=SID,
            credentials={"account_sid": SID, "auth_token": "rotated"},
        )
    assert post(fields(), token="rotated").status_code == 403
    assert door.rows() == []


def claim(world: World, address: str, token: str) -> None:
    """Let Globex connect a number of Acme's Twilio account."""
    with tenant_scope(world.globex.pk):
        connect_channel(
            actor=OPERATOR,
            kind="whatsapp",
            provider="twilio",
            name="Mine",
            address=address,
            provider_account=SID,
            credentials={"account_sid": SID, "auth_token": token},
        )
    forget()


def test_changed_parameter_is_refused(door: Door) -> None:
    signature = sign(WEBHOOK, fields("pay 5"))
    assert post(fields("pay 500"), signature=signature).status_code == 403


def test_switched_off_number_is_unknown(door: Door) -> None:
    with door.inside():
        ChannelAccount.objects.update(is_active=False)
    assert post(fields()).status_code == 403


@pytest.mark.parametrize("kept", ["", "   "])
def test_number_without_a_secret_is_unavailable_and_named_by_the_system_check(world: World, kept: str) -> None:
    account = connect(world, auth_token=kept)
    assert post(fields(), token="anything").status_code == 503
    assert post(fields(), token="").status_code == 503
    found = [problem.msg for problem in run_checks(databases=["default"]) if problem.id == "channels_app.W001"]
    assert len(found) == 1
    assert str(account.pk) in found[0]


def test_secrets_kept_under_other_keys_are_named_by_the_system_check(world: World, settings: Any) -> None:
    account = connect(world)
    settings.WALKER_KEYS = f"other:{base64.b64encode(b'o' * 32).decode()}"
    found = [problem.msg for problem in run_checks(databases=["default"]) if problem.id == "channels_app.E001"]
    assert len(found) == 1
    assert str(account.pk) in found[0]


def test_secondary_token_signs_while_tokens_are_rotated(world: World) -> None:
    connect(world, secondary_auth_token="the next token")
    assert post(fields(), token="the next token").status_code == 200
    assert post(fields(number=2), token=TOKEN).status_code == 200


def test_shared_webhook_key_signs_with_sha256(world: World) -> None:
    from twilio.request_validator import HMAC_SHA256, RequestValidator

    connect(world, webhook_key="a shared key")
    from django.conf import settings

    made = RequestValidator("a shared key").compute_signature(settings.PUBLIC_URL + WEBHOOK, fields(), HMAC_SHA256)
    header = {"X-Twilio-Webhooks-Signature-Settings": "key=k1,algorithm=HMAC_SHA256"}
    assert post(fields(), signature=made, **header).status_code == 200
    assert post(fields(), signature=made).status_code == 403


def test_other_tenants_who_claim_the_number_neither_read_nor_block_it(world: World) -> None:
    door = Door(world, connect(world))
    claim(world, OURS, token="guessed")
    assert post(fields()).status_code == 200
    assert len(door.rows()) == 1


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b"null", b'{"a":', b'{"To": "\\ud800", "AccountSid": "\\ud800"}', b"[" * 9000]
)
def test_json_body_never_breaks_the_door(door: Door, body: bytes) -> None:
    given = {"X-Twilio-Signature": "x"}
    assert Client().post(WEBHOOK, body, content_type="application/json", headers=given).status_code == 403


def test_json_body_with_its_hash_is_taken(door: Door) -> None:
    body = json.dumps(fields("from JSON"))
    path = f"{WEBHOOK}?bodySHA256={hashlib.sha256(body.encode()).hexdigest()}"
    given = {"X-Twilio-Signature": sign(path, {})}
    answer = Client().post(path, body, content_type="application/json", headers=given)
    assert answer.status_code == 200
    deliveries.dispatch_due_deliveries()
    assert [row.state for row in door.rows()] == ["done"]


def test_signed_message_without_an_id_is_kept_under_its_digest(door: Door) -> None:
    assert post(fields(MessageSid="\0bad")).status_code == 200
    assert door.rows()[0].event_key.startswith("body:")


def test_query_of_the_address_is_part_of_what_is_signed(door: Door) -> None:
    path = f"{WEBHOOK}?team={quote('north east')}"
    assert post(fields(), path=path).status_code == 200
    assert post(fields(number=2), path=path, signature=sign(WEBHOOK, fields(number=2))).status_code == 403


def test_database_that_is_away_is_503(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db.utils import OperationalError as Away

    post(fields(number=1))

    def broken(*_: Any, **__: Any) -> None:
        raise Away from OperationalError("gone")

    with monkeypatch.context() as away:
        away.setattr(connection, "cursor", broken)
        assert post(fields(number=2)).status_code == 503
