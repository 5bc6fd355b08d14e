"""A channel of phone numbers: beside its parts, its templates and the codes that end one way of reaching somebody."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from channels_app.kit.channel import Channel, channel_of, channels
from channels_app.kit.phones.numbers import PhoneConnect
from conversations.services.accounts import FoundTemplate
from core.errors import NotFound
from integrations.outcomes import Failed, Sent, Unknown

if TYPE_CHECKING:
    from uuid import UUID

    from conversations.models import ChannelAccount, MessageTemplate
    from conversations.types import OutboundTemplate


class PhoneChannel(Channel):
    """A vendor's WhatsApp or text messages."""

    connect: ClassVar[type[PhoneConnect]]

    closed_codes: ClassVar[tuple[str, ...]] = ()
    """The vendor's codes of a message outside WhatsApp's reply window."""

    stopped_codes: ClassVar[tuple[str, ...]] = ()
    """The vendor's codes of a message to somebody who opted out."""

    @classmethod
    @abstractmethod
    def list_templates(cls, account: ChannelAccount) -> list[FoundTemplate] | str:
        """Return the vendor's templates, or the code of its failure; outside call."""

    @staticmethod
    @abstractmethod
    def send_template(
        account: ChannelAccount, number: str, *, row: MessageTemplate, filled: OutboundTemplate, ref: UUID | None
    ) -> Sent | Failed | Unknown:
        """Send a template to a number, whose reports come back with `ref`; outside call."""


def phone_channels() -> list[type[PhoneChannel]]:
    """Return every channel of phone numbers."""
    return [channel for channel in channels() if issubclass(channel, PhoneChannel)]


def phone_channel_of(account: ChannelAccount) -> type[PhoneChannel]:
    """Return the channel of a number. Raises `NotFound`."""
    found = channel_of(account)
    if found is None or not issubclass(found, PhoneChannel):
        raise NotFound("There is no such number.")
    return found
