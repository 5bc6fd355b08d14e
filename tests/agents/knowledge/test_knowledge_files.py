"""Uploaded files are read by their bytes and within limits; questions without an answer wait for an article."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from pypdf import PdfWriter

from agents.knowledge import services
from agents.knowledge.models import Collection, Document, DocumentVersion, OpenQuestion, UploadedFile
from agents.knowledge.search import questions
from agents.knowledge.search.search import search
from agents.knowledge.sources import uploads
from conversations.messages.files.rules import Upload
from conversations.models import Conversation
from core.errors import Conflict, Invalid, TooLarge
from core.models import Erasure
from core.privacy.erasure.person import Person
from tests.agents.conftest import Desk
from tests.world import OPERATOR, World

pytestmark = pytest.mark.django_db
WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def pdf(text: str = "", *, password: str = "", pages: int = 1) -> bytes:
    """A PDF of our own: pypdf writes pages, and we the words on the first."""
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    if text:
        from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

        font = {"/Type": NameObject("/Font"), "/Subtype": NameObject("/Type1"), "/BaseFont": NameObject("/Helvetica")}
        named = DictionaryObject({NameObject(key): value for key, value in font.items()})
        fonts = DictionaryObject({NameObject("/F1"): named})
        writer.pages[0][NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 10 100 Td ({text}) Tj ET".encode())
        writer.pages[0][NameObject("/Contents")] = writer._add_object(stream)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def docx(body: str, **more: bytes) -> bytes:
    """A Word document of these paragraphs, and what else is in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("[Content_Types].xml", "<Types/>")
        packed.writestr("word/document.xml", f"<w:document {WORD}><w:body>{body}</w:body></w:document>")
        for name, content in more.items():
            packed.writestr(name, content)
    return out.getvalue()


PARAGRAPHS = (
    '<w:p><w:pPr><w:pStyle w:val="Heading2"/></w:pPr><w:r><w:t>Laces</w:t></w:r></w:p>'
    "<w:p><w:r><w:t>Spare laces are in the box.</w:t></w:r></w:p>"
)
PAGE = (
    b"<!doctype html><html><head><title>x</title><script>var laces = 'evil'</script></head><body><nav>laces menu</nav>"
    b"<h2>Laces</h2><p onclick=alert(1)>Spare laces are <b>in the box</b>.</p><p style='display:none'>hidden laces</p>"
)


@pytest.fixture
def shelf(acme: World) -> Collection:
    return services.create_collection(actor=OPERATOR, name="Help", audience="public")


def upload(shelf: Collection, name: str, content: bytes, **facts: Any) -> Document:
    """Upload a file, and read it as a worker does."""
    row = uploads.upload_document(actor=OPERATOR, collection_id=shelf.pk, file=Upload(name, content), **facts)
    uploads.read_document(document_id=row.pk)
    row.refresh_from_db()
    return row


@pytest.mark.parametrize(
    ("text", "said", "language"),
    [
        ("Ersatzschnürsenkel liegen in der Schachtel, unter der Einlage.", "", "de"),
        ("Les lacets de rechange se trouvent dans la boîte, sous la semelle.", "", "fr"),
        ("Ersatzschnürsenkel liegen in der Schachtel, unter der Einlage.", "nl", "nl"),
        ("4711 0815 12.5", "", "en"),
    ],
)
def test_file_is_searched_in_the_language_that_is_said_or_else_that_its_text_tells(
    shelf: Collection, text: str, said: str, language: str
) -> None:
    facts = {"language": said} if said else {}
    row = uploads.upload_document(actor=OPERATOR, collection_id=shelf.pk, file=Upload("a.txt", text.encode()), **facts)
    assert row.language == said
    uploads.read_document(document_id=row.pk)
    row.refresh_from_db()
    assert (row.state, row.language) == ("ready", language)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("laces.pdf", pdf("Spare laces are in the box.")),
        ("laces.docx", docx(PARAGRAPHS)),
        ("wrong-ending.pdf", docx(PARAGRAPHS)),
        ("laces.html", PAGE),
        ("laces.md", b"## Laces\nSpare **laces** are in the [box](https://evil.example)."),
        ("laces.txt", b"Spare laces are in the box."),
        ("laces.csv", b"thing;place\nSpare laces;in the box\n"),
    ],
)
def test_file_is_read_by_its_bytes_and_answers(shelf: Collection, name: str, content: bytes) -> None:
    row = upload(shelf, name, content)
    assert (row.state, row.trouble) == ("ready", "")
    assert not UploadedFile.objects.exists()
    [found] = search(question="Where are the spare laces?", audience="public")
    assert "laces" in found.passage.text
    assert not any(word in DocumentVersion.objects.get().text for word in ("evil'", "menu", "hidden", "alert"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "trouble"),
    [
        ("a.pdf", pdf("Secret", password="x"), "encrypted"),
        ("a.pdf", pdf(), "scanned"),
        ("a.pdf", pdf(pages=501), "too_many_pages"),
        ("a.pdf", pdf("Laces")[:300], "damaged"),
        ("a.docx", docx(PARAGRAPHS, **{"word/media/bomb.bin": bytes(90 * 1024 * 1024)}), "too_large"),
        ("a.docx", docx("<w:p>"), "damaged"),
        ("a.docx", docx(""), "no_text"),
        ("a.csv", b"a;b\n" * 20_002, "too_many_rows"),
        ("a.html", b"<html><script>only code</script>", "no_text"),
    ],
)
def test_file_that_cant_be_read_says_why(shelf: Collection, name: str, content: bytes, trouble: str) -> None:
    row = upload(shelf, name, content)
    assert (row.state, row.trouble) == ("failed", trouble)
    assert trouble in uploads.TROUBLES
    assert not UploadedFile.objects.exists()


def test_file_of_a_kind_that_cant_be_read_is_refused(shelf: Collection) -> None:
    for name, content in (("a.pdf", b""), ("a.txt", b"MZ\x90\x00" * 40), ("a.pdf", b"\x89PNG\r\n\x1a\n" + bytes(40))):
        with pytest.raises(Invalid) as problem:
            uploads.upload_document(actor=OPERATOR, collection_id=shelf.pk, file=Upload(name, content))
        assert list(problem.value.facts["fields"]) == ["file"]
    big = b"a" * (uploads.LARGEST + 1)
    with pytest.raises(TooLarge):
        uploads.upload_document(actor=OPERATOR, collection_id=shelf.pk, file=Upload("a.txt", big))


@pytest.mark.slow
def test_file_is_in_a_collection_once_until_it_fails_or_is_deleted(shelf: Collection) -> None:
    laces, first = b"Spare laces are in the box.", upload(shelf, "a.txt", b"Spare laces are in the box.")
    with pytest.raises(Conflict, match="in the collection already") as again:
        upload(shelf, "b.txt", laces, title="The same")
    assert (again.value.code, again.value.facts["document_id"]) == ("known_file", str(first.pk))
    assert upload(shelf, "a.txt", laces, is_own=True).pk == first.pk, "it says now that we wrote it"
    assert [row.is_own for row in Document.objects.all()] == [True]
    other = services.create_collection(actor=OPERATOR, name="Elsewhere", audience="public")
    assert upload(other, "a.txt", laces).pk != first.pk
    services.delete_document(actor=OPERATOR, document_id=first.pk)
    broken = upload(shelf, "a.html", b"<html><script>only code</script>")
    found = [
        upload(shelf, "a.txt", laces).state,
        broken.state,
        upload(shelf, "a.html", b"<html><script>only code</script>").state,
    ]
    assert found == ["ready", "failed", "failed"]


def test_file_that_a_worker_died_with_is_read_again_and_one_that_kills_three_fails(shelf: Collection) -> None:
    row = uploads.upload_document(actor=OPERATOR, collection_id=shelf.pk, file=Upload("a.txt", b"Spare laces."))
    UploadedFile.objects.update(attempts=3)
    uploads.read_document(document_id=row.pk)
    row.refresh_from_db()
    assert (row.state, row.trouble) == ("failed", "too_slow")


@pytest.mark.slow
def test_unanswered_questions_are_grouped_and_answered_by_an_article(desk: Desk, shelf: Collection) -> None:
    services.write_article(actor=OPERATOR, collection_id=shelf.pk, title="Laces", text="Spare laces are in the box.")
    desk.say("Do you engrave initials on soles? Write to zoe@private.example", "visitor")
    desk.say("engrave initials soles", "support")
    [row] = OpenQuestion.objects.all()
    assert (row.asked, row.state) == (2, "open")
    assert "zoe@private" not in row.text
    article = {"title": "Engraving", "text": "We engrave initials on soles."}
    questions.answer_question(actor=OPERATOR, question_id=row.pk, collection_id=shelf.pk, **article)
    assert desk.say("Do you engrave initials on soles?", "visitor").startswith("We engrave initials on soles.")
    with pytest.raises(Conflict):
        questions.dismiss_question(actor=OPERATOR, question_id=row.pk)


@pytest.mark.slow
def test_questions_of_an_erased_person_go_with_them(desk: Desk, shelf: Collection) -> None:
    from agents.erasure import _questions

    services.write_article(actor=OPERATOR, collection_id=shelf.pk, title="Laces", text="Spare laces are in the box.")
    desk.say("Do you engrave initials on soles?", "visitor")
    person = Person(erasure=Erasure(), targets={"conversations": [str(Conversation.objects.get().pk)]})
    assert _questions(person, "", 100).changed == 1
    assert not OpenQuestion.objects.exists()
