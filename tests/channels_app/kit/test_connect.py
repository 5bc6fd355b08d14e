"""What the set-up of every provider has in common: a test message is recorded whatever becomes of its account."""

from collections.abc import Mapping
from typing import ClassVar

import pytest

from channels_app.kit.connect import Connect
from conversations.models import ChannelAccount
from core.actors import Actor
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.channels_app.conftest import make_widget
from tests.world import World


class Unwritable(Connect[str]):
    """A provider that refuses every message, with an account on which no failure can be noted."""

    account: ClassVar[Mapping[str, str]] = {"kind": "webchat"}
    missing: ClassVar[str] = "There is no such account."
    secrets: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def try_out(cls, account: ChannelAccount, to: str, *, actor: Actor) -> str:  # noqa: ARG003
        return "refused"

    @classmethod
    def failure_of(cls, outcome: str) -> str | None:
        return outcome

    @classmethod
    def note_failure(cls, account: ChannelAccount, outcome: str) -> None:  # noqa: ARG003
        raise RuntimeError("The account cannot be written to.")

    @classmethod
    def describe(cls, code: str) -> str:
        return code


@pytest.mark.django_db
def test_failed_test_message_is_recorded_before_the_account_is_written_to(world: World) -> None:
    account = make_widget(world.acme.pk, "Acme chat")
    with tenant_scope(world.acme.pk):
        with pytest.raises(RuntimeError, match="cannot be written to"):
            Unwritable.send_test(actor=world.actor("owner"), account_id=account.pk, to="+34600123456")
        entries = AuditEntry.objects.filter(action="CHANNEL_TESTED", object_id=account.pk)
        assert list(entries.values_list("new_state", flat=True)) == ["failed"]
