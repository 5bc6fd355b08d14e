"""Connect an account and try it out: the steps that every provider's set-up has in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final, Generic, TypeVar
from uuid import UUID

from django.db import transaction

from conversations.models import ChannelAccount
from conversations.services import accounts
from core.actors import Actor
from core.audit import chain
from core.db.rows import get_row
from core.errors import Invalid

CHANGE: Final = "channels_app.change_channelaccount"
OBJECT: Final = "conversations.channelaccount"
Outcome = TypeVar("Outcome")


class Connect(ABC, Generic[Outcome]):
    """How accounts of one provider are found, keep their secrets and are tried out.

    The fields, and what is wrong with them, are the provider's own module's.
    """

    account: ClassVar[Mapping[str, str]]
    """What tells its accounts from others: their kind, their provider, or both."""

    missing: ClassVar[str]
    """What to say of an account that isn't there."""

    secrets: ClassVar[tuple[str, ...]]
    """The credentials that a form leaves empty to keep them."""

    tested: ClassVar[str] = "Test message sent. Check your phone."

    @classmethod
    def find(cls, account_id: UUID) -> ChannelAccount:
        """Return an account of this provider. Raises `NotFound`."""
        return get_row(ChannelAccount, account_id, cls.missing, **cls.account)

    @classmethod
    def secrets_of(cls, before: ChannelAccount | None, given: Mapping[str, str]) -> dict[str, str]:
        """Return the secrets as they are given, and as they are kept where none is."""
        kept = (before.credentials or {}) if before else {}
        return {name: (given.get(name) or "").strip() or str(kept.get(name) or "") for name in cls.secrets}

    @classmethod
    def send_test(cls, *, actor: Actor, account_id: UUID, to: str) -> str:
        """Send a test; an outside call. Needs `CHANGE`; raises `NotFound`, `gate.NotReachable`, `Invalid` in words."""
        actor.require(CHANGE)
        account = cls.find(account_id)
        outcome = cls.try_out(account, to, actor=actor)
        code = cls.failure_of(outcome)
        # The entry comes first: what was tried is recorded even if the account cannot be written to.
        cls.record_test(actor, account, code)
        if code is not None:
            cls.note_failure(account, outcome)
            raise Invalid(cls.describe(code), fields={"to": [cls.describe(code)]})
        accounts.note_tested(account_id=account.pk)
        return cls.tested

    @classmethod
    def record_test(cls, actor: Actor, account: ChannelAccount, code: str | None) -> None:
        """Write the audit entry of a test that was sent, or failed with a code."""
        with transaction.atomic():
            chain.record(actor, "CHANNEL_TESTED", OBJECT, account.pk, new_state="sent" if code is None else "failed")

    @classmethod
    @abstractmethod
    def try_out(cls, account: ChannelAccount, to: str, *, actor: Actor) -> Outcome:
        """Send one message now. Outside call; raises `Invalid` with the field `to`."""

    @classmethod
    @abstractmethod
    def failure_of(cls, outcome: Outcome) -> str | None:
        """Return the code of a failure, which may be empty, and None for a success."""

    @classmethod
    @abstractmethod
    def note_failure(cls, account: ChannelAccount, outcome: Outcome) -> None:
        """Note a failure on the account where that is at fault."""

    @staticmethod
    @abstractmethod
    def describe(code: str) -> str:
        """Return the provider's code in words."""
