"""The command line of `./walker`: read before the environment exists, so standard library only."""

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from config.launcher import parts, ports
from config.launcher.faults import StartError
from config.launcher.place import ROOT, Place
from core.observability.ports import USUAL

ABOUT = """\
Walker: AI agents talk to customers and staff, and every risky action waits for a person's approval.

Nothing but Python 3.11+ with venv is needed. Everything Walker makes lives in two folders of
this checkout, .venv and .walker; PostgreSQL and Redis come along and stop with the command."""

EXAMPLES = """\
examples:
  ./walker run                      first start: installs, migrates, seeds the demo, prints the sign-ins
  ./walker run --port 9000          beside something else that holds port 8000
  ./walker run --data /srv/walker   keep the data somewhere else
  ./walker run --reset              delete all data and start with a new demo
  ./walker test tests/hitl -x       some tests, stop at the first failure
  ./walker doctor                   what is missing before others use it; exit code 0, 1 (warnings), 2 (failures)
  ./walker check                    what CI runs for each change
  ./walker check --changed          the tests that your change can touch, slow ones too
  ./walker check --all              all tests but the long ones
  ./walker migrate                  on servers: add to the database what the code needs; older processes run on
  ./walker upgrade                  on servers: bring a running installation to this version; --status, --contract
  ./walker serve web --port 8001    on servers: one process, its services elsewhere

environment (all optional; NAME_FILE reads a secret from a file):
  DATABASE_URL, REDIS_URL           use these services instead of the embedded ones; DATABASE_URL may name a
                                    role that can create roles, or the application role together with
                                    DATABASE_OWNER_URL
  PUBLIC_URL, ALLOWED_HOSTS         when Walker is reached under another name than 127.0.0.1
  SECRET_KEY, WALKER_KEYS           made once and kept in the data folder unless given
  WALKER_REQUIRE_ALL=1              a skipped test makes `test` and `check` fail"""

PASSED_ON = ("test", "manage", "bench", "evals")
"""Commands that take options of other programs."""
NEEDS_DEV_LOCK = frozenset({"test", "check", "bench", "pictures"})
_HANDLERS = {
    "run": "config.launcher.run",
    "demo": "config.launcher.status",
    "manage": "config.launcher.status",
    "evals": "config.launcher.status",
    "serve": "config.launcher.serve",
    "migrate": "config.launcher.serve",
    "upgrade": "config.launcher.serve",
    "doctor": "config.launcher.status",
    "test": "config.launcher.checks.commands",
    "check": "config.launcher.checks.commands",
    "bench": "config.launcher.checks.commands",
    "pictures": "demo.pictures",
}


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line; prints help or a usage error itself."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    if arguments.command is None:
        parser.print_help()
        raise SystemExit(2)
    if rest and arguments.command not in PASSED_ON:
        parser.error(f"unknown argument: {rest[0]}")
    arguments.rest = [part for part in [*getattr(arguments, "rest", []), *rest] if part != "--"]
    if arguments.command in PASSED_ON:
        # Options of pytest and manage.py are mixed with ours: keep them in the order given.
        arguments.rest = _after_command(argv, arguments.command)
    arguments.data = Path(arguments.data).expanduser().absolute()
    return arguments


def check_first(arguments: argparse.Namespace) -> None:
    """Refuse at once what would only fail after the installation."""
    if arguments.command != "run":
        return
    for name, port in (("port", arguments.port), ("metrics-port", arguments.metrics_port or 1)):
        if not 0 < port < 65536:
            raise StartError(f"--{name} must be between 1 and 65535, not {port}.")
    place = Place(arguments.data)
    place.check_writable()
    if not place.has_notes() and not ports.is_free(arguments.host, arguments.port):
        raise StartError(ports.taken(arguments.host, arguments.port))


def main(argv: list[str]) -> int:
    """Run the command; a problem is a sentence on standard error and exit code 1."""
    arguments = parse(argv)
    try:
        module = import_module(_HANDLERS[arguments.command])
        code: int = getattr(module, arguments.command)(arguments)
        sys.stdout.flush()
    except StartError as problem:
        print(f"walker: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of the output has closed it; Python must not write the rest at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./walker",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="command", title="commands")
    where = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    home = os.environ.get("WALKER_DATA") or str(ROOT / ".walker")
    where.add_argument("--data", default=home, metavar="DIR", help="data folder (default: .walker/)")
    run = commands.add_parser(
        "run",
        parents=[where],
        help="start Walker; Ctrl-C stops all of it",
        description="Start Walker: database, Redis, web, worker, beat and the demo's stand-ins. Ctrl-C stops all.",
        allow_abbrev=False,
    )
    run.add_argument("--port", type=int, default=8000, help="web port (default 8000)")
    run.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    run.add_argument(
        "--metrics-port", type=int, default=0, metavar="N", help="serve what all processes count on 127.0.0.1 there"
    )
    run.add_argument("--no-demo", action="store_true", help="no demo tenants and no stand-ins")
    run.add_argument("--reset", action="store_true", help="throw away the data folder first (asks nothing)")
    demo = commands.add_parser("demo", parents=[where], help="print URLs, sign-ins and keys of the demo")
    demo.add_argument("--json", action="store_true", help="for programs")
    add_production(commands, where)
    doctor = commands.add_parser("doctor", parents=[where], help="check how this installation is set up")
    doctor.add_argument("--json", action="store_true", help="for programs")
    doctor.add_argument(
        "--send-test-error", action="store_true", help="send a test error to SENTRY_DSN, and check nothing"
    )
    commands.add_parser("manage", parents=[where], add_help=False, help="any manage.py command")
    commands.add_parser("evals", parents=[where], add_help=False, help="check an agent with a file of cases")
    test = commands.add_parser("test", parents=[where], add_help=False, help="run the tests; takes pytest's options")
    test.add_argument(
        "--long",
        action="store_true",
        help="also long tests; with names of folders of tests, the long ones of these alone",
    )
    check = commands.add_parser(
        "check", parents=[where], help="lint, types, imports, migrations and tests: what CI runs"
    )
    which = check.add_mutually_exclusive_group()
    which.add_argument(
        "--changed", action="store_true", help="the tests that what differs from main can touch, slow ones too"
    )
    which.add_argument("--all", action="store_true", help="slow tests too: pages, browsers, races, kills")
    bench = commands.add_parser("bench", parents=[where], add_help=False, help="run a benchmark, or list them")
    bench.add_argument("name", nargs="?", help="which one")
    pictures = commands.add_parser(
        "pictures", parents=[where], help="take the pictures of the docs from a running demo"
    )
    pictures.add_argument(
        "--all", metavar="DIR", help="instead: every page worth looking at, light, dark and on a phone"
    )
    pictures.add_argument(
        "--only", default="", metavar="WORDS", help="of --all, the pages with these words in the name"
    )
    return parser


def add_production(commands: Any, where: argparse.ArgumentParser) -> None:
    """Add the commands of an installation whose services run elsewhere."""
    serve = commands.add_parser(
        "serve", parents=[where], help="run one process of an installation on servers", allow_abbrev=False
    )
    serve.add_argument("part", choices=parts.NAMES, help="which one")
    serve.add_argument("--host", default="127.0.0.1", help="web: address to listen on (default 127.0.0.1)")
    serve.add_argument("--port", type=int, default=8000, help="web: port (default 8000)")
    serve.add_argument("--at-once", type=int, default=0, metavar="N", help="workers: how many tasks at a time")
    usual = ", ".join(f"{name} {port}" for name, port in USUAL.items())
    serve.add_argument(
        "--metrics-port",
        type=int,
        nargs="?",
        const=0,
        metavar="N",
        help=f"serve its metrics there, at WALKER_METRICS_HOST (default 127.0.0.1); without a number: {usual}",
    )
    migrate = commands.add_parser(
        "migrate", parents=[where], help="add to the database what the code needs, on servers", allow_abbrev=False
    )
    migrate.add_argument(
        "--wait", type=float, default=0.0, metavar="SECONDS", help="only wait until another one has done it"
    )
    upgrade = commands.add_parser(
        "upgrade", parents=[where], help="bring an installation on servers to this version", allow_abbrev=False
    )
    which = upgrade.add_mutually_exclusive_group()
    which.add_argument("--contract", action="store_true", help="finish it: afterwards there is no way back")
    which.add_argument("--status", action="store_true", help="only say where it stands")
    upgrade.add_argument("--without-backup", action="store_true", help="although there is no fresh backup")
    upgrade.add_argument(
        "--patience", type=float, default=3600.0, metavar="SECONDS", help="how long to wait for processes (an hour)"
    )


def _after_command(argv: list[str], command: str) -> list[str]:
    rest = argv[argv.index(command) + 1 :]
    kept: list[str] = []
    skip = False
    for part in rest:
        if skip:
            skip = False
        elif part == "--data":
            skip = True
        elif not part.startswith("--data=") and not (command == "test" and part == "--long"):
            kept.append(part)
    return kept
