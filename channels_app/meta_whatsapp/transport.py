"""Send a message through Meta's Cloud API: text, buttons, a list, files, or a template."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Final
from uuid import UUID

from channels_app.kit.phones.failures import result_of_failure
from channels_app.meta_whatsapp import read_marks
from channels_app.meta_whatsapp.normalise import callback_data
from channels_app.meta_whatsapp.numbers import phone_number_id_of, secrets_of
from conversations.mediums import WhatsApp
from conversations.messages.files.names import wire_name
from conversations.models import ChannelAccount, MessageTemplate
from conversations.services import transports
from conversations.services.transports import NO_MARKETING, SENT, UPLOAD
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
from core.clock import now
from core.errors import Conflict, NotFound, Unavailable
from core.files.kinds import KINDS
from core.reach.verdict import UNREACHABLE, WINDOW_CLOSED
from integrations.meta.client import MetaClient
from integrations.meta.errors import MEANINGS, PAGE, TEMPLATE_STATES, meaning_of
from integrations.meta.types import Uploaded
from integrations.outcomes import Failed, Sent, Unknown

ACTOR: Final = system("whatsapp")
# Error codes that mean an address cannot receive our messages any more, or wants no marketing.
BLOCKING: Final = {"131026": UNREACHABLE, "131050": NO_MARKETING}
# Meta lists no messages. A status report with our own id tells in this time whether a lost answer was a success.
SETTLED: Final = timedelta(seconds=30)
# Meta keeps an uploaded file for 30 days.
UPLOADS_KEPT: Final = timedelta(days=29)
PAYLOAD_LIMIT: Final = 256
LIST_BUTTON: Final = "Choose"
LOST: Final = Failed("cut_off", permanent=False)


@dataclass(frozen=True, slots=True)
class Part:
    """One message at Meta: ready content, or a file with or without a caption."""

    content: Mapping[str, Any] = field(default_factory=dict, repr=False)
    file: Mapping[str, Any] | None = None
    caption: str = field(default="", repr=False)


class MetaTransport(Transport):
    """Sends WhatsApp messages through the tenant's own number at Meta."""

    medium: ClassVar[type[Medium]] = WhatsApp
    template_states: ClassVar[Mapping[str, str]] = TEMPLATE_STATES

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
        if template and outbound.media:
            # A template carries no files, and without them the text may make no sense.
            return SendResult(ok=False, error=WINDOW_CLOSED, permanent=True)
        parts = [Part(template_content(template))] if template else parts_of(outbound, self.medium)
        result = self._result_of(outbound, _send_all(MetaClient(number, token), outbound, parts))
        if result.ok:
            read_marks.show_answered_later(outbound.conversation_id)
        return result

    def _result_of(self, outbound: OutboundMessage, outcome: Sent | Failed | Unknown) -> SendResult:
        if isinstance(outcome, Sent):
            return SendResult(ok=True, provider_id=outcome.message_id, http_status=200)
        return result_of_failure(
            outbound,
            outcome,
            actor=ACTOR,
            channel="whatsapp",
            meaning=meaning_of(outcome.code),
            blocks=BLOCKING.get(outcome.code, ""),
            settled=SETTLED,
        )

    @classmethod
    def explain(cls, code: str) -> Explanation:
        """Return one of Meta's codes, or of ours, in words."""
        # The page lists all of Meta's codes, also those without words here.
        page = PAGE if code.isascii() and code.isdigit() else ""
        if code in COMMON or code not in MEANINGS:
            return replace(explain_common(code), url=page)
        meaning = meaning_of(code)
        return Explanation(meaning.words, meaning.advice, page)


def parts_of(outbound: OutboundMessage, medium: type[Medium]) -> list[Part]:
    """Return the messages of a reply: its text, with the first file where WhatsApp shows it, and each file."""
    files, text = outbound.media, outbound.text.strip()
    if not files:
        return [Part(content_of(outbound, medium))]
    is_caption = len(text) <= medium.caption_limit and not outbound.metadata.get("choices")
    if text and not (is_caption and _family(files[0]) != "audio"):
        return [Part(content_of(outbound, medium)), *(Part(file=file) for file in files)]
    return [Part(file=file, caption="" if number else text) for number, file in enumerate(files)]


def _family(file: Mapping[str, Any]) -> str:
    kind = KINDS.get(str(file["content_type"]))
    return kind.family if kind else "document"


def _send_all(client: MetaClient, outbound: OutboundMessage, parts: list[Part]) -> Sent | Failed | Unknown:
    """Send the parts in order, except those that an earlier attempt got through; return the last result."""
    message_id, by_id = outbound.message_id, outbound.recipient.kind == "bsuid"
    send = partial(client.send_message, outbound.recipient.value.removeprefix("+"), by_id=by_id)
    if not outbound.media:
        return send(parts[0].content, callback_data=callback_data(message_id))
    there = transports.read_parts(message_id=message_id, uploads_since=now() - UPLOADS_KEPT)
    outcome: Sent | Failed | Unknown = Failed("no_content", permanent=True)
    for number, part in enumerate(parts, start=1):
        known = there.get(str(number), {})
        if SENT in known:
            outcome = Sent(known[SENT])
            continue
        content: Mapping[str, Any] | Failed | Unknown = part.content
        if part.file is not None:
            content = _file_content(client, outbound, number, part, known.get(UPLOAD, ""))
        if not isinstance(content, Mapping):
            return content
        outcome = send(content, callback_data=callback_data(message_id, number, len(parts)))
        if not isinstance(outcome, Sent):
            return outcome
        noted = {SENT: outcome.message_id}
        if not transports.note_part(message_id=message_id, attempt=outbound.attempt, part=number, facts=noted):
            # A report ended it, or a later attempt has it: for the last part its result still counts.
            return outcome if number == len(parts) else LOST
    return outcome


def _file_content(
    client: MetaClient, outbound: OutboundMessage, number: int, part: Part, media_id: str
) -> Mapping[str, Any] | Failed | Unknown:
    """Upload a file unless it is there already, and return its message."""
    file = part.file or {}
    try:
        found = transports.read_outgoing_file(message_id=outbound.message_id, attachment_id=UUID(str(file["id"])))
    except (NotFound, Conflict):
        return Failed("file_gone", permanent=True)
    except Unavailable as problem:
        return Failed(problem.code, permanent=False)
    if not media_id:
        name = wire_name(found.filename, found.content_type)
        uploaded = client.upload_media(found.content, content_type=found.content_type, filename=name)
        if not isinstance(uploaded, Uploaded):
            return uploaded
        media_id, noted = uploaded.media_id, {UPLOAD: uploaded.media_id}
        attempt = outbound.attempt
        if not transports.note_part(message_id=outbound.message_id, attempt=attempt, part=number, facts=noted):
            return LOST
    family = _family(file)
    facts = {"id": media_id, **({"caption": part.caption} if part.caption else {})}
    if family == "document" and found.filename:
        facts["filename"] = found.filename
    return {"type": family, family: facts}


def content_of(outbound: OutboundMessage, medium: type[Medium]) -> dict[str, Any]:
    """Return the message as Meta takes it; choices become buttons, a list, or lines of the text."""
    choices = [one for one in outbound.metadata.get("choices") or [] if isinstance(one, Mapping)]
    fits = 0 < len(choices) <= medium.list_rows and 0 < len(outbound.text) <= medium.caption_limit
    if fits and len({str(one.get("title", ""))[: medium.button_limit].strip() for one in choices}) == len(choices):
        return {"type": "interactive", "interactive": _interactive(outbound, choices, medium)}
    lines = [f"{number}. {one.get('title', '')}" for number, one in enumerate(choices, start=1)]
    return {"type": "text", "text": {"body": "\n".join([outbound.text, *lines]), "preview_url": False}}


def _interactive(outbound: OutboundMessage, choices: list[Mapping[str, Any]], medium: type[Medium]) -> dict[str, Any]:
    text, label = outbound.text, str(outbound.metadata.get("choose") or LIST_BUTTON)[: medium.button_limit]
    named = [(str(one.get("id") or number)[:PAYLOAD_LIMIT], str(one.get("title", "")).strip())
             for number, one in enumerate(choices, start=1)]  # fmt: skip
    if len(named) <= medium.buttons:
        buttons = [
            {"type": "reply", "reply": {"id": key, "title": title[: medium.button_limit]}} for key, title in named
        ]
        return {"type": "button", "body": {"text": text}, "action": {"buttons": buttons}}
    rows = [{"id": key[:200], "title": title[: medium.row_limit]} for key, title in named]
    action = {"button": label, "sections": [{"title": label, "rows": rows}]}
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


def send_text(account: ChannelAccount, number: str, text: str) -> Sent | Failed | Unknown:
    """Send a text from a number. Outside call; the caller has asked the gate."""
    content = {"type": "text", "text": {"body": text, "preview_url": False}}
    return _client(account).send_message(number.removeprefix("+"), content)


def send_template(
    account: ChannelAccount, number: str, *, row: MessageTemplate, filled: OutboundTemplate, ref: UUID | None
) -> Sent | Failed | Unknown:
    """Send a template to a number; its last value is what must not be missing. Outside call; the gate was asked."""
    content = with_button(template_content(filled), row, filled.values[row.variables[-1]])
    return _client(account).send_message(number.removeprefix("+"), content, callback_data=str(ref or ""))


def _client(account: ChannelAccount) -> MetaClient:
    kept = account.credentials or {}
    return MetaClient(phone_number_id_of(kept), str(kept.get("access_token") or ""))


def with_button(content: Mapping[str, Any], row: MessageTemplate, value: str) -> dict[str, Any]:
    """Return Meta's content with the value of its first button: templates for codes have one that copies the code."""
    parts = [part for part in row.components if isinstance(part, dict) and part.get("type") == "BUTTONS"]
    buttons = parts[0].get("buttons") if parts else None
    first = buttons[0] if isinstance(buttons, list) and buttons and isinstance(buttons[0], dict) else {}
    if str(row.category) != "authentication" or first.get("type") not in ("OTP", "URL"):
        return dict(content)
    button = {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": value}]}
    template = content["template"]
    return {**content, "template": {**template, "components": [*template["components"], button]}}
