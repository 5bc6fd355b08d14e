"""The archive of a person has what each table's reading shows, in its document and on its page."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID
from zipfile import ZipFile

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import models

from analytics.exports.people import subjects
from analytics.exports.people.archive import ArchiveWriter
from core.clock import now
from core.models import Erasure
from core.privacy.encrypted_fields import EncryptedJSONField, EncryptedTextField
from core.privacy.erasure.disclosure import values_of
from core.privacy.erasure.person import Person
from core.privacy.erasure.registry import Reading, readings, tables
from core.tenancy.scope import tenant_scope
from tests.analytics.exports.test_exports_of_people import document_in

NUMBERS = count()


def filled(reading: Reading) -> tuple[Any, dict[str, str]]:
    """Return a row with a word of its own in each text that the export shows, and these words by column."""
    model = apps.get_model(reading.model)
    row, words = model(), {}
    for name in f"{reading.shown} {reading.masked}".split():
        first, _, rest = name.partition(".")
        field: Any = model._meta.get_field(first)
        word = "canary" + "".join(chr(ord("a") + int(digit)) for digit in f"{next(NUMBERS):04}")
        if rest:
            related = field.related_model()
            setattr(related, rest, word)
            setattr(row, first, related)
        elif field.choices or field.is_relation:
            continue
        elif isinstance(field, ArrayField):
            setattr(row, first, [word])
        elif isinstance(field, models.JSONField | EncryptedJSONField):
            setattr(row, first, {"deep": [word]})
        elif isinstance(field, models.CharField | models.TextField | EncryptedTextField):
            setattr(row, first, word)
        else:
            continue
        words[f"{reading.model}.{name}"] = word
    return row, words


@pytest.mark.django_db  # some defaults of rows ask it
def test_a_word_in_each_erased_column_is_in_both_files_or_left_out_for_a_reason(tmp_path: Path) -> None:
    words: dict[str, str] = {}
    sink = BytesIO()
    nobody: dict[str, Any] = {name: [] for name in ("sources", "recipients", "left_out")}
    writer = ArchiveWriter(sink, (), tmp_path)
    about = {"kind": "contact", "id": str(UUID(int=1)), "known_since": now()}
    head = {"schema": subjects.SCHEMA, "made_at": now(), "organisation": "A", "person": about, **nobody}
    writer.write([{"head": head}])
    with tenant_scope(UUID(int=2)):
        person = Person(Erasure(subject_type="contact"), {})
        for reading in readings():
            if reading.rows is None:
                continue
            row, placed = filled(reading)
            words |= placed
            section = {"table": reading.model, "title": reading.title, "purpose": "p", "kept": reading.kept}
            # Who else is named in a row is asked of the database.
            values = values_of(person, replace(reading, others=None), row, ())
            writer.write([{"section": section, "values": values}])
    writer.close()
    with ZipFile(sink) as archive:
        told, page = json.dumps(document_in(archive)), archive.read("index.html").decode()
    assert [place for place, word in words.items() if word not in told or word not in page] == []
    reasons = {f"{each.model}.{name}" for each in readings() for names in each.unread for name in names.split()}
    texts = (models.CharField, models.TextField, models.JSONField, ArrayField, EncryptedTextField)
    lost = [
        f"{table.model}.{name}"
        for table in tables()
        for name in table.erased.split()
        if isinstance(apps.get_model(table.model)._meta.get_field(name), texts)
        and f"{table.model}.{name}" not in {*words, *reasons}
    ]
    assert lost == []
