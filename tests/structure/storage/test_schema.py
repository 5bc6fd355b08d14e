"""The migrations make exactly the schema that is written down, so that a change of it is read as one diff."""

import os
from difflib import unified_diff
from pathlib import Path

import pytest

from tests.structure.storage.schema import describe

SCHEMA = Path(__file__).with_name("schema.txt")
HEAD = """\
# The schema that the migrations make, as tests see it: only for them may walker_app truncate.
# After a deliberate change write it again, and review the diff:
#   WALKER_WRITE_SCHEMA=1 ./walker test tests/structure/storage/test_schema.py

"""


@pytest.mark.django_db
def test_migrations_make_the_schema_that_is_written_down() -> None:
    found = HEAD + describe()
    if os.environ.get("WALKER_WRITE_SCHEMA"):
        SCHEMA.write_text(found)
    written = SCHEMA.read_text() if SCHEMA.exists() else ""
    difference = list(
        unified_diff(written.splitlines(), found.splitlines(), "schema.txt", "database", n=1, lineterm="")
    )
    assert not difference, "\n".join([*difference[:200], "Deliberate? WALKER_WRITE_SCHEMA=1 writes it again."])
