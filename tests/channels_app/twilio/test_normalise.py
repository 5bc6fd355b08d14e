"""Every kind of Twilio message as one of ours."""

from uuid import UUID

import pytest

from channels_app.twilio.normalise import message_of, report_of, sender_of
from conversations.types import InboundMessage
from tests.channels_app.twilio.conftest import fields

ACCOUNT = UUID(int=1)
PHOTO = {"NumMedia": "1", "MediaUrl0": "https://api.twilio.com/x", "MediaContentType0": "image/jpeg"}
PLACE = {"Latitude": "52.5", "Longitude": "13.4", "MessageType": "location"}
BUTTON = {"MessageType": "button", "ButtonText": "Approve", "ButtonPayload": "approve:BR-1"}
LIST = {"MessageType": "interactive", "ListId": "7", "ListTitle": "Boots"}


def read(text: str = "", **more: str) -> InboundMessage:
    given = fields(text, **more)
    return message_of(given, account_id=ACCOUNT, sender=sender_of(given).identities[0])


@pytest.mark.parametrize(
    ("text", "more", "content_type", "expected"),
    [
        ("Hello", {}, "text", "Hello"),
        ("", PHOTO, "image", ""),
        ("Look", PHOTO, "image", "Look"),
        ("", {**PHOTO, "MediaContentType0": "audio/ogg"}, "audio", ""),
        ("", {**PHOTO, "MediaContentType0": "video/mp4"}, "video", ""),
        ("", {**PHOTO, "MediaContentType0": "application/pdf"}, "document", ""),
        ("", PLACE, "location", "52.5, 13.4"),
        ("", {**PLACE, "Label": "Shop", "Address": "Lindenallee 4"}, "location", "Shop, Lindenallee 4 (52.5, 13.4)"),
        ("", BUTTON, "interactive", "Approve"),
        ("Approve", BUTTON, "interactive", "Approve"),
        ("", LIST, "interactive", "Boots"),
        ("", {"MessageType": "reaction"}, "text", "[reaction message]"),
        ("", {"MessageType": "contacts"}, "text", "[contacts message]"),
        ("  ", {"MessageType": ""}, "text", "[empty message]"),
    ],
)
def test_kind_of_message_is_read(text: str, more: dict[str, str], content_type: str, expected: str) -> None:
    found = read(text, **more)
    assert (found.content_type, found.text) == (content_type, expected)


def test_media_keep_their_source_and_type() -> None:
    assert [(item.source, item.content_type) for item in read(**PHOTO).media] == [
        ("https://api.twilio.com/x", "image/jpeg")
    ]


@pytest.mark.parametrize("count", ["", "-1", "1e9", "99999", "٣", "2"])
def test_number_of_media_is_not_trusted(count: str) -> None:
    assert len(read("x", **{**PHOTO, "NumMedia": count}).media) <= 1


def test_button_keeps_what_its_author_set() -> None:
    assert read(**BUTTON).metadata["button"] == {"text": "Approve", "payload": "approve:BR-1"}


def test_quoted_message_is_named() -> None:
    assert read("yes", OriginalRepliedMessageSid="SM9").metadata["reply_to"] == "SM9"


def test_parameters_nobody_knows_are_kept() -> None:
    assert read("x", BrandNew="thing").metadata["twilio"]["BrandNew"] == "thing"


def test_flood_of_parameters_is_cut() -> None:
    more = {f"New{number}": "x" * 900 for number in range(50)}
    assert len(str(read("x", **more).metadata)) < 10_000


@pytest.mark.parametrize(
    ("sender", "external", "kinds"),
    [
        ("whatsapp:+34600123456", "", ["phone"]),
        ("whatsapp:+34600123456", "whatsapp:ID.1234567890123456", ["phone", "bsuid"]),
        ("whatsapp:DE.a1B2", "whatsapp:DE.a1B2", ["bsuid"]),
        ("", "whatsapp:DE.a1B2", ["bsuid"]),
        ("+34600123456", "", ["phone"]),
        ("", "", []),
    ],
)
def test_sender_is_read_with_and_without_a_number(sender: str, external: str, kinds: list[str]) -> None:
    found = sender_of({"From": sender, "ExternalUserId": external}).identities
    assert [one.kind for one in found] == kinds


@pytest.mark.parametrize(
    ("word", "status"),
    [("queued", ""), ("sent", "sent"), ("delivered", "delivered"), ("read", "read"), ("undelivered", "failed"),
     ("failed", "failed"), ("canceled", "failed"), ("brand_new", "")],
)  # fmt: skip
def test_words_of_reports_are_read(word: str, status: str) -> None:
    assert report_of({"MessageStatus": word, "MessageSid": "SM1", "ErrorCode": "63016"}).status == status
