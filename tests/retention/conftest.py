"""A person who has left traces everywhere, as the tests of erasure know them."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from conversations.models import Contact, Conversation, Message, Note
from core.actors import Actor, system
from core.clock import now
from core.models import RetentionChoice
from core.privacy.retention import services
from hitl.approvals.change.close import cancel
from hitl.approvals.models.approval import IS_OPEN
from hitl.models import Approval
from tests.channels_app.twilio.conftest import _quiet  # noqa: F401
from tests.console.conftest import browser  # noqa: F401
from tests.erasure.conftest import committed_traces, traces, traces_of_the_module, world  # noqa: F401
from tests.erasure.scene import Traces

OLD = timedelta(days=400)
Choose = Callable[..., None]


@pytest.fixture
def choose() -> Choose:
    """Let an organisation keep kinds for some days, from now on."""

    def set_days(actor: Actor, **days: int) -> None:
        for kind, number in days.items():
            services.set_retention(actor=actor, kind=kind, days=number)
        RetentionChoice.objects.update(starts_at=now() - timedelta(days=1))

    return set_days


def make_old(person: Traces) -> None:
    """Let the person's conversation be closed, and nothing be written to them, for longer than a year."""
    then = now() - OLD
    contacts = [person.contact_id, *Contact.objects.filter(merged_into=person.contact_id).values_list("pk", flat=True)]
    Message.objects.filter(conversation__contact__in=contacts, direction="out").update(
        status="sent", next_attempt_at=None
    )
    Note.objects.filter(conversation__contact__in=contacts).update(created_at=then)
    rows = Conversation.objects.filter(contact__in=contacts)
    rows.update(state="closed", resolved=True, closed_at=then, last_message_at=then, assigned_to=None)
    Contact.objects.filter(pk__in=contacts).update(created_at=then)
    end_requests(person)


def end_requests(person: Traces) -> None:
    """Cancel what is still to be decided of the person's conversations."""
    for request in Approval.objects.filter(IS_OPEN, conversation_id=person.conversation_id):
        cancel(actor=system("test"), approval_id=request.pk)
