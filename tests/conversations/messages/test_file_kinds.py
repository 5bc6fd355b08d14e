"""What a file is, is decided by its bytes: names, headers and hopes of senders count for nothing."""

import struct
import time

import pytest

from conversations.messages.files.names import cleaned, safe_name, wire_name
from conversations.messages.files.rules import EVERY_KIND, LARGEST, NO_FILES, FileRules, Upload, checked_files
from core.errors import Invalid
from core.files import kinds
from core.files.kinds import BadFile, kind_of
from tests import files

SHEET = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (files.png(), "image/png"),
        (files.jpeg(), "image/jpeg"),
        (b"GIF89a\x05\x00\x04\x00", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8X" + bytes(14), "image/webp"),
        (files.PDF, "application/pdf"),
        (files.MP4, "video/mp4"),
        (b"\x00\x00\x00\x18ftyp3gp5" + bytes(8), "video/3gpp"),
        (files.OGG, "audio/ogg"),
        (b"#!AMR\n" + bytes(8), "audio/amr"),
        (b"\xff\xfb\x90\x00" + bytes(8), "audio/mpeg"),
        (files.docx(), SHEET),
        (files.OLD_WORD, "application/msword"),
        (files.zipped(mimetype=b"application/vnd.oasis.opendocument.text"), "application/vnd.oasis.opendocument.text"),
        (b"BEGIN:VCARD\nFN:Ana\nEND:VCARD", "text/vcard"),
        ("Grüße, MZ steht am Anfang nicht".encode(), "text/plain"),
        (b"MZ is how this letter begins", "text/plain"),
        ("Hallo".encode("utf-16"), "text/plain"),
        (b"{\\rtf1 hello}", "application/rtf"),
    ],
)
def test_kind_is_read_from_the_bytes(content: bytes, content_type: str) -> None:
    assert kind_of(content).content_type == content_type


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (files.EXE, "executable"),
        (b"\x7fELF\x02\x01\x01" + bytes(9), "executable"),
        (b"\xca\xfe\xba\xbe\x00\x00\x00\x34", "executable"),
        (b"#!/bin/sh\nrm -rf /", "executable"),
        (b"L\x00\x00\x00\x01\x14\x02\x00" + bytes(8), "executable"),
        (files.INSTALLER, "executable"),
        (files.OLD_WORD + "_VBA_PROJECT".encode("utf-16-le"), "executable"),
        (files.docx(word__vbaProject_bin=b"x"), "executable"),
        (files.zipped(**{"META-INF__MANIFEST_MF": b"x", "A_class": b"x"}), "executable"),
        (files.zipped(classes_dex=b"x"), "executable"),
        (files.zipped(letter_txt=b"hello"), "archive"),
        (files.zipped(inner_zip=files.zipped(bomb_txt=bytes(1000))), "archive"),
        (b"Rar!\x1a\x07\x00", "archive"),
        (b"\x1f\x8b\x08\x00" + bytes(8), "archive"),
        (b"PK\x03\x04 cut off", "damaged"),
        (files.SVG, "markup"),
        (b'<?xml version="1.0"?><svg/>', "markup"),
        (b"\n <!DOCTYPE html><p>hi", "markup"),
        (b"hello <script>alert(1)</script>", "markup"),
        (files.png(more=b"<html><script>alert(1)</script>"), "disguised"),
        (b"GIF89a=1;/*" + bytes(8) + b"*/<SCRIPT>alert(1)</SCRIPT>", "disguised"),
        (files.png(more=files.zipped(a_class=b"x")), "disguised"),
        (files.MP4 + files.zipped(a_class=b"x"), "disguised"),
        (files.png(60_000, 60_000), "too_many_pixels"),
        (b"\x00\x01\x02\x03" * 20, "unknown"),
        (b"text with\x00 in it", "unknown"),
    ],
)
def test_what_runs_or_is_disguised_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(BadFile) as refused:
        kind_of(content)
    assert refused.value.reason == reason


@pytest.mark.parametrize("is_large", [False, True])
def test_list_of_entries_that_lies_about_its_count_is_not_read(is_large: bool) -> None:
    entry = b"PK\x01\x02" + struct.pack("<6H3I5H2I", 20, 20, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0) + b"name"
    listed, figures = entry * 100_000, [5, 5, 100_000 * len(entry), 4]
    large = b"PK\x06\x06" + struct.pack("<Q2H2I4Q", 44, 45, 45, 0, 0, *figures) if is_large else b""
    large += b"PK\x06\x07" + struct.pack("<IQI", 0, 4 + len(listed), 1) if is_large else b""
    end = b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, *([1, 1, 50, 4] if is_large else figures), 0)
    began = time.process_time()
    with pytest.raises(BadFile, match="archive"):
        kind_of(b"PK\x03\x04" + listed + large + end)
    assert time.process_time() - began < 0.2


def test_document_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "UNPACKED", 1_000_000)
    with pytest.raises(BadFile):
        kind_of(files.docx(word__big=bytes(2_000_000)))


def test_size_of_a_picture_is_read_without_unpacking_it() -> None:
    found = [kind_of(content) for content in (files.png(640, 480), files.jpeg(20, 10), b"GIF89a\x05\x00\x04\x00")]
    assert [(each.width, each.height) for each in found] == [(640, 480), (20, 10), (5, 4)]
    assert kind_of(b"\xff\xd8\xff" + b"\xff" * 5_000).width == 0


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("bill.pdf", "bill.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Users\\ana\\bill.PDF", "bill.pdf"),
        ("bill.exe", "bill.pdf"),
        ("bill.pdf.exe", "bill.pdf"),
        ("bill\x00.pdf", "bill.pdf"),
        ("bill\u202efdp.exe", "bill fdp.pdf"),
        ('a<b>:"|?*\r\nSet-Cookie: x.pdf', "a b Set-Cookie x.pdf"),
        (".htaccess", "htaccess.pdf"),
        ("holiday.2026", "holiday.2026.pdf"),
        ("", "document.pdf"),
        ("...", "document.pdf"),
        ("\ud800", "document.pdf"),
    ],
)
def test_name_is_made_harmless_and_fits_the_kind(name: str, kept: str) -> None:
    assert safe_name(name, "application/pdf") == kept


def test_name_of_ten_thousand_characters_is_cut() -> None:
    name = safe_name("é" * 10_000 + ".pdf", "image/png")
    assert (len(name), name[-4:]) == (100, ".png")
    assert len(cleaned("x/" * 5_000)) <= 1


def test_name_for_providers_is_short_and_plain() -> None:
    assert wire_name("Ünser großes Angebot (final) 2026.pdf", "application/pdf") == "Unser-groes-Ange.pdf"
    assert wire_name("写真.png", "image/png") == "image.png"


def test_refusal_names_each_file_and_why() -> None:
    uploads = [
        Upload("a.png", files.png()),
        Upload("b.png", b""),
        Upload("run.bat", b"echo hi"),
        Upload("c.png", files.EXE),
    ]
    with pytest.raises(Invalid) as refused:
        checked_files(uploads, EVERY_KIND)
    problems = refused.value.facts["fields"]["files"]
    assert [each.partition(")")[0] for each in problems] == ["File 2 (b.png", "File 3 (run.bat", "File 4 (c.png"]
    assert "is empty" in problems[0]
    assert "program" in problems[1]


@pytest.mark.parametrize(
    ("uploads", "rules", "code"),
    [
        ([Upload("a.png", files.png())], NO_FILES, "no_files"),
        ([Upload("a.png", files.png())] * 11, EVERY_KIND, "too_many_files"),
        ([Upload("a.txt", b"x" * (LARGEST + 1))], EVERY_KIND, "too_large"),
        ([Upload("a.txt", b"x" * 11)], FileRules({"text/plain": 10}), "too_large"),
        ([Upload("a.png", files.png())], FileRules({"text/plain": 10}), "kind_refused"),
        ([Upload("a.png", b"\x89PNG\r\n\x1a\n cut")], EVERY_KIND, "damaged"),
    ],
)
def test_limits_of_a_channel_are_kept(uploads: list[Upload], rules: FileRules, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_files(uploads, rules)
    assert refused.value.code == code


def test_table_keeps_its_kind_by_name() -> None:
    (table,) = checked_files([Upload("figures.csv", b"a,b\n1,2")], EVERY_KIND)
    assert (table.found.content_type, table.name) == ("text/csv", "figures.csv")
