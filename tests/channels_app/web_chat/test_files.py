"""Files that a visitor sends over HTTP: what is taken, who gets them back, and what is refused in words."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts.privacy.reveals import reveal
from channels_app.web_chat.settings.limits import Bucket, key, sync_redis
from conversations.contacts.erasure import erase_contact
from conversations.messages.attachments import read_attachment
from conversations.models import Attachment, ChannelAccount, Conversation, Message
from core.errors import NotFound, Refused
from core.models import StreamEvent
from core.tenancy.models import tenant_scope
from tests import files
from tests.channels_app.conftest import SITE, Widgets, session_of
from tests.erasure.scene import finish, strong
from tests.world import World

URL = "/widget/v1/messages/"


def photo() -> bytes:
    """Return a picture with somebody's name and place in it."""
    exif, drawn = Image.Exif(), BytesIO()
    exif[0x010E] = "Anna Quill, Harbour Street 5"
    Image.new("RGB", (60, 40), "blue").save(drawn, "JPEG", exif=exif)
    return drawn.getvalue()


class Visitor:
    """A browser with a visitor's token."""

    def __init__(self, account: ChannelAccount) -> None:
        self.account = account
        self.token = session_of(account).token

    def send(self, *sent: tuple[str, bytes], id: UUID | None = None, origin: str = SITE, **form: Any) -> Any:
        given = [SimpleUploadedFile(name, content) for name, content in sent]
        headers = {"Origin": origin, "Authorization": f"Bearer {self.token}"}
        return Client().post(URL, {"id": str(id or uuid4()), "files": given, **form}, headers=headers)

    def fetch(self, file_id: str) -> Any:
        headers = {"Origin": SITE, "Authorization": f"Bearer {self.token}"}
        return Client().get(f"/widget/v1/files/{file_id}/", headers=headers)


def stored(tenant_id: UUID) -> tuple[int, int]:
    with tenant_scope(tenant_id):
        return Message.objects.count(), Attachment.objects.count()


@pytest.mark.slow
@pytest.mark.django_db
def test_picture_and_pdf_of_a_visitor_are_stored_once_and_only_they_get_them_back(
    world: World, widgets: Widgets
) -> None:
    ana, key = Visitor(widgets.acme), uuid4()
    picture = photo()
    sent = (("Anna's passport.jpg", picture), ("bill", files.PDF))
    first = ana.send(*sent, id=key, message="Here they are, ana@example.com")
    assert first.status_code == 200, first.content
    again = ana.send(*sent, id=key, message="Here they are, ana@example.com")
    assert (first.json(), stored(world.acme.pk)) == (again.json(), (1, 2))
    assert (first.json()["type"], first.json()["id"], first["Access-Control-Allow-Origin"]) == (
        "message_received",
        str(key),
        SITE,
    )
    image, pdf = first.json()["media"]
    assert (image["content_type"], pdf["content_type"]) == ("image/jpeg", "application/pdf")
    reused = ana.send(*sent, id=key, message="Another text")
    assert (reused.status_code, reused.json()["code"]) == (409, "id_reused")
    # A picture comes back redrawn: nothing of its sender's camera is in it.
    shown, saved = ana.fetch(image["id"]), ana.fetch(pdf["id"])
    assert (shown.status_code, shown["Content-Type"], saved.content) == (200, "image/jpeg", files.PDF)
    assert b"Harbour" in picture
    assert b"Harbour" not in shown.content
    assert saved["Content-Disposition"].startswith("attachment")
    others = {"another visitor": Visitor(widgets.acme), "another site": Visitor(widgets.second)}
    others |= {"another organisation": Visitor(widgets.globex)}
    for other in others.values():
        other.send(("a.png", files.png()))
    leaks = {name: other.fetch(image["id"]).status_code for name, other in others.items()}
    assert leaks == dict.fromkeys(others, 404)
    assert Client().get(f"/widget/v1/files/{image['id']}/").status_code == 401
    with tenant_scope(world.acme.pk):
        message = Message.objects.get(client_id=key)
        owner, place = world.actor("owner"), message.conversation_id
        assert "passport" not in str([*StreamEvent.objects.values_list("payload", flat=True)])
        with pytest.raises(Refused):
            read_attachment(actor=owner, conversation_id=place, attachment_id=image["id"])
        with pytest.raises(Refused):
            read_attachment(actor=world.actor("viewer"), conversation_id=place, attachment_id=image["id"])
        reveal(
            actor=owner,
            object_type="conversations.conversation",
            object_id=place,
            fields=["messages"],
            reason="Customer support case 7",
        )
        assert read_attachment(actor=owner, conversation_id=place, attachment_id=pdf["id"]).filename == "bill.pdf"
    with tenant_scope(world.globex.pk), pytest.raises(NotFound):
        read_attachment(actor=world.outsider("owner"), conversation_id=place, attachment_id=image["id"])


@pytest.mark.slow
@pytest.mark.django_db
def test_what_a_visitor_may_not_send_is_refused_in_words_and_nothing_of_it_stays(
    world: World, widgets: Widgets, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad: dict[str, tuple[tuple[tuple[str, bytes], ...], int, str, str]] = {
        "program": ((("holiday.png", files.EXE),), 400, "executable", "can run as a program"),
        "script": ((("drawing.png", files.SVG),), 400, "markup", "a browser would run"),
        "bomb": ((("big.png", files.png(60_000, 60_000)),), 400, "too_many_pixels", "too many pixels"),
        "archive": ((("x.pdf", files.zipped(a_txt=b"x")),), 400, "archive", "archive"),
        "hidden": ((("x.png", files.png(more=b"<script>alert(1)</script>")),), 400, "disguised", "hidden"),
        "nothing": ((("x.png", b""),), 400, "empty", "is empty"),
        "document": ((("x.docx", files.docx()),), 400, "kind_refused", "Word document"),
        "ten": (tuple((f"{n}.png", files.png()) for n in range(10)), 400, "too_many_files", "at most 5 files"),
        "large": ((("x.pdf", files.PDF + b" " * 10 * 1024 * 1024),), 400, "too_large", "at most 10 MB"),
        "huge": ((("x.pdf", files.PDF + b" " * 17 * 1024 * 1024),), 413, "too_large", "16 MB"),
        "none": ((), 400, "empty", "at least one file"),
    }  # fmt: skip
    ana, wrong = Visitor(widgets.acme), {}
    monkeypatch.setattr("channels_app.web_chat.files.MessageView.per_visitor", Bucket(size=len(bad), seconds=600))
    for name, (sent, status, code, words) in bad.items():
        answer = ana.send(*sent)
        if (answer.status_code, answer.json()["code"]) != (status, code) or words not in answer.json()["detail"]:
            wrong[name] = (answer.status_code, answer.json())
    assert wrong == {}
    limited = ana.send(("a.png", files.png()))
    assert (limited.status_code, limited.json()["code"], "Wait a minute" in limited.json()["detail"]) == (
        429,
        "too_many",
        True,
    )
    bea = Visitor(widgets.acme)
    elsewhere = bea.send(("a.png", files.png()), origin="https://evil.example")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "origin")
    assert bea.send(("a.png", files.png()), id="no id").status_code == 400  # type: ignore[arg-type]
    assert Client().post(URL, b"{}", content_type="application/json").status_code == 401
    bea.token += "x"
    assert bea.send(("a.png", files.png())).status_code == 401
    assert stored(world.acme.pk) == (0, 0)


@pytest.mark.django_db
def test_bytes_of_visitors_have_a_budget_by_the_day_that_fails_closed(
    world: World, widgets: Widgets, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    wrong, picture = {}, files.png()
    for number, name in enumerate(("VISITOR", "ADDRESS", "ACCOUNT"), 1):
        with monkeypatch.context() as smaller:
            smaller.setattr(
                f"channels_app.web_chat.files.BYTES_PER_{name}", Bucket(size=len(picture) + number, seconds=86_400)
            )
            ana, bea = Visitor(widgets.second), Visitor(widgets.second)
            first = ana.send(("a.png", picture))
            second = (ana if name == "VISITOR" else bea).send(("a.png", picture))
            if (first.status_code, second.status_code, second.json()["code"]) != (200, 429, "too_many"):
                wrong[name] = (first.status_code, second.json())
        for kept in sync_redis().scan_iter(key("*bytes*")):
            sync_redis().delete(kept)
    assert wrong == {}
    before = stored(world.acme.pk)
    settings.CACHE_URL = "redis://127.0.0.1:1/0"
    assert Visitor(widgets.second).send(("a.png", picture)).status_code == 429
    assert stored(world.acme.pk) == before


@pytest.mark.slow
@pytest.mark.django_db
def test_erasure_of_a_visitor_takes_their_files(world: World, widgets: Widgets) -> None:
    ana = Visitor(widgets.acme)
    file_id = ana.send(("a.png", files.png()), message="Mine").json()["media"][0]["id"]
    assert ana.fetch(file_id).status_code == 200
    with tenant_scope(world.acme.pk):
        talk = Conversation.objects.get()
        officer = strong(world.actor("compliance"))
        finish(erase_contact(actor=officer, contact_id=talk.contact_id, reason="asked_for").pk, limit=300)
        kept = Attachment.objects.get()
        assert (kept.state, kept.content, kept.filename, kept.digest) == ("failed", None, "", "")
    assert ana.fetch(file_id).status_code in (404, 409)
