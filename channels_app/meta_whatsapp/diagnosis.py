"""Try out a number of the WhatsApp Cloud API."""

import json
from collections.abc import Iterator
from typing import ClassVar

from channels_app.kit import diagnosis
from channels_app.kit.diagnosis import Sample, Trial
from channels_app.meta_whatsapp import numbers
from channels_app.meta_whatsapp.connect import MetaConnect
from channels_app.meta_whatsapp.elements import elements_of
from conversations.models import ChannelAccount


class MetaDiagnosis(diagnosis.Diagnosis):
    """Tests and samples of a number at Meta."""

    refused = (
        "A webhook with a wrong signature arrived in the last 24 hours. Check the app secret against the one under "
        "App settings, Basic, in Meta's console."
    )
    proof: ClassVar[str] = f"header {numbers.SIGNATURE_HEADER}"

    connect = MetaConnect

    def check_sample(self, account: ChannelAccount, sample: Sample) -> Trial:
        """Verify a post; a wrong number is told from a wrong secret."""
        secrets = numbers.secrets_of(account.credentials)
        if not secrets:
            return Trial(False, "This number has no app secret yet. Enter it under “Edit channel”.")
        if not sample.signature.startswith("sha256="):
            return Trial(False, f"The value of {numbers.SIGNATURE_HEADER} starts with “sha256=”. Paste all of it.")
        body = next(
            (one for one in _ways_to_write(sample.body) if numbers.proven_by(one, sample.signature, secrets)), None
        )
        if body is None:
            return Trial(
                False,
                "This number's app secret didn't make this webhook signature for this body. Check the app secret, and "
                "paste the body byte for byte: Meta signs it before it is formatted.",
            )
        named = {element.phone_number_id for element in elements_of(body) if element.phone_number_id}
        ours = numbers.phone_number_id_of(account.credentials)
        if named and ours not in named:
            return Trial(
                False,
                f"The app secret is right, but the webhook is about the phone number ID {min(named)}, and this channel "
                f"has {ours}. Connect that number too, or correct the ID under “Edit channel”.",
            )
        return Trial(True, "The webhook signature is valid: Walker accepts this webhook.")


def _ways_to_write(body: str) -> Iterator[bytes]:
    """Yield the bytes that may have been signed: as pasted, trimmed, and as Meta writes JSON."""
    yield body.encode("utf-8", "replace")
    yield body.strip().encode("utf-8", "replace")
    try:
        compact = json.dumps(json.loads(body), separators=(",", ":"))
    except (ValueError, RecursionError):
        return
    yield compact.encode()
    # PHP escapes slashes as well.
    yield compact.replace("/", "\\/").encode()
