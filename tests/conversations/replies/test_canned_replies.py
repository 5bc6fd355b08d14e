"""Canned replies: who may write and use them, and what their variables become."""

from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from conversations import services
from conversations.contacts import known_people
from conversations.inbox.teams import teams
from conversations.inbox.teams.teams import Seat, TeamSettings
from conversations.messages import file_contents
from conversations.messages.files.rules import Upload
from conversations.models import Attachment, CannedFile, CannedReply, Contact, Conversation, FileRemoval, Message
from conversations.replies import canned_replies
from conversations.replies.canned_replies import CannedText
from conversations.services import Draft, Sender
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests import files
from tests.api.office import V1, Office
from tests.conversations.conftest import Shop
from tests.conversations.messages.test_files import store
from tests.edge.object_store import Store

__all__ = ["store"]  # a fixture

pytestmark = pytest.mark.django_db
HELLO = "Hello {{ first_name }}, this is {{my_name}} of {{ team }}. Your code is {{ code }}."


def canned(shop: Shop, role: str = "admin", text: str = "Thanks.", **fields: object) -> CannedReply:
    """Let somebody write a canned reply."""
    wanted = CannedText(**{"shortcut": "hi", "title": "Hi", "text": text, **fields})  # type: ignore[arg-type]
    return canned_replies.create_canned_reply(actor=shop.world.actor(role), wanted=wanted)


def usable(shop: Shop, role: str) -> list[str]:
    """The titles that somebody may use."""
    return [row.title for row in canned_replies.usable_replies(actor=shop.world.actor(role))]


def test_each_sees_everybodys_their_teams_and_their_own(shop: Shop) -> None:
    people, admin = shop.world.people, shop.world.actor("admin")
    seats = [Seat(people["support"].pk, is_lead=True), Seat(people["owner"].pk)]
    team = teams.create_team(actor=admin, settings=TeamSettings(name="Care"), seats=seats)
    canned(shop, title="All")
    canned(shop, "support", title="Team", team_id=team.pk)
    mine = canned(shop, "support", title="Mine", is_personal=True)
    assert (usable(shop, "support"), usable(shop, "owner"), usable(shop, "admin")) == (
        ["All", "Team", "Mine"],
        ["All", "Team"],
        ["All"],
    )
    for role, fields in (("support", {}), ("viewer", {"is_personal": True})):
        with pytest.raises(Refused):
            canned(shop, role, shortcut="x", **fields)
    other = teams.create_team(actor=admin, settings=TeamSettings(name="Other"))
    with pytest.raises(Refused):
        canned(shop, "support", team_id=other.pk)
    with pytest.raises(NotFound):
        canned_replies.delete_canned_reply(actor=admin, reply_id=mine.pk, seen_version=1)
    with pytest.raises(Conflict):
        canned(shop, "support", is_personal=True)
    support = shop.world.actor("support")
    wanted = CannedText("hi", "Mine", "Changed.", is_personal=True)
    canned_replies.revise_canned_reply(actor=support, reply_id=mine.pk, wanted=wanted, seen_version=1)
    with pytest.raises(Conflict):
        canned_replies.revise_canned_reply(actor=support, reply_id=mine.pk, wanted=wanted, seen_version=1)
    canned_replies.delete_canned_reply(actor=support, reply_id=mine.pk, seen_version=2)
    written = AuditEntry.objects.filter(object_id=mine.pk).order_by("id").values_list("action", "facts")
    assert [*written] == [(f"CANNED_REPLY_{what}", {"scope": "personal"}) for what in ("CREATED", "REVISED", "DELETED")]
    with tenant_scope(shop.world.globex.pk):
        assert not CannedReply.objects.exists()


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("shortcut", {"shortcut": "two words"}),
        ("shortcut", {"shortcut": "/"}),
        ("title", {"title": "   "}),
        ("text", {"text": "  "}),
        ("text", {"text": "Hello {{ iban }}"}),
        ("text", {"text": "x" * 100_000}),
        ("language", {"language": "klingon!"}),
        ("translations", {"translations": {"en": "Twice"}}),
        ("translations", {"translations": {"german": "Hallo"}}),
        ("translations", {"translations": {"de": " "}}),
        ("translations", {"translations": {"de": "Hallo {{ iban }}"}}),
        ("translations", {"translations": {f"a{one}": "x" for one in "abcdefghijklmnopqrstu"}}),
    ],
)
def test_what_cannot_be_saved_says_why(shop: Shop, field: str, fields: dict[str, object]) -> None:
    with pytest.raises(Invalid) as problem:
        canned(shop, **fields)
    assert list(problem.value.facts["fields"]) == [field]


def test_variables_are_filled_when_it_is_sent_and_masked_before(shop: Shop) -> None:
    talk, support = shop.conversation(), shop.world.actor("support")
    known_people.revise_contact(actor=support, contact_id=talk.contact_id, name="Quentin Abernathy")
    with CaptureQueriesContext(connection) as queries:
        same = canned_replies.fill_variables(actor=support, conversation_id=talk.pk, text="Nothing {{ to }} fill")
    assert (same, len(queries)) == ("Nothing {{ to }} fill", 0)
    preview = canned_replies.fill_variables(actor=support, conversation_id=talk.pk, text=HELLO, masked=True)
    assert preview == "Hello Q•••, this is Support of. Your code is {{ code }}."
    sent = canned_replies.fill_variables(actor=support, conversation_id=talk.pk, text=HELLO)
    assert sent == "Hello Quentin, this is Support of. Your code is {{ code }}."
    assert (
        canned_replies.fill_variables(
            actor=support, conversation_id=shop.call().conversation_id, text="Hello {{ first_name }}, thanks"
        )
        == "Hello, thanks"
    )
    with tenant_scope(shop.world.globex.pk), pytest.raises(NotFound):
        canned_replies.fill_variables(actor=support, conversation_id=talk.pk, text=HELLO)
    services.reply(actor=support, conversation_id=talk.pk, draft=Draft(text=sent, sender=Sender(type="person")))
    assert "Quentin" in str(Message.objects.latest("id").body)


def test_the_text_in_the_customers_language_is_chosen_and_the_preview_says_which(shop: Shop) -> None:
    talk, support = shop.conversation(), shop.world.actor("support")
    reply = canned(shop, text="Hello {{ first_name }}", translations={"de": "Hallo {{ first_name }}", "pt_BR": "Olá"})
    known_people.revise_contact(actor=support, contact_id=talk.contact_id, name="Quentin Abernathy")

    def chosen(written: str, known: str = "") -> tuple[str, str, bool]:
        Conversation.objects.filter(pk=talk.pk).update(language=written)
        Contact.objects.filter(pk=talk.contact_id).update(language=known)
        found = canned_replies.preview_canned_reply(actor=support, reply=reply, conversation_id=talk.pk)
        return found.text, found.language, found.is_fallback

    assert chosen("de") == ("Hallo Q•••", "de", False)
    assert chosen("", "de_AT") == ("Hallo Q•••", "de", False)
    assert chosen("pt") == ("Olá", "pt_BR", False)
    assert chosen("de", "pt_BR") == ("Hallo Q•••", "de", False)  # how they write counts first
    assert chosen("fr") == ("Hello Q•••", "en", True)
    assert chosen("en") == ("Hello Q•••", "en", False)
    assert chosen("") == ("Hello Q•••", "en", False)
    with tenant_scope(shop.world.globex.pk), pytest.raises(NotFound):
        canned_replies.preview_canned_reply(actor=support, reply=reply, conversation_id=talk.pk)


def test_files_are_sealed_limited_and_go_with_their_reply(shop: Shop) -> None:
    admin, support = shop.world.actor("admin"), shop.world.actor("support")
    label = Upload("label.pdf", files.PDF)
    wanted = CannedText("label", "Label", "Here is your label.")
    reply = canned_replies.create_canned_reply(actor=admin, wanted=wanted, files=[label])
    kept = CannedFile.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("select filename, content from conversations_cannedfile")
        assert not any("label" in str(value) or "JVBER" in str(value) for value in cursor.fetchone())
    for name, content in (("bill.pdf", files.EXE), ("page.pdf", files.SVG), ("empty.pdf", b"")):
        with pytest.raises(Invalid) as problem:
            canned_replies.add_canned_files(actor=admin, reply_id=reply.pk, files=[Upload(name, content)])
        assert list(problem.value.facts["fields"]) == ["files"]
    for many in ([label] * 10, [label] * 11):
        with pytest.raises(Invalid):
            canned_replies.add_canned_files(actor=admin, reply_id=reply.pk, files=many)
    with pytest.raises(Refused):
        canned_replies.add_canned_files(actor=support, reply_id=reply.pk, files=[label])
    assert (CannedFile.objects.count(), CannedReply.objects.get().version) == (1, 1)
    with tenant_scope(shop.world.globex.pk), pytest.raises(NotFound):
        canned_replies.read_canned_file(actor=shop.world.outsider(), reply_id=reply.pk, file_id=kept.pk)
    found = canned_replies.read_canned_file(actor=support, reply_id=reply.pk, file_id=kept.pk)
    assert (found.filename, found.content) == ("label.pdf", files.PDF)
    [upload] = canned_replies.canned_uploads(actor=support, file_ids=[kept.pk, kept.pk])
    talk = shop.conversation()
    services.reply(
        actor=support, conversation_id=talk.pk, draft=Draft(text="Here", files=[upload], sender=Sender(type="person"))
    )
    assert Attachment.objects.get().filename == "label.pdf"
    canned_replies.remove_canned_file(actor=admin, reply_id=reply.pk, file_id=kept.pk)
    with pytest.raises(Invalid):
        canned_replies.canned_uploads(actor=support, file_ids=[kept.pk])
    assert (Attachment.objects.count(), CannedReply.objects.get().version) == (1, 2)


@pytest.mark.slow
def test_files_of_a_deleted_reply_or_team_leave_their_store(shop: Shop, store: Store) -> None:
    admin = shop.world.actor("admin")
    team = teams.create_team(actor=admin, settings=TeamSettings(name="Care"))
    for shortcut, team_id in (("one", team.pk), ("two", None)):
        wanted = CannedText(shortcut, "Label", "Here.", team_id)
        reply = canned_replies.create_canned_reply(actor=admin, wanted=wanted, files=[Upload("a.pdf", files.PDF)])
    [file_id] = CannedFile.objects.filter(reply=reply).values_list("pk", flat=True)
    assert canned_replies.read_canned_file(actor=admin, reply_id=reply.pk, file_id=file_id).content == files.PDF
    assert (len(store.objects), FileRemoval.objects.count()) == (2, 0)
    teams.delete_team(actor=admin, team_id=team.pk)
    canned_replies.delete_canned_reply(actor=admin, reply_id=CannedReply.objects.get().pk)
    for removal in FileRemoval.objects.all():
        file_contents.remove_file(removal_id=removal.pk)
    assert (len(store.objects), CannedFile.objects.count(), FileRemoval.objects.count()) == (0, 0, 0)


@pytest.mark.slow
def test_pages_and_api_write_languages_and_files_and_send_them(shop: Shop) -> None:
    client = Client()
    client.force_login(shop.world.people["admin"], backend="accounts.backends.RoleBackend")
    home = "/admin/conversations/cannedreply/"
    form = {"shortcut": "label", "title": "Label", "scope": "all", "text": "Your label", "language": "en"}
    label = SimpleUploadedFile("label.pdf", files.PDF)
    other = {"other_language": "de", "other_text": "Ihr Etikett"}
    assert client.post(f"{home}create/", {**form, **other, "files": [label]}).status_code == 302
    reply, kept = CannedReply.objects.get(), CannedFile.objects.get()
    assert reply.translations == {"de": "Ihr Etikett"}
    page = client.get(f"{home}{reply.pk}/").content.decode()
    assert ("label.pdf" in page, "English, German" in page, "Ihr Etikett" in page) == (True, True, True)
    assert client.get(f"{home}{reply.pk}/files/{kept.pk}/").content == files.PDF
    edit = {**form, "version": "1", "text_de": "Ihr {{ iban }}"}
    refused = client.post(f"{home}{reply.pk}/edit/", edit)
    assert (refused.status_code, "isn&#x27;t a variable" in refused.content.decode()) == (400, True)
    wrongs = ({"other_language": "de", "other_text": "Zwei"}, {"other_text": "No language"}, {"other_language": "fr"})
    for wrong in wrongs:
        assert client.post(f"{home}{reply.pk}/edit/", {**edit, "text_de": "Ihr", **wrong}).status_code == 400
    talk = shop.conversation()
    Conversation.objects.filter(pk=talk.pk).update(language="de")
    chat = f"/admin/conversations/conversation/{talk.pk}/"
    shown = client.get(f"{chat}?canned={reply.pk}").content.decode()
    assert ("Ihr Etikett</textarea>" in shown, f'value="{kept.pk}"' in shown) == (True, True)
    sent = {"text": "Ihr Etikett", "canned_files": [str(kept.pk)]}
    assert client.post(f"{chat}reply/", {**sent, "canned_files": [str(uuid4())]}).status_code == 400
    assert client.post(f"{chat}reply/", sent).status_code == 302
    assert Attachment.objects.get().filename == "label.pdf"
    key = {"authorization": f"Bearer {Office(shop.world).key('admin')}"}
    listed = client.get(f"{V1}canned-replies/", headers=key).json()["results"][0]
    assert (listed["files"][0]["filename"], listed["translations"]) == ("label.pdf", {"de": "Ihr Etikett"})
    more = {"files": [SimpleUploadedFile("plan.png", files.png())]}
    assert client.post(f"{V1}canned-replies/{reply.pk}/files/", more, headers=key).json()["version"] == 2
    program = {"files": [SimpleUploadedFile("plan.png", files.EXE)]}
    assert client.post(f"{V1}canned-replies/{reply.pk}/files/", program, headers=key).status_code == 400
    answer = client.post(f"{V1}conversations/{talk.pk}/attachments/", {"canned_files": [str(kept.pk)]}, headers=key)
    assert (answer.status_code, Attachment.objects.count()) == (201, 2)
    for nothing in ({}, {"canned_files": [str(uuid4())]}):
        assert client.post(f"{V1}conversations/{talk.pk}/attachments/", nothing, headers=key).status_code == 400
