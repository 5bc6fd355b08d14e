"""Writes that wait for the next message of their transaction: in their place, in their scope, or not at all."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from unittest.mock import patch

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from psycopg_pool import ConnectionPool

from core import ahead, prepared
from core.errors import Conflict
from core.ids import uuid7
from core.models import StreamHead
from core.rows import Statement
from core.tenancy.scope import platform_scope, tenant_scope
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
_WRITE = "insert into core_streamhead (id, tenant_id, stream, seq) values (%s, %s, %s, %s)"


@pytest.fixture
def world(committed_world: World) -> Iterator[World]:
    with tenant_scope(committed_world.acme.pk):
        yield committed_world


def head(world: World, stream: str, seq: int = 1) -> Statement:
    return Statement(_WRITE, [uuid7(), world.acme.pk, stream, seq])


def one_row(taken: int) -> None:
    if taken != 1:
        raise Conflict("Somebody was faster.")


def write_all(*writes: Statement, ask_before_commit: bool = False) -> None:
    with transaction.atomic():
        for write in writes:
            prepared.later(write, check=one_row)
        if ask_before_commit:
            streams()


def write_and_refuse(world: World, stream: str) -> None:
    with transaction.atomic():
        prepared.later(head(world, stream))
        raise Conflict("No.")


def streams() -> list[str]:
    return sorted(StreamHead.objects.values_list("stream", flat=True))


def test_write_that_waits_is_seen_by_the_next_statement(world: World) -> None:
    with transaction.atomic(), CaptureQueriesContext(connection) as sent:
        prepared.later(head(world, "a"))
        prepared.later(head(world, "b"))
        assert not sent
        assert streams() == ["a", "b"]
        assert len(sent) == 1


def test_write_that_waits_goes_with_the_commit(world: World) -> None:
    with CaptureQueriesContext(connection) as sent, transaction.atomic():
        prepared.later(head(world, "a"))
    assert [query["sql"] for query in sent] == ["COMMIT"]
    assert streams() == ["a"]


def test_transaction_that_asks_nothing_sends_nothing(world: World) -> None:
    connection.ensure_connection()
    with transaction.atomic():
        pass
    assert connection.connection.info.transaction_status.name == "IDLE"
    with transaction.atomic():
        assert streams() == []
        assert connection.connection.info.transaction_status.name == "INTRANS"


def test_write_that_waits_is_undone_with_its_transaction(world: World) -> None:
    with pytest.raises(Conflict):
        write_and_refuse(world, "a")
    assert streams() == []


def test_write_that_waits_is_undone_with_its_savepoint_only(world: World) -> None:
    with transaction.atomic():
        prepared.later(head(world, "kept"))
        with pytest.raises(Conflict):
            write_and_refuse(world, "undone")
        prepared.later(head(world, "also"))
    assert streams() == ["also", "kept"]


def test_commit_that_fails_undoes_everything(world: World) -> None:
    with pytest.raises(DatabaseError):
        write_all(head(world, "a"), head(world, "a"))
    assert streams() == []
    assert connection.get_autocommit()


@pytest.mark.parametrize("at_commit", [True, False])
def test_row_count_that_does_not_fit_undoes_everything(world: World, at_commit: bool) -> None:
    nowhere = Statement("update core_streamhead set seq = 9 where stream = %s", ["nowhere"])
    with pytest.raises(Conflict):
        write_all(head(world, "a"), nowhere, ask_before_commit=not at_commit)
    assert streams() == []


@pytest.mark.parametrize("outer", [True, False])
@pytest.mark.parametrize("starts", [True, False])
def test_nothing_is_done_after_a_commit_that_a_row_count_has_stopped(world: World, outer: bool, starts: bool) -> None:
    done: list[str] = []
    with transaction.atomic() if outer else nullcontext(), pytest.raises(Conflict):
        hook_and_stop(lambda: done.append("undone"), starts=starts)
    write_all(head(world, "a"))
    assert not done


def hook_and_stop(hook: Callable[[], None], *, starts: bool) -> None:
    with transaction.atomic():
        transaction.on_commit(hook)
        prepared.later(nowhere(), check=one_row)
        if starts:
            prepared.start()


@pytest.mark.parametrize("asks", [True, False])
def test_commit_of_text_that_is_none_undoes_everything(world: World, asks: bool) -> None:
    connection.ensure_connection()
    with pytest.raises(UnicodeEncodeError):
        write_text_that_is_none(world, asks=asks)
    assert connection.get_autocommit()
    assert streams() == []
    assert connection.connection.info.transaction_status.name == "IDLE"


def write_text_that_is_none(world: World, *, asks: bool) -> None:
    with transaction.atomic():
        prepared.later(head(world, "a"))
        if asks:
            streams()
        prepared.later(head(world, "\ud800"))


def test_each_write_keeps_the_scope_it_was_asked_in(world: World) -> None:
    foreign = "update core_streamhead set seq = 9 where stream = %s"
    taken: list[int] = []
    with transaction.atomic():
        prepared.later(head(world, "a"))
        with tenant_scope(world.globex.pk):
            prepared.later(Statement(foreign, ["a"]), check=taken.append)
        prepared.later(Statement(foreign, ["a"]), check=taken.append)
    assert taken == [0, 1]


SEEN = "select current_setting('walker.tenant', true), current_user::text"


def seen() -> tuple[str, ...]:
    """What the database takes the scope for: as a cursor asks, and as a prepared statement does."""
    with connection.cursor() as cursor:
        cursor.execute(SEEN)
        row = cursor.fetchone()
    assert prepared.exchange([Statement(SEEN)])[0].first == row
    return tuple(row)


def test_scope_is_right_at_every_turn_of_a_transaction(world: World) -> None:
    acme, globex = str(world.acme.pk), str(world.globex.pk)
    own = seen()
    assert own[0] == acme
    with transaction.atomic():
        assert seen() == own
        with tenant_scope(globex), transaction.atomic():
            assert seen()[0] == globex
            transaction.set_rollback(True)
        assert seen() == own
        with platform_scope(), transaction.atomic():
            assert seen() == ("", "walker_platform")
            transaction.set_rollback(True)
        assert seen() == own
        with platform_scope(), transaction.atomic():
            assert seen()[1] == "walker_platform"
        assert seen() == own
    with tenant_scope(globex):
        assert seen()[0] == globex
    assert seen() == own


def roles_named() -> int:
    waiting = ahead.on(connection.connection)
    return sum("role" in text for text in waiting.texts) if waiting else 0


def test_role_is_named_only_where_the_platforms_was_before_in_the_transaction(world: World) -> None:
    for _ in range(2):
        with transaction.atomic():
            prepared.later(head(world, "a"))
            assert roles_named() == 0
            with platform_scope():
                prepared.later(Statement(SEEN))
            prepared.later(Statement(SEEN))
            assert roles_named() == 2
            streams()
            prepared.later(Statement(SEEN))
            assert roles_named() == 1
            transaction.set_rollback(True)


def ask_as_platform() -> None:
    with platform_scope():
        assert seen()[1] == "walker_platform"


def undo_as_platform() -> None:
    with platform_scope(), transaction.atomic():
        prepared.later(Statement(SEEN))
        transaction.set_rollback(True)


def fail_as_platform() -> None:
    with platform_scope(), pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("selec 1")


def write_as_platform() -> None:
    with platform_scope(), transaction.atomic():
        prepared.later(Statement(SEEN))
        prepared.start()


@contextmanager
def begun_by_hand() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("begin")
        yield
        cursor.execute("rollback")


@contextmanager
def begun_by_the_driver() -> Iterator[None]:
    connection.set_autocommit(False)
    yield
    connection.rollback()
    connection.set_autocommit(True)


@pytest.mark.parametrize("within", [nullcontext, transaction.atomic, begun_by_hand, begun_by_the_driver])
@pytest.mark.parametrize("enter", [ask_as_platform, undo_as_platform, fail_as_platform, write_as_platform])
def test_role_of_the_platform_ends_with_its_scope(
    world: World, within: Callable[[], AbstractContextManager[None]], enter: Callable[[], None]
) -> None:
    with transaction.atomic():
        own = seen()
    with within():
        assert seen() == own
        enter()
        assert seen() == own
        enter()
        with transaction.atomic():
            assert seen() == own
    assert seen() == own


@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_scope_is_named_anew_after_a_transaction(world: World, ends: str) -> None:
    own = seen()
    with transaction.atomic():
        assert seen() == own
        transaction.set_rollback(ends == "rollback")
    assert seen() == own
    with transaction.atomic():
        assert seen() == own


def test_statement_that_cannot_be_read_leaves_nothing_outside_of_the_transaction(world: World) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        with pytest.raises(DatabaseError):
            cursor.execute("selec 1")
        cursor.execute(_WRITE, head(world, "a").params)
        transaction.set_rollback(True)
    assert streams() == []


def test_started_write_runs_while_the_caller_goes_on(world: World) -> None:
    with transaction.atomic():
        prepared.later(Statement("select pg_sleep(0.5)"))
        began = time.monotonic()
        prepared.start()
        went_on = time.monotonic()
        assert streams() == []
        heard = time.monotonic()
    assert went_on - began < 0.25
    assert heard - began >= 0.5


@pytest.mark.parametrize("more", [True, False])
def test_started_writes_are_kept_with_their_transaction(world: World, more: bool) -> None:
    with transaction.atomic():
        prepared.later(head(world, "a"), check=one_row)
        prepared.start()
        prepared.start()
        if more:
            prepared.later(head(world, "b"))
            prepared.start()
            assert streams() == ["a", "b"]
    assert streams() == (["a", "b"] if more else ["a"])


def test_start_does_not_wait_for_a_database_that_is_at_work(world: World) -> None:
    with transaction.atomic():
        prepared.later(Statement("select pg_sleep(0.5)"))
        prepared.start()
        began = time.monotonic()
        prepared.later(head(world, "a"))
        prepared.start()
        assert time.monotonic() - began < 0.25
        assert streams() == ["a"]


def test_question_is_answered_while_the_caller_goes_on(world: World) -> None:
    began = time.monotonic()
    asked = prepared.ask([Statement("select pg_sleep(0.3)"), Statement("select 7")])
    assert time.monotonic() - began < 0.2
    assert asked.answer()[1].first == (7,)
    assert asked.answer()[1].first == (7,)


@pytest.mark.parametrize("listens", [True, False])
def test_question_sees_what_waited_and_keeps_its_answer_past_other_messages(world: World, listens: bool) -> None:
    with CaptureQueriesContext(connection) if listens else nullcontext(), transaction.atomic():
        prepared.later(head(world, "a"), check=one_row)
        asked = prepared.ask([Statement("select stream from core_streamhead")])
        prepared.later(head(world, "b"), check=one_row)
        prepared.start()
        assert streams() == ["a", "b"]
        assert asked.answer()[0].rows == [("a",)]
    assert asked.answer()[0].rows == [("a",)]
    assert streams() == ["a", "b"]


@pytest.mark.parametrize("wanted", [True, False])
def test_write_put_aside_is_made_only_when_it_is_given_again(world: World, wanted: bool) -> None:
    with transaction.atomic():
        asked = prepared.ask([Statement("select 1")])
        with prepared.aside() as writes:
            prepared.later(head(world, "b"), check=one_row)
            prepared.start()
        prepared.later(head(world, "a"))
        assert streams() == ["a"]
        for write, check in writes if wanted else []:
            prepared.later(write, check=check)
        assert asked.answer()[0].first == (1,)
    assert streams() == (["a", "b"] if wanted else ["a"])


def ask_and_refuse(world: World, *more: Statement) -> None:
    with transaction.atomic():
        prepared.later(head(world, "a"))
        prepared.ask([Statement("select 1"), *more])
        raise Conflict("No.")


@pytest.mark.parametrize("outer", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_question_that_nobody_hears_is_undone_with_its_block(world: World, outer: bool, fails: bool) -> None:
    with transaction.atomic() if outer else nullcontext():
        with pytest.raises(Conflict, match=r"No\."):
            ask_and_refuse(world, *([Statement("selec 1")] if fails else []))
        assert streams() == []
        prepared.later(head(world, "b"))
    assert streams() == ["b"]


def ask_wrongly(world: World, asked: list[prepared.Asked], *, answers: bool) -> None:
    with transaction.atomic():
        prepared.later(head(world, "a"))
        asked.append(prepared.ask([Statement("select 1/0")]))
        if answers:
            asked[0].answer()


@pytest.mark.parametrize("answers", [True, False])
@pytest.mark.parametrize("outer", [True, False])
def test_question_that_fails_undoes_its_block(world: World, answers: bool, outer: bool) -> None:
    asked: list[prepared.Asked] = []
    with transaction.atomic() if outer else nullcontext():
        with pytest.raises(DatabaseError, match="division by zero"):
            ask_wrongly(world, asked, answers=answers)
        assert streams() == []
    with pytest.raises(DatabaseError, match="division by zero"):
        asked[0].answer()


def test_question_whose_block_was_undone_has_no_answer(world: World) -> None:
    with transaction.atomic():
        asked = prepared.ask([Statement("select 1")])
        transaction.set_rollback(True)
    with pytest.raises(DatabaseError, match="undone"):
        asked.answer()


@pytest.mark.parametrize("outside", [True, False])
def test_question_behind_a_row_count_that_does_not_fit_has_no_answer(world: World, outside: bool) -> None:
    def miss() -> None:
        with transaction.atomic():
            prepared.later(nowhere(), check=one_row)
            asked = prepared.ask([Statement("select 1")])
            if not outside:
                asked.answer()

    with pytest.raises(Conflict):
        miss()
    assert streams() == []


def test_connection_that_is_lost_while_it_was_asked_undoes_the_transaction(world: World) -> None:
    def lose() -> None:
        with transaction.atomic():
            prepared.later(head(world, "a"))
            prepared.ask([Statement("select pg_terminate_backend(pg_backend_pid())")]).answer()

    with pytest.raises(DatabaseError):
        lose()
    connection.close()
    assert streams() == []


def test_question_dies_with_its_connection(world: World) -> None:
    asked = prepared.ask([Statement("select 1")])
    connection.close()
    assert streams() == []
    with pytest.raises(DatabaseError):
        asked.answer()


def start_and_raise(*writes: Statement, asks: bool = False, refuses: bool = False, starts: bool = True) -> None:
    with transaction.atomic():
        for write in writes:
            prepared.later(write, check=one_row)
        if starts:
            prepared.start()
        if asks:
            streams()
        if refuses:
            raise Conflict("No.")


@pytest.mark.parametrize("asks_before", [True, False])
@pytest.mark.parametrize("by_cursor", [True, False])
def test_what_waits_is_not_lost_with_a_text_that_is_none(world: World, asks_before: bool, by_cursor: bool) -> None:
    bad = "select '\ud800'"
    with transaction.atomic():
        if asks_before:
            streams()
        prepared.later(head(world, "a"))
        with pytest.raises(UnicodeEncodeError), connection.cursor() as cursor:
            cursor.execute(bad) if by_cursor else prepared.exchange([Statement(bad)])
    assert streams() == ["a"]


@pytest.mark.parametrize("checks", [one_row, None])
def test_block_with_a_text_that_is_none_is_undone_alone(world: World, checks: ahead.Check | None) -> None:
    def write_alone() -> None:
        with transaction.atomic():
            prepared.later(head(world, "\ud800"), check=checks)

    with transaction.atomic():
        prepared.later(head(world, "kept"))
        with pytest.raises(UnicodeEncodeError):
            write_alone()
    assert streams() == ["kept"]


def go_on_after(world: World, problem: type[Exception], goes_wrong: Callable[[], object]) -> None:
    with transaction.atomic():
        prepared.later(head(world, "before"))
        with pytest.raises(problem):
            goes_wrong()
        prepared.later(head(world, "after"))


def test_transaction_is_not_kept_without_what_waited_for_a_statement_that_cannot_be_read(world: World) -> None:
    with pytest.raises(DatabaseError, match="failed before"):
        go_on_after(world, DatabaseError, lambda: prepared.exchange([Statement("selec 1")]))
    assert streams() == []


def miss_and_ask() -> None:
    prepared.later(nowhere(), check=one_row)
    with transaction.atomic():
        streams()


def test_transaction_is_not_kept_by_who_takes_its_failed_check_for_that_of_another(world: World) -> None:
    with pytest.raises(DatabaseError, match="failed before"):
        go_on_after(world, Conflict, miss_and_ask)
    assert streams() == []


def swallow_the_failure_of(*writes: Statement) -> None:
    with transaction.atomic():
        for write in writes:
            prepared.later(write)
        prepared.start()
        with suppress(DatabaseError):
            streams()


def test_commit_of_a_transaction_that_has_failed_is_an_error(world: World) -> None:
    with pytest.raises(DatabaseError, match="failed before"):
        swallow_the_failure_of(head(world, "a"), head(world, "a"))
    assert connection.get_autocommit()
    assert streams() == []


def nowhere() -> Statement:
    return Statement("update core_streamhead set seq = 9 where stream = %s", ["nowhere"])


@pytest.mark.parametrize("starts", [True, False])
@pytest.mark.parametrize("fails", ["check", "write"])
def test_block_that_raises_is_undone_whatever_became_of_what_it_started(world: World, starts: bool, fails: str) -> None:
    with transaction.atomic():
        prepared.later(head(world, "kept"))
        with pytest.raises(Conflict, match=r"No\."):
            start_and_raise(
                head(world, "a"), nowhere() if fails == "check" else head(world, "a"), refuses=True, starts=starts
            )
        assert streams() == ["kept"]
    assert streams() == ["kept"]


@pytest.mark.parametrize("starts", [True, False])
@pytest.mark.parametrize("asks", [True, False])
@pytest.mark.parametrize("outer", [True, False])
def test_write_that_fails_undoes_its_transaction_or_savepoint(
    world: World, starts: bool, asks: bool, outer: bool
) -> None:
    nowhere = Statement("update core_streamhead set seq = 9 where stream = %s", ["nowhere"])
    with transaction.atomic() if outer else nullcontext():
        if outer:
            prepared.later(head(world, "kept"))
            prepared.start()
        with pytest.raises(DatabaseError):
            start_and_raise(head(world, "a"), head(world, "a"), asks=asks, starts=starts)
        with pytest.raises(Conflict):
            start_and_raise(head(world, "b"), nowhere, asks=asks, starts=starts)
        with pytest.raises(Conflict):
            start_and_raise(head(world, "c"), refuses=True, starts=starts)
    assert streams() == (["kept"] if outer else [])
    assert connection.get_autocommit()


def test_started_write_of_a_connection_that_is_lost_undoes_its_transaction(world: World) -> None:
    def lose() -> None:
        with transaction.atomic():
            prepared.later(head(world, "a"))
            prepared.later(Statement("select pg_terminate_backend(pg_backend_pid())"))
            prepared.start()

    with pytest.raises(DatabaseError):
        lose()
    connection.close()
    assert streams() == []


def close_and_write(world: World) -> None:
    with transaction.atomic():
        prepared.later(head(world, "a"))
        connection.close()
        prepared.later(head(world, "b"))


def test_write_on_a_connection_that_was_closed_is_refused(world: World) -> None:
    with pytest.raises(DatabaseError):
        close_and_write(world)
    assert streams() == []


def test_nothing_that_waited_goes_along_when_the_pool_asks(world: World) -> None:
    with transaction.atomic():
        prepared.later(head(world, "a"))
        raw = connection.connection
        with patch.object(raw, "close"):  # as the pool does when it takes a connection back
            connection.close()
        ConnectionPool.check_connection(raw)
        assert raw.info.transaction_status.name == "IDLE"
        raw.close()
    assert streams() == []


def test_started_write_is_undone_where_the_driver_begins_transactions(world: World) -> None:
    connection.set_autocommit(False)
    try:
        with transaction.atomic(savepoint=False):
            prepared.later(head(world, "a"))
            prepared.start()
        connection.rollback()
    finally:
        connection.set_autocommit(True)
    assert streams() == []


def test_nothing_waits_outside_of_a_transaction(world: World) -> None:
    prepared.later(head(world, "a"), check=one_row)
    waiting = ahead.on(connection.connection)
    assert waiting is not None
    assert waiting.is_empty
    assert streams() == ["a"]


def test_pool_finds_that_a_connection_lives(world: World) -> None:
    connection.ensure_connection()
    ConnectionPool.check_connection(connection.connection)
    assert StreamHead.objects.count() == 0
