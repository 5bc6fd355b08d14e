"""Posts that contacts have changed to the address of a portal's app, signed as HubSpot signs."""

import base64
import hmac
import json

from standins import hooks
from standins.clock import now
from standins.hooks import Event


def secret_of(portal: str) -> str:
    """Return the client secret of a portal's private app."""
    return f"client-secret-{portal}"


class Poster(hooks.Poster):
    """Posts all events of a change at once, in HubSpot's form."""

    def body_of(self, events: tuple[Event, ...], attempt: int) -> bytes:
        """Return what is posted of events."""
        bodies = [
            {
                "eventId": self.posts * 100 + place, "subscriptionId": 1, "portalId": 1, "appId": 1,
                "occurredAt": round(now().timestamp() * 1000), "subscriptionType": kind,
                "attemptNumber": attempt, "objectId": number, "changeSource": "CRM_UI",
            }
            for place, (kind, number) in enumerate(events)
        ]  # fmt: skip
        return json.dumps(bodies).encode()

    def headers_of(self, portal: str, url: str, body: bytes) -> dict[str, str]:
        """Return the signature of a post."""
        moment = str(round(now().timestamp() * 1000))
        proof = hmac.digest(secret_of(portal).encode(), b"POST" + url.encode() + body + moment.encode(), "sha256")
        return {
            "X-HubSpot-Request-Timestamp": moment,
            "X-HubSpot-Signature-v3": base64.b64encode(proof).decode(),
        }
