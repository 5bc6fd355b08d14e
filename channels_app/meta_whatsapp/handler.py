"""Process one stored element of a post: a message, an echo, a wish about marketing, or a message's status."""

import json
from collections.abc import Mapping
from typing import Any, Final

from channels_app.kit.phones import messages, opt_out, reports
from channels_app.kit.phones.failures import note_fault
from channels_app.kit.phones.templates import STATES as TEMPLATE_STATES
from channels_app.meta_whatsapp import read_marks
from channels_app.meta_whatsapp.normalise import (
    TEXT_LIMIT,
    identities_of,
    is_message,
    message_of,
    metadata_of,
    moment_of,
    recipients_of,
    report_of,
    said_in,
    text_of,
    username_of,
)
from channels_app.meta_whatsapp.transport import BLOCKING
from channels_app.models import InboundDelivery
from conversations import services
from conversations.services import accounts, transports
from conversations.services.transports import NO_MARKETING
from conversations.types import InboundMessage
from core.actors import system
from core.errors import Invalid, NotFound
from core.observability.logging import get_logger
from integrations.meta.errors import meaning_of

log = get_logger(__name__)
ACTOR: Final = system("whatsapp")
CHANNEL: Final = "whatsapp"
UNKNOWN_NUMBER: Final = "unknown_number"
TEMPLATE_STATUS: Final = "message_template_status_update"
TEMPLATE_CATEGORY: Final = "template_category_update"
MARKETING_MESSAGES: Final = "marketing_messages"
TEMPLATE_CHANGES: Final = (TEMPLATE_STATUS, TEMPLATE_CATEGORY)


def receive_delivery(delivery: InboundDelivery) -> None:
    """Process one element in its tenant's scope; safe to repeat, statuses in any order."""
    kind = delivery.headers.get("kind", "")
    if kind == UNKNOWN_NUMBER:
        # Shown with the account of the address; nothing of it is used.
        accounts.note_trouble(account_id=delivery.channel_account_id, code=UNKNOWN_NUMBER)
        return
    try:
        document = json.loads(delivery.body.encode("latin-1"))
    except (ValueError, RecursionError):
        raise Invalid("This webhook isn't JSON.", code="not_json") from None
    if not isinstance(document, dict) or kind == "post":
        raise Invalid("This webhook isn't in Meta's format.", code="not_json")
    if kind == "change":
        _apply_change(delivery, document)
        return
    if not isinstance(document.get("item"), dict):
        raise Invalid("This part of the webhook isn't in Meta's format.", code="not_json")
    if kind == "status":
        _apply_status(delivery, document)
    elif kind == "echo":
        _store_echo(delivery, document)
    elif kind == "preference":
        _apply_preference(delivery, document)
    else:
        _receive_message(delivery, document)


def _apply_change(delivery: InboundDelivery, document: Mapping[str, Any]) -> None:
    """Note what Meta reports about a template; other changes need no work."""
    name, item = text_of(document.get("field")), document.get("item")
    template = str(item.get("message_template_id") or "")[:80] if isinstance(item, dict) else ""
    if name not in TEMPLATE_CHANGES or not template or not isinstance(item, dict):
        log.info("change_ignored", delivery=str(delivery.pk), field=name)
        return
    state = TEMPLATE_STATES.get(text_of(item.get("event")).lower(), "") if name == TEMPLATE_STATUS else ""
    category = text_of(item.get("new_category")) if name == TEMPLATE_CATEGORY else ""
    accounts.change_template(provider_id=template, state=state, category=category)


def _apply_preference(delivery: InboundDelivery, document: Mapping[str, Any]) -> None:
    """Record that somebody stopped marketing, or agreed to it again, with WhatsApp's own switch."""
    item = document["item"]
    wish, identities = text_of(item.get("value")).lower(), identities_of(document)
    if text_of(item.get("category")) != MARKETING_MESSAGES or wish not in ("stop", "resume") or not identities:
        log.info("preference_ignored", delivery=str(delivery.pk))
        return
    said_at = moment_of(str(item.get("timestamp") or "")) or delivery.received_at
    for sender in identities:
        who: dict[str, Any] = {"actor": ACTOR, "sender": sender, "channel": CHANNEL}
        # A moment to come would outlast what the person says next.
        who["now"] = min(said_at, delivery.received_at)
        if wish == "stop":
            services.block_point(**who, reason=NO_MARKETING)
        else:
            services.resume_marketing(**who)


def _receive_message(delivery: InboundDelivery, document: Mapping[str, Any]) -> None:
    item = document["item"]
    if not is_message(item):
        log.info("no_message", delivery=str(delivery.pk), type=text_of(item.get("type"))[:40])
        return
    identities = identities_of(document)
    if not identities or not text_of(item.get("id")):
        raise Invalid("This message has no sender or no id.", code="no_sender")
    wish = opt_out.wish_in(said_in(item).text[:TEXT_LIMIT])
    if not opt_out.changes_something(wish, senders=identities, channel=CHANNEL):
        wish = ""
    heard = messages.Heard(identities, username_of(document), CHANNEL, wish)
    account_id = delivery.channel_account_id
    message = messages.receive(delivery, heard, lambda first: message_of(document, account_id=account_id, sender=first))
    if not wish:
        read_marks.show_reading_later(message)


def _store_echo(delivery: InboundDelivery, document: Mapping[str, Any]) -> None:
    """Store what a colleague wrote with the WhatsApp app on the phone as a message of ours."""
    item, recipients = document["item"], recipients_of(document)
    if not is_message(item):
        log.info("no_message", delivery=str(delivery.pk), type=text_of(item.get("type"))[:40])
        return
    if not recipients or not text_of(item.get("id")):
        raise Invalid("This message has no recipient or no id.", code="no_sender")
    said = said_in(item)
    echo = InboundMessage(
        channel_account_id=delivery.channel_account_id,
        sender=services.known_identity(recipients),
        text=said.text if said.text or said.media else f"[{said.content_type}]",
        content_type=said.content_type,
        media=said.media,
        external_id=text_of(item.get("id"))[:200],
        metadata=metadata_of(item),
        sent_at=moment_of(item.get("timestamp")),
    )
    services.record_echo(actor=ACTOR, echo=echo)


def _apply_status(delivery: InboundDelivery, document: Mapping[str, Any]) -> None:
    """Update the message of a status; a failure may also concern our number or the recipient."""
    report = report_of(document)
    if not report.status:
        return
    has_failed = report.status == "failed"
    if report.target is not None and report.part and report.message_id:
        transports.note_report(
            channel_account_id=delivery.channel_account_id,
            message_id=report.target,
            part=report.part,
            provider_id=report.message_id,
            has_failed=has_failed,
        )
    if not has_failed and report.part != report.of:
        # Any part can fail a message, only the last one can deliver it.
        return
    facts: dict[str, Any] = {"actor": ACTOR, "status": report.status}
    if has_failed:
        is_temporary = not meaning_of(report.error).permanent
        facts |= {"error": report.error, "error_text": report.error_text, "is_temporary": is_temporary}
    try:
        services.record_status(
            **facts, channel_account_id=delivery.channel_account_id, channel_message_id=report.message_id
        )
    except NotFound:
        # The answer of the send, with Meta's id, was lost or is still on its way: our own id came back too.
        is_ours = report.target is not None and _record_by_our_id(facts, report.target)
        if not is_ours and not reports.apply_report(ref=report.target, status=report.status):
            log.info("report_without_message", delivery=str(delivery.pk))
            return
    if not has_failed:
        return
    note_fault(account_id=delivery.channel_account_id, code=report.error, meaning=meaning_of(report.error))
    if (reason := BLOCKING.get(report.error)) and report.recipient is not None:
        services.block_point(actor=ACTOR, sender=report.recipient, channel=CHANNEL, reason=reason)


def _record_by_our_id(facts: Mapping[str, Any], target: Any) -> bool:
    try:
        services.record_status(**facts, message_id=target)
    except NotFound:
        return False
    return True
