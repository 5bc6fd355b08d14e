"""SendGrid's Mail Send API: one call per mail, with an outcome that says what is certain."""

import base64
from typing import Any, ClassVar, Final

from core.http import NoAnswer, NotSent, OutgoingHttp, Patience, host_of
from integrations.mail.providers.guarded_sender import GuardedSender
from integrations.mail.types import Accepted, Mail, MailFile, MailOutcome, Rejected, Unknown

PATIENCE: Final = Patience(connect=3.0, read=10.0, total=15.0, max_bytes=200_000)
# A mail with files takes longer, and still less than the lease of its row.
PATIENCE_WITH_FILES: Final = Patience(connect=3.0, read=45.0, total=60.0, max_bytes=200_000)
PATH: Final = "/v3/mail/send"
# Returned with every event. An opaque id, because the vendor keeps it forever.
OUR_ID: Final = "walker_mail"


class SendGridSender(GuardedSender):
    """One SendGrid account."""

    provider: ClassVar[str] = "sendgrid"

    def __init__(self, *, base_url: str, api_key: str, account: str) -> None:
        super().__init__(f"sendgrid:{account}")
        self._base_url, self._api_key = base_url, api_key

    def _hand_over(self, mail: Mail) -> MailOutcome:
        line = OutgoingHttp(
            self._base_url,
            headers={"Authorization": f"Bearer {self._api_key}"},
            patience=PATIENCE_WITH_FILES if mail.files else PATIENCE,
            private_hosts=[host_of(self._base_url)],
            provider="sendgrid",
        )
        try:
            answer = line.request("POST", PATH, json=body_of(mail))
            if isinstance(answer, NotSent):
                return Rejected(answer.code, permanent=not answer.retry)
            if isinstance(answer, NoAnswer):
                return Unknown(answer.code)
            if 200 <= answer.status < 300:
                return Accepted(answer.headers.get("X-Message-Id", "")[:200])
            if answer.status in (408, 504):
                # A gateway gave up waiting: the server behind it may have accepted the mail.
                return Unknown(str(answer.status))
            if answer.status == 429 or answer.status >= 500:
                return Rejected(str(answer.status), permanent=False, retry_after=answer.retry_after)
            return Rejected(str(answer.status), permanent=True)
        finally:
            line.close()


def body_of(mail: Mail) -> dict[str, Any]:
    """Return the mail as the API's request body."""
    content = [{"type": "text/plain", "value": mail.text}]
    if mail.html:
        content.append({"type": "text/html", "value": mail.html})
    sender = {"email": mail.sender.address, **({"name": mail.sender.name} if mail.sender.name else {})}
    return {
        "personalizations": [{"to": [{"email": mail.recipient}]}],
        "from": sender,
        **({"reply_to": {"email": mail.reply_to}} if mail.reply_to else {}),
        "subject": mail.subject,
        "content": content,
        **({"headers": dict(mail.headers)} if mail.headers else {}),
        **({"attachments": [_attachment(file) for file in mail.files]} if mail.files else {}),
        "categories": [mail.type],
        "custom_args": {OUR_ID: str(mail.delivery_id)},
        "tracking_settings": {
            "click_tracking": {"enable": mail.tracks_clicks, "enable_text": False},
            "open_tracking": {"enable": mail.tracks_opens},
            "subscription_tracking": {"enable": False},
        },
    }


def _attachment(file: MailFile) -> dict[str, str]:
    content = base64.b64encode(file.content).decode()
    return {"content": content, "filename": file.name, "type": file.content_type, "disposition": "attachment"}
