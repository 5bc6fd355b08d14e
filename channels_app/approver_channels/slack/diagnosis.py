"""Try out a Slack workspace."""

from typing import ClassVar

from channels_app.approver_channels.slack import workspaces
from channels_app.approver_channels.slack.connect import SlackConnect
from channels_app.kit import diagnosis
from channels_app.kit.diagnosis import Sample, Trial
from channels_app.webhooks.intake import note_of_age
from conversations.models import ChannelAccount
from conversations.types import Explanation
from integrations.slack.errors import describe_error


class SlackDiagnosis(diagnosis.Diagnosis):
    """Tests and samples of a workspace."""

    refused = "A request with a wrong signature arrived in the last 24 hours. Check the signing secret against Slack's."
    proof: ClassVar[str] = f"header {workspaces.SIGNATURE_HEADER}"
    takes_timestamp: ClassVar[bool] = True

    connect = SlackConnect

    def check_sample(self, account: ChannelAccount, sample: Sample) -> Trial:
        """Verify a button press."""
        if not sample.signature.startswith("v0="):
            return Trial(False, f"The value of {workspaces.SIGNATURE_HEADER} starts with “v0=”. Paste all of it.")
        secrets = workspaces.secrets_of(account.credentials)
        for body in (sample.body, sample.body.strip()):
            raw, given = body.encode("utf-8", "replace"), sample.signature
            if workspaces.is_signed(body=raw, timestamp=sample.timestamp, signature=given, secrets=secrets):
                late = note_of_age(sample.timestamp)
                return Trial(True, f"The signature is valid: Walker accepts this request.{late}")
        return Trial(
            False,
            "This workspace's signing secret didn't make this signature for this timestamp and body. Check the signing "
            "secret, and paste the body byte for byte.",
        )

    def explain(self, code: str) -> Explanation | None:
        return Explanation(describe_error(code), "")
