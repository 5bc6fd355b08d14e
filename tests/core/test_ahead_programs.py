"""Made-up programs of nested blocks: what waits or is sent early ends as what is run at once."""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from core import ahead, prepared
from core.errors import Conflict
from core.ids import uuid7
from core.models import StreamHead
from core.rows import Statement
from core.tenancy.scope import tenant_scope
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
WEIGHTS = {
    "write": 30, "start": 22, "read": 8, "twice": 3, "miss": 3, "raise": 2, "hook": 4, "undo": 1, "foreign": 3,
    "raise_seq": 3, "no_text": 1, "no_sql": 1, "ask": 8, "hear": 6, "block": 14, "flat": 3, "listen": 3,
}  # fmt: skip
BLOCKS = ("block", "flat", "listen")
INSERT = "insert into core_streamhead (id, tenant_id, stream, seq) values (%s, %s, %s, 1)"
WRONG = {
    "miss": Statement("update core_streamhead set seq = 3 where stream = 'nowhere'"),
    "no_text": Statement("select %s", ["\ud800"]),
    "no_sql": Statement("selec 1"),
}
Program = list[tuple[str, Any]]


class Stop(Exception):
    """Raised by a program."""


CAUGHT = (Stop, Conflict, DatabaseError, UnicodeEncodeError)


@pytest.fixture
def world(committed_world: World) -> Iterator[World]:
    with tenant_scope(committed_world.acme.pk):
        yield committed_world


def made_up(chance: random.Random, depth: int = 0) -> Program:
    steps = chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=chance.randint(1, 6))
    return [
        (step, made_up(chance, depth + 1) if step in BLOCKS else chance.getrandbits(30))
        for step in steps
        if step not in BLOCKS or depth < 3
    ]


def _one(taken: int) -> None:
    if taken != 1:
        raise Conflict("Not one row.")


def at_once(statement: Statement, check: ahead.Check | None = None) -> None:
    taken = prepared.exchange([statement])[0].taken
    if check is not None:
        check(taken)


class Run:
    """One run of a program, with writes that wait or are run at once."""

    def __init__(self, world: World, later: Callable[..., None]) -> None:
        self.world, self.later = world, later
        self.done: list[int] = []
        self.asked: list[tuple[int, prepared.Asked]] = []

    def whole(self, program: Program) -> tuple[list[tuple[str, int]], list[int]]:
        StreamHead.objects.all().delete()
        self.insert("taken")
        self.block(program)
        assert connection.get_autocommit()
        assert not connection.run_on_commit
        return sorted(StreamHead.objects.values_list("stream", "seq")), self.done

    def block(self, program: Program, *, savepoint: bool = True) -> None:
        with suppress(*CAUGHT), transaction.atomic(savepoint=savepoint):
            self.steps(program)

    def steps(self, program: Program) -> None:
        for step, what in program:
            if step in BLOCKS:
                self.nested(step, what)
            elif step in WRONG:
                self.later(WRONG[step], check=_one)
            else:
                getattr(self, f"do_{step}")(what)

    def nested(self, step: str, program: Program) -> None:
        if step == "listen":
            with CaptureQueriesContext(connection):
                self.steps(program)
        else:
            self.block(program, savepoint=step == "block")

    def insert(self, stream: str) -> None:
        self.later(Statement(INSERT, [uuid7(), self.world.acme.pk, stream]), check=_one)

    def do_write(self, number: int) -> None:
        self.insert(f"s{number}")

    def do_twice(self, _: int) -> None:
        self.insert("taken")

    def do_raise_seq(self, _: int) -> None:
        self.later(Statement("update core_streamhead set seq = seq + 1 where stream = 'taken'"), check=_one)

    def do_foreign(self, _: int) -> None:
        with tenant_scope(self.world.globex.pk):
            self.later(Statement("update core_streamhead set seq = 99"))

    def do_start(self, _: int) -> None:
        prepared.start()

    def do_read(self, number: int) -> None:
        assert StreamHead.objects.count() if number % 2 else prepared.exchange([Statement("select 1")])

    def do_ask(self, number: int) -> None:
        self.asked.append((number, prepared.ask([Statement("select %s", [number])])))

    def do_hear(self, _: int) -> None:
        if self.asked:
            number, asked = self.asked.pop()
            assert asked.answer()[0].first == (number,)

    def do_raise(self, _: int) -> None:
        raise Stop

    def do_hook(self, number: int) -> None:
        transaction.on_commit(lambda: self.done.append(number))

    def do_undo(self, _: int) -> None:
        transaction.set_rollback(True)


def test_programs_end_the_same_whether_writes_wait_or_not(world: World) -> None:
    for seed in range(300):
        program = made_up(random.Random(seed))
        assert Run(world, prepared.later).whole(program) == Run(world, at_once).whole(program), (seed, program)
