"""Child processes that die with their parent, and finding those that outlived a killed one."""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.launcher.place import ROOT, Place
from config.launcher.service_user import ServiceUser

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_LOG_LIMIT = 20_000_000


@dataclass(frozen=True)
class Spec:
    """How a child is started and asked to stop."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 10.0
    user: ServiceUser | None = None
    cwd: Path = field(default=ROOT)
    # What it listens on from its first breath, and after each restart.
    listening: socket.socket | None = None


def spawn(spec: Spec) -> "subprocess.Popen[bytes]":
    """Start the child in a session of its own; on Linux the kernel stops it when this process dies."""
    trim(spec.log)
    who: dict[str, Any] = {}
    if spec.user:
        who = {"user": spec.user.uid, "group": spec.user.gid, "extra_groups": []}
    with spec.log.open("ab") as log:
        parent = os.getpid()

        def prepare() -> None:
            if _LIBC is not None:
                _LIBC.prctl(_PR_SET_PDEATHSIG, int(spec.stop_signal), 0, 0, 0)
                if os.getppid() != parent:
                    os._exit(1)

        return subprocess.Popen(
            list(spec.command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(spec.environment),
            cwd=spec.cwd,
            start_new_session=True,
            pass_fds=(spec.listening.fileno(),) if spec.listening else (),
            preexec_fn=prepare,  # noqa: PLW1509  (this process has one thread)
            **who,
        )


def stop(process: "subprocess.Popen[bytes]", spec: Spec) -> None:
    """Ask the child to stop, wait, then kill it and all of its own children."""
    if process.poll() is None:
        process.send_signal(spec.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(spec.patience)
    _kill_group(process.pid)
    process.wait()


def born(pid: int) -> str:
    """Return a mark of the process with a number; "" if it is gone.

    No later process with the same number has the same mark.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "" if sys.platform == "linux" else _born_by_ps(pid)
    return "" if fields[0] == "Z" else fields[19]


def _born_by_ps(pid: int) -> str:
    asked = ["ps", "-o", "lstart=", "-p", str(pid)]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def note(place: Place, running: Mapping[str, int]) -> None:
    """Write down which processes run, for the next start to find should this one be killed."""
    place.write(place.children, {name: [pid, born(pid)] for name, pid in running.items()})


def heal(place: Place) -> list[str]:
    """Stop what a killed run left alive; returns the names. Only processes noted here are ever touched."""
    left = [(name, pid) for name, (pid, mark) in place.read(place.children).items() if mark and born(pid) == mark]
    for name, pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT if name == "postgres" else signal.SIGTERM)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(born(pid) for _, pid in left):
        time.sleep(0.05)
    for _, pid in left:
        _kill_group(pid)
    place.children.unlink(missing_ok=True)
    return [name for name, _ in left]


def tail(log: Path, lines: int = 12) -> str:
    """Return the end of a log, indented."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8000))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join("    " + line for line in text.splitlines()[-lines:])


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def trim(log: Path) -> None:
    """Keep a log below its limit, one older part besides; its writer appends, so it may go on writing."""
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        shutil.copyfile(log, log.with_suffix(".old"))
        log.with_suffix(".old").chmod(0o600)
        os.truncate(log, 0)
    log.touch(mode=0o600)
