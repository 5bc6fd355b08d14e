"""`./walker run`: start everything, say where it is, keep it running, stop it."""

import argparse
import shlex
import time
from typing import Any, Final

from config.launcher import ports
from config.launcher.faults import StartError
from config.launcher.installation import Installation, stop_leftovers
from config.launcher.place import ROOT, Place
from config.launcher.supervisor import Supervisor, say, stop_on_signals

NAMES: Final = {"google_ads": "Google Ads", "hubspot": "HubSpot", "pagerduty": "PagerDuty"}


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
            installation.metrics_port = arguments.metrics_port
            if not ports.is_free(installation.host, installation.port):
                raise StartError(ports.taken(installation.host, installation.port))
            if installation.metrics_port and not ports.is_free("127.0.0.1", installation.metrics_port):
                raise StartError(f"port {installation.metrics_port} is taken: name another one for --metrics-port.")
            say("Starting PostgreSQL and Redis")
            installation.start_services()
            with installation.collecting():
                installation.migrate()
                installation.seed()
            say("Starting web, worker and beat")
            installation.start_processes()
            _greet(installation, began)
            supervisor.watch()
        except KeyboardInterrupt:
            say("\nStopping Walker")
        finally:
            supervisor.stop_all()
    say("Stopped.")
    return 0


def _greet(installation: Installation, began: float) -> None:
    _wait(installation)
    took = time.monotonic() - began
    facts = installation.demo_facts() if installation.demo else {}
    say(f"\nWalker is ready ({took:.1f} s).\n")
    for line in [*describe(installation.url, facts), *next_steps(installation)]:
        say("  " + line)
    say(f"\nData and logs: {installation.supervisor.place.path}    Ctrl-C stops everything.")


def _wait(installation: Installation) -> None:
    for patience in (15.0, 30.0, 60.0):
        awaited = installation.wait_until_ready(patience)
        if not awaited:
            return
        say(f"Still waiting for: {awaited}")
    say(f"This is taking unusually long. Logs: {installation.supervisor.place.logs}")
    installation.wait_until_ready(float("inf"))


def describe(url: str, facts: dict[str, Any]) -> list[str]:
    """Return the lines that tell a person where things are and how to sign in."""
    lines = [f"{'Console':<20} {url}/admin/"]
    for name, address in facts.get("urls", {}).items():
        if isinstance(address, str) and address.rstrip("/") != f"{url}/admin":
            lines.append(f"{NAMES.get(name) or name.replace('_', ' ').capitalize():<20} {address}")
    for tenant in facts.get("tenants", []):
        lines += ["", f"Sign in at {tenant.get('name', '')} as:"]
        for person in tenant.get("people", []):
            role = str(person.get("role", "")) + (", the signed-in chat" if person.get("chats_as") else "")
            who = f"{person.get('name', '')}, {role}".strip(", ")
            lines.append(f"  {person.get('email', ''):<30} {person.get('password', ''):<22} {who}")
    return lines


def next_steps(installation: Installation) -> list[str]:
    """Return the lines that say how the first organisation is opened; none in the demo and once there is one."""
    if installation.demo or installation.has_organisations():
        return []
    folder = installation.supervisor.place.path
    data = "" if folder == ROOT / ".walker" else f"--data {shlex.quote(str(folder))} "
    return [
        "",
        "There is no organisation yet, so nobody can sign in. Open yours, as its owner:",
        f"  ./walker manage {data}tenant create SHORT-NAME --name NAME --timezone Europe/Berlin --email YOUR-ADDRESS",
        "docs/tutorial/first-agent.md leads on from there, to an agent that answers your customers.",
    ]
