"""Try out a mail account: at SendGrid, or a mailbox that is read by IMAP."""

from typing import ClassVar

from channels_app.email import mailboxes
from channels_app.email.connect import MailConnect
from channels_app.email.sendgrid import signature
from channels_app.kit import diagnosis
from channels_app.kit.diagnosis import Sample, Trial
from channels_app.webhooks.intake import note_of_age
from conversations.models import ChannelAccount


class MailboxDiagnosis(diagnosis.Diagnosis):
    """Tests of a mailbox; it has no webhooks."""

    connect = MailConnect


class SendGridDiagnosis(MailboxDiagnosis):
    """Tests and samples of an account at SendGrid."""

    refused = (
        "A webhook with a wrong signature or secret arrived in the last 24 hours. Check the verification key and the "
        "inbound address against SendGrid's."
    )
    proof: ClassVar[str] = f"header {signature.SIGNATURE_HEADER}"
    takes_timestamp: ClassVar[bool] = True

    def check_sample(self, account: ChannelAccount, sample: Sample) -> Trial:
        """Verify a batch of events; line ends count, so all ways to write them are tried."""
        keys = mailboxes.keys_of(account.credentials)
        if not keys:
            return Trial(False, "This account has no verification key yet. Copy it from SendGrid's Event Webhook.")
        plain = sample.body.replace("\r\n", "\n")
        stripped = plain.rstrip("\n")
        for body in (sample.body, plain, stripped, stripped + "\r\n", stripped + "\n", plain.replace("\n", "\r\n")):
            raw, given = body.encode("utf-8", "replace"), sample.signature
            if signature.is_signed(body=raw, timestamp=sample.timestamp, signature=given, keys=keys):
                late = note_of_age(sample.timestamp)
                return Trial(True, f"The webhook signature is valid: Walker accepts this webhook.{late}")
        return Trial(
            False,
            "None of this account's verification keys fits the webhook signature, timestamp and body. Copy the key, "
            "and paste the body byte for byte.",
        )
