"""The port of ticket systems: what each can do."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from integrations.calls.answers import Answer
from integrations.calls.operations import Line
from integrations.calls.runner import Client
from integrations.ports import Platform
from integrations.ticketing.types import Comment, NewTicket, Ticket


class TicketClient(Client, ABC):
    """An account of a ticket system.

    `key` is ours. It is stored with what it created, so that the same thing is never created twice.
    """

    @abstractmethod
    def search(self, address: str) -> Answer[list[Ticket]]:
        """Return the newest tickets of the person with an address, the last changed first."""

    @abstractmethod
    def get(self, number: str) -> Answer[Ticket | None]:
        """Return a ticket, None if there is none."""

    @abstractmethod
    def find_created(self, key: str) -> Answer[Ticket | None]:
        """Return the ticket that was created under a key, None if there is none."""

    @abstractmethod
    def create(self, new: NewTicket, key: str) -> Answer[Ticket]:
        """Create a ticket, or return the one that was created under the key."""

    @abstractmethod
    def has_comment(self, number: str, key: str) -> Answer[bool]:
        """Return True if a comment was added to a ticket under a key."""

    @abstractmethod
    def comment(self, number: str, comment: Comment, key: str) -> Answer[bool]:
        """Add a comment, unless it was added under the key already; the status of the ticket stays as it is."""


class TicketPlatform(Platform):
    """A ticket system. Each offers the kinds of `integrations.ticketing.kinds`."""

    also_read: ClassVar[tuple[str, ...]] = ("Find tickets", "Read a ticket's status", "Tickets beside conversations")
    has_public_comments: ClassVar[bool] = True
    """False where a comment can't reach the customer at all."""
    is_also_crm: ClassVar[bool] = False
    """It may be connected for contacts alone, so every other ticket system that is connected comes first."""

    @abstractmethod
    def connect(self, credentials: Any, line: Line) -> TicketClient:
        """Return a client for checked `credentials`. Raises Unavailable without an address of the system."""
