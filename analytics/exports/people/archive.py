"""The archive of a person: a document for programs and a page for people, written row by row, and their files."""

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from django.core.serializers.json import DjangoJSONEncoder

from analytics.exports.people import page
from analytics.exports.sources import Column
from analytics.exports.writers import FileWriter, Sink

SCHEMA: Final = Path(__file__).with_name("person.schema.json")
DOCUMENT: Final = "person.json"
PAGE: Final = "index.html"


class ArchiveWriter(FileWriter):
    """Writes `person.json` into the archive while `index.html` grows in the folder, then that page, then the files."""

    content_type: ClassVar[str] = "application/zip"
    ending = "zip"

    def __init__(self, sink: Sink, columns: Sequence[Column], folder: Path) -> None:
        super().__init__(sink, columns, folder)
        self.archive = ZipFile(sink, "w", ZIP_DEFLATED)  # type: ignore[call-overload]
        self.archive.writestr(SCHEMA.name, SCHEMA.read_bytes())
        self.document = self.archive.open(DOCUMENT, "w", force_zip64=True)
        self.page = (folder / PAGE).open("w", encoding="utf-8", errors="replace")
        self.section: Mapping[str, Any] | None = None
        self.rows = 0

    def write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Write the head, which comes first, rows of sections, and files, which come last."""
        for line in lines:
            if "head" in line:
                self._say(f'{_packed(line["head"])[:-1]}, "sections": [')
                self.page.write(page.opening(line["head"]))
            elif "file" in line:
                self._end_texts()
                self.archive.writestr(line["file"], line["content"], ZIP_STORED)
            else:
                self._begin_section(line["section"])
                self._say((",\n" if self.rows else "") + _packed(line["values"]))
                self.page.write(page.entry(line["values"]))
                self.rows += 1

    def close(self) -> None:
        """Write the end of the archive."""
        self._end_texts()
        self.archive.close()

    def release(self) -> None:
        """Leave an unfinished archive without its end, which it would otherwise write when it is forgotten."""
        self.page.close()
        self.archive.fp = BytesIO()
        self.document.close()
        self.archive.fp = None

    def _begin_section(self, section: Mapping[str, Any]) -> None:
        if section is self.section:
            return
        self._say("" if self.section is None else "]},\n")
        self._say(f'{_packed(section)[:-1]}, "rows": [')
        self.page.write(page.heading(section))
        self.section, self.rows = section, 0

    def _end_texts(self) -> None:
        """Close the document and put the page beside it, once: only one entry can be open at a time."""
        if self.page.closed:
            return
        self._say("]}" if self.section is None else "]}]}")
        self.document.close()
        self.page.write(page.CLOSING)
        self.page.close()
        self.archive.write(self.folder / PAGE, PAGE)

    def _say(self, text: str) -> None:
        # What UTF-8 has no bytes for, which only a broken text holds, is written as JSON escapes it.
        self.document.write(text.encode(errors="backslashreplace"))


def _packed(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
