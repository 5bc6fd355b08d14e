"""Send a message through Meta's Cloud API: text, buttons, a list, or a template."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final

from channels_app.cloud import reading
from channels_app.cloud.numbers import PROVIDER, phone_number_id_of, secrets_of
from conversations import services
from conversations.mediums import WhatsApp
from conversations.registry import register_transport
from conversations.types import (
    COMMON,
    Explanation,
    Medium,
    OutboundMessage,
    OutboundTemplate,
    SendResult,
    Transport,
    explain_common,
)
from core.actors import system
from core.reach.verdict import UNREACHABLE
from integrations.meta.client import MetaClient
from integrations.meta.errors import MEANINGS, PAGE, meaning_of
from integrations.meta.types import Failed, Sent, Unknown

ACTOR: Final = system("whatsapp")
# Error codes that mean an address cannot receive our messages any more.
BLOCKING: Final = {"131026": UNREACHABLE}
# Meta lists no messages. A status report with our own id tells in this time whether a lost answer was a success.
SETTLED: Final = timedelta(seconds=30)
PAYLOAD_LIMIT: Final = 256
LIST_BUTTON: Final = "Choose"


class CloudTransport(Transport):
    """Sends WhatsApp messages through the tenant's own number at Meta."""

    medium: ClassVar[type[Medium]] = WhatsApp

    @classmethod
    def missing_for_activation(cls, credentials: Mapping[str, Any]) -> str:
        """Return "app_secret" without one: nobody could prove that a webhook is Meta's."""
        return "" if secrets_of(credentials) else "app_secret"

    def send(self, outbound: OutboundMessage) -> SendResult:
        """Send the message; Meta has no idempotency key, so a lost answer waits for its status report."""
        kept = outbound.credentials or {}
        number, token = phone_number_id_of(kept), str(kept.get("access_token") or "")
        if not number or not token:
            return self._result_of(outbound, Failed("no_credentials", permanent=True))
        template = outbound.template
        content = template_content(template) if template else content_of(outbound, self.medium)
        to = outbound.recipient.value.removeprefix("+")
        client = MetaClient(number, token)
        result = self._result_of(outbound, client.send_message(to, content, callback_data=str(outbound.message_id)))
        if result.ok:
            reading.show_answered_later(outbound.conversation_id)
        return result

    def _result_of(self, outbound: OutboundMessage, outcome: Sent | Failed | Unknown) -> SendResult:
        if isinstance(outcome, Sent):
            return SendResult(ok=True, provider_id=outcome.message_id, http_status=200)
        if meaning_of(outcome.code).at_fault == "channel":
            services.note_trouble(account_id=outbound.channel_account_id, code=outcome.code)
        if reason := BLOCKING.get(outcome.code):
            services.block_point(actor=ACTOR, sender=outbound.recipient, channel="whatsapp", reason=reason)
        if isinstance(outcome, Unknown):
            wait = int(SETTLED.total_seconds())
            return SendResult(ok=False, error=outcome.code, retry_after=wait, http_status=outcome.status)
        return SendResult(
            ok=False,
            error=outcome.code,
            permanent=outcome.permanent,
            retry_after=outcome.retry_after,
            error_text=outcome.text,
            http_status=outcome.status,
        )

    @classmethod
    def explain(cls, code: str) -> Explanation:
        """Return one of Meta's codes, or of ours, in words."""
        if code in COMMON or code not in MEANINGS:
            return explain_common(code)
        meaning = meaning_of(code)
        return Explanation(meaning.words, meaning.advice, PAGE if code.isdigit() else "")


def content_of(outbound: OutboundMessage, medium: type[Medium]) -> dict[str, Any]:
    """Return the message as Meta takes it; choices become buttons, a list, or lines of the text."""
    choices = [one for one in outbound.metadata.get("choices") or [] if isinstance(one, Mapping)]
    fits = 0 < len(choices) <= medium.list_rows and 0 < len(outbound.text) <= medium.caption_limit
    if fits and len({str(one.get("title", ""))[: medium.button_limit].strip() for one in choices}) == len(choices):
        return {"type": "interactive", "interactive": _interactive(outbound.text, choices, medium)}
    lines = [f"{number}. {one.get('title', '')}" for number, one in enumerate(choices, start=1)]
    return {"type": "text", "text": {"body": "\n".join([outbound.text, *lines]), "preview_url": False}}


def _interactive(text: str, choices: list[Mapping[str, Any]], medium: type[Medium]) -> dict[str, Any]:
    named = [(str(one.get("id") or number)[:PAYLOAD_LIMIT], str(one.get("title", "")).strip())
             for number, one in enumerate(choices, start=1)]  # fmt: skip
    if len(named) <= medium.buttons:
        buttons = [
            {"type": "reply", "reply": {"id": key, "title": title[: medium.button_limit]}} for key, title in named
        ]
        return {"type": "button", "body": {"text": text}, "action": {"buttons": buttons}}
    rows = [{"id": key[:200], "title": title[: medium.row_limit]} for key, title in named]
    action = {"button": LIST_BUTTON, "sections": [{"title": LIST_BUTTON, "rows": rows}]}
    return {"type": "list", "body": {"text": text}, "action": action}


def template_content(template: OutboundTemplate) -> dict[str, Any]:
    """Return an approved template with the values of its text; a named variable carries its name."""
    values: list[dict[str, str]] = []
    for name, value in template.values.items():
        values.append({"type": "text", "text": value, **({} if name.isdigit() else {"parameter_name": name})})
    return {
        "type": "template",
        "template": {
            "name": template.name,
            "language": {"code": template.language, "policy": "deterministic"},
            "components": [{"type": "body", "parameters": values}] if values else [],
        },
    }


def register() -> None:
    """Register the transport; safe to repeat."""
    register_transport("whatsapp", PROVIDER, CloudTransport)
