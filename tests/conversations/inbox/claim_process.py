"""A process that gives, takes and closes conversations on command, so that several can do so at the same moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import django

ROOT = Path(__file__).resolve().parents[3]
TURN = 2
Step = tuple[str, str, str]
"""What to do: "assign" a team, or let a person "take" or "close" a conversation; then the two ids, or ""."""


class Workers:
    """Processes that wait for their steps."""

    def __init__(self, processes: Sequence[subprocess.Popen[str]]) -> None:
        self.processes = processes
        for process in processes:
            self._read(process)

    def work(self, tenant_id: UUID, steps: Sequence[Sequence[Step]]) -> list[int]:
        """Let each process do its steps, all at once; return how many succeeded in each."""
        for process, mine in zip(self.processes, steps, strict=True):
            assert process.stdin is not None
            process.stdin.write(json.dumps({"tenant": str(tenant_id), "steps": mine}) + "\n")
            process.stdin.flush()
        return [int(self._read(process)) for process in self.processes]

    def _read(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "a worker ended"
        return line


@contextmanager
def workers(count: int) -> Iterator[Workers]:
    """Start processes on the test's database, and end them."""
    from django.conf import settings

    url = urlsplit(os.environ["DATABASE_URL"])
    here = urlunsplit(url._replace(path=f"/{settings.DATABASES['default']['NAME']}"))
    command = [sys.executable, "-m", "tests.conversations.inbox.claim_process"]
    environment = {**os.environ, "DATABASE_URL": here}
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
            )
            for _ in range(count)
        ]
        try:
            yield Workers(processes)
        finally:
            for process in processes:
                if process.stdin is not None:
                    process.stdin.close()


def main() -> None:
    """Do what each line asks for, and answer with how much succeeded."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from conversations.inbox import assignment
    from core.tenancy.scope import tenant_scope

    assignment.BATCH = TURN  # type: ignore[misc]  # many small turns: with the product's twenty the first one takes all
    say("0")
    for line in sys.stdin:
        asked = json.loads(line)
        with tenant_scope(UUID(asked["tenant"])):
            say(str(sum(do(*step) for step in asked["steps"])))


def do(what: str, first: str, second: str) -> int:
    """Do one step; return how many conversations it gave, or 1 for one that was taken or closed."""
    from accounts.models import User
    from accounts.services import actor_for_user
    from conversations import services
    from conversations.inbox import states
    from conversations.inbox.assignment import assign_waiting
    from core.actors import system
    from core.errors import Conflict

    if what == "assign":
        return assign_waiting(actor=system("desk"), team_id=UUID(first))
    actor: Any = actor_for_user(User(pk=UUID(first)))
    try:
        if what == "take":
            states.take_over(actor=actor, conversation_id=UUID(second))
        else:
            services.close(actor=actor, conversation_id=UUID(second), resolved=True)
    except Conflict:
        return 0
    return 1


def say(text: str) -> None:
    """Answer the test."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
