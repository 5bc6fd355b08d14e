"""What the embedded servers share. A folder of their own, a start on a free port, and the wait until they answer."""

import importlib.util
import subprocess
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from config.launcher import ports
from config.launcher.faults import StartError
from config.launcher.processes import Spec, spawn, stop, tail
from config.launcher.service_user import ServiceUser

TRIES = 3
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass
class EmbeddedServer(ABC):
    """One server on this machine's loopback, started and stopped by this process."""

    title: ClassVar[str]
    patience: ClassVar[float]
    """Seconds until it has to answer."""
    folder: Path
    log: Path
    user: ServiceUser | None
    password: str
    port: int
    durable: bool = True

    @abstractmethod
    def prepare(self) -> None:
        """Make its folder and write its settings, also again for another port: then its process has gone."""

    @abstractmethod
    def spec(self) -> Spec:
        """Return how the server is started."""

    @abstractmethod
    def _answers(self) -> bool:
        """Tell whether it takes requests."""

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the server, on another port when somebody took this one in between."""
        for attempt in range(1, TRIES + 1):
            process = spawn(self.spec())
            try:
                self._wait(process)
            except StartError:
                stop(process, self.spec())
                if attempt == TRIES or ports.is_free("127.0.0.1", self.port):
                    raise
                self.port = ports.pick()
                self.prepare()
            else:
                return process
        raise StartError(f"{self.title} found no free port.")

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        """Return when the server answers; one that ends instead is an error with its last words."""
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise StartError(f"{self.title} did not start:\n{tail(self.log)}")
            if self._answers():
                return
            time.sleep(0.04)
        raise StartError(f"{self.title} did not answer within {self.patience:.0f} s:\n{tail(self.log)}")

    def _make_folder(self, program: Path) -> None:
        """Make its folder; where it runs as another user, give that user access to it and to its program."""
        if self.user:
            self.user.reach(program)
            self.user.own(self.folder)
            self.user.reach(self.folder)
        else:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def wheel(package: str, title: str) -> Path:
    """Return the folder of the package that holds a server's programs."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise StartError(f"the embedded {title} is not installed. Delete .venv and run the same command again.")
    return Path(found.submodule_search_locations[0])
