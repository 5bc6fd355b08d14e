"""Posts that a ticket has changed to the address of an account's webhook, signed as Zendesk signs."""

import base64
import hmac
import json
from typing import Final

from standins import hooks
from standins.clock import now
from standins.hooks import Event

VERSION: Final = "2022-11-06"


def signing_secret_of(account: str) -> str:
    """Return the signing secret of an account's webhook."""
    return f"signing-secret-{account}"


class Poster(hooks.Poster):
    """Posts each event alone, in Zendesk's form."""

    def body_of(self, events: tuple[Event, ...], attempt: int) -> bytes:
        """Return what is posted of an event."""
        ((kind, number),) = events
        told = {
            "account_id": 1, "id": f"event-{self.posts}", "type": f"zen:event-type:ticket.{kind}",
            "subject": f"zen:ticket:{number}", "time": _stamp(), "zendesk_event_version": VERSION,
            "detail": {"id": str(number), "subject": "A subject"}, "event": {},
        }  # fmt: skip
        return json.dumps(told).encode()

    def headers_of(self, account: str, url: str, body: bytes) -> dict[str, str]:
        """Return the signature over the moment and the body."""
        moment = _stamp()
        proof = hmac.digest(signing_secret_of(account).encode(), moment.encode() + body, "sha256")
        return {
            "X-Zendesk-Webhook-Signature": base64.b64encode(proof).decode(),
            "X-Zendesk-Webhook-Signature-Timestamp": moment,
        }


def _stamp() -> str:
    return now().strftime("%Y-%m-%dT%H:%M:%SZ")
