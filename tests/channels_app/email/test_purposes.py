"""An answer by email is asked about with its own purpose, when it is queued and on each further try."""

import pytest

from channels_app.kit.phones import fallbacks
from conversations import services
from conversations.messages import delivery
from conversations.models import ContactPoint, Message
from conversations.services import Draft, Sender
from conversations.types import InboundMessage, SenderIdentity
from core.models import ReachPolicy
from core.reach import ledger
from core.tenancy.scope import tenant_scope
from integrations.mail.delivery import deliver_mail
from integrations.models import MailDelivery
from tests.channels_app.email.conftest import Door
from tests.integrations.mail.conftest import api  # noqa: F401  (fixture)
from tests.integrations.mail.servers import Answers
from tests.world import OPERATOR

pytestmark = pytest.mark.slow

ANA = SenderIdentity(kind="email", value="ana@customers.example", verified=True)
PHONE = SenderIdentity(kind="phone", value="+34600123456", verified=True)


def write(door: Door, purpose: str) -> Message:
    inbound = InboundMessage(channel_account_id=door.account.pk, sender=ANA, text="Hello", external_id="1")
    asked = services.receive(actor=OPERATOR, inbound=inbound)
    draft = Draft(text="Done.", purpose=purpose, sender=Sender(type="system"))
    return services.reply(actor=OPERATOR, conversation_id=asked.conversation_id, draft=draft)


@pytest.mark.parametrize(
    ("withdrawn", "left"), [("reply", {"service", "marketing"}), ("service", {"reply", "marketing"})]
)
def test_answer_is_refused_for_what_it_is_and_nothing_else(
    door: Door,
    api: Answers,  # noqa: F811
    withdrawn: str,
    left: set[str],
) -> None:
    with tenant_scope(door.world.acme.pk):
        services.record_consent(actor=OPERATOR, address=ANA.value, state="withdrawn", purpose=withdrawn)
        found = {}
        for purpose in ("reply", "service", "marketing"):
            message = write(door, purpose)
            found[purpose] = delivery.deliver(message_id=message.pk)
            error = message.attempts.get().error
            assert error == ("opted_out" if found[purpose] == "failed" else "")
        assert {purpose for purpose, status in found.items() if status == "sent"} == left
        sent = MailDelivery.objects.filter(ref__isnull=False, status="sent")
        assert (sent.count(), len(api.seen)) == (2, 2)


@pytest.mark.parametrize("of", ["mail", "phone"])
def test_opt_out_of_marketing_counts_for_a_mail_that_is_tried_again(
    door: Door,
    api: Answers,  # noqa: F811
    of: str,
) -> None:
    with tenant_scope(door.world.acme.pk):
        # Its place within the limits is taken once, as a message.
        ReachPolicy.objects.create(per_contact=1)
        api.queue = [(429, {})]
        message = write(door, "marketing")
        delivery.deliver(message_id=message.pk)
        row = MailDelivery.objects.get(ref=message.pk)
        assert row.status == "queued"
        services.add_point(actor=fallbacks.ACTOR, beside=ANA, sender=PHONE)
        address = ANA.value if of == "mail" else PHONE.value
        services.record_consent(
            actor=OPERATOR,
            address=address,
            state="withdrawn",
            purpose="marketing",
            channel="email" if of == "mail" else "sms",
        )
        assert deliver_mail(row.pk, now=row.due_at) == "failed"
        assert MailDelivery.objects.get(pk=row.pk).error == "gate_opted_out"
        assert ledger.index_of_mail(ANA.value) in ContactPoint.objects.values_list("value_index", flat=True)
