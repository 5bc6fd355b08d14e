"""The port of back offices: what each can do."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from integrations.calls.answers import Answer
from integrations.calls.operations import Line
from integrations.calls.runner import Client
from integrations.models import ProviderAccount
from integrations.ports import Platform
from integrations.transactions.types import DraftState, NewDraft, PreparedDraft, Transaction


class TransactionClient(Client, ABC):
    """An account of a back office. What has a `key` happens once for it, however often it is asked for."""

    @abstractmethod
    def get_status(self, transaction_id: str) -> Answer[Transaction | None]:
        """Return a transaction, None if there is none."""

    @abstractmethod
    def list_history(self, customer: str, limit: int) -> Answer[list[Transaction]]:
        """Return a customer's newest transactions, the newest first."""

    @abstractmethod
    def create_draft(self, new: NewDraft, key: str) -> Answer[PreparedDraft]:
        """Prepare a transaction. Nothing is booked, and the draft ends by itself."""

    @abstractmethod
    def cancel_draft(self, draft_id: str, key: str) -> Answer[bool]:
        """Cancel a draft, so that nothing can book it; one that has ended stays as it is."""

    @abstractmethod
    def read_draft(self, draft_id: str) -> Answer[DraftState]:
        """Return what became of a draft, as it is now."""

    @abstractmethod
    def commit(self, draft_id: str, digest: str, approval: str, key: str) -> Answer[Transaction]:
        """Book a draft if it is still the one with this digest; `approval` is our reference of who allowed it."""


class TransactionPlatform(Platform):
    """A back office with customers' transactions."""

    also_requested: ClassVar[tuple[str, ...]] = ("Prepare a refund", "Book a confirmed transaction")
    also_read: ClassVar[tuple[str, ...]] = ("Read a transaction's status",)

    @abstractmethod
    def connect(self, credentials: Any, line: Line) -> TransactionClient:
        """Return a client for checked `credentials`."""

    @abstractmethod
    def forget(self, account: ProviderAccount, transaction_id: str, customer: str) -> None:
        """Keep no longer what was read of a transaction and its customer's history. Raises RedisError."""
