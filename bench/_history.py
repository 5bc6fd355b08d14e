"""Fills an installation with the years behind it: settled approvals and all that hangs on them, chats and messages."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

CHUNK = 20_000
A_TALK = 20  # messages of a conversation
TABLES = (
    "hitl_approval",
    "hitl_approvaltext",
    "hitl_assignment",
    "hitl_decision",
    "hitl_notification",
    "hitl_execution",
    "conversations_conversation",
    "conversations_message",
)
LOCKED = ("hitl_assignment", "hitl_decision", "hitl_execution")
_AGO = "(n::float8 / %(last)s) * make_interval(days => %(days)s)"
_AT = f"now() - {_AGO}"
_STATE = "(array['executed','executed','executed','rejected','expired'])[1 + n %% 5]"
# What a copy has of its own; all else is as in the row it is copied from.
_APPROVAL = {
    "id": f"uuidv7(-({_AGO}))",
    "reference": "'BR-' || (100000 + n)",
    "created_at": _AT,
    "moved_at": _AT,
    "state": _STATE,
    "decided_at": f"case when n %% 5 < 4 then {_AT} end",
    "decided_by_id": "case when n %% 5 < 4 then s.person_id end",
    "resolved_at": _AT,
    "risk_level": "(array['low','medium','high','critical'])[1 + n %% 4]",
    "subject_key": "'effect:' || n",
    "seal": "''",  # it ended before there were seals
}
_HANGING = {
    "hitl_assignment": ("s", "", {"opened_at": "m.created_at", "closed_at": "m.created_at", "seal": "''"}),
    "hitl_notification": (
        "w",
        "where w.id is not null",
        {"created_at": "m.created_at", "sent_at": "m.created_at", "status": "'sent'"},
    ),
}
_DECISION = """
insert into hitl_decision (id, tenant_id, approval_id, revision, level, digest, person_id, actor_kind, actor_name, role,
  verdict, reason, channel, auth_strength, address, created_at)
select uuidv7(m.created_at - now()), m.tenant_id, m.id, 1, 1, m.digest, s.person_id, 'user', 'user', 'approver',
  case when m.state = 'rejected' then 'reject' else 'approve' end, '', 'console', 'password', '', m.created_at
from made m join bench_assignment s on s.tenant_id = m.tenant_id where m.state <> 'expired'
"""
_EXECUTION = """
insert into hitl_execution (id, tenant_id, approval_id, revision, digest, idempotency_key, fence, attempt, outcome,
  result, error, started_at, finished_at)
select uuidv7(m.created_at - now()), m.tenant_id, m.id, 1, m.digest, m.id || ':1', 1, 1, 'succeeded',
  '{}', '', m.created_at, m.created_at
from made m where m.state = 'executed'
"""
_TEXT = """
insert into hitl_approvaltext (id, tenant_id, approval_id, masked_text)
select uuidv7(m.created_at - now()), m.tenant_id, m.id, 'Cause effect ' || (
  select string_agg(w.word, ' ') from (select word from bench_word where id in (
    select 1 + floor(power(5000, random()))::int from generate_series(1, 8) where m.id is not null)) w)
from made m
"""
_TALK = {
    "id": f"uuidv7(-({_AGO}))",
    "state": "'closed'",
    "resolved": "true",
    "created_at": _AT,
    "last_message_at": _AT,
    "last_inbound_at": _AT,
    "closed_at": _AT,
}
_LINE = {
    "id": "uuidv7(m.created_at - now())",
    "conversation_id": "m.id",
    "seq": "k",
    "client_id": "null",
    "channel_message_id": "''",
    "created_at": "m.created_at",
    # Words by rank as people use them: the first is in every other message, the last in hardly any.
    "masked_body": "(select string_agg(w.word, ' ') from (select word from bench_word where id in ("
    "select 1 + floor(power(5000, random()))::int from generate_series(1, 14) where k > 0)) w)",
}


class History:
    """The history of all tenants of one database, grown evenly from the oldest day on."""

    def __init__(self, url: str) -> None:
        """Take the owner's URL of the database; every tenant has one pending approval and one message to copy."""
        self.url = url

    def prepare(self) -> None:
        """Keep what is copied in tables of the benchmark's own, and make words."""
        with self.line() as line:
            for name, table, what in (
                ("bench_approval", "hitl_approval", "where state = 'pending'"),
                ("bench_assignment", "hitl_assignment", ""),
                ("bench_notice", "hitl_notification", "where channel = 'in_app'"),
                ("bench_talk", "conversations_conversation", ""),
                ("bench_line", "conversations_message", ""),
            ):
                latest = f"select distinct on (tenant_id) * from {table} {what} order by tenant_id, id"  # noqa: S608
                line.execute(f"create table {name} as {latest}")
            line.execute("create table bench_word (id int primary key, word text)")
            with line.cursor().copy("copy bench_word from stdin") as rows:
                for number, word in enumerate(_words(5001), start=1):
                    rows.write_row((number, word))
            line.execute("analyze bench_word")

    def grow(self, first: int, last: int, *, days: int) -> None:
        """Add approvals number `first` to `last` to each tenant, of the last `days` days, and as many messages."""
        bound = {"last": last, "days": days}
        with self.line() as line, _unguarded(line):
            self._in_parts(line, _approvals(line), first, last, bound)
            begin, end = (first - 1) // A_TALK + 1, last // A_TALK
            self._in_parts(line, _talks(line), begin, end, {**bound, "last": end})
        with self.line() as line:
            line.execute("vacuum (analyze)")

    def talk(self, messages: int, *, days: int) -> None:
        """Add so many messages to each tenant, and no approvals; as `grow` does both."""
        with self.line() as line, _unguarded(line):
            row = line.execute("select indexdef from pg_indexes where indexname = 'messages_by_words'").fetchone()
            line.execute("drop index messages_by_words")
            end = messages // A_TALK
            self._in_parts(line, _talks(line), 1, end, {"last": end, "days": days})
            line.execute(str(row[0] if row else ""))
        with self.line() as line:
            line.execute("vacuum (analyze)")

    def _in_parts(self, line: Any, statement: str, first: int, last: int, bound: dict[str, int]) -> None:
        tenants = line.execute("select count(*) from bench_approval").fetchone()[0]
        step = max(1, CHUNK // tenants)
        for high in range(last, first - 1, -step):
            line.execute(statement, {**bound, "low": max(first, high - step + 1), "high": high})

    def line(self) -> "psycopg.Connection[Any]":
        """Return the owner's connection, as a migration has it: before all tenants' rows."""
        return psycopg.connect(self.url, autocommit=True, options="-c walker.migrate=on -c synchronous_commit=off")


@contextmanager
def _unguarded(line: Any) -> Iterator[None]:
    """Put the guard and the foreign keys aside: this history never happened, and would be checked row by row."""
    keys = line.execute(
        "select conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) from pg_constraint "
        "where contype = 'f' and conrelid::regclass::text = any(%s)",
        [list(TABLES)],
    ).fetchall()
    line.execute("alter table hitl_approval disable trigger hitl_guard_approval")
    for table in LOCKED:
        line.execute(f"alter table {table} disable trigger hitl_lock_approval")
    for table, name, _ in keys:
        line.execute(f"alter table {table} drop constraint {name}")
    yield
    for table, name, definition in keys:
        line.execute(f"alter table {table} add constraint {name} {definition.removesuffix(' NOT VALID')} not valid")
    for table in LOCKED:
        line.execute(f"alter table {table} enable always trigger hitl_lock_approval")
    line.execute("alter table hitl_approval enable always trigger hitl_guard_approval")


def _approvals(line: Any) -> str:
    hanging = []
    for number, (table, (alias, where, own)) in enumerate(_HANGING.items()):
        values = {"id": "uuidv7(m.created_at - now())", "approval_id": "m.id", **own}
        source = (
            f"made m join bench_assignment s on s.tenant_id = m.tenant_id "
            f"left join bench_notice w on w.tenant_id = m.tenant_id {where}"
        )
        hanging.append(f"h{number} as ({_copy(line, table, alias, values, source)})")
    source = (
        "generate_series(%(high)s::int, %(low)s::int, -1) n, bench_approval a "
        "join bench_assignment s on s.tenant_id = a.tenant_id order by n desc"
    )
    made = _copy(line, "hitl_approval", "a", _APPROVAL, source) + " returning id, tenant_id, state, digest, created_at"
    return f"with made as ({made}), {', '.join(hanging)}, d as ({_DECISION}), t as ({_TEXT}) {_EXECUTION}"


def _talks(line: Any) -> str:
    source = "generate_series(%(high)s::int, %(low)s::int, -1) n, bench_talk a order by n desc"
    made = _copy(line, "conversations_conversation", "a", _TALK, source) + " returning id, tenant_id, created_at"
    source = f"made m join bench_line a on a.tenant_id = m.tenant_id, generate_series(1, {A_TALK}) k"
    return f"with made as ({made}) {_copy(line, 'conversations_message', 'a', _LINE, source)}"


def _copy(line: Any, table: str, alias: str, own: dict[str, str], source: str) -> str:
    """Return an INSERT that copies `alias` of `source`; everything in it is a constant of this file or a column."""
    rows = line.execute(
        "select column_name from information_schema.columns where table_name = %s and table_schema = 'public' "
        "and is_generated = 'NEVER' order by ordinal_position",
        [table],
    )
    columns = [row[0] for row in rows]
    values = ", ".join(own.get(name, f'{alias}."{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    return f"insert into {table} ({names}) select {values} from {source}"  # noqa: S608


def _words(count: int) -> list[str]:
    dice = random.Random(1)
    parts = ("ba", "do", "fe", "gu", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "va", "wi", "xo", "ze")
    return ["".join(dice.choices(parts, k=dice.randint(2, 5))) + str(number % 97) for number in range(count)]
