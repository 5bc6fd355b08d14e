"""Queueing: one mail per key, nothing readable in the table, nothing that cannot travel."""

import pytest
from django.db import connection, transaction

from core.errors import Invalid, NoTenant
from core.models import DeadLetter
from core.reach import ledger
from core.tenancy.scope import tenant_scope
from integrations.mail.services import deliver_due
from integrations.models import MailDelivery
from tests.integrations.mail.conftest import ADDRESS, queue
from tests.integrations.mail.servers import Answers
from tests.world import World


def test_mail_is_a_row_with_a_masked_address(acme: World) -> None:
    row = queue()
    assert (row.status, row.masked_address, row.address) == ("queued", "a•••@c•••.example", ADDRESS)


def test_same_key_returns_the_first_mail_unchanged(acme: World) -> None:
    first = queue("a")
    again = queue("a", subject="Another")
    assert (again.pk, again.subject, MailDelivery.objects.count()) == (first.pk, "Hello", 1)


def test_same_key_of_another_tenant_is_another_mail(world: World) -> None:
    with tenant_scope(world.acme.pk):
        first = queue("a")
    with tenant_scope(world.globex.pk):
        assert queue("a").pk != first.pk
        assert MailDelivery.objects.count() == 1


def test_mail_of_a_transaction_that_is_undone_was_never_queued(acme: World) -> None:
    with transaction.atomic():
        queue()
        transaction.set_rollback(True)
    assert not MailDelivery.objects.exists()


def test_nothing_of_the_mail_is_readable_in_the_table(acme: World) -> None:
    queue(reply_to="reply@acme.example", headers={"List-Unsubscribe": "<https://acme.example/u/123>"})
    with connection.cursor() as cursor:
        cursor.execute("select integrations_maildelivery::text from integrations_maildelivery")
        row = cursor.fetchone()[0]
    assert not [word for word in ("Hello", "Good morning", "ana.souza", "unsubscribe", "<p>") if word in row.lower()]


def test_mail_outside_a_tenant_is_a_mistake(world: World) -> None:
    with pytest.raises(NoTenant):
        queue()


def test_mail_that_the_gate_refuses_is_stored_as_failed_and_not_sent_unless_it_is_about_the_account(
    desk: World, api: Answers
) -> None:
    index = ledger.index_of_mail(ADDRESS)
    ledger.add_lines(address_index=index, channel="email", state="withdrawn", source="staff")
    refused, invited = queue("a", type="notice"), queue("b", type="password_changed")
    assert (refused.status, refused.error, refused.due_at) == ("failed", "gate_opted_out", None)
    assert queue("a").pk == refused.pk
    deliver_due()
    assert [row["categories"] for row in api.seen] == [[invited.type]]
    assert not DeadLetter.objects.exists()


@pytest.mark.parametrize("address", ["", "ana", "ana@", "a@b.example, c@d.example", "a@b.example\nBcc: x@y.example"])
def test_address_that_is_none_is_refused(acme: World, address: str) -> None:
    with pytest.raises(Invalid) as refusal:
        queue(recipient=address)
    assert refusal.value.facts["fields"] == {"recipient": ["Enter an address like rosa@initech.example."]}


@pytest.mark.parametrize("headers", [{"Subject": "x"}, {"BCC": "x"}, {"X-A": "a\nBcc: b"}, {"X A": "b"}, {"X": "é"}])
def test_header_that_cannot_travel_is_refused(acme: World, headers: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        queue(headers=headers)


def test_line_breaks_leave_the_subject(acme: World) -> None:
    assert queue(subject="Hello\r\nBcc: x@y.example").subject == "Hello Bcc: x@y.example"


def test_row_says_nothing_personal_about_itself(acme: World) -> None:
    row = queue()
    assert ADDRESS not in f"{row}{row!r}"
