"""Process a stored Twilio webhook: receive a message, or update a message's status."""

import json
from typing import Final

from django.http import QueryDict

from channels_app.kit.phones import messages, opt_out, reports
from channels_app.kit.phones.failures import note_fault
from channels_app.kit.phones.numbers import PREFIX
from channels_app.models import InboundDelivery
from channels_app.twilio.normalise import Fields, Report, is_empty, message_of, report_of, sender_of
from channels_app.twilio.senders import split_address
from channels_app.twilio.transport import BLOCKING
from conversations import services
from conversations.services import accounts
from core.actors import system
from core.errors import Invalid, NotFound
from core.observability.logging import get_logger
from integrations.twilio.errors import meaning_of

log = get_logger(__name__)
ACTOR: Final = system("whatsapp")
UNKNOWN_NUMBER: Final = "unknown_number"


def receive_delivery(delivery: InboundDelivery) -> None:
    """Process one delivery in its tenant's scope; safe to repeat."""
    if delivery.headers.get("kind") == UNKNOWN_NUMBER:
        # Shown with a number of the same Twilio account; nothing of it is used.
        accounts.note_trouble(account_id=delivery.channel_account_id, code=UNKNOWN_NUMBER)
        return
    fields = fields_of(delivery)
    is_report = delivery.target is not None or fields.get("MessageStatus", "received") != "received"
    if is_report:
        _apply_report(delivery, fields, report_of(fields, part=delivery.headers.get("part", "")))
    else:
        _receive_message(delivery, fields)


def _receive_message(delivery: InboundDelivery, fields: Fields) -> None:
    sender = sender_of(fields)
    identities = sender.identities
    if not identities or not fields.get("MessageSid"):
        raise Invalid("This webhook has no sender or no message.", code="no_sender")
    if is_empty(fields):
        return
    channel, _ = split_address(fields.get("To", ""))
    wish = wish_of(fields)
    # What Twilio itself took for a wish always counts, because Twilio has answered it.
    if not fields.get("OptOutType") and not opt_out.changes_something(wish, senders=identities, channel=channel):
        wish = ""
    heard = messages.Heard(identities, sender.username, channel, wish, is_managed=is_managed(fields))
    account_id = delivery.channel_account_id
    messages.receive(delivery, heard, lambda first: message_of(fields, account_id=account_id, sender=first))


def wish_of(fields: Fields) -> opt_out.Wish:
    """Return the opt-out or opt-in of a message. Twilio names it where it manages the list."""
    given = fields.get("OptOutType", "").lower()
    if given in ("stop", "start"):
        return "stop" if given == "stop" else "start"
    return opt_out.wish_in(fields.get("Body", ""), is_sms=not fields.get("To", "").startswith(PREFIX))


def is_managed(fields: Fields) -> bool:
    """Return True where Twilio keeps the list: it confirms by itself and accepts nothing from us after a STOP."""
    return bool(fields.get("OptOutType")) or not fields.get("To", "").startswith(PREFIX)


def fields_of(delivery: InboundDelivery) -> Fields:
    """Return the parameters of a stored webhook."""
    body = delivery.body.encode("latin-1")
    if delivery.headers.get("Content-Type", "").startswith("application/json"):
        return {str(name): value for name, value in json.loads(body).items() if isinstance(value, str)}
    form = QueryDict(body, encoding="utf-8")
    return {name: form[name] for name in form}


def _apply_report(delivery: InboundDelivery, fields: Fields, report: Report) -> None:
    """Update the message of a status report. A failure may also concern our number or the recipient."""
    has_failed = report.status == "failed"
    number, _, of = report.part.partition("-")
    # Any part of a long text can fail it, only the last one can deliver it.
    if not report.status or not (has_failed or number == of):
        return
    try:
        services.record_status(
            actor=ACTOR,
            status=report.status,
            message_id=delivery.target,
            channel_account_id=delivery.channel_account_id,
            channel_message_id=report.sid,
            error=report.error if has_failed else "",
            error_text=fields.get("ErrorMessage") or fields.get("ChannelStatusMessage", "") if has_failed else "",
            is_temporary=has_failed and not meaning_of(report.error).permanent,
        )
    except NotFound:
        # The message belongs to someone else or was erased: there is nothing to update.
        if not reports.apply_report(ref=delivery.target, status=report.status):
            log.info("report_without_message", delivery=str(delivery.pk))
        return
    if not has_failed:
        return
    note_fault(account_id=delivery.channel_account_id, code=report.error, meaning=meaning_of(report.error))
    if reason := BLOCKING.get(report.error):
        channel, _ = split_address(fields.get("To", ""))
        for recipient in sender_of({"From": fields.get("To", "")}).identities:
            services.block_point(actor=ACTOR, sender=recipient, channel=channel, reason=reason, by_provider=True)
