"""What old mails said is dropped; that they left is kept, and nothing leaves twice."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from core.clock import now
from core.errors import Conflict
from core.jobs import dead_letters
from core.models import DeadLetter
from core.privacy.retention.services import apply_rule
from core.tenancy.scope import tenant_scope
from integrations.mail.delivery import deliver_mail
from integrations.mail.retention import CONTENT, forget_rows
from integrations.models import MailCount, MailDelivery
from tests.integrations.mail.conftest import queue
from tests.integrations.mail.servers import Answers
from tests.world import OPERATOR, World


def later(days: int) -> datetime:
    return now() + timedelta(days=days)


def forget_texts(**more: Any) -> int:
    """Let one batch go."""
    return apply_rule("mails", **more)


def said(row: MailDelivery) -> list[Any]:
    kept = MailDelivery.objects.get(pk=row.pk)
    return [getattr(kept, name) for name in CONTENT]


@pytest.fixture
def sent(desk: World, api: Answers) -> MailDelivery:
    row = queue(headers={"X-Walker": "1"}, reply_to="reply@acme.example")
    deliver_mail(row.pk)
    return row


def test_old_mail_loses_address_and_content_and_keeps_what_became_of_it(sent: MailDelivery) -> None:
    assert forget_texts(now=later(31)) == 1
    kept = MailDelivery.objects.get(pk=sent.pk)
    assert said(sent) == [None] * len(CONTENT)
    assert (kept.status, kept.provider_message_id, kept.masked_address) == ("sent", "m-1", "a•••@c•••.example")


def test_young_mail_is_kept_whole(sent: MailDelivery) -> None:
    assert forget_texts(now=later(29)) == 0
    assert None not in said(sent)


def test_days_are_a_setting(sent: MailDelivery, settings: Any) -> None:
    settings.MAIL_DAYS = 7
    assert [forget_texts(now=later(days)) for days in (6, 8, 9)] == [0, 1, 0]


def test_mail_that_waits_keeps_its_text_however_old(desk: World) -> None:
    row = queue()
    assert forget_texts(now=later(400)) == 0
    assert "Good morning" in said(row)


def test_forgotten_mail_is_not_mailed_again_under_its_key(sent: MailDelivery) -> None:
    forget_texts(now=later(31))
    assert (queue().pk, MailDelivery.objects.count()) == (sent.pk, 1)


def test_failed_mail_whose_text_is_gone_cannot_be_sent_again(desk: World, api: Answers) -> None:
    api.queue = [(401, {})]
    deliver_mail(queue().pk)
    assert forget_texts(now=later(31)) == 1
    with pytest.raises(Conflict, match="text has been deleted"):
        dead_letters.replay(actor=OPERATOR, dead_letter_id=DeadLetter.objects.get().pk)


def test_mails_of_each_tenant_are_forgotten_a_batch_at_a_time(world: World) -> None:
    for tenant in (world.acme, world.globex):
        with tenant_scope(tenant.pk):
            for number in range(2):
                MailDelivery.objects.filter(pk=queue(f"d-{number}").pk).update(status="sent", due_at=None)
            assert [forget_texts(now=later(31), limit=1) for _ in range(3)] == [1, 1, 0]


def test_rows_go_after_their_time_and_their_numbers_stay(sent: MailDelivery) -> None:
    for number in range(3):
        MailDelivery.objects.filter(pk=queue(f"d-{number}").pk).update(status="delivered", due_at=None)
    assert [forget_rows(now=later(days), limit=2) for days in (399, 401, 401, 401)] == [0, 2, 2, 0]
    assert sorted(MailCount.objects.values_list("type", "status", "count")) == [
        ("test", "delivered", 3),
        ("test", "sent", 1),
    ]
    assert not MailDelivery.objects.exists()


def test_row_of_a_mail_that_waits_stays(desk: World) -> None:
    queue()
    assert (forget_rows(now=later(4000)), MailDelivery.objects.count()) == (0, 1)


def test_rows_stay_no_shorter_than_their_texts(sent: MailDelivery, settings: Any) -> None:
    settings.MAIL_ROWS_DAYS = 7
    assert (forget_rows(now=later(29)), forget_rows(now=later(31))) == (0, 1)


def test_rows_of_all_tenants_go_each_counted_for_its_own(world: World) -> None:
    for tenant in (world.acme, world.globex):
        with tenant_scope(tenant.pk):
            MailDelivery.objects.filter(pk=queue().pk).update(status="sent", due_at=None)
    assert forget_rows(now=later(401)) == 2
    with tenant_scope(world.globex.pk):
        assert MailCount.objects.get().count == 1
