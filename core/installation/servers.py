"""Checks of PostgreSQL and Redis: roles, limits, connections, access, memory, and the clocks of both."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from redis import Redis
from redis.connection import ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from core.clock import now
from core.db import redis_servers, replica
from core.installation.address import is_local
from core.installation.registry import STATUSES, Check, Finding, failure, register, warning, well
from core.observability import processes
from core.tenancy import rls

Answer = TypeVar("Answer")

OLDEST: Final = 16
"""The oldest PostgreSQL that does."""
APART: Final = timedelta(seconds=2)
CATCHES_UP: Final = 2.0
"""Seconds for which a check waits for the replica."""
AT_HAND: Final = 5
"""Connections for commands: migrations, this check, a person who looks."""
USUAL: Final = {"worker": 2, "webhooks": 16, "beat": 1}
"""Connections that a process of each part opens at most, started as usual; of the others the settings say it."""
KEEPS: Final = ("noeviction",)
CACHE_KEEPS: Final = (*KEEPS, "allkeys-lru", "allkeys-lfu", "volatile-lru", "volatile-lfu")
"""A cache may let go what nobody has used for long, but not limits and wrong passwords that are being counted."""


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
    each = {**USUAL, "web": settings.WEB_CONNECTIONS, "models": settings.MODEL_WORKERS}
    may = sum(number * max(1, parts[part]) for part, number in each.items()) + AT_HAND
    said = f"PostgreSQL allows {most} connections, the processes may open {may}, and {used} are open."
    if may > most:
        return failure(said, "Raise max_connections, run fewer processes, or put a pooler between.")
    if used > most * 0.8:
        return warning(said, "Look at pg_stat_activity for who holds them, and raise max_connections.")
    return well(said)


def database_replica() -> Finding:
    """Find whether the replica answers, is one, refuses to be written to, and how late it is."""
    if not replica.is_set():
        return well("No replica is set, and none is needed.")
    position = replica.primary_position()
    try:
        standing = replica.look()
        until = time.monotonic() + CATCHES_UP
        while standing.position < position and time.monotonic() < until:
            time.sleep(0.1)
            standing = replica.look()
    except DatabaseError as problem:
        said = f"The replica doesn't answer ({type(problem).__name__}): the primary reads all."
        return failure(said, "See whether it runs, and whether DATABASE_REPLICA_URL names it and its password.")
    if standing.goes_round_walls:
        said = "The role on the replica goes round row-level security, so it isn't used."
        return failure(said, "Name the role walker_app in DATABASE_REPLICA_URL.")
    if not standing.is_standby:
        said = "DATABASE_REPLICA_URL names a server that is no standby, so it isn't used."
        return failure(said, "Name a streaming replica of the database, or leave it empty.")
    if standing.position < position:
        said = f"The replica is over {CATCHES_UP:.0f} seconds behind; from {replica.LATE.seconds} on it isn't read."
        return warning(said, "Look at pg_stat_replication on the primary: the network, or long queries on the replica.")
    with suppress(RedisError, OSError):  # a cache that is away has a check of its own
        if replica.position_of_late() is not None:
            return well("The replica follows within seconds and refuses to be written to.")
    said = "Nobody has noted in the last seconds how far the database is, so the primary reads all."
    return warning(said, "Start beat, with DATABASE_REPLICA_URL set for it too.")


def redis_access() -> Finding:
    """Find whether a Redis lets anybody in, and whether the way to each is encrypted."""
    return _worst(access_of, "Redis asks for a password, on this machine or by TLS.")


def redis_memory() -> Finding:
    """Find whether a Redis throws keys away that its role needs, such as queued work, when its memory is full."""
    return _worst(memory_of, "Redis throws nothing away that is needed.")


def _worst(look: Callable[[str], Finding | None], fine: str) -> Finding:
    """Look at each server, and name those that aren't well; one that is away hides none of the others."""
    found = []
    for url in redis_servers.addresses():
        try:
            one = look(url)
        except (RedisError, OSError) as problem:
            said = f"{_title(url)} doesn't answer ({type(problem).__name__})."
            one = failure(said, f"See whether it runs, and whether {redis_servers.setting_of(url)} names it.")
        if one:
            found.append(one)
    if not found:
        return well(fine)
    status = max((one.status for one in found), key=STATUSES.index)
    texts, steps = (dict.fromkeys(each) for each in zip(*((one.text, one.next_step) for one in found), strict=True))
    return Finding(status, " ".join(texts), " ".join(steps))


def _title(url: str) -> str:
    title = redis_servers.title_of(url)
    return title[0].upper() + title[1:]


def access_of(url: str) -> Finding | None:
    """Find whether a server asks for a password and is reached by TLS from elsewhere; None if it is well."""
    client, setting = redis_servers.client_of(url), redis_servers.setting_of(url)
    pool = client.connection_pool
    rest = {key: value for key, value in pool.connection_kwargs.items() if key not in ("username", "password")}
    stranger = Redis(connection_pool=ConnectionPool(connection_class=pool.connection_class, **rest))
    try:
        stranger.ping()
    except (AuthenticationError, ResponseError):
        pass
    else:
        return failure(
            f"{_title(url)} accepts connections without a password.",
            f"Set requirepass in Redis, and the password in {setting}.",
        )
    finally:
        stranger.close()
    try:
        client.ping()
    except (AuthenticationError, ResponseError):
        return failure(f"{_title(url)} doesn't take the password.", f"Set the password of Redis in {setting}.")
    finally:
        client.close()
    is_encrypted = issubclass(pool.connection_class, SSLConnection)
    if is_encrypted and str(pool.connection_kwargs.get("ssl_cert_reqs")) == "none":
        return failure(
            f"The certificate of {redis_servers.title_of(url)} isn't checked.", f"Leave ssl_cert_reqs out of {setting}."
        )
    if is_encrypted and not pool.connection_kwargs.get("ssl_check_hostname"):
        return failure(
            f"The host name of {redis_servers.title_of(url)} isn't checked.",
            f"Leave ssl_check_hostname out of {setting}.",
        )
    is_near = issubclass(pool.connection_class, UnixDomainSocketConnection) or is_local(url)
    if not is_near and not is_encrypted:
        return warning(
            f"{_title(url)} is on another machine, and the way there isn't encrypted.",
            f"Use rediss:// in {setting}, or keep that network to your own machines.",
        )
    return None


def memory_of(url: str) -> Finding | None:
    """Find whether a server keeps what its roles need when its memory is full; None if it is well."""
    roles = redis_servers.addresses()[url]
    policy = str(_ask(url, lambda client: client.info("memory")["maxmemory_policy"]))
    if policy in (CACHE_KEEPS if roles == ["cache"] else KEEPS):
        return None
    lost = {"broker": "queued work", "cache": "rate limits, heartbeats", "layer": "hints"}
    wanted = "noeviction, or to allkeys-lru" if roles == ["cache"] else "noeviction"
    return failure(
        f"{_title(url)} throws keys away when its memory is full ({policy}): {', '.join(lost[one] for one in roles)}.",
        f"Set maxmemory-policy to {wanted} in Redis.",
    )


def clocks() -> Finding:
    """Compare the clocks of the database and of Redis with that of this machine."""
    apart = {"the database": _apart(_time_of_database)}
    for url in redis_servers.addresses():
        with suppress(RedisError, OSError):  # one that is away has a check of its own
            apart[redis_servers.title_of(url)] = _apart(partial(_ask, url, _time_of_redis))
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


def _ask(url: str, question: Callable[[Any], Answer]) -> Answer:  # its answers have no types of their own
    client = redis_servers.client_of(url)
    try:
        return question(client)
    finally:
        client.close()


register(Check("database_role", "Database role", database_role))
register(Check("database_limits", "Database limits", database_limits))
register(Check("database_connections", "Database connections", database_connections))
register(Check("database_replica", "Database replica", database_replica))
register(Check("redis_access", "Access to Redis", redis_access))
register(Check("redis_memory", "Memory of Redis", redis_memory))
register(Check("clocks", "Clocks", clocks))
