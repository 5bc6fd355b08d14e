"""Every column that holds words is named by a handler, and the page about it says the same."""

from collections import Counter
from pathlib import Path

from django.db import models

from core import walls
from core.erasure.registry import handlers, steps, tables
from core.erasure.survey import lines

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "erasure.md"
WORDS = frozenset({"CharField", "TextField", "JSONField", "BinaryField", "EmailField", "SlugField", "ArrayField"})
# Tables that hold no organisation's rows: the schedule, names of our own models and rights.
NOBODYS = ("django_celery_beat.", "contenttypes.", "auth.", "sites.", "socialaccount.", "usersessions.")


def holds_words(field: models.Field[object, object]) -> bool:
    return not field.is_relation and not field.choices and field.get_internal_type() in WORDS


def columns() -> set[str]:
    """Return every column of every table that may hold a person's data."""
    return {
        f"{model._meta.label}.{field.name}"
        for model in walls.all_models()
        if not model._meta.label.startswith(NOBODYS)
        for field in model._meta.local_fields
        if holds_words(field)
    }


def named() -> list[str]:
    return [f"{table.model}.{name}" for table in tables() for name in f"{table.erased} {table.kept}".split()]


def test_every_column_with_words_is_named_by_a_handler_once() -> None:
    assert set(named()) == columns()
    assert [name for name, times in Counter(named()).items() if times > 1] == []


def test_what_is_kept_says_why() -> None:
    assert [table.model for table in tables() if table.kept and not table.why] == []


def test_steps_and_orders_are_each_one() -> None:
    assert len({step.key for step in steps()}) == len(steps())
    assert len({handler.order for handler in handlers()}) == len(handlers())


def test_page_lists_what_the_code_does() -> None:
    page = PAGE.read_text()
    assert [line for line in lines() if line not in page] == []
    assert sum(line.startswith("| `") for line in page.splitlines()) == len(lines())
