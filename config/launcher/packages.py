"""Install Walker's packages into .venv, by uv or, where that fails, by pip. This module runs before they exist."""

import ast
import contextlib
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from config.launcher.faults import StartError
from config.launcher.place import ROOT

PRODUCT = ("requirements.txt", "locks/embedded.txt")
LOCKS = {"runtime": PRODUCT, "dev": (*PRODUCT, "locks/telemetry.txt", "locks/backup.txt", "locks/dev.txt")}
UV_LOCK = "locks/uv.txt"
NO_VENV = """\
This Python cannot make virtual environments: its module "ensurepip" is missing.
On Debian and Ubuntu:  apt-get install python3-venv   (then run the same command again)"""
OFFLINE_SIGNS = (
    "NameResolutionError",
    "NewConnectionError",
    "Connection refused",
    "name resolution",
    "ConnectTimeout",
    "Network is unreachable",
    "(from versions: none)",
    "ProxyError",
    "ReadTimeout",
)
WRONG_HASH_SIGNS = ("THESE PACKAGES DO NOT MATCH THE HASHES", "Hash mismatch for")
# pip's settings that say where packages come from, by the variable that says the same to uv, and what separates many.
_SAME_FOR_UV = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "timeout": ("UV_HTTP_TIMEOUT", " "),
    "cert": ("SSL_CERT_FILE", " "),
    "client-cert": ("SSL_CLIENT_CERT", " "),
    "proxy": ("ALL_PROXY", " "),
}
_SECTIONS = ("global", "install", ":env:")  # of pip's settings; what comes later counts


class Packages:
    """The virtual environment of one checkout and what is installed in it."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.venv = root / ".venv"
        self.python = self.venv / "bin" / "python"
        self.stamp = self.venv / ".walker-lock.json"
        self.log = self.venv / "install.log"

    def install(self, kind: str) -> None:
        """Make .venv hold what the locks name; do nothing when it does already."""
        with self._one_at_a_time():
            wanted = self._fingerprint(kind)
            if self._is_whole() and self._read_stamp().get(kind) == wanted:
                return
            if not self._is_whole():
                print("Making .venv", flush=True)
                self._make_venv()
            self._fill([self.root / name for name in LOCKS[kind]])
            fresh = self.stamp.with_suffix(".new")
            fresh.write_text(json.dumps({"runtime": self._fingerprint("runtime"), kind: wanted}))
            fresh.replace(self.stamp)

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of our own processes: their compiled modules are kept in .venv where they may not
        lie beside the code, or each start would compile everything again.
        """
        if not environ.get("PYTHONDONTWRITEBYTECODE"):
            return dict(environ)
        kept = {name: value for name, value in environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return {"PYTHONPYCACHEPREFIX": str(self.venv / "bytecode"), **kept}

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Let only one start at a time work on the environment of this checkout."""
        handle = os.open(self.root, os.O_RDONLY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("Another start is installing the packages of this checkout; waiting for it.", flush=True)
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _fingerprint(self, kind: str) -> str:
        """Return what the environment depends on: the locks' text, the Python version, the checkout's place."""
        text = b"".join((self.root / name).read_bytes() for name in LOCKS[kind])
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        return hashlib.sha256(text + version.encode() + str(self.root).encode()).hexdigest()

    def _is_whole(self) -> bool:
        """Tell whether .venv has a Python that runs (a moved checkout or an upgraded system breaks it)."""
        if not self.python.exists():
            return False
        probe = [str(self.python), "-c", "import pip, sys; print(sys.prefix, sys.version_info[:2])"]
        answer = subprocess.run(probe, capture_output=True, text=True, check=False)
        return answer.stdout.strip() == f"{self.venv} {sys.version_info[:2]}"

    def _read_stamp(self) -> dict[str, str]:
        """Return what was installed last, by kind of lock; empty when nothing was finished."""
        try:
            found = json.loads(self.stamp.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _make_venv(self) -> None:
        """Make an empty .venv with pip in it."""
        try:
            import ensurepip  # noqa: F401, PLC0415  (Debian has it in a package of its own)
            import venv  # noqa: F401, PLC0415
        except ImportError:
            raise StartError(NO_VENV) from None
        command = [sys.executable, "-m", "venv", "--clear", str(self.venv)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            words = (made.stdout + made.stderr).strip()
            if "ensurepip" in words:
                raise StartError(NO_VENV)
            raise StartError(f"cannot make {self.venv}: {self._reason_in(words) or last_line(words)}")

    def _fill(self, locks: Sequence[Path]) -> None:
        """Install the locks, every file checked against its hash: with uv, and where that fails with pip."""
        progress = Progress(locks)
        asked = [argument for lock in locks for argument in ("-r", str(lock))]
        self.log.unlink(missing_ok=True)
        # A machine without a wheel of uv, or one that cannot fetch it, takes pip.
        wheel_only = ("--only-binary", ":all:", "--retries", "0", "-r", str(self.root / UV_LOCK))
        if not (self._run(self._pip(*wheel_only)) == "" and self._install_with_uv(asked, progress)):
            progress.pause("uv cannot install here; pip does, which takes longer")
            failure = self._run(self._pip(*asked), progress)
            if failure:
                raise StartError(self._why_pip_failed(failure))
        progress.finish()

    def _pip(self, *arguments: str) -> list[str]:
        options = ("--require-hashes", "--no-deps", "--no-input", "--no-compile", "--disable-pip-version-check")
        return [str(self.python), "-m", "pip", "install", *options, "--progress-bar", "off", *arguments]

    def _install_with_uv(self, asked: Sequence[str], progress: "Progress") -> bool:
        """Let uv install what is asked for, from where pip's settings say; False where it cannot."""
        settings = self._pip_settings()
        options = ["--require-hashes", "--no-deps", "--no-progress", "--color", "never"]
        # As pip does: every index is asked, none is preferred. The hashes decide what is taken.
        options += ["--index-strategy", "unsafe-best-match"]
        if settings.get("no-index", "").lower() in {"1", "true", "yes", "on"}:
            options.append("--no-index")
        uv = str(self.python.with_name("uv"))
        command = [uv, "pip", "install", "--python", str(self.python), *options, *asked]
        said = {key: (name, between) for key, (name, between) in _SAME_FOR_UV.items() if key in settings}
        sources = {name: between.join(settings[key].split()) for key, (name, between) in said.items()}
        try:
            return self._run(command, progress, sources) == ""
        except OSError as problem:  # its program does not run on this machine
            self.log.write_text(f"{uv}: {problem}\n")
            return False

    def _pip_settings(self) -> dict[str, str]:
        """Return what pip's files and variables say, the more particular last, as pip itself reads them."""
        command = [str(self.python), "-m", "pip", "config", "list", "--disable-pip-version-check"]
        answer = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd="/", env=self.environment(os.environ)
        )
        found: dict[tuple[int, str], str] = {}
        for line in answer.stdout.splitlines():
            name, _, value = line.partition("=")
            section, _, key = name.rpartition(".")
            if section in _SECTIONS:
                found[_SECTIONS.index(section), key] = str(ast.literal_eval(value))
        return {key: value for (_, key), value in sorted(found.items())}

    def _run(
        self, command: list[str], progress: "Progress | None" = None, sources: Mapping[str, str] | None = None
    ) -> str:
        """Run an installer to its end, its words kept in the log; returns them when it failed, else ""."""
        words = []
        environment = {**(sources or {}), **self.environment(os.environ)}
        with (
            self.log.open("a") as log,
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/", env=environment
            ) as child,
        ):
            try:
                for line in child.stdout or ():
                    log.write(line)
                    log.flush()
                    words.append(line)
                    if progress:
                        progress.see(line)
                code = child.wait()
            except BaseException:
                child.terminate()
                raise
        text = "".join(words) or "no reason given"
        if code and any(sign in text for sign in WRONG_HASH_SIGNS):
            raise StartError(
                f"a downloaded package does not match its hash in the lock; it was not installed. Details: {self.log}"
            )
        return text if code else ""

    def _why_pip_failed(self, text: str) -> str:
        known = self._reason_in(text)
        if known:
            return f"cannot install the packages: {known}."
        if any(sign in text for sign in OFFLINE_SIGNS):
            return (
                "cannot install the packages: the package index cannot be reached or does not have them. "
                f"Check the network (and proxy settings), then run the same command again. Details: {self.log}"
            )
        errors = [line for line in text.splitlines() if line.startswith("ERROR")]
        return f"cannot install the packages: {errors[0] if errors else last_line(text)} Details: {self.log}"

    def _reason_in(self, text: str) -> str:
        """Return the plain reason for the usual failures of writing files, or nothing."""
        reasons = {
            "No space left on device": "the disk is full",
            "Read-only file system": "the disk is read-only",
            "Permission denied": f"no permission to write under {self.root}",
            "Disk quota exceeded": "the disk quota is used up",
        }
        return next((plain for sign, plain in reasons.items() if sign in text), "")


class Progress:
    """Shows how far an installer is: one line that changes on a terminal, a line now and then elsewhere."""

    def __init__(self, locks: Sequence[Path]) -> None:
        lines = [line for lock in locks for line in lock.read_text().splitlines()]
        self.count = sum(1 for line in lines if "==" in line and not line.startswith(" "))
        self.title = f"Installing {self.count} packages (once)"
        self.live = sys.stdout.isatty()
        self.seen = 0
        self.began = self.told = time.monotonic()
        self.show("")

    def see(self, line: str) -> None:
        """Take in one line of an installer's output."""
        if line.startswith(("Collecting ", "Requirement already satisfied: ")):  # pip, for each package
            self.seen += 1
            self.show(line.split()[1].split("==", maxsplit=1)[0].rstrip(":"))
        elif line.startswith("Downloading "):
            self.show(line.split()[1].rpartition("/")[2])
        elif line.startswith(("Installing collected", "Prepared ")):
            self.show("unpacking", always=True)

    def show(self, now_at: str, *, always: bool = False) -> None:
        """Print the state, at most every five seconds when not on a terminal."""
        state = f"{self.seen}/{self.count} {now_at}" if self.seen else now_at
        line = f"{self.title}: {state}" if state else self.title
        if self.live:
            print(f"\r\033[K{line}", end="", flush=True)
        elif always or time.monotonic() - self.told > 5 or not now_at:
            self.told = time.monotonic()
            print(line, flush=True)

    def pause(self, text: str) -> None:
        print(f"{self._clear()}{text}", flush=True)

    def finish(self) -> None:
        print(f"{self._clear()}{self.title}: {time.monotonic() - self.began:.0f} s", flush=True)

    def _clear(self) -> str:
        return "\r\033[K" if self.live else ""


def last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no reason given"
