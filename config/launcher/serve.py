"""`walker serve`, `walker migrate` and `walker upgrade`: for services that run elsewhere."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import psycopg

from config.launcher import env, parts, ports
from config.launcher.faults import StartError, plain
from config.launcher.parts import Part
from config.launcher.place import ROOT
from config.launcher.servers import roles
from config.launcher.supervisor import stop_on_signals
from core.observability.ports import AT, SHARED, USUAL

_MANAGE: Final = (sys.executable, str(ROOT / "manage.py"))
LOOK_EVERY: Final = 2.0


def serve(arguments: argparse.Namespace) -> int:
    """Become the process, so that signals reach it, and its end is seen."""
    _load(arguments)
    part = part_of(arguments)
    os.environ.update({**part.settings, **metrics_of(arguments)})
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *part.arguments])  # noqa: S606


def migrate(arguments: argparse.Namespace) -> int:
    """Add to the database what the code needs, or wait until somebody else has; older processes run on."""
    _load(arguments)
    # As the first process of a container it would not hear of it otherwise.
    stop_on_signals()
    if arguments.wait:
        return wait(arguments.wait)
    admin = env.given("DATABASE_ADMIN_URL")
    if admin:
        make_roles(admin)
    done = subprocess.run([*_MANAGE, "migrate", "--no-input", "--expand"], check=False).returncode
    return tell_unsealed() if done == 0 else done


def upgrade(arguments: argparse.Namespace) -> int:
    """Bring the installation to the version of this code while it runs; the same command goes on after a stop."""
    if not env.is_complete():
        raise StartError(
            "`walker upgrade` is for servers: set DATABASE_URL, REDIS_URL, SECRET_KEY and WALKER_KEYS. ./walker run "
            "upgrades by itself: stop it, and start the new version."
        )
    _load(arguments)
    stop_on_signals()
    options = [f"--{name}" for name in ("contract", "status") if getattr(arguments, name)]
    options += ["--without-backup"] if arguments.without_backup else []
    done = subprocess.run(
        [*_MANAGE, "upgrade", *options, "--patience", str(arguments.patience)], check=False
    ).returncode
    return done if done or arguments.status else tell_unsealed()


def tell_unsealed() -> int:
    """Say which rules are held until an operator looks at them; changes nothing."""
    subprocess.run([*_MANAGE, "seal_rules"], check=False)
    return 0


def _load(arguments: argparse.Namespace) -> None:
    os.environ["WALKER_DATA"] = str(arguments.data)
    env.load()


def part_of(arguments: argparse.Namespace) -> Part:
    """Return the process that was asked for; StartError where its port is taken."""
    if arguments.part == "beat":
        return parts.beat()
    if arguments.part != "web":
        return parts.worker(arguments.part, arguments.at_once)
    if not ports.is_free(arguments.host, arguments.port):
        raise StartError(ports.taken(arguments.host, arguments.port))
    return parts.web(arguments.host, arguments.port)


def metrics_of(arguments: argparse.Namespace) -> dict[str, str]:
    """Return what a process needs to serve its metrics; StartError where its port is taken.

    It counts into a folder of its own, emptied here: what an earlier process counted would be added up for good.
    """
    from config.environment import metrics_address  # noqa: PLC0415  (slow to load, and no other command needs it)

    try:
        host, port = metrics_address()
    except ValueError:
        raise StartError("WALKER_METRICS_PORT must be a number.") from None
    if arguments.metrics_port is not None:
        port = arguments.metrics_port or USUAL[arguments.part]
    if not port:
        return {}
    if not 0 < port < 65536:
        raise StartError(f"The port of metrics must be between 1 and 65535, not {port}.")
    if not ports.is_free(host, port) or (arguments.part == "web" and port == arguments.port):
        raise StartError(f"port {port} on {host} is taken: name another one for --metrics-port.")
    shared = os.environ.get(SHARED)
    try:
        folder = Path(shared or tempfile.mkdtemp(prefix="walker-metrics-")) / f"{arguments.part}-{port}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in folder.glob("*.db"):
            file.unlink()
    except OSError as problem:
        raise StartError(f"cannot count into {shared or tempfile.gettempdir()}: {plain(problem)}.") from None
    return {AT: f"{host} {port}", SHARED: str(folder)}


def make_roles(admin: str) -> None:
    """Make the database's roles, with the passwords of the two addresses."""
    given = {name: env.given(name) for name in ("DATABASE_URL", "DATABASE_OWNER_URL")}
    for name, role in (("DATABASE_URL", roles.APP), ("DATABASE_OWNER_URL", roles.OWNER)):
        login = urlsplit(given[name])
        if login.username != role or not login.password:
            raise StartError(f"{name} must name the role {role} and its password when DATABASE_ADMIN_URL is given.")
    passwords = {name: unquote(urlsplit(url).password or "") for name, url in given.items()}
    try:
        roles.set_up(admin, owner_password=passwords["DATABASE_OWNER_URL"], app_password=passwords["DATABASE_URL"])
    except psycopg.Error as problem:
        reason = str(problem).strip().partition("\n")[0]
        raise StartError(f"the roles can't be made through DATABASE_ADMIN_URL: {reason}") from None


def wait(seconds: float) -> int:
    """Wait until all is added to the database that this code runs on; StartError if that takes too long."""
    until = time.monotonic() + seconds
    while lacking := what_is_lacking():
        if time.monotonic() > until:
            late = f"the database has not been migrated within {seconds:.0f} s"
            raise StartError(f"{late} ({lacking}). Run `walker migrate`.")
        time.sleep(LOOK_EVERY)
    return 0


def what_is_lacking() -> str:
    """Return which migrations the code can't run without, "" if none: the others run while it does."""
    # As the application's role: `migrate --check` needs the owner's password, which only the one that migrates has.
    said = subprocess.run([*_MANAGE, "upgrade", "--lacking"], check=False, capture_output=True, text=True)
    if said.returncode:
        return (said.stderr.strip().splitlines() or [f"manage.py ended with {said.returncode}"])[-1]
    waiting = len(said.stdout.split())
    return f"{waiting} migrations are not applied" if waiting else ""
