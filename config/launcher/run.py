"""`./walker run`: start everything, say where it is, keep it running, stop it."""

import argparse
import time
from typing import Any

from config.launcher import ports
from config.launcher.faults import StartError
from config.launcher.installation import Installation, stop_leftovers
from config.launcher.place import Place
from config.launcher.supervisor import Supervisor, say, stop_on_signals


def run(arguments: argparse.Namespace) -> int:
    """Start Walker and stay until Ctrl-C."""
    began = time.monotonic()
    place = Place(arguments.data)
    place.make()
    supervisor = Supervisor(place)
    stop_on_signals()
    with place.held():
        try:
            stop_leftovers(supervisor)
            if arguments.reset:
                place.reset()
                place.make()
            installation = Installation(supervisor, arguments.host, arguments.port, demo=not arguments.no_demo)
            _start(installation)
            _greet(installation, time.monotonic() - began)
            supervisor.watch()
        except KeyboardInterrupt:
            say("\nStopping Walker")
        finally:
            supervisor.stop_all()
    say("Stopped.")
    return 0


def _start(installation: Installation) -> None:
    if not ports.is_free(installation.host, installation.port):
        raise StartError(ports.taken(installation.host, installation.port))
    say("Starting PostgreSQL and Redis")
    installation.start_services()
    installation.migrate()
    installation.seed()
    say("Starting web, worker and beat")
    installation.start_processes()


def _greet(installation: Installation, _took: float) -> None:
    began = time.monotonic()
    is_ready = installation.wait_until_ready()
    took = _took + time.monotonic() - began
    if not is_ready:
        status, text = installation.readiness()
        say(f"Walker runs, but is not ready after {took:.0f} s: /readyz answers {status or 'nothing'}: {text[:500]}")
        say(f"Logs: {installation.supervisor.place.logs}")
        return
    facts = installation.demo_facts() if installation.demo else {}
    say(f"\nWalker is ready ({took:.1f} s).\n")
    for line in describe(installation.url, facts):
        say("  " + line)
    say(f"\nData and logs: {installation.supervisor.place.path}    Ctrl-C stops everything.")


def describe(url: str, facts: dict[str, Any]) -> list[str]:
    """Return the lines that tell a person where things are and how to sign in."""
    lines = [f"{'Console':<20} {url}/admin/"]
    for name, address in facts.get("urls", {}).items():
        if isinstance(address, str) and address.rstrip("/") != f"{url}/admin":
            lines.append(f"{name.replace('_', ' ').capitalize():<20} {address}")
    people = facts.get("sign_ins", [])
    if people:
        lines += ["", "Sign in as:"]
        lines += [_person(person) for person in people if isinstance(person, dict)]
    return lines


def _person(person: dict[str, Any]) -> str:
    email, password = person.get("email", ""), person.get("password", "")
    return f"  {email:<34} {password:<24} {person.get('role', ''):<11} {person.get('tenant', '')}".rstrip()
