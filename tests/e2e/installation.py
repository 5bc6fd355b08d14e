"""A whole Walker of its own, started by the one command as a person would."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.edge.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
# What the tests' own services are called by must not reach the installation under test.
FOREIGN = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PUBLIC_URL", "METRICS_TOKEN", "SANDBOX_ADS_URL", "DJANGO_")


@dataclass(frozen=True)
class Installation:
    """A running Walker; `demo` is what `./walker demo --json` prints."""

    folder: Path
    process: "subprocess.Popen[bytes]"
    demo: dict[str, Any]

    def person(self, email: str) -> dict[str, Any]:
        """Return one of the demo's people by address."""
        people = [person for tenant in self.demo["tenants"] for person in tenant["people"]]
        return next(person for person in people if person["email"] == email)

    def journal(self, token: str) -> list[dict[str, Any]]:
        """Return the effects that the sandbox platform has seen, oldest first."""
        request = urllib.request.Request(  # noqa: S310
            f"{self.demo['urls']['platform']}v1/journal", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            entries: list[dict[str, Any]] = json.load(answer)["items"]
            return entries

    def run(self, *arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
        """Run another command of Walker on the same data, from some folder."""
        command = _walker(*arguments, "--data", str(self.folder))
        return subprocess.run(
            command, capture_output=True, text=True, env=_environment(), cwd=cwd, timeout=120, check=False
        )

    def child(self, name: str) -> int:
        """Return the process id of one of the supervisor's children."""
        noted = json.loads((self.folder / "children.json").read_text())
        return int(noted[name][0])


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {name: value for name, value in kept.items() if not name.startswith("WALKER_")}


def _walker(*arguments: str) -> list[str]:
    return [str(ROOT / "walker"), *arguments]


@contextmanager
def running(folder: Path) -> Iterator[Installation]:
    """Start Walker with the demo in the folder, and stop it afterwards."""
    port = free_port()
    log = folder.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            _walker("run", "--port", str(port), "--data", str(folder)),
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(),
            cwd=ROOT,
        )
        try:
            _wait_until_ready(process, log)
            yield Installation(folder, process, _describe(folder))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _wait_until_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 600
    while "Ctrl-C stops everything" not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"Walker did not start:\n{log.read_text()}")
        time.sleep(0.2)


def _describe(folder: Path) -> dict[str, Any]:
    command = _walker("demo", "--json", "--data", str(folder))
    done = subprocess.run(command, check=True, capture_output=True, env=_environment(), cwd=ROOT, timeout=60)
    known: dict[str, Any] = json.loads(done.stdout)
    return known
