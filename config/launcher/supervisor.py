"""Keeps the children of one installation alive, and stops all of them."""

import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import FrameType

from config.launcher import processes
from config.launcher.faults import StartError
from config.launcher.place import Place
from config.launcher.processes import Spec

_FAST_DEATHS = 6
_STEADY = 30.0
_BEAT = 0.25
_LONGEST = 1800.0


@dataclass
class Child:
    """A running child and how often it died lately."""

    spec: Spec
    process: "subprocess.Popen[bytes]"
    began: float = field(default_factory=time.monotonic)
    deaths: int = 0
    again_at: float = 0.0


class Supervisor:
    """Owns child processes; what was started last is stopped first."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.children: dict[str, Child] = {}
        self.sleepers: dict[str, Spec] = {}

    def add(self, spec: Spec, process: "subprocess.Popen[bytes] | None" = None) -> "subprocess.Popen[bytes]":
        """Start a child, or take over one that was just started."""
        child = Child(spec, process or processes.spawn(spec))
        self.children[spec.name] = child
        self._note()
        return child.process

    def add_on_demand(self, spec: Spec, port: int) -> None:
        """Listen in the place of a child, and start it with the first connection; it is handed the socket."""
        listening = socket.create_server(("127.0.0.1", port))
        command = [*spec.command, "--listening", str(listening.fileno())]
        self.sleepers[spec.name] = replace(spec, command=command, listening=listening)

    def run_once(self, spec: Spec) -> None:
        """Run a command to its end while the others run; failure is an error with its last words."""
        self.finish(spec, self.add(spec))

    def finish(self, spec: Spec, process: "subprocess.Popen[bytes]") -> None:
        """Wait for the end of a command that was added; failure is an error with its last words."""
        try:
            code = process.wait(_LONGEST)
        except subprocess.TimeoutExpired:
            raise StartError(
                f"{spec.name} did not finish within {_LONGEST / 60:.0f} minutes: is the machine busy? Log: {spec.log}"
            ) from None
        finally:
            processes.stop(process, spec)
            del self.children[spec.name]
        if code:
            raise StartError(f"{spec.name} failed:\n{processes.tail(spec.log, 8)}\n  whole log: {spec.log}")

    def watch(self, until: Callable[[], bool] = lambda: False, seconds: float = float("inf")) -> bool:
        """Restart what dies until the condition holds (True) or the time is over (False)."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            waiting = {spec.listening: name for name, spec in self.sleepers.items() if spec.listening}
            for listening in select.select(list(waiting), [], [], 0)[0]:
                self.add(self.sleepers.pop(waiting[listening]))
            for child in list(self.children.values()):
                self._tend(child)
            if until():
                return True
            time.sleep(_BEAT)
        return False

    def stop_all(self) -> None:
        """Stop every child, newest first; a second Ctrl-C no longer waits."""
        hurry = _kill_at_once(self.children)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, hurry)
        front = [child for child in self.children.values() if child.spec.name not in ("postgres", "redis")]
        for child in reversed(front):
            if child.process.poll() is None:
                child.process.send_signal(child.spec.stop_signal)
        for child in reversed([*[c for c in self.children.values() if c not in front], *front]):
            processes.stop(child.process, child.spec)
        for spec in (*self.sleepers.values(), *(child.spec for child in self.children.values())):
            if spec.listening:
                spec.listening.close()
        self.sleepers.clear()
        self.children.clear()
        self.place.children.unlink(missing_ok=True)

    def _tend(self, child: Child) -> None:
        processes.trim(child.spec.log)
        code = child.process.poll()
        if code is None:
            return
        now = time.monotonic()
        if not child.again_at:
            child.deaths = child.deaths + 1 if now - child.began < _STEADY else 1
            if child.deaths >= _FAST_DEATHS:
                raise StartError(f"{child.spec.name} keeps ending. Its last words:\n{processes.tail(child.spec.log)}")
            pause = 0.0 if child.deaths == 1 else min(0.5 * 2**child.deaths, 8.0)
            child.again_at = now + pause
            ending = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            say(f"{child.spec.name} ended ({ending}); starting it again. Log: {child.spec.log}")
        if now >= child.again_at:
            processes.stop(child.process, child.spec)
            child.process, child.began, child.again_at = processes.spawn(child.spec), now, 0.0
            self._note()

    def _note(self) -> None:
        processes.note(self.place, {name: child.process.pid for name, child in self.children.items()})


def stop_on_signals() -> None:
    """Let SIGTERM and a closed terminal end the command like Ctrl-C does; under `nohup` the terminal may close."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, leave)


def say(text: str) -> None:
    """Print a line for the person at the terminal; a closed terminal is no reason to fail."""
    try:
        print(text, flush=True)
    except OSError:
        sys.stdout = sys.stderr


def _kill_at_once(children: Mapping[str, Child]) -> Callable[[int, FrameType | None], None]:
    def hurry(_number: int, _frame: FrameType | None) -> None:
        for child in children.values():
            if child.spec.name != "postgres":
                child.process.kill()

    return hurry
