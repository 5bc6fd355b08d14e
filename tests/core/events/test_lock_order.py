"""The order of locks: what breaks it is named, and several services in one transaction can keep it."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from core.actors import system
from core.audit import chain
from core.events import streams
from tests.database.lock_order import take_broken
from tests.world import World

pytestmark = pytest.mark.django_db


def in_one_transaction(*steps: Any, rolled_back: int = 0) -> list[str]:
    """Run steps in a transaction as the product does, the first so many in one that fails; return what was wrong."""
    source = (
        "def run():\n"
        "    with atomic():\n"
        "        try:\n"
        "            with atomic():\n"
        "                for step in steps[:rolled_back]: step()\n"
        "                if rolled_back: raise KeyError\n"
        "        except KeyError:\n"
        "            pass\n"
        "        for step in steps[rolled_back:]: step()\n"
    )
    names: dict[str, Any] = {
        "__name__": "core.sample",
        "atomic": transaction.atomic,
        "steps": steps,
        "rolled_back": rolled_back,
    }
    exec(source, names)  # noqa: S102  (a test's own transactions are not counted)
    names["run"]()
    return [found.partition(":")[0] for found in take_broken()]


def test_rows_of_streams_come_by_name_and_the_audit_chain_last(acme: World) -> None:
    def record() -> None:
        chain.record(system("desk"), "X", "core.test", uuid4())

    def append(name: str) -> Any:
        return lambda: streams.append(name, "test", {})

    def hold() -> None:
        streams.hold(["queue", "inbox"])

    first, second = append("inbox"), append("queue")
    assert in_one_transaction(first, second, first, record, second, record) == []
    assert in_one_transaction(record, first) == ["inbox after audit"]
    assert in_one_transaction(second, first, record) == ["inbox after queue"]
    assert in_one_transaction(hold, second, record, first, record) == [], "held before"
    assert in_one_transaction(record, first, rolled_back=1) == [], "what was rolled back is held no more"
    record()
    first()
    assert take_broken() == [], "a test's own transaction"
    assert streams.head("inbox") > 0
