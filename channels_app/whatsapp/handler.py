"""Working a stored webhook of Twilio: a message is received, a report moves a message's status."""

import json
from dataclasses import replace
from typing import Final

from django.http import QueryDict

from channels_app.models import InboundDelivery
from channels_app.whatsapp import opt_out
from channels_app.whatsapp.normalise import Fields, Report, message_of, report_of, sender_of
from channels_app.whatsapp.senders import split_address
from channels_app.whatsapp.transport import BLOCKING
from conversations import services
from conversations.types import SenderIdentity
from core.actors import system
from core.errors import Invalid, NotFound
from core.observability.logging import get_logger
from integrations.twilio.errors import meaning_of

log = get_logger(__name__)
DOOR: Final = system("whatsapp")
CHANNEL_AT_FAULT: Final = "channel"


def work(delivery: InboundDelivery) -> None:
    """Work one delivery in its tenant's scope; safe to repeat."""
    fields = fields_of(delivery)
    is_report = delivery.target is not None or fields.get("MessageStatus", "received") != "received"
    if is_report:
        _note_report(delivery, fields, report_of(fields, part=delivery.headers.get("part", "")))
    else:
        identities = sender_of(fields).identities
        if not identities or not fields.get("MessageSid"):
            raise Invalid("This webhook names no sender or no message.", code="no_sender")
        first = _known_first(identities)
        inbound = message_of(fields, account_id=delivery.channel_account_id, sender=first)
        wish = opt_out.wish_of(fields)
        message = services.receive(actor=DOOR, inbound=replace(inbound, wants_answer=not wish))
        for other in identities:
            if other is not first and message.sender_id is not None:
                services.add_point(actor=DOOR, contact_id=message.sender_id, sender=other)
        if wish:
            channel, _ = split_address(fields.get("To", ""))
            opt_out.follow(wish, message=message, senders=identities, channel=channel)


def fields_of(delivery: InboundDelivery) -> Fields:
    """Return the parameters of a stored webhook."""
    body = delivery.body.encode("latin-1")
    if delivery.headers.get("Content-Type", "").startswith("application/json"):
        return {str(name): value for name, value in json.loads(body).items() if isinstance(value, str)}
    form = QueryDict(body, encoding="utf-8")
    return {name: form[name] for name in form}


def _known_first(identities: tuple[SenderIdentity, ...]) -> SenderIdentity:
    """Return the identity a contact is found by: who once hid his number is found by his id."""
    if len(identities) == 1:
        return identities[0]
    return next((one for one in identities if services.is_known(one)), identities[0])


def _note_report(delivery: InboundDelivery, fields: Fields, report: Report) -> None:
    if not report.status or not _counts(report):
        return
    try:
        services.record_status(
            actor=DOOR,
            status=report.status,
            message_id=delivery.target,
            channel_account_id=delivery.channel_account_id,
            channel_message_id=report.sid,
            error=report.error if report.status == "failed" else "",
        )
    except NotFound:
        # A report about a message of somebody else, or one that was erased: there is nothing to move.
        log.info("report_without_message", delivery=str(delivery.pk))
        return
    if report.status == "failed":
        _after_failure(delivery, fields, report)


def _counts(report: Report) -> bool:
    """A long text leaves in parts: each can fail it, only the last one can deliver it."""
    number, _, of = report.part.partition("-")
    return report.status == "failed" or number == of


def _after_failure(delivery: InboundDelivery, fields: Fields, report: Report) -> None:
    """Note what the failure says of our number or of the recipient; the message itself is seen to elsewhere."""
    if meaning_of(report.error).at_fault == CHANNEL_AT_FAULT:
        services.note_trouble(account_id=delivery.channel_account_id, code=report.error)
    reason = BLOCKING.get(report.error)
    if reason:
        channel, _ = split_address(fields.get("To", ""))
        for recipient in sender_of({"From": fields.get("To", "")}).identities:
            services.block_point(actor=DOOR, sender=recipient, channel=channel, reason=reason)
