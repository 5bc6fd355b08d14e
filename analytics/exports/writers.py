"""How the files of exports are written: row by row into a sink, with memory that doesn't grow."""

import importlib.util
import os
import pickle
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol
from zipfile import ZIP_STORED, ZipFile

from analytics.exports.sources import Column
from analytics.models import Format
from core.text.tables import FORMATS, Shape

MOST_IN_SHEET: Final = 1_048_575
"""Rows of a sheet below its heading, which is as many as spreadsheets open."""
LONGEST_CELL: Final = 32_767
PACKER: Final = Path(__file__).with_name("pack_parquet.py")
PACKING_SECONDS: Final = 480
"""For a million rows, which take half a minute; the lease of the export is longer."""
NO_PARQUET: Final = (
    "Parquet files need an extra package that isn't installed here. Ask your administrator to install "
    "locks/warehouse.txt, or choose another format."
)


class Sink(Protocol):
    """Where a file is written; it can't go back."""

    def write(self, content: bytes, /) -> int:
        """Take the next bytes."""


class FileWriter(ABC):
    """Writes one file; `folder` is a private one for what lies in between."""

    content_type: ClassVar[str]
    ending: str

    def __init__(self, sink: Sink, columns: Sequence[Column], folder: Path) -> None:
        self.sink, self.columns, self.folder = sink, columns, folder

    @abstractmethod
    def write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Write the next rows."""

    @abstractmethod
    def close(self) -> None:
        """Write the end of the file."""

    def release(self) -> None:  # noqa: B027  (most formats leave nothing behind)
        """Write nothing more, whether the file is complete or not."""


class TextWriter(FileWriter):
    """A table for spreadsheets that runs no formula."""

    content_type: ClassVar[str] = "text/csv; charset=utf-8"
    ending = "csv"
    shape: ClassVar[Shape] = FORMATS["csv"]

    def __init__(self, sink: Sink, columns: Sequence[Column], folder: Path) -> None:
        super().__init__(sink, columns, folder)
        sink.write(self.shape.head([column.name for column in columns]))

    def write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        names = [column.name for column in self.columns]
        rows = (self.shape.line({name: plain(line[name]) for name in names}) for line in lines)
        self.sink.write(b"".join(rows))

    def close(self) -> None:
        """Do nothing: the last row is the end."""


class LinesWriter(TextWriter):
    """One JSON object a line."""

    content_type: ClassVar[str] = "application/x-ndjson"
    ending = "jsonl"
    shape: ClassVar[Shape] = FORMATS["jsonl"]


class SheetWriter(FileWriter):
    """Excel sheets, each its own file; more than one are packed together.

    Rows lie in a file of the folder until they are packed, never in memory. Texts are written as texts, also those that
    look like formulas.
    """

    content_type: ClassVar[str] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    ending = "xlsx"

    def __init__(self, sink: Sink, columns: Sequence[Column], folder: Path, most: int = MOST_IN_SHEET) -> None:
        super().__init__(sink, columns, folder)
        # Ten MiB in every process, for a file that few ever write.
        import xlsxwriter  # noqa: PLC0415

        self.new_book = xlsxwriter.Workbook
        self.most, self.row = most, 0
        self.parts: list[Path] = []
        self._begin()

    def _begin(self) -> None:
        self.parts.append(self.folder / f"part-{len(self.parts) + 1}.xlsx")
        self.book = self.new_book(
            str(self.parts[-1]), {"constant_memory": True, "tmpdir": str(self.folder), "in_memory": False}
        )
        self.sheet = self.book.add_worksheet("Export")
        self.moments = self.book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self.days = self.book.add_format({"num_format": "yyyy-mm-dd"})
        bold = self.book.add_format({"bold": True})
        self.sheet.freeze_panes(1, 0)
        for place, column in enumerate(self.columns):
            self.sheet.set_column(place, place, 20)
            self.sheet.write_string(0, place, f"{column.name} (UTC)" if column.kind == "moment" else column.name, bold)
        self.row = 0

    def write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Write the next rows, into the next sheet when one is full."""
        for line in lines:
            if self.row == self.most:
                self.book.close()
                self._begin()
            self.row += 1
            for place, column in enumerate(self.columns):
                self._cell(place, line[column.name])

    def _cell(self, place: int, value: Any) -> None:
        if value is None or value == "":
            return
        if isinstance(value, bool):
            self.sheet.write_boolean(self.row, place, value)
        elif isinstance(value, int | float | Decimal):
            self.sheet.write_number(self.row, place, value)
        elif isinstance(value, datetime):
            # Sheets know no time zones: the heading says that it is UTC.
            self.sheet.write_datetime(self.row, place, value.astimezone(UTC).replace(tzinfo=None), self.moments)
        elif isinstance(value, date):
            self.sheet.write_datetime(self.row, place, value, self.days)
        else:
            self.sheet.write_string(self.row, place, str(value)[:LONGEST_CELL])

    def close(self) -> None:
        """Pack the sheets and copy them into the sink."""
        self.book.close()
        if len(self.parts) == 1:
            with self.parts[0].open("rb") as packed:
                shutil.copyfileobj(packed, self.sink, 1 << 20)
            return
        self.ending = "zip"
        with ZipFile(self.sink, "w", ZIP_STORED) as archive:  # type: ignore[call-overload]
            for part in self.parts:
                archive.write(part, part.name)


class ParquetFile(FileWriter):
    """Columns for programs, packed; needs the extra package.

    That package takes 60 MiB and gives none of them back, so a process of its own packs the rows, which lie in a file
    of the folder until then.
    """

    content_type: ClassVar[str] = "application/vnd.apache.parquet"
    ending = "parquet"

    def __init__(self, sink: Sink, columns: Sequence[Column], folder: Path) -> None:
        super().__init__(sink, columns, folder)
        self.rows = (folder / "rows").open("wb")
        pickle.dump([(column.name, column.kind) for column in columns], self.rows)

    def write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        # Strings alone: another program doesn't know our own types, such as states.
        columns = [[str(v) if isinstance(v := line[one.name], str) else v for line in lines] for one in self.columns]
        pickle.dump(columns, self.rows)

    def close(self) -> None:
        """Pack the rows, and copy the file into the sink. Raises `CalledProcessError`."""
        self.rows.close()
        packed = self.folder / "packed.parquet"
        # -P: the modules beside the script aren't top-level ones.
        command = [sys.executable, "-P", str(PACKER), self.rows.name, str(packed)]
        environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        subprocess.run(command, env=environment, check=True, timeout=PACKING_SECONDS, stdin=subprocess.DEVNULL)
        with packed.open("rb") as content:
            shutil.copyfileobj(content, self.sink, 1 << 20)


WRITERS: Final[Mapping[str, type[FileWriter]]] = {
    Format.CSV: TextWriter,
    Format.JSONL: LinesWriter,
    Format.XLSX: SheetWriter,
    Format.PARQUET: ParquetFile,
}
CONTENT_TYPES: Final = {writer.ending: writer.content_type for writer in WRITERS.values()} | {"zip": "application/zip"}


def has_parquet() -> bool:
    """Return True if the extra package for Parquet is installed."""
    return importlib.util.find_spec("pyarrow") is not None


def why_no_format(format: str) -> str:
    """Return why no file can be written in a format, or ""."""
    if format not in Format.values:
        return "Choose one of the formats."
    return NO_PARQUET if format == Format.PARQUET and not has_parquet() else ""


def plain(value: Any) -> Any:
    """Return a value as texts have it: moments in UTC, days, amounts in plain digits."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, date):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else value
