"""Try out a SendGrid account."""

from typing import ClassVar
from uuid import UUID

from channels_app import diagnosis
from channels_app.diagnosis import Sample, Verdict
from channels_app.email import connect, mailboxes, signature
from conversations.models import ChannelAccount
from conversations.types import Explanation
from core.actors import Actor
from core.clock import now
from integrations.mail.errors import describe_error

ADVICE = "Correct the mail account's settings, then send a test mail."


class SendGridDiagnosis(diagnosis.Diagnosis):
    """Tests, samples and errors of an account at SendGrid."""

    takes_timestamp: ClassVar[bool] = True

    def send_test(self, *, actor: Actor, account_id: UUID, to: str) -> str:
        """Send one mail from the account."""
        return connect.send_test(actor=actor, account_id=account_id, to=to)

    def check_sample(self, account: ChannelAccount, sample: Sample) -> Verdict:
        """Verify a batch of events; line ends count, so both ways to write them are tried."""
        keys = mailboxes.keys_of(account.credentials)
        if not keys:
            return Verdict(False, "This account has no verification key yet. Copy it from SendGrid's Event Webhook.")
        plain = sample.body.replace("\r\n", "\n")
        stripped = plain.rstrip("\n")
        for body in (sample.body, plain, stripped, stripped + "\r\n", stripped + "\n", plain.replace("\n", "\r\n")):
            if signature.is_signed(
                body=body.encode("utf-8", "replace"),
                timestamp=sample.timestamp,
                signature=sample.signature,
                keys=keys,
            ):
                is_old = (
                    "" if signature.is_fresh(sample.timestamp, now()) else " By now it is too old to be taken again."
                )
                return Verdict(True, f"The webhook signature is valid: Walker accepts this webhook.{is_old}")
        return Verdict(
            False,
            "None of this account's verification keys fits the webhook signature, timestamp and body. Copy the key, "
            "and paste the body byte for byte.",
        )

    def explain(self, code: str) -> Explanation:
        """Return one of SendGrid's codes in words."""
        return Explanation(describe_error(code), ADVICE)


def register() -> None:
    """Register for mail accounts; safe to repeat."""
    diagnosis.register(mailboxes.PROVIDER, SendGridDiagnosis())
