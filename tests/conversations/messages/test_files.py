"""Files both ways: sent by staff, kept sealed in the database or outside, read, forgotten and erased."""

import time
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from PIL import Image

from accounts.privacy.reveals import reveal
from conversations import selectors, services
from conversations.messages import attachments, file_contents
from conversations.messages.attachments import read_attachment, read_outgoing_file
from conversations.messages.file_contents import list_removals_due, remove_file
from conversations.messages.files.rules import Upload
from conversations.models import Attachment, ContactPoint, Conversation, FileRemoval, Message
from conversations.services import Draft, Sender
from conversations.types import InboundMedia
from core.actors import Actor
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from core.files import pictures
from core.models import AuditEntry
from core.privacy.key_rotation import rotate_tenant
from core.privacy.retention.services import apply_rule
from core.tenancy.scope import tenant_scope
from tests import files
from tests.conversations.conftest import Shop, make_shop
from tests.edge.object_store import KEY, Store, open_store
from tests.world import World

OBJECT = "conversations.conversation"
PICTURE = Upload("receipt.png", files.png())


@pytest.fixture
def store(settings: Any) -> Iterator[Store]:
    """An object store outside, set up for files."""
    with open_store() as kept:
        settings.FILE_STORE, settings.FILE_STORE_KEY = f"{kept.url}/files", ":".join(KEY)
        yield kept


@pytest.fixture
def chat(shop: Shop) -> Conversation:
    """A conversation by web chat."""
    return shop.conversation()


def send(support: Actor, chat: Conversation, *uploads: Upload, text: str = "") -> Message:
    return services.reply(
        actor=support,
        conversation_id=chat.pk,
        draft=Draft(text=text, files=uploads or (PICTURE,), sender=Sender(type="person")),
    )


def open_reveal(actor: Actor, chat: Conversation) -> None:
    reveal(actor=actor, object_type=OBJECT, object_id=chat.pk, fields=["messages"], reason="Checking a receipt")


def test_reply_with_files_needs_no_text_and_shows_the_customer_their_names(chat: Conversation, support: Actor) -> None:
    message = send(support, chat, PICTURE, Upload("C:\\prices.pdf", files.PDF))
    assert (message.content_type, message.status) == ("document", "sent")
    shown = selectors.snapshot_for_customer(chat.pk)["messages"][-1]["media"]
    assert [(each["name"], each["content_type"], each["size"]) for each in shown] == [
        ("receipt.png", "image/png", len(PICTURE.content)),
        ("prices.pdf", "application/pdf", len(files.PDF)),
    ]
    frame = selectors.frames_for_customer(chat.pk, message.seq - 1)[0]
    assert frame["media"] == shown
    assert "receipt" not in str(message.media)
    with connection.cursor() as cursor:
        cursor.execute("select content, filename from conversations_attachment")
        assert not any(b"PNG" in bytes(content) or b"receipt" in bytes(name) for content, name in cursor.fetchall())


@pytest.mark.parametrize(
    ("uploads", "text"),
    [((), ""), ((Upload("a.png", files.EXE),), "look"), ((Upload("a.png", b""),), ""), ((PICTURE,), "x" * 4097)],
)
def test_refused_reply_leaves_nothing(
    chat: Conversation, support: Actor, uploads: tuple[Upload, ...], text: str
) -> None:
    with pytest.raises(Invalid):
        services.reply(
            actor=support, conversation_id=chat.pk, draft=Draft(text=text, files=uploads, sender=Sender(type="person"))
        )
    assert not Attachment.objects.exists()
    assert not Message.objects.filter(direction="out").exists()


@pytest.mark.slow
def test_files_need_the_right_to_reply_and_an_open_conversation(
    chat: Conversation, viewer: Actor, support: Actor, store: Store
) -> None:
    with pytest.raises(Refused):
        send(viewer, chat)
    services.close(actor=support, conversation_id=chat.pk, resolved=True)
    with pytest.raises(Conflict):
        send(support, chat)
    assert store.objects == {}


def test_channel_without_files_refuses_before_anything_is_sent(shop: Shop, support: Actor) -> None:
    asked = shop.call()
    shop.line.kind, shop.line.provider = "sms", "twilio"
    shop.line.save()
    conversation = Conversation.objects.get(pk=asked.conversation_id)
    with pytest.raises(Invalid, match="MMS"):
        send(support, conversation)
    shop.line.credentials = {"mms": True}
    shop.line.save()
    assert send(support, conversation).status == "queued"


@pytest.mark.slow
def test_file_is_read_under_a_reveal_and_each_reading_is_written_down(chat: Conversation, world: World) -> None:
    owner = world.actor("owner")
    send(owner, chat)
    asked: dict[str, Any] = {"conversation_id": chat.pk, "attachment_id": Attachment.objects.get().pk}
    with pytest.raises(Refused):
        read_attachment(actor=owner, **asked, as_preview=True)
    open_reveal(owner, chat)
    assert read_attachment(actor=owner, **asked).content == PICTURE.content
    # A page that refreshes itself shows the picture again: that is one look.
    for _ in range(3):
        shown = read_attachment(actor=owner, **asked, as_preview=True)
        assert shown.content != PICTURE.content  # drawn anew
    entries = AuditEntry.objects.filter(action="ATTACHMENT_VIEWED", object_id=chat.pk).order_by("seq")
    assert [entry.facts.get("preview", False) for entry in entries] == [False, True]


def test_file_of_another_conversation_message_or_tenant_is_not_there(shop: Shop, world: World, support: Actor) -> None:
    owner, mine = world.actor("owner"), Conversation.objects.get(pk=shop.write().conversation_id)
    other = Conversation.objects.get(pk=shop.call().conversation_id)
    sent, theirs = send(support, mine), Message.objects.get(conversation=other)
    file = Attachment.objects.get()
    open_reveal(owner, other)
    with pytest.raises(NotFound):
        read_attachment(actor=owner, conversation_id=other.pk, attachment_id=file.pk)
    with pytest.raises(NotFound):
        read_outgoing_file(message_id=theirs.pk, attachment_id=file.pk)
    with pytest.raises(NotFound):
        attachments.read_own_file(conversation_id=other.pk, attachment_id=file.pk)
    with tenant_scope(world.globex.pk), pytest.raises(NotFound):
        read_outgoing_file(message_id=sent.pk, attachment_id=file.pk)


@pytest.mark.slow
def test_store_outside_gets_sealed_bytes_and_loses_them_with_the_contact(
    chat: Conversation, support: Actor, store: Store, world: World
) -> None:
    message = send(support, chat)
    file = Attachment.objects.get()
    ((path, sealed),) = store.objects.items()
    assert path == f"/files/{world.acme.pk}/{file.pk}"
    assert b"PNG" not in sealed
    assert (file.content, file.store, FileRemoval.objects.count()) == (None, "bucket", 0)
    rotate_tenant(world.acme.pk)
    asked = {"message_id": message.pk, "attachment_id": file.pk}
    assert read_outgoing_file(**asked).content == PICTURE.content
    store.objects[path] = sealed[:-1] + bytes([sealed[-1] ^ 1])
    with pytest.raises(Unavailable):
        read_outgoing_file(**asked)
    file_contents.plan_removal([file])
    Attachment.objects.filter(pk=file.pk).update(**file_contents.EMPTY, state="failed", error="erased")
    store.status = 503
    ((_, removal),) = list_removals_due()
    assert not remove_file(removal_id=removal)
    assert list_removals_due() == []  # not again at once
    store.status = 0
    ((_, removal),) = list_removals_due(now=now() + timedelta(hours=1))
    assert remove_file(removal_id=removal, now=now() + timedelta(hours=1))
    assert (store.objects, FileRemoval.objects.count()) == ({}, 0)


@pytest.mark.slow
def test_file_whose_message_never_came_to_be_is_removed_and_a_used_one_is_not(
    chat: Conversation, support: Actor, store: Store
) -> None:
    send(support, chat)
    lost = Attachment()
    file_contents.write_content(lost, files.PDF)  # and the process dies here
    assert len(store.objects) == 2
    FileRemoval.objects.create(file_id=Attachment.objects.get().pk, store="bucket", due_at=now())
    later = now() + timedelta(hours=2)
    for _, removal in list_removals_due(now=later):
        remove_file(removal_id=removal, now=later)
    assert [path.rpartition("/")[2] for path in store.objects] == [str(Attachment.objects.get().pk)]
    assert not FileRemoval.objects.exists()


@pytest.mark.slow
def test_store_that_does_not_answer_refuses_the_reply_in_words(
    chat: Conversation, support: Actor, store: Store
) -> None:
    store.status = 500
    with pytest.raises(Unavailable, match="Try again"):
        send(support, chat)
    assert not Message.objects.filter(direction="out").exists()


def test_files_are_forgotten_after_their_days_only_if_days_are_set(
    chat: Conversation, support: Actor, settings: Any
) -> None:
    send(support, chat)
    Attachment.objects.update(created_at=now() - timedelta(days=31))
    assert apply_rule("files") == 0
    settings.FILE_DAYS = 30
    assert (apply_rule("files"), apply_rule("files")) == (1, 0)
    file = Attachment.objects.get()
    assert (file.content, file.filename, file.state, file.error, file.content_type) == (
        None, "", "failed", "expired", "image/png",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "said", "state", "kind", "error"),
    [
        (files.png(4, 3), "text/html", "stored", "image/png", ""),
        (files.EXE, "image/png", "failed", "image/png", "executable"),
        (files.SVG, "image/png", "failed", "image/png", "markup"),
        (files.png(more=b"<script>"), "image/png", "failed", "image/png", "disguised"),
        (b"", "image/png", "failed", "image/png", "empty"),
        (b"\x00\x01\x02\x03", "audio/x-new", "stored", "application/octet-stream", ""),
        (b"\x00\x01\x02\x03", "application/pdf", "stored", "application/octet-stream", ""),
        (b"\x00\x01\x02\x03", "application/octet-stream", "failed", "image/png", "unknown"),
        (b"\x00\x01\x02\x03", "", "failed", "image/png", "unknown"),
        (files.PDF, "application/octet-stream", "stored", "application/pdf", ""),
    ],
)
def test_file_of_a_customer_is_what_its_bytes_say(
    shop: Shop, content: bytes, said: str, state: str, kind: str, error: str
) -> None:
    from conversations.types import InboundMedia

    shop.write("", content_type="image", media=(InboundMedia("image/png", "somewhere"),))
    file = services.claim_attachment(attachment_id=Attachment.objects.get().pk)
    assert file is not None
    services.keep_attachment(attachment=file, content=content, content_type=said)
    kept = Attachment.objects.get()
    assert (kept.state, kept.content_type, kept.error) == (state, kind, error)
    assert attachments.can_be_previewed(kept) is (kind == "image/png" and state == "stored")


def sign_in(world: World, who: str) -> Client:
    client = Client()
    client.force_login(world.people[who], backend="accounts.backends.RoleBackend")
    return client


@pytest.mark.slow
def test_console_sends_files_shows_them_masked_and_previews_them_revealed(chat: Conversation, world: World) -> None:
    client, page = sign_in(world, "owner"), f"/admin/conversations/conversation/{chat.pk}/"
    body = client.get(page).content.decode()
    assert 'enctype="multipart/form-data"' in body
    assert "data-attach" in body
    given = [SimpleUploadedFile("receipt.png", PICTURE.content), SimpleUploadedFile("list.txt", b"a b c")]
    assert client.post(f"{page}reply/", {"text": "Here", "files": given}).status_code == 302
    picture, text = Attachment.objects.order_by("content_type")
    body = client.get(page).content.decode()
    assert "PNG picture" in body
    assert "hidden while personal data is masked" in body
    assert "receipt.png" not in body
    assert client.get(f"{page}files/{picture.pk}/preview/").status_code == 403
    open_reveal(world.actor("owner"), chat)
    body = client.get(page).content.decode()
    assert f'src="{page}files/{picture.pk}/preview/"' in body
    assert "receipt.png" in body
    answer = client.get(f"{page}files/{picture.pk}/preview/")
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert client.get(f"{page}files/{text.pk}/preview/").status_code == 404
    assert "attachment" in client.get(f"{page}files/{text.pk}/")["Content-Disposition"]


@pytest.mark.slow
def test_preview_is_drawn_anew_and_holds_no_byte_that_was_sent(shop: Shop, world: World) -> None:
    """A GIF that is a script as well, a picture with words behind it, and ones whose heads say what isn't so."""
    drawing = BytesIO()
    Image.new("RGB", (40, 30), "red").save(drawing, "PNG")
    script = BytesIO()
    Image.new("P", (0x2A2F & 0x7FF, 20)).save(script, "GIF")
    gif = b"GIF89a/*" + script.getvalue()[8:] + b"*/=1;alert(document.domain)//"
    photo = BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "Anna Quill, Harbour Street 5"
    exif[0x0112] = 6  # lies on its side
    Image.new("RGB", (4000, 1000), "blue").save(photo, "JPEG", exif=exif)
    sent = {
        "script.gif": (gif, "image/gif", (1600, None)),
        "words.png": (drawing.getvalue() + b"onload=alert(1)", "image/png", (40, 30)),
        "photo.jpg": (photo.getvalue(), "image/jpeg", (400, 1600)),
        "odd head.png": (files.png(7, 7)[:40] + b"\0" * 60, "image/png", None),
        "huge.png": (files.png(40_000, 1_200), "image/png", None),
    }
    client, chat = sign_in(world, "owner"), shop.write().conversation
    page = f"/admin/conversations/conversation/{chat.pk}/"
    open_reveal(world.actor("owner"), chat)
    wrong = {}
    for name, (content, kind, size) in sent.items():
        media = (InboundMedia(kind, "somewhere", filename=name),)
        message = shop.write("", content_type="image", media=media)
        file = services.claim_attachment(attachment_id=Attachment.objects.get(message=message).pk)
        assert file is not None
        services.keep_attachment(attachment=file, content=content, content_type=kind)
        answer = client.get(f"{page}files/{file.pk}/preview/")
        if answer.status_code != (200 if size else 404):
            wrong[name] = (answer.status_code, Attachment.objects.get(pk=file.pk).error)
        elif size:
            shown = Image.open(BytesIO(answer.content), formats=("PNG", "JPEG"))
            is_right = shown.size[0] == size[0] and size[1] in (None, shown.size[1]) and not shown.getexif()
            if not is_right or b"alert" in answer.content:
                wrong[name] = (shown.size, answer["Content-Type"])
        assert client.get(f"{page}files/{file.pk}/").content == content  # saved as it was sent
    assert wrong == {}


@pytest.mark.slow
def test_preview_is_kept_encrypted_and_waits_neither_long_nor_with_a_connection(
    committed_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenant_scope(committed_world.acme.pk):
        chat, owner = make_shop(committed_world).conversation(), committed_world.actor("owner")
        send(committed_world.actor("support"), chat, PICTURE, Upload("second.png", files.png()))
        open_reveal(owner, chat)
        first, second = Attachment.objects.order_by("filename", "pk")
        asked: dict[str, Any] = {"actor": owner, "conversation_id": chat.pk, "as_preview": True}
        shown = read_attachment(**asked, attachment_id=first.pk)
        kept = cache.get(f"{first.tenant_id}:preview:{first.pk}")
        assert shown.content
        assert shown.content[:8] not in kept
        with pictures.STAFF, pictures.STAFF:  # two others are being drawn
            assert read_attachment(**asked, attachment_id=first.pk) == shown
            assert Attachment.objects.exists()  # connected again
            began = time.monotonic()
            with pytest.raises(Unavailable, match="Too many previews"):
                read_attachment(**asked, attachment_id=second.pk)
            assert time.monotonic() - began < 5
            assert connection.connection is None
            # A visitor's has a place of its own.
            assert pictures.draw_preview(files.png(), "image/png", places=pictures.VISITORS)
        endless = tmp_path / "drawing.py"
        endless.write_text("while True: print('x' * 100_000)")
        monkeypatch.setattr(pictures, "DRAWING", endless)
        began = time.monotonic()
        with pytest.raises(NotFound):
            read_attachment(**asked, attachment_id=second.pk)
        assert time.monotonic() - began < pictures.SECONDS - 5, "ended when it said more than a preview may have"
        with pictures.STAFF, pictures.STAFF, pytest.raises(NotFound):  # not tried again for some minutes
            read_attachment(**asked, attachment_id=second.pk)


def test_console_says_why_a_file_is_not_sent_and_needs_text_or_a_file(chat: Conversation, world: World) -> None:
    client, page = sign_in(world, "owner"), f"/admin/conversations/conversation/{chat.pk}/reply/"
    answer = client.post(page, {"text": "Here", "files": [SimpleUploadedFile("a.png", files.EXE)]})
    assert (answer.status_code, b"can run as a program" in answer.content) == (400, True)
    answer = client.post(page, {"text": " "})
    assert (answer.status_code, b"Enter a message" in answer.content) == (400, True)
    assert not Message.objects.filter(direction="out").exists()


@pytest.mark.slow
def test_api_sends_files_once_and_refuses_what_it_should(committed_world: World, settings: Any, store: Store) -> None:
    with tenant_scope(committed_world.acme.pk):
        chat = Conversation.objects.get(pk=make_shop(committed_world).write().conversation_id)
    client, path = sign_in(committed_world, "support"), f"/api/v1/conversations/{chat.pk}/attachments/"

    def post(**form: Any) -> Any:
        return client.post(path, form)

    def receipt() -> SimpleUploadedFile:
        return SimpleUploadedFile("receipt.png", PICTURE.content)

    first = client.post(path, {"files": receipt(), "text": "Here"}, headers={"idempotency-key": "one"})
    assert (first.status_code, first.json()["media"][0]["content_type"]) == (201, "image/png")
    assert client.post(path, {"text": "Here"}).status_code == 400
    assert post(files=SimpleUploadedFile("a.png", files.SVG)).json()["code"] == "markup"
    assert post(files=[receipt()] * 11).status_code == 400
    assert post(files=SimpleUploadedFile("a.txt", b"x" * (18 * 1024 * 1024))).status_code == 413
    assert client.post(path, {"files": "no file"}).status_code == 400
    assert client.post(path, b"{}", content_type="application/json").status_code == 415
    assert sign_in(committed_world, "viewer").post(path, {"files": receipt()}).status_code == 403
    stranger = Client()
    stranger.force_login(committed_world.outsiders["owner"], backend="accounts.backends.RoleBackend")
    assert stranger.post(path, {"files": receipt()}).status_code == 404
    with tenant_scope(committed_world.acme.pk):
        assert (Attachment.objects.count(), len(store.objects)) == (1, 1)
        assert ContactPoint.objects.exists()
