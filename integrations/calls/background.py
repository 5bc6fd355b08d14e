"""Writes that nobody waits for: one that fails for good is a failed job, and its retry has the same key."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import UUID

from core.clock import now
from core.jobs import dead_letters
from integrations.calls.answers import Answer, CleanFailure, Ok
from integrations.calls.operations import Line, Operation, Request, System
from integrations.calls.runner import run

T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """The row that a write is made for, and the kind under which it is retried; `is_last` after its last attempt."""

    kind: str
    ref: UUID
    is_last: bool

    @property
    def key(self) -> str:
        """The idempotency key of the write, however often the job is retried."""
        return f"walker:{self.kind}:{self.ref}"


def write(
    job: Job, operation: Operation, request: Request, *, system: System, line: Line, parse: Callable[[Any], T]
) -> Answer[T]:
    """Make the write of a job as `run` does, and park the job if it failed for good or nobody knows what it did.

    For tasks, in the tenant's scope and outside transactions. What may be tried again is not parked, except by the
    last attempt. People hear of an account's failed jobs once an hour.
    """
    answer = run(operation, replace(request, key=job.key), system=system, line=line, parse=parse)
    if isinstance(answer, Ok) or (isinstance(answer, CleanFailure) and answer.retry and not job.is_last):
        return answer
    hour = now().strftime("%Y-%m-%dT%H")
    dead_letters.park(
        kind=job.kind,
        ref=job.ref,
        error=f"{answer.code}: {answer.detail}",
        noticed_as=f"outside_calls:{line.connection.pk}:{hour}",
    )
    return answer
