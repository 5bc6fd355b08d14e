"""Makes one call over a connection in a process of its own, which the vendor kills before it answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import django
from django.conf import settings

ROOT = Path(__file__).resolve().parents[3]


def call_and_be_killed(url: str, tenant_id: UUID, connection_id: UUID) -> int:
    """Let a process make a call to a vendor that kills it; return how it ended."""
    command = [sys.executable, "-m", "tests.integrations.calls.killed_process", url, tenant_id.hex, connection_id.hex]
    environment = {**os.environ, "WALKER_REDIS_PREFIX": settings.CACHES["default"]["KEY_PREFIX"]}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    django.setup()

    from integrations.calls.operations import Line, Operation, Request, System
    from integrations.calls.runner import run
    from integrations.models import ProviderAccount

    place, tenant, account = sys.argv[1], UUID(sys.argv[2]), UUID(sys.argv[3])
    run(
        Operation("order", method="POST", seconds=60, executes=True),
        Request("/orders", json={}, key="walker:9"),
        system=System(place, lambda *_: {"X-Process": str(os.getpid())}, private_hosts=("127.0.0.1",)),
        line=Line(ProviderAccount(pk=account, tenant_id=tenant, provider="shop", name="Main")),
        parse=lambda body: body,
    )
