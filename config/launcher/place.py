"""The data folder: where it is, what lies in it, and that only Walker's own folder is ever removed."""

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.launcher.faults import StartError, plain

ROOT = Path(__file__).resolve().parents[2]
PRODUCTS = (
    "phone",
    "meta",
    "mailbox",
    "slack",
    "portal",
    "model",
    "pagerduty",
    "google_ads",
    "back_office",
    "identity",
)
"""Stand-ins of the demo that talk with the product; each has a secret."""
STAND_INS = ("platform", *PRODUCTS, "zendesk", "hubspot", "salesforce")
ON_DEMAND = ("google_ads", "back_office", "identity", "zendesk", "hubspot", "salesforce")
"""Stand-ins that start with the first call: few people connect them."""
_MARK = "made-by-walker"
_PROBE = 1_000_000
_ROOM_TO_BEGIN = 300
_ROOM_TO_GO_ON = 50


class Place:
    """One data folder and the files in it. Files with secrets are readable by their owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.postgres = path / "postgres"
        self.redis = path / "redis"
        self.stand_ins = {name: path / name for name in STAND_INS}
        self.logs = path / "log"
        self.metrics = path / "metrics"
        self.secrets = path / "secrets.json"
        self.environment = path / "environment.json"
        self.children = path / "children.json"
        self.state = path / "state.json"

    def make(self) -> None:
        """Make the folder, or say why not; an existing folder of somebody else is refused."""
        self.check_writable()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # Root's PostgreSQL runs as another user, who must be able to pass through.
            self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
            (self.path / _MARK).write_text("Walker's data folder. `./walker run --reset` removes it.\n")
            for folder in (self.logs, *self.stand_ins.values()):
                folder.mkdir(exist_ok=True)
                folder.chmod(0o700)
        except OSError as problem:
            raise StartError(f"cannot write to the data folder {self.path}: {plain(problem)}.") from None

    def check_writable(self) -> None:
        """Refuse a folder that is not ours or cannot be written; leaves nothing behind."""
        if self.path.exists() and not self.path.is_dir():
            raise StartError(f"--data must be a folder; {self.path} is a file.")
        if self.is_foreign():
            raise StartError(f"{self.path} holds files that are not Walker's. Choose an empty folder with --data.")
        above = next(step for step in (self.path, *self.path.parents) if step.exists())
        try:
            # Asking the system for the rights is not enough: root has them all, and a full disk refuses later.
            with tempfile.NamedTemporaryFile(dir=above, prefix=".walker-") as probe:
                probe.write(bytes(_PROBE))
                probe.flush()
                os.fsync(probe.fileno())
        except OSError as problem:
            raise StartError(f"cannot write to the data folder {self.path}: {plain(problem)}.") from None
        free = shutil.disk_usage(above).free // 1_000_000
        needed = _ROOM_TO_GO_ON if self.has_run_before() else _ROOM_TO_BEGIN
        if free < needed:
            raise StartError(f"the disk of {self.path} has {free} MB free; Walker needs {needed} MB there.")

    def is_foreign(self) -> bool:
        """Tell whether the folder holds something and Walker did not make it."""
        if not self.path.is_dir() or (self.path / _MARK).exists():
            return False
        # The static files of a checkout may be collected before its first start.
        return any(entry.name != "static" for entry in self.path.iterdir())

    def has_run_before(self) -> bool:
        """Tell whether there is a database already."""
        return (self.postgres / "PG_VERSION").exists() or self.environment.exists()

    def has_notes(self) -> bool:
        """Tell whether a start left notes about its processes here."""
        return self.children.exists()

    def reset(self) -> None:
        """Remove everything; refuses a folder that Walker did not make."""
        if not self.path.exists():
            return
        if not (self.path / _MARK).exists() and any(self.path.iterdir()):
            raise StartError(f"--reset refused: {self.path} was not made by Walker, so it is not removed.")
        try:
            for entry in self.path.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                elif entry.name not in (_MARK, "lock"):
                    entry.unlink()
        except OSError as problem:
            raise StartError(f"cannot empty {self.path}: {plain(problem)}.") from None

    def empty_metrics(self) -> None:
        """Begin to count afresh: the files of ended processes would be added up for good."""
        try:
            shutil.rmtree(self.metrics, ignore_errors=True)
            self.metrics.mkdir(mode=0o700, exist_ok=True)
        except OSError as problem:
            raise StartError(f"cannot empty {self.metrics}: {plain(problem)}.") from None

    def read(self, path: Path) -> dict[str, Any]:
        """Return the object in a file of the folder; empty when there is none."""
        try:
            found = json.loads(path.read_text())
        except FileNotFoundError:
            return {}
        except PermissionError:
            raise StartError(f"{path} belongs to another user; run as the user who started Walker here.") from None
        except ValueError:
            raise StartError(f"{path} is damaged; put it back from a backup, or start fresh with --reset.") from None
        return dict(found)

    def write(self, path: Path, content: dict[str, Any]) -> None:
        """Write a whole file or nothing, readable by its owner only, on disk before this returns."""
        fresh = path.with_suffix(".new")
        try:
            fresh.unlink(missing_ok=True)
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                json.dump(content, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except OSError as problem:
            raise StartError(f"cannot write {path}: {plain(problem)}.") from None

    def update_state(self, **changes: Any) -> None:
        """Remember facts between starts (ports, what was migrated and seeded)."""
        self.write(self.state, {**self.read(self.state), **changes})

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for this process, or say who holds it. A killed holder lets go by dying."""
        path = self.path / "lock"
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pid = path.read_text().strip() or "unknown"
                raise StartError(
                    f"Walker already runs on {self.path} (process {pid}). Stop it with Ctrl-C there or `kill {pid}`, "
                    "or start beside it: --data another-folder --port another-port."
                ) from None
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
            yield
        finally:
            os.close(handle)

    def is_held(self) -> bool:
        """Tell whether a Walker runs on this folder now."""
        try:
            handle = os.open(self.path / "lock", os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False
