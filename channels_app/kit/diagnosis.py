"""Try out a channel account: send a test message, check a pasted webhook."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db import transaction

from channels_app.kit.connect import CHANGE, OBJECT, Connect
from conversations.models import ChannelAccount
from conversations.types import Explanation
from core.actors import Actor
from core.audit import chain
from core.db.rows import get_row
from core.errors import Conflict, Invalid

LONGEST: Final = 64 * 1024
PROOF_LIMIT: Final = 4096


@dataclass(frozen=True, slots=True)
class Sample:
    """A webhook as somebody copied it from the provider's log; it is neither stored nor logged."""

    body: str = field(repr=False)
    signature: str = field(repr=False)
    url: str = ""
    timestamp: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """Whether a test message left or a sample would be accepted, and why or why not."""

    valid: bool
    words: str


class Diagnosis:
    """What can be tried with the accounts of one provider."""

    refused: ClassVar[str] = ""
    """What to check after a webhook was refused, in words; "" where nothing can be refused."""

    proof: ClassVar[str] = ""
    """What proves a webhook, as the person who pastes one knows it; "" where there is nothing to check."""

    takes_timestamp: ClassVar[bool] = False
    """True if the proof covers a timestamp of its own."""

    takes_url: ClassVar[bool] = False
    """True if the proof covers the address that was called."""

    takes_body: ClassVar[bool] = True
    """False if the proof stands alone."""

    takes_recipient: ClassVar[bool] = True
    """False if a test message always goes to the same place."""

    connect: ClassVar[type[Connect[Any]]]
    """What sends a test message, unless `send_test` does it in another way."""

    def send_test(self, *, actor: Actor, account_id: UUID, to: str) -> str:
        """Send one message now and return the result in words; raises `Invalid` with the reason."""
        return self.connect.send_test(actor=actor, account_id=account_id, to=to)

    def check_sample(self, account: ChannelAccount, sample: Sample) -> Trial:
        """Verify a pasted webhook with the account's secrets; only called where there is a `proof`."""
        raise NotImplementedError

    def explain(self, code: str) -> Explanation | None:
        """Return an error code in words, for providers that carry no conversations; None for the transport's own."""
        return None


_by_provider: dict[str, Diagnosis] = {}


def register(provider: str, diagnosis: Diagnosis) -> None:
    """Register what can be tried with the accounts of a provider."""
    _by_provider[provider] = diagnosis


def diagnosis_of(account: ChannelAccount) -> Diagnosis | None:
    """Return what can be tried with an account, or None where its provider offers nothing."""
    return _by_provider.get(account.provider)


def send_test(*, actor: Actor, account_id: UUID, to: str = "") -> Trial:
    """Send a test. Needs `channels_app.change_channelaccount`; raises `NotFound`, `Conflict`, `Invalid`."""
    actor.require(CHANGE)
    account, diagnosis = _require(account_id)
    if account.paused_at is not None:
        raise Conflict("This channel is paused. Resume it before you send a test.", code="channel_paused")
    if diagnosis.takes_recipient and not to.strip():
        raise Invalid("A test message needs a recipient.", fields={"to": ["Enter your phone number or email address."]})
    return Trial(True, diagnosis.send_test(actor=actor, account_id=account_id, to=to))


def verify_sample(
    *, actor: Actor, account_id: UUID, signature: str, body: str = "", url: str = "", timestamp: str = ""
) -> Trial:
    """Check a pasted webhook. Needs `channels_app.change_channelaccount`; audited. Raises `NotFound`, `Invalid`."""
    actor.require(CHANGE)
    account, diagnosis = _require(account_id)
    if not diagnosis.proof:
        raise Invalid("Samples of this kind of channel can't be checked.", code="no_provider")
    if len(body) > LONGEST:
        raise Invalid("This sample is too long.", fields={"body": [f"Paste at most {LONGEST} characters."]})
    if not signature.strip():
        raise Invalid("The proof is missing.", fields={"signature": [f"Paste the {diagnosis.proof}."]})
    if diagnosis.takes_body and not body.strip():
        raise Invalid("The body is missing.", fields={"body": ["Paste the body of the request."]})
    result = diagnosis.check_sample(account, Sample(body, signature.strip(), url.strip(), timestamp.strip()))
    with transaction.atomic():
        state = "valid" if result.valid else "invalid"
        chain.record(actor, "CHANNEL_SAMPLE_CHECKED", OBJECT, account.pk, new_state=state)
    return result


def _require(account_id: UUID) -> tuple[ChannelAccount, Diagnosis]:
    account = get_row(ChannelAccount, account_id, "There is no such channel account.")
    diagnosis = diagnosis_of(account)
    if diagnosis is None:
        raise Invalid("This can't be tried with this kind of channel.", code="no_provider")
    return account, diagnosis
