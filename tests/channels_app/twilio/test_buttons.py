"""A pressed button is a text with a payload and never decides anything."""

from channels_app.webhooks import deliveries
from conversations.models import Conversation, Message
from hitl import services as approvals
from hitl.actions.base import Origin
from hitl.models import Decision
from tests.api.office import KIND
from tests.channels_app.twilio.conftest import Door


def test_button_that_says_approve_with_the_right_digest_decides_nothing(door: Door) -> None:
    door.take("Hello", 1)
    with door.inside():
        owner = door.world.actor("owner")
        levels = [{"approvers": [{"type": "role", "value": "approver"}]}]
        approvals.create_workflow(actor=owner, name="All", is_default=True, levels=levels)
        asked = Origin(conversation_id=Conversation.objects.get().pk, requester_user_id=owner.user_id)
        params = {"campaign": "Sale", "budget": "900.00"}
        approval = approvals.propose(actor=owner, kind=KIND, params=params, origin=asked)
    payload = f"approve:{approval.pk}:{approval.digest}"
    door.take("", 2, MessageType="button", ButtonText="Approve", ButtonPayload=payload)
    deliveries.dispatch_due_deliveries()
    with door.inside():
        pressed = Message.objects.order_by("seq").last()
        assert pressed is not None
        assert (pressed.body, pressed.metadata["button"]["payload"]) == ("Approve", payload)
        approval.refresh_from_db()
        assert (approval.state, Decision.objects.count()) == ("pending", 0)
