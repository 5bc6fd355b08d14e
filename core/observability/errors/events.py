"""What is sent of an error: its types, places, a masked message and ids. Everything that is sent is named here."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final, Literal
from uuid import UUID

from django.conf import settings
from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from core.errors import Unavailable
from core.observability.logging import NAMED, RAISED, Link, Raised, links_of
from core.observability.processes import VERSION

Category = Literal["application", "user", "integration"]
CATEGORIES: Final[tuple[Category, ...]] = ("application", "user", "integration")
DEAD_JOB: Final = "job_failed_for_good"
"""The event of a job that ended: the one error of an outside system that is sent."""
FIELDS: Final = frozenset(
    "event_id timestamp platform level logger logentry transaction release environment tags exception extra "
    "fingerprint sdk".split()
)
"""All that leaves: what a library adds to an event beside these is taken out again."""
_OUTSIDE: Final = (
    "integrations",
    "hub",
    "agents.llm",
    "channels_app",
    "core.http",
    "core.webhooks",
    "accounts.company",
)
"""Where other people's systems are called."""
_CLIENTS: Final = ("httpx2", "openai", "anthropic")
"""Libraries whose errors say that somebody else's system is away."""
_JOBS_OUTSIDE: Final = ("analytics.brief", "hitl.execution", "hitl.notification")
"""Kinds of failed jobs that call one."""
_OURS: Final = re.compile(
    r"(?:accounts|agents|analytics|channels_app|config|console|conversations|core|hitl|hub|integrations)(?:\.|$)"
)
# Ids, keys and codes. A sentence has a space, and what was masked a dot in the middle of the line.
_PLAIN: Final = re.compile(r"[\w.:/+-]{1,80}", re.ASCII)
_ENVELOPE: Final = frozenset({"event", "level", "logger", "timestamp", "exception", "request_id"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One error: what kind it is of, and what is told of it."""

    category: Category
    event: str
    logger: str = ""
    links: list[Link] = field(default_factory=list)
    facts: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""
    transaction: str = ""
    process: str = ""
    platform: str = "python"
    is_sent: bool = True

    @property
    def fingerprint(self) -> str:
        """Return what errors of one kind have in common: names and places, never a message or a line's number."""
        places = [f"{link.type} {place.file} {place.function}" for link in self.links for place in link.places[-3:]]
        types = [f"{link.module}.{link.type}" for link in self.links]
        which = [str(self.facts.get(name, "")) for name in ("kind", "task", "line")]
        said = "\n".join([self.category, self.logger, self.event, *which, *types, *places])
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    def as_event(self, held_back: int) -> dict[str, Any]:
        """Return the event, with how many like it were held back before."""
        tags = {"category": self.category, "process": self.process or settings.PROCESS}
        if self.request_id:
            tags["request_id"] = self.request_id
        extra = {**self.facts, **({"held_back": held_back} if held_back else {})}
        event: dict[str, Any] = {
            "platform": self.platform,
            "level": "error",
            "logger": self.logger,
            "logentry": {"message": self.event},
            "release": release(),
            "environment": settings.SENTRY_ENVIRONMENT,
            "tags": tags,
            "extra": extra,
            "fingerprint": [self.fingerprint],
        }
        if self.transaction:
            event["transaction"] = self.transaction
        if self.links:
            # The cause comes first there.
            values = [value_of(link) for link in reversed(self.links)]
            values[-1]["value"] = values[-1]["value"] or self.event
            event["exception"] = {"values": values}
        return event


def release() -> str:
    """Return the version of the code, and the commit where it is known."""
    commit = settings.COMMIT
    return f"walker@{VERSION}+{commit}" if commit else f"walker@{VERSION}"


def value_of(link: Link) -> dict[str, Any]:
    frames = [
        {
            "filename": place.file,
            "lineno": place.line,
            "function": place.function,
            "module": place.module,
            "in_app": bool(_OURS.match(place.module)),
        }
        for place in link.places
    ]
    return {"type": link.type, "module": link.module, "value": link.said, "stacktrace": {"frames": frames}}


def fault_of(line: Mapping[str, Any], *, is_ours: bool, transaction: str = "", place: str = "") -> Fault:
    """Return the error that a scrubbed line tells of; `place` stands for the words of others, which quote values."""
    raised: Raised | None = line.get(RAISED)
    error = None if raised is None else raised.error
    links = list(links_of(error)) if error is not None else []
    logger, event = str(line.get("logger", "")), str(line["event"])
    facts = plain_facts(line)
    category: Category = "application"
    if event == DEAD_JOB:
        kind = str(facts.get("kind", ""))
        category = "integration" if kind in _JOBS_OUTSIDE or _is_outside([kind]) else "application"
    elif error is None:
        category = "integration" if is_ours and _is_outside([logger]) else "application"
    elif is_of_others(error, [place.module for link in links for place in link.places]):
        category = "integration"
    # A library's text may be one word of a value: the message of an error that it caught.
    named = event if is_ours or event in NAMED else place
    return Fault(
        category,
        named,
        logger,
        links,
        facts,
        request_id=str(as_plain(line.get("request_id")) or ""),
        transaction=transaction or str(facts.get("task", "")),
        is_sent=category != "integration" or event == DEAD_JOB,
    )


def plain_facts(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ids, numbers and codes of a scrubbed line, without sentences."""
    facts = {key: as_plain(value) for key, value in line.items() if key not in _ENVELOPE and not key.startswith("_")}
    return {key: value for key, value in facts.items() if value is not None}


def as_plain(value: Any) -> str | int | float | bool | None:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, UUID):
        return str(value)
    return value if isinstance(value, str) and _PLAIN.fullmatch(value) else None


def is_of_others(error: BaseException, modules: Iterable[str]) -> bool:
    """Tell whether an error says that somebody else's system is away: neither our code nor our own services."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and len(chain) < 20:
        chain.append(link)
        link = link.__cause__ or link.__context__
    if any(isinstance(each, DatabaseError | RedisError) for each in chain):
        return False
    is_away = isinstance(error, Unavailable | OSError) or type(error).__module__.startswith(_CLIENTS)
    return is_away and _is_outside(modules)


def _is_outside(modules: Iterable[str]) -> bool:
    return any(module == room or module.startswith(f"{room}.") for module in modules for room in _OUTSIDE)


def place_of(path: str, function: str) -> str:
    """Return where somebody else's line was written, as "celery/worker/consumer.py:run"."""
    return f"{'/'.join(PurePath(path).parts[-3:])}:{function}"
