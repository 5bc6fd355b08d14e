"""The recordings of WhatsApp and text messages by Twilio."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from urllib.parse import urlencode
from uuid import uuid4

from conversations.channel_accounts import accounts
from conversations.models import ChannelAccount, Message
from core.tenancy.scope import tenant_scope
from tests.channels_app.kit.recorder import (
    EMPTY,
    FORM,
    LAST,
    PHONE,
    USUAL,
    Call,
    Door,
    Recorder,
    Recording,
    Report,
    Side,
    account_of,
    saying,
    sent_before,
    status_of,
)
from tests.channels_app.twilio import conftest as twilio
from tests.world import OPERATOR, World

IMAGE = {"NumMedia": "1", "MediaContentType0": "image/jpeg", "MediaUrl0": "https://api.twilio.com/x", "Body": ""}
# Parameters of a message by Twilio -> (text, kind), or None where it is no message.
TWILIO: list[tuple[dict[str, str], tuple[str, str] | None]] = [
    ({"Body": "Olá 😀"}, ("Olá 😀", "text")),
    (IMAGE, ("", "image")),
    ({**IMAGE, "MediaContentType0": "audio/ogg", "Body": "listen"}, ("listen", "audio")),
    ({**IMAGE, "MediaContentType0": "video/mp4"}, ("", "video")),
    ({**IMAGE, "MediaContentType0": "application/pdf"}, ("", "document")),
    ({**IMAGE, "MediaContentType0": "text/vcard"}, ("", "document")),
    ({"Body": "", "Latitude": "1.5", "Longitude": "-2", "Label": "Shop"}, ("Shop (1.5, -2)", "location")),
    ({"Body": "Yes", "MessageType": "button", "ButtonText": "Yes", "ButtonPayload": "p1"}, ("Yes", "interactive")),
    ({"Body": "", "MessageType": "interactive", "ListTitle": "Blue"}, ("Blue", "interactive")),
    ({"Body": "re", "OriginalRepliedMessageSid": "SM1"}, ("re", "text")),
    ({"Body": "", "MessageType": "order"}, ("[order message]", "text")),
    ({"Body": "no number", "From": "whatsapp:ES.1234567890123456", "WaId": ""}, ("no number", "text")),
    ({"Body": "by text", "From": "+34600123456", "To": twilio.OURS, "WaId": ""}, ("by text", "text")),
    ({"Body": ""}, None),
    ({"Body": "👍", "MessageType": "reaction"}, ("👍", "text")),
    ({"Body": "", "MessageType": "reaction"}, None),
]
# Word of a report -> the message's status after it, from "sent".
TWILIO_WORDS = {
    **dict.fromkeys(("queued", "accepted", "scheduled", "sending", "sent", "a new word"), "sent"),
    **dict.fromkeys(("delivered", "partially_delivered"), "delivered"),
    **dict.fromkeys(("undelivered", "failed", "canceled"), "failed"),
    "read": "read",
}
BAD_FORM = {
    **USUAL,
    "unknown address": "403 unknown_number: nothing",
    **dict.fromkeys(EMPTY, "403 unknown_number: nothing"),
    "too many fields": "403 malformed: nothing",
}


def by_twilio(world: World, path: str = twilio.WEBHOOK, **usual: str) -> Door:
    twilio.connect(world)

    def say(
        number: int = 1,
        text: str = "Hello",
        name: str = "Ana",
        kind: str = "text",
        raw: bytes | None = None,
        age: int = 0,
    ) -> Call:
        form = twilio.fields(text, number, ProfileName=name, MessageType=kind, **usual)
        form |= {"MessageStatus": kind, "MessageSid": f"SM{number}"} if usual else {}
        if raw is None:
            body = urlencode({key: value.encode("utf-8", "surrogatepass") for key, value in form.items()}).encode()
            # As the door reads it.
            form = {
                key: value.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for key, value in form.items()
            }
            return Call(path, body, {"X-Twilio-Signature": twilio.sign(path, form)}, FORM)
        return Call(path, raw, {"X-Twilio-Signature": twilio.sign(path, {})}, FORM)

    def elsewhere(call: Call) -> Call:
        return replace(call, body=call.body.replace(b"447700900001", b"10000000000"))

    return Door("twilio", 64 * 1024, say, "X-Twilio-Signature", elsewhere, has_messages=not usual, bad=BAD_FORM)


def by_status(world: World) -> Door:
    ours, theirs = f"whatsapp:{twilio.OURS}", "whatsapp:+34600123456"
    return by_twilio(world, f"/channels/whatsapp/status/{uuid4()}/", From=ours, To=theirs)


def _reports(prefix: str, message: Message) -> list[tuple[str, Report]]:
    path = f"/channels/whatsapp/status/{message.pk}/"

    def post(word: str) -> int:
        form = {"MessageSid": message.channel_message_id, "MessageStatus": word, "AccountSid": twilio.SID}
        form |= {"From": f"{prefix}{twilio.OURS}", "To": f"{prefix}{PHONE}"}
        return int(twilio.post(form, path=path).status_code)

    return [(word, partial(post, word)) for word in ("sent", "delivered", "read")]


def twilio_whatsapp(world: World) -> Recording:
    status, door = by_status(world), by_twilio(world)
    account = account_of(world, kind="whatsapp", provider="twilio")
    doors = {"whatsapp_webhook": door, "whatsapp_status": status}
    return Recording(account, doors, saying(door), partial(_reports, "whatsapp:"))


def twilio_sms(world: World) -> Recording:
    status, usual = by_status(world), by_twilio(world)
    with tenant_scope(world.acme.pk):
        ChannelAccount.objects.filter(provider="twilio").update(kind="whatsapp", address="+447700900009")
        account = accounts.connect_channel(
            actor=OPERATOR, kind="sms", provider="twilio", name="Acme SMS", address=twilio.OURS,
            provider_account=twilio.SID, credentials={"account_sid": twilio.SID, "auth_token": twilio.TOKEN},
        )  # fmt: skip

    def write(number: int, text: str) -> object:
        form = twilio.fields(text, number, From=PHONE, To=twilio.OURS, WaId="")
        return twilio.post(form)

    doors = {"whatsapp_webhook": usual, "whatsapp_status": status}
    return Recording(account, doors, write, partial(_reports, ""))


def traffic(side: Side, world: World, slug: str) -> None:
    kept = {"account_sid": twilio.SID, "auth_token": side.token}
    made = [
        accounts.connect_channel(
            actor=OPERATOR, kind=kind, provider="twilio", name=kind, address=twilio.OURS, provider_account=twilio.SID,
            credentials=kept,
        )
        for kind in ("whatsapp", "sms")
    ]  # fmt: skip
    for number, (form, found) in enumerate(TWILIO):
        side.posts.append(partial(status_of, twilio.post, twilio.fields(number=number, **form), token=side.token))
        if found:
            side.said.append((f"{'sms' if 'To' in form else 'whatsapp'} twilio", found[0]))
    for number, words in enumerate([*([word] for word in TWILIO_WORDS), [*LAST, "sending"]]):
        message = sent_before(made[0], f"+3460077{number:04d}", f"SMout{number:029d}")
        side.ends[message.pk] = "read" if len(words) > 1 else TWILIO_WORDS[words[0]]
        for word in words:
            form = {"MessageSid": f"SMout{number:029d}", "MessageStatus": word, "AccountSid": twilio.SID}
            form |= {"From": f"whatsapp:{twilio.OURS}", "To": f"whatsapp:+3460077{number:04d}"}
            form |= {"ErrorCode": "63024"} if TWILIO_WORDS[word] == "failed" else {}
            path = f"/channels/whatsapp/status/{message.pk}/"
            side.posts.append(partial(status_of, twilio.post, form, path=path, token=side.token))


def _sent(number: int) -> dict[str, str]:
    return {"sid": f"SM{number:0>31x}a", "status": "queued"}


RECORDED = {
    ("whatsapp", "twilio"): Recorder(twilio_whatsapp, traffic, _sent),
    ("sms", "twilio"): Recorder(twilio_sms, traffic, _sent),
}
