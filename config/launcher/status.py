"""Commands for an installation that exists: its demo facts, and manage.py with its environment."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from config.launcher import env
from config.launcher.faults import StartError
from config.launcher.installation import Installation, stop_leftovers
from config.launcher.place import ROOT, Place
from config.launcher.run import describe
from config.launcher.servers import roles
from config.launcher.supervisor import Supervisor, stop_on_signals

DOCTOR_CODES: Final = {0: 0, 3: 1}
"""Exit codes of `./walker doctor` by those of the command; all others are 2, also that it couldn't begin."""


def demo(arguments: argparse.Namespace) -> int:
    """Print the demo's URLs, sign-ins and keys."""
    place = Place(arguments.data)
    facts = demo_facts(place)
    if arguments.json:
        print(json.dumps(facts, indent=2))
    else:
        print("\n".join(describe(_environment_of(place)["PUBLIC_URL"], facts)))
    return 0


def demo_facts(place: Place) -> dict[str, Any]:
    """Return the demo's URLs, sign-ins and keys; Walker has to run on the data folder."""
    if not place.is_held():
        raise StartError(
            f"Walker does not run on {place.path}. Start it first: ./walker run. "
            "If it runs on another folder, name that one: --data DIR."
        )
    answer = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "demo", "--json"],
        env=_environment_of(place),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise StartError("the demo's facts cannot be read; the reason stands above.")
    facts: dict[str, Any] = json.loads(answer.stdout)
    return facts


def manage(arguments: argparse.Namespace) -> int:
    """Run a manage.py command.

    If Walker does not run here, its services are started for as long as the command takes, unless they are elsewhere.
    """
    place = Place(arguments.data)
    command = [sys.executable, str(ROOT / "manage.py"), *arguments.rest]
    if place.is_held() or has_own_logins():
        return subprocess.run(command, env=_environment_of(place), check=False).returncode
    place.make()
    supervisor = Supervisor(place)
    stop_on_signals()
    with place.held():
        try:
            stop_leftovers(supervisor)
            installation = Installation(supervisor, "127.0.0.1", 8000, demo=False)
            installation.start_services()
            return subprocess.run(command, env=installation.environment, check=False).returncode
        finally:
            supervisor.stop_all()


def has_own_logins() -> bool:
    """Return True where the environment names services and our logins to them."""
    login = urlsplit(env.given("DATABASE_URL")).username
    return env.is_complete() and (login == roles.APP or bool(env.given("DATABASE_OWNER_URL")))


def evals(arguments: argparse.Namespace) -> int:
    """Run the command that checks agents; what keeps it from starting is exit code 2, as is bad input."""
    arguments.rest = ["evals", *arguments.rest]
    try:
        return manage(arguments)
    except StartError as problem:
        print(f"walker: {problem}", file=sys.stderr)
        return 2


def doctor(arguments: argparse.Namespace) -> int:
    """Check the installation: 0 if all is well, 1 with warnings, 2 with failures."""
    given = {"--json": arguments.json, "--send-test-error": arguments.send_test_error}
    arguments.rest = ["doctor", *(name for name, is_given in given.items() if is_given)]
    try:
        return DOCTOR_CODES.get(manage(arguments), 2)
    except StartError as problem:
        print(f"walker: {problem}", file=sys.stderr)
        return 2


def _environment_of(place: Place) -> Mapping[str, str]:
    kept = place.read(place.environment)
    ours = {name: env.given(name) or value for name, value in kept.items()}
    return {**os.environ, **ours, "WALKER_DATA": str(place.path)}
