"""Decisions over HTTP: a web process of the product, and clients that approve at a fixed rate."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle

import aiohttp

from bench._environment import ROOT, quantile
from config.launcher import ports
from config.launcher.parts import FRAMES_AT_MOST

START_SECONDS = 60


@dataclass(frozen=True)
class Pending:
    """A request that waits for its decision, and the digest an approver was shown."""

    id: str
    digest: str


@dataclass(frozen=True)
class Rate:
    """What one rate came to: seconds from the moment a decision was due until its answer."""

    per_second: float
    spent: Sequence[float]
    refused: int

    @property
    def p95(self) -> float:
        """The time that 95 % of the decisions stay within, in seconds."""
        return quantile(self.spent, 0.95)


@contextmanager
def web_process(asgi: str) -> Iterator[str]:
    """Run one web process with the given application; yields its address."""
    port = ports.pick()
    command = [sys.executable, "-m", "config.web", "-b", "127.0.0.1", "-p", str(port), *FRAMES_AT_MOST, asgi]
    environment = {**os.environ, "WALKER_PROCESS": "web", "PUBLIC_URL": f"http://127.0.0.1:{port}"}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet)
    try:
        _wait_until_open(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _wait_until_open(port: int) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the web process did not start")


async def decide_at(url: str, keys: Sequence[str], requests: Sequence[Pending], per_second: float) -> Rate:
    """Approve each request at its moment, each by the next approver; late answers do not delay the next one.

    Times count from the moment a decision was due, so a server that falls behind cannot hide it.
    """
    spent: list[float] = []
    refused = 0

    async def decide(session: aiohttp.ClientSession, key: str, pending: Pending, due: float) -> None:
        nonlocal refused
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        headers = {"Authorization": f"Bearer {key}"}
        path = f"{url}/api/v1/approvals/{pending.id}/approve/"
        async with session.post(path, json={"digest": pending.digest}, headers=headers) as answer:
            await answer.read()
            refused += answer.status != 200
        spent.append(time.perf_counter() - due)

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        begins = time.perf_counter() + 0.2
        await asyncio.gather(
            *(
                decide(session, key, pending, begins + number / per_second)
                for number, (key, pending) in enumerate(zip(cycle(keys), requests, strict=False))
            )
        )
    return Rate(per_second, spent, refused)
