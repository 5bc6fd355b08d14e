"""Files that customers send: fetched from Twilio only, kept encrypted, given out under a reveal."""

import base64
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client

from accounts.privacy.reveals import reveal
from channels_app.kit import media
from conversations import services
from conversations.messages import attachments
from conversations.messages.attachments import File
from conversations.messages.downloads import download
from conversations.models import Attachment
from core.errors import Conflict, NotFound, Refused
from core.models import AuditEntry
from integrations.media import FetchFailure, MediaFile, is_wanted
from integrations.twilio.media import fetch_media
from tests.channels_app.twilio.conftest import SID, TOKEN, Door
from tests.edge.phone_fixture import Phone

PNG = b"\x89PNG\r\n\x1a\n a picture of a receipt"
CONVERSATION = "conversations.conversation"


def arrive(phone: Phone, door: Door, *, kind: str = "image/png", content: bytes = PNG) -> Attachment:
    """Let a picture come in through the real door and phone."""
    from channels_app.webhooks import deliveries

    file = {"type": kind, "content": base64.b64encode(content).decode()}
    assert phone.write("my receipt", files=[file])["status"] == 200
    deliveries.dispatch_due_deliveries()
    with door.inside():
        found: Attachment = Attachment.objects.select_related("message").get()
        return found


def fetched(door: Door, attachment: Attachment) -> Attachment:
    with door.inside():
        media.fetch(attachment.pk)
        return Attachment.objects.select_related("message").get(pk=attachment.pk)


def grant(door: Door, conversation_id: UUID) -> None:
    facts = {"object_type": CONVERSATION, "object_id": conversation_id}
    reveal(actor=door.world.actor("owner"), fields=["messages"], reason="Checking a receipt", **facts)


@pytest.mark.slow
def test_picture_is_fetched_and_kept_encrypted(phone: Phone, open_door: Door) -> None:
    kept = fetched(open_door, arrive(phone, open_door))
    assert (kept.state, kept.size, kept.content_type, kept.next_attempt_at) == ("stored", len(PNG), "image/png", None)
    with open_door.inside(), connection.cursor() as cursor:
        cursor.execute("select content, source from conversations_attachment")
        ((content, source),) = cursor.fetchall()
    assert b"PNG" not in bytes(content)
    assert b"Media" not in bytes(source)


@pytest.mark.slow
def test_fetched_twice_is_once(phone: Phone, open_door: Door) -> None:
    attachment = fetched(open_door, arrive(phone, open_door))
    with open_door.inside():
        assert media.fetch(attachment.pk) == ""


@pytest.mark.slow
def test_new_file_is_due_and_a_fetched_one_is_not(phone: Phone, open_door: Door) -> None:
    attachment = arrive(phone, open_door)
    assert media.list_due() == [(open_door.world.acme.pk, attachment.pk)]
    fetched(open_door, attachment)
    assert media.list_due() == []


@pytest.mark.slow
def test_file_that_a_browser_would_run_is_refused_for_good(phone: Phone, open_door: Door) -> None:
    kept = fetched(open_door, arrive(phone, open_door, kind="text/html", content=b"<script>"))
    assert (kept.state, kept.error, kept.content) == ("failed", "type_refused", None)


@pytest.mark.slow
def test_failing_provider_is_asked_again_later(phone: Phone, open_door: Door) -> None:
    phone.script("GET /2010-04-01", "fail", times=1, status=500)
    kept = fetched(open_door, arrive(phone, open_door))
    assert (kept.state, kept.error, kept.attempts) == ("pending", "status_500", 1)
    with open_door.inside():
        Attachment.objects.update(next_attempt_at=kept.created_at)
    assert fetched(open_door, kept).state == "stored"


@pytest.mark.slow
def test_file_whose_worker_always_dies_is_given_up(phone: Phone, open_door: Door) -> None:
    attachment = arrive(phone, open_door)
    with open_door.inside():
        for _ in range(attachments.ATTEMPTS):
            assert services.claim_attachment(attachment_id=attachment.pk) is not None
            Attachment.objects.update(next_attempt_at=attachment.created_at)
    kept = fetched(open_door, attachment)
    assert (kept.state, kept.error, kept.next_attempt_at) == ("failed", "given_up", None)


def test_name_of_a_file_cannot_break_the_answer() -> None:
    answer = download(File("bill\r\nSet-Cookie: a=b\u202egpj.exe", "image/png", PNG))
    assert "Set-Cookie" not in answer
    assert answer["Content-Disposition"] == 'attachment; filename="bill Set-Cookie a=b gpj.png"'


@pytest.mark.slow
def test_wrong_credentials_and_absent_files_fail_for_good(phone: Phone, open_door: Door) -> None:
    source = arrive(phone, open_door).source
    assert fetch_media(source, account_sid=SID, auth_token="wrong") == FetchFailure("status_401", permanent=True)
    assert fetch_media(f"{source}0", account_sid=SID, auth_token=TOKEN) == FetchFailure("status_404", permanent=True)
    assert isinstance(fetch_media(source, account_sid=SID, auth_token=TOKEN), MediaFile)


@pytest.mark.parametrize(
    "url",
    [
        f"https://evil.example/2010-04-01/Accounts/{SID}/Messages/x/Media/y",
        f"http://api.twilio.com/2010-04-01/Accounts/{SID}/Messages/x/Media/y",
        f"https://api.twilio.com:8443/2010-04-01/Accounts/{SID}/Media/y",
        f"https://user@api.twilio.com/2010-04-01/Accounts/{SID}/Media/y",
        f"https://api.twilio.com/2010-04-01/Accounts/AC{'0' * 32}/Media/y",
        f"https://api.twilio.com/2010-04-01/Accounts/{SID}/../AC1/Media/y",
        f"https://api.twilio.com:99999/2010-04-01/Accounts/{SID}/Media/y",
        f"https://[bad/2010-04-01/Accounts/{SID}/Media/y",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "",
    ],
)
def test_credentials_go_nowhere_but_to_twilio(url: str) -> None:
    assert fetch_media(url, account_sid=SID, auth_token=TOKEN) == FetchFailure("strange_address", permanent=True)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("text/html", False), ("image/svg+xml", False), ("application/javascript", False), ("text/javascript", False),
        ("application/xhtml+xml", False), ("application/octet-stream", True), ("", True), ("application/pdf", True),
    ],
)  # fmt: skip
def test_types_that_a_browser_runs_are_not_wanted(kind: str, wanted: bool) -> None:
    assert is_wanted(kind) is wanted


@pytest.mark.slow
def test_file_needs_a_reveal_and_reading_it_is_written_down(phone: Phone, open_door: Door) -> None:
    kept = fetched(open_door, arrive(phone, open_door))
    conversation = kept.message.conversation_id
    asked: dict[str, Any] = {"conversation_id": conversation, "attachment_id": kept.pk}
    with open_door.inside():
        owner = open_door.world.actor("owner")
        with pytest.raises(Refused):
            attachments.read_attachment(actor=owner, **asked)
        grant(open_door, conversation)
        assert attachments.read_attachment(actor=owner, **asked).content == PNG
        assert AuditEntry.objects.filter(action="ATTACHMENT_VIEWED", object_id=conversation).count() == 1
        with pytest.raises(Refused):
            attachments.read_attachment(actor=open_door.world.actor("viewer"), **asked)
        with pytest.raises(NotFound):
            attachments.read_attachment(actor=owner, conversation_id=kept.pk, attachment_id=kept.pk)


@pytest.mark.slow
def test_file_that_is_not_here_yet_says_so(phone: Phone, open_door: Door) -> None:
    attachment = arrive(phone, open_door)
    conversation = attachment.message.conversation_id
    with open_door.inside():
        grant(open_door, conversation)
        with pytest.raises(Conflict):
            attachments.read_attachment(
                actor=open_door.world.actor("owner"), conversation_id=conversation, attachment_id=attachment.pk
            )


@pytest.mark.slow
def test_console_gives_a_revealed_file_out_as_a_download(phone: Phone, open_door: Door) -> None:
    kept = fetched(open_door, arrive(phone, open_door))
    page = f"/admin/conversations/conversation/{kept.message.conversation_id}/"
    client = Client()
    client.force_login(open_door.world.people["owner"], backend="accounts.backends.RoleBackend")
    assert client.get(f"{page}files/{kept.pk}/").status_code == 403
    with open_door.inside():
        grant(open_door, kept.message.conversation_id)
    assert f"files/{kept.pk}/" in client.get(page).content.decode()
    answer = client.get(f"{page}files/{kept.pk}/")
    assert (answer.content, answer["X-Content-Type-Options"]) == (PNG, "nosniff")
    assert answer["Content-Disposition"] == 'attachment; filename="file.png"'
