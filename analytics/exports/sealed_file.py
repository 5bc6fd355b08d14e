"""The file of an export at rest: pieces sealed with its own key, in the database or in a store outside it."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from analytics.models import Export, ExportPiece
from conversations import services as talk
from core.clock import now as clock_now
from core.observability.logging import get_logger
from core.privacy import sealed_files

log = get_logger(__name__)
PIECE: Final = 1 << 20
"""Bytes of a piece: as much of a file as is in memory at once."""


class PieceSink:
    """A file that is written forwards, and sealed piece by piece."""

    def __init__(self, export: Export, key: str) -> None:
        self.export, self.key = export, key
        self.store = sealed_files.outside()
        self.waiting, self.number, self.size = bytearray(), 0, 0
        self.digest = hashlib.sha256()
        self.closed = False

    def write(self, content: bytes, /) -> int:
        """Take the next bytes; a full piece is sealed and stored. Raises `StoreFailed`."""
        self.waiting += content
        self.digest.update(content)
        self.size += len(content)
        while len(self.waiting) >= PIECE:
            self._store(bytes(self.waiting[:PIECE]))
            del self.waiting[:PIECE]
        return len(content)

    def finish(self) -> None:
        """Store what is left. Raises `StoreFailed`."""
        if self.waiting:
            self._store(bytes(self.waiting))
            self.waiting.clear()

    def tell(self) -> int:
        """Return how many bytes were written, for formats that note places."""
        return self.size

    def flush(self) -> None:
        """Do nothing: pieces are stored when they are full."""

    def close(self) -> None:
        """Take no more; called by formats that close what they write to."""
        self.closed = True

    def seekable(self) -> bool:
        """Return False: what is stored stays."""
        return False

    def _store(self, content: bytes) -> None:
        self.number += 1
        piece = ExportPiece(export=self.export, number=self.number, attempt=self.export.attempts)
        sealed = sealed_files.seal_file(content, key=self.key, file_id=piece.pk)
        if self.store is None:
            piece.content = sealed
            piece.save(force_insert=True)
            return
        piece.store = self.store.name
        # The row first: what is in the store can then be found and removed.
        piece.save(force_insert=True)
        self.store.put(sealed_files.key_of(piece.pk), sealed)


def read_pieces(export: Export) -> Iterator[bytes]:
    """Yield the file; read it in the tenant's scope. Raises `Unavailable` or `StoreFailed`."""
    numbers = export.pieces.filter(attempt=export.attempts).order_by("number").values_list("number", flat=True)
    for number in list(numbers):
        piece = ExportPiece.objects.get(export=export, attempt=export.attempts, number=number)
        key = sealed_files.key_of(piece.pk)
        sealed = sealed_files.store_of(piece.store).get(key) if piece.store else bytes(piece.content)
        yield sealed_files.open_file(sealed, key=export.file_key or "", file_id=piece.pk)


def remove_pieces(export: Export, *, now: datetime | None = None) -> None:
    """Remove the pieces of a file, in a store outside a moment after the commit; the caller drops the key."""
    with transaction.atomic():
        outside = list(export.pieces.exclude(store="").values_list("pk", "store"))
        talk.plan_removal_of(outside, due_at=(now or clock_now()) + timedelta(minutes=1))
        export.pieces.all().delete()
