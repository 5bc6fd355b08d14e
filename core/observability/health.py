"""Health checks, gauges, heartbeats of processes, and system checks: without keys or policies nothing starts."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.core.cache import cache
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from redis.exceptions import RedisError

from core.clock import now
from core.errors import Unavailable
from core.jobs import dead_letters
from core.models import Outbox
from core.observability import processes
from core.observability.logging import get_logger
from core.observability.stop import stopping
from core.privacy.encryption import key_ring
from core.reliability import circuit_breaker
from core.tenancy import rls
from core.tenancy.scope import platform_scope
from core.upgrades import kinds, releases

log = get_logger(__name__)

# A check returns why it fails, without personal data, or "" if it passes.
Check = Callable[[], str]
Measure = Callable[[], float]

_BEATS: Final = "health:beat:{run}:{part}"
_BEAT_KEPT: Final = 3600
PATIENCE: Final = 4.0  # seconds for all gauges
AWAY: Final = (DatabaseError, RedisError, OSError)
_settled: set[str] = set()


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number computed on request, late above `late_above`; with a label it is one of several of its name."""

    name: str
    help: str
    measure: Measure
    late_above: float | None = None
    label: tuple[str, str] | None = None

    @property
    def title(self) -> str:
        """Return the name with the label, as it is written in Prometheus."""
        return self.name if self.label is None else f'{self.name}{{{self.label[0]}="{self.label[1]}"}}'


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of one check."""

    name: str
    ok: bool
    problem: str = ""


_checks: dict[str, Check] = {}
_alerts: dict[str, Check] = {}
_gauges: dict[str, Gauge] = {}


def register_check(name: str, check: Check) -> None:
    """Register a check of what a web process itself can't do without."""
    _checks[name] = check


def register_alert(name: str, check: Check) -> None:
    """Register a check of other processes, whose failure is an alert.

    Leaving this process out of the balancer would mend nothing.
    """
    _alerts[name] = check
    register_gauge(
        "walker_check_failing",
        lambda: float(bool(check())),
        help="1 while other processes are missing that this installation needs.",
        late_above=0,
        label=("check", name),
    )


def register_gauge(
    name: str,
    measure: Measure,
    *,
    help: str = "",
    late_above: float | None = None,
    label: tuple[str, str] | None = None,
) -> None:
    """Register a cheap gauge `walker_<thing>_<unit>`. One that is late is shown by `/readyz`, which stays ready."""
    gauge = Gauge(name, help or name.replace("_", " "), measure, late_above, label)
    _gauges[gauge.title] = gauge


def run_checks() -> list[Reading]:
    """Run every check of what this process needs, in order of registration."""
    return _run(_checks)


def run_alerts() -> list[Reading]:
    """Run every check of other processes."""
    return _run(_alerts)


def _run(named: dict[str, Check]) -> list[Reading]:
    readings = []
    for name, check in named.items():
        try:
            problem = check()
        except AWAY:
            log.warning("health_check_failed", check=name, exc_info=True)
            problem = "not reachable"
        readings.append(Reading(name, not problem, problem))
    return readings


def read_gauges() -> list[tuple[Gauge, float | None]]:
    """Measure every gauge; None without database or Redis, or once `PATIENCE` is over, as each would wait."""
    readings: list[tuple[Gauge, float | None]] = []
    until = time.monotonic() + PATIENCE
    for gauge in _gauges.values():
        if time.monotonic() > until:
            readings.append((gauge, None))
            continue
        try:
            value = float(gauge.measure())
        except AWAY:
            log.warning("gauge_failed", gauge=gauge.name, exc_info=True)
            readings.append((gauge, None))
        else:
            readings.append((gauge, value))
    return readings


def note_beat(part: str) -> None:
    """Record a heartbeat of a part ("worker", "models", "webhooks" or "beat")."""
    cache.set(_beat_key(part), now().timestamp(), timeout=_BEAT_KEPT)


def keep_beat(part: str) -> None:
    """Record a heartbeat and the process it is of; one that Redis can't take is logged."""
    try:
        note_beat(part)
        processes.note(part)
    except AWAY:
        log.warning("heartbeat_lost", part=part)


def beat_age(part: str) -> float | None:
    """Return the seconds since a part's last heartbeat. None without one in the last hour."""
    at = cache.get(_beat_key(part))
    return None if at is None else max(0.0, now().timestamp() - at)


def _beat_key(part: str) -> str:
    # Redis survives a restart: a heartbeat of the last run must not count for this one.
    return _BEATS.format(run=settings.RUN, part=part)


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("select 1")
    return ""


def _redis() -> str:
    mark = now().timestamp()
    cache.set("health:probe", mark, timeout=30)
    return "" if cache.get("health:probe") is not None else "a written value was not found"


def _migrations() -> str:
    # The check reads every migration file: once those are applied that this version runs on, that stays so. Rows are
    # filled, and columns go, while it runs.
    if connection.settings_dict["NAME"] in _settled:
        return ""
    lacking = sum(kinds.kind_of(one) == "expand" for one in kinds.waiting(MigrationExecutor(connection)))
    if lacking:
        return f"{lacking} migrations are not applied"
    if problem := releases.left_behind():
        return problem
    _settled.add(str(connection.settings_dict["NAME"]))
    return ""


def alive(part: str) -> Check:
    """Return a check of the heartbeats of a part."""

    def check() -> str:
        age = beat_age(part)
        if age is None:
            return "no heartbeat yet"
        stale = age > settings.HEARTBEAT_STALE.total_seconds()
        return f"last heartbeat {age:.0f} s ago" if stale else ""

    return check


def _oldest_outbox() -> float:
    with platform_scope():  # an age over all tenants: a number, no row of anyone
        undone = Outbox.objects.filter(done_at=None).order_by("id")
        oldest = undone.values_list("created_at", flat=True).first()
    return (now() - oldest).total_seconds() if oldest else 0.0


def _beat_gauge(part: str) -> Measure:
    def measure() -> float:
        age = beat_age(part)
        return float(_BEAT_KEPT) if age is None else age

    return measure


@checks.register(checks.Tags.security)
def check_keys(**_: Any) -> list[checks.CheckMessage]:
    """Report a missing or unreadable key ring."""
    try:
        key_ring()
    except (Unavailable, ValueError) as error:
        return [checks.Error(str(error), hint="Set WALKER_KEYS to id:base64 of 32 bytes.", id="core.E001")]
    return []


@checks.register(checks.Tags.database)
def check_wall(**options: Any) -> list[checks.CheckMessage]:
    """Report tables without active row-level security for the current database role."""
    if not options.get("databases"):
        return []
    try:
        found = rls.problems()
    except DatabaseError:
        return [checks.Error("The database cannot be reached.", id="core.E002")]
    return [checks.Error(problem, id="core.E003") for problem in found]


register_check("stopping", lambda: "this process stops" if stopping.is_set() else "")
register_check("database", _database)
register_check("tenant_wall", lambda: "; ".join(rls.problems()))
register_check("redis", _redis)
register_check("migrations", _migrations)
register_alert("worker", alive("worker"))
register_alert("beat", alive("beat"))
register_gauge(
    "walker_outbox_oldest_seconds",
    _oldest_outbox,
    help="Age of the oldest announcement not sent yet.",
    late_above=60,
)
register_gauge(
    "walker_dead_letters_parked",
    dead_letters.count_parked_everywhere,
    help="Failed jobs that wait for a person, over all tenants.",
)
register_gauge(
    "walker_breakers_open",
    lambda: sum(state.state != "closed" for state in circuit_breaker.states()),
    help="Circuit breakers known to this process that are not closed.",
)
register_gauge(
    "walker_worker_heartbeat_age_seconds",
    _beat_gauge("worker"),
    help="Seconds since a worker was last alive (3600 = an hour or more).",
)
register_gauge(
    "walker_beat_heartbeat_age_seconds",
    _beat_gauge("beat"),
    help="Seconds since beat last looked for due work (3600 = an hour or more).",
)
