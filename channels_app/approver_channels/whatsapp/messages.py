"""Send a template to a colleague's own number: the only place that does, because it asks the gate each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from accounts.models import User
from channels_app.exchanges import calls
from channels_app.kit.phones.failures import note_fault
from channels_app.meta_whatsapp.numbers import PROVIDER as CLOUD
from channels_app.meta_whatsapp.numbers import phone_number_id_of
from channels_app.meta_whatsapp.transport import template_content
from channels_app.twilio.senders import PREFIX
from channels_app.twilio.transport import callback_url
from conversations import registry, services
from conversations.models import ChannelAccount, MessageTemplate
from conversations.services import templates
from conversations.services.contacts import point_index
from conversations.types import OutboundTemplate
from core.models import Consent
from core.reach import gate, ledger
from core.reach.verdict import ChannelRules, Question
from integrations.meta import errors as meta
from integrations.meta.client import MetaClient
from integrations.outcomes import Failed, Sent, Unknown
from integrations.twilio import errors as twilio

CHANNEL: Final = "whatsapp"
RULES: Final = ChannelRules(CHANNEL, has_template=True)
NOTICE: Final = MessageTemplate.Use.NOTICE
CODE: Final = MessageTemplate.Use.CODE


def own_numbers() -> list[ChannelAccount]:
    """Return the WhatsApp numbers that can send a code and a notice, the oldest first. One query."""
    rows = ChannelAccount.objects.filter(kind=ChannelAccount.Kind.WHATSAPP, is_active=True, paused_at=None)
    return [account for account in rows.order_by("id") if can_send(account, NOTICE) and can_send(account, CODE)]


def can_send(account: ChannelAccount, use: str) -> bool:
    """Return True if a template is chosen for a use. No query."""
    return any((account.template_uses.get(use) or {}).values())


def send_words(
    account: ChannelAccount,
    number: str,
    *,
    person_id: UUID,
    use: str,
    words: Sequence[str],
    language: str = "",
    ref: UUID | None = None,
) -> Sent | Failed | Unknown:
    """Send a template for a use to a colleague's number; outside call.

    The last of the words is what must not be missing, such as a link: a template with fewer variables gets the others
    joined. Reports of the provider come back with `ref`. Asks the gate about the number, and about the email address
    of the colleague, where an opt-out from every channel is recorded. Raises `gate.NotReachable`; a template that
    can't be sent is a failure for good.
    """
    email = User.objects.values_list("email", flat=True).get(pk=person_id)
    indexes = [point_index("phone", number), ledger.index_of_mail(email)]
    question = Question(RULES, Consent.Purpose.NOTICE, is_template=True)
    found = gate.judge(question, indexes, line=account.pk)
    refused = next((one for one in found.verdicts.values() if not one.may_leave), None)
    if refused is not None:
        raise gate.refusal(refused.reason)
    if not can_send(account, use):
        return Failed(templates.NO_TEMPLATE, permanent=True)
    row = templates.find_template(account, {templates.USE: use, templates.LANGUAGE: language})
    if isinstance(row, str):
        return Failed(row, permanent=True)
    values = fit(words, len(row.variables))
    if not values:
        return Failed(templates.TOO_FEW, permanent=True)
    filled = OutboundTemplate(
        name=row.name,
        language=row.language,
        provider_id=row.provider_id,
        values=dict(zip(row.variables, values, strict=True)),
    )
    kept = account.credentials or {}
    if account.provider == CLOUD:
        meta_client = MetaClient(phone_number_id_of(kept), str(kept.get("access_token") or ""))
        content = with_button(template_content(filled), row, values[-1])
        to = number.removeprefix("+")
        outcome = calls.make(account, use, lambda: meta_client.send_message(to, content, callback_data=str(ref or "")))
    else:
        from integrations.twilio.client import TwilioClient  # noqa: PLC0415  (large, and only workers send)

        client = TwilioClient(str(kept.get("account_sid") or ""), str(kept.get("auth_token") or ""))
        outcome = calls.make(
            account,
            use,
            lambda: client.send_template(
                sender=PREFIX + account.address,
                to=PREFIX + number,
                template_sid=row.provider_id,
                variables=filled.values,
                callback=callback_url(ref) if ref else "",
            ),
        )
    if not isinstance(outcome, Sent):
        states = registry.template_states(account.kind, account.provider)
        services.note_refused(template_id=row.pk, state=states.get(outcome.code, ""))
        errors = meta if account.provider == CLOUD else twilio
        note_fault(account_id=account.pk, code=outcome.code, meaning=errors.meaning_of(outcome.code))
    return outcome


def fit(words: Sequence[str], count: int) -> list[str]:
    """Return the words for so many variables: each on its own, or the first ones joined; [] if there are too few."""
    if not 1 <= count <= len(words):
        return []
    lines = [" ".join(word.split()) for word in words]
    first = len(lines) - count + 1
    return [" ".join(lines[:first]), *lines[first:]]


def with_button(content: Mapping[str, Any], row: MessageTemplate, value: str) -> dict[str, Any]:
    """Return Meta's content with the value of its first button: templates for codes have one that copies the code."""
    parts = [part for part in row.components if isinstance(part, dict) and part.get("type") == "BUTTONS"]
    buttons = parts[0].get("buttons") if parts else None
    first = buttons[0] if isinstance(buttons, list) and buttons and isinstance(buttons[0], dict) else {}
    if str(row.category) != "authentication" or first.get("type") not in ("OTP", "URL"):
        return dict(content)
    button = {
        "type": "button",
        "sub_type": "url",
        "index": "0",
        "parameters": [{"type": "text", "text": value}],
    }
    template = content["template"]
    return {**content, "template": {**template, "components": [*template["components"], button]}}
