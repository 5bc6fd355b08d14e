"""Process a stored Twilio webhook: receive a message, or update a message's status."""

import json
from dataclasses import replace
from typing import Final

from django.http import QueryDict

from channels_app.approver_channels.whatsapp import reports
from channels_app.kit.phones import opt_out
from channels_app.kit.phones.failures import note_fault
from channels_app.models import InboundDelivery
from channels_app.twilio.normalise import Fields, Report, is_empty, message_of, report_of, sender_of
from channels_app.twilio.senders import split_address
from channels_app.twilio.transport import BLOCKING
from channels_app.webhooks.deliveries import stored_as
from conversations import services
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
        services.note_trouble(account_id=delivery.channel_account_id, code=UNKNOWN_NUMBER)
        return
    fields = fields_of(delivery)
    is_report = delivery.target is not None or fields.get("MessageStatus", "received") != "received"
    if is_report:
        _apply_report(delivery, fields, report_of(fields, part=delivery.headers.get("part", "")))
    else:
        sender = sender_of(fields)
        identities = sender.identities
        if not identities or not fields.get("MessageSid"):
            raise Invalid("This webhook has no sender or no message.", code="no_sender")
        if is_empty(fields):
            return
        first = services.known_identity(identities)
        inbound = message_of(fields, account_id=delivery.channel_account_id, sender=first)
        wish, (channel, _) = opt_out.wish_of(fields), split_address(fields.get("To", ""))
        if not opt_out.is_wish(wish, senders=identities, channel=channel, fields=fields):
            wish = ""
        message = services.receive(actor=ACTOR, inbound=replace(inbound, wants_answer=not wish, **stored_as(delivery)))
        for other in filter(None, (*identities, sender.username)):
            if other is not first and message.sender_id is not None:
                services.add_point(
                    actor=ACTOR,
                    contact_id=message.sender_id,
                    sender=other,
                    conversation_id=message.conversation_id,
                )
        if wish:
            opt_out.apply(
                wish, message=message, senders=identities, channel=channel, is_managed=opt_out.is_managed(fields)
            )


def fields_of(delivery: InboundDelivery) -> Fields:
    """Return the parameters of a stored webhook."""
    body = delivery.body.encode("latin-1")
    if delivery.headers.get("Content-Type", "").startswith("application/json"):
        return {str(name): value for name, value in json.loads(body).items() if isinstance(value, str)}
    form = QueryDict(body, encoding="utf-8")
    return {name: form[name] for name in form}


def _apply_report(delivery: InboundDelivery, fields: Fields, report: Report) -> None:
    """Update the message of a status report.

    A failure may also concern our number or the recipient.
    """
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
        if not reports.apply_report(notification_id=delivery.target, status=report.status):
            log.info("report_without_message", delivery=str(delivery.pk))
        return
    if not has_failed:
        return
    note_fault(account_id=delivery.channel_account_id, code=report.error, meaning=meaning_of(report.error))
    if reason := BLOCKING.get(report.error):
        channel, _ = split_address(fields.get("To", ""))
        for recipient in sender_of({"From": fields.get("To", "")}).identities:
            services.block_point(actor=ACTOR, sender=recipient, channel=channel, reason=reason, by_provider=True)
