"""Checks of PostgreSQL and Redis: roles, limits, connections, access, memory, and the clocks of both."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from django.conf import settings
from django.db import connection
from redis import Redis
from redis.connection import ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import AuthenticationError, ResponseError

from core.clock import now
from core.installation.address import is_local
from core.installation.registry import Check, Finding, failure, register, warning, well
from core.observability import processes
from core.tenancy import rls

Answer = TypeVar("Answer")

OLDEST: Final = 16
"""The oldest PostgreSQL that does."""
APART: Final = timedelta(seconds=2)
AT_HAND: Final = 5
"""Connections for commands: migrations, this check, a person who looks."""
USUAL: Final = {"web": 20, "worker": 2, "webhooks": 16, "beat": 1}
"""Connections that a process of each part opens at most, started as usual; of model workers the settings say it."""


def database_role() -> Finding:
    """Find what the application's role may do beyond its work: own tables, go round the walls, make roles."""
    found = rls.problems()
    with connection.cursor() as cursor:
        # The ORM has no roles.
        cursor.execute("select rolcreaterole, rolcreatedb, rolreplication from pg_roles where rolname = current_user")
        may = [word for word, has in zip(("roles", "databases", "replicas"), cursor.fetchone(), strict=True) if has]
        cursor.execute(
            "select count(*) from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') "
            "and pg_has_role(current_user, relowner, 'member')"
        )
        owned = cursor.fetchone()[0]
    if may:
        found.append(f"it may make {', '.join(may)}")
    if owned:
        found.append(f"it owns {owned} tables, or may become their owner")
    if found:
        shown = "; ".join(found[:3])
        return failure(
            f"The application's database role may do too much: {shown}.",
            "Name the role walker_app in DATABASE_URL, and another one, the owner, in DATABASE_OWNER_URL.",
        )
    return well("The application's role owns nothing and can't go round row-level security.")


def database_limits() -> Finding:
    """Compare the server's version and the role's time limits with what is needed."""
    with connection.cursor() as cursor:
        # The ORM has no settings.
        cursor.execute("select current_setting('server_version_num')::int / 10000")
        version = cursor.fetchone()[0]
        cursor.execute("select name, setting::int from pg_settings where name = any(%s)", [[*settings.DATABASE_LIMITS]])
        held = dict(cursor.fetchall())
    if version < OLDEST:
        return failure(f"This is PostgreSQL {version}.", f"Upgrade to PostgreSQL {OLDEST} or newer.")
    wanted = {name: int(limit.total_seconds() * 1000) for name, limit in settings.DATABASE_LIMITS.items()}
    wrong = [
        f"{name} is {held.get(name)} ms instead of {limit}" for name, limit in wanted.items() if held[name] != limit
    ]
    if wrong:
        return warning(f"The role's time limits aren't those of the settings: {'; '.join(wrong)}.", "Run `migrate`.")
    return well(f"PostgreSQL {version} keeps the time limits of the settings.")


def database_connections() -> Finding:
    """Compare the connections that the server allows with those that the processes may open, and with those in use."""
    with connection.cursor() as cursor:
        # The ORM has no server settings. Since version 16 some connections may be reserved for a role.
        cursor.execute(
            "select sum(setting::int) filter (where name = 'max_connections') "
            "- sum(setting::int) filter (where name <> 'max_connections') from pg_settings "
            "where name in ('max_connections', 'superuser_reserved_connections', 'reserved_connections')"
        )
        allowed = [cursor.fetchone()[0]]
        cursor.execute(
            "select r.rolconnlimit, d.datconnlimit from pg_roles r, pg_database d "
            "where r.rolname = current_user and d.datname = current_database()"
        )
        allowed += [limit for limit in cursor.fetchone() if limit >= 0]
        cursor.execute("select count(*) from pg_stat_activity where datid is not null")
        used = cursor.fetchone()[0]
    most, parts = min(allowed), Counter(one.part for one in processes.running())
    # A part that nobody has heard of runs once, or will.
    each = {**USUAL, "models": settings.MODEL_WORKERS}
    may = sum(number * max(1, parts[part]) for part, number in each.items()) + AT_HAND
    said = f"PostgreSQL allows {most} connections, the processes may open {may}, and {used} are open."
    if may > most:
        return failure(said, "Raise max_connections, run fewer processes, or put a pooler between.")
    if used > most * 0.8:
        return warning(said, "Look at pg_stat_activity for who holds them, and raise max_connections.")
    return well(said)


def redis_access() -> Finding:
    """Find whether Redis lets anybody in, and whether the way there is encrypted."""
    pool = _redis().connection_pool
    rest = {key: value for key, value in pool.connection_kwargs.items() if key not in ("username", "password")}
    stranger = Redis(connection_pool=ConnectionPool(connection_class=pool.connection_class, **rest))
    try:
        stranger.ping()
    except (AuthenticationError, ResponseError):
        pass
    else:
        return failure(
            "Redis accepts connections without a password.", "Set requirepass in Redis, and the password in REDIS_URL."
        )
    finally:
        stranger.close()
    is_near = issubclass(pool.connection_class, UnixDomainSocketConnection) or is_local(settings.REDIS_URL)
    if not is_near and not issubclass(pool.connection_class, SSLConnection):
        return warning(
            "Redis is on another machine, and the way there isn't encrypted.",
            "Use rediss:// in REDIS_URL, or keep that network to your own machines.",
        )
    return well("Redis asks for a password" + (" and is on this machine." if is_near else " and speaks TLS."))


def redis_memory() -> Finding:
    """Find whether Redis throws keys away when its memory is full, such as queued work and rate limits."""
    policy = str(_ask(lambda client: client.info("memory")["maxmemory_policy"]))
    if policy != "noeviction":
        return failure(
            f"Redis throws keys away when its memory is full ({policy}): rate limits, queued work, heartbeats.",
            "Set maxmemory-policy to noeviction in Redis.",
        )
    return well("Redis throws nothing away (noeviction).")


def clocks() -> Finding:
    """Compare the clocks of the database and of Redis with that of this machine."""
    apart = {"the database": _apart(_time_of_database), "Redis": _apart(lambda: _ask(_time_of_redis))}
    wrong = [f"{name} by {abs(gap).total_seconds():.1f} s" for name, gap in apart.items() if abs(gap) > APART]
    if wrong:
        return failure(
            f"Clocks differ from this machine's: {', '.join(wrong)}.",
            "Let each machine take its time from the same servers (NTP): codes, locks and deadlines go by it.",
        )
    return well(f"The clocks are within {APART.total_seconds():.0f} seconds.")


def _apart(ask: Callable[[], datetime]) -> timedelta:
    before = now()
    theirs = ask()
    return theirs - (before + (now() - before) / 2)


def _time_of_database() -> datetime:
    with connection.cursor() as cursor:
        # The ORM would answer with the time of the transaction.
        cursor.execute("select clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment


def _time_of_redis(client: Any) -> datetime:
    seconds, microseconds = client.time()
    return datetime.fromtimestamp(seconds + microseconds / 1_000_000, UTC)


def _redis() -> Any:  # its answers have no types of their own
    return Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def _ask(question: Callable[[Any], Answer]) -> Answer:
    client = _redis()
    try:
        return question(client)
    finally:
        client.close()


register(Check("database_role", "Database role", database_role))
register(Check("database_limits", "Database limits", database_limits))
register(Check("database_connections", "Database connections", database_connections))
register(Check("redis_access", "Access to Redis", redis_access))
register(Check("redis_memory", "Memory of Redis", redis_memory))
register(Check("clocks", "Clocks", clocks))
