"""`manage.py killswitch`: start, release and list emergency stops."""

from argparse import ArgumentParser
from typing import Any, Final
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from accounts.selectors import tenant_named, tenants_named
from core.actors import Actor, system
from core.errors import WalkerError
from core.tenancy.scope import tenant_scope
from hitl.actions import registry
from hitl.execution.kill_switch_activation import (
    activate_global,
    activate_kill_switch,
    release_global,
    release_kill_switch,
)
from hitl.killswitch.state import installation_stops
from hitl.models import GlobalKillSwitch, KillSwitch
from hitl.selectors import approvals as selectors

OPERATOR: Final[Actor] = system("console-operator")


class Command(BaseCommand):
    help = "Start, release or list the emergency stops of a tenant (--tenant) or of the installation (--global)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["activate", "release", "list"])
        parser.add_argument("--tenant", default="", metavar="SLUG", help="the tenant")
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--global", action="store_true", dest="everywhere", help="every tenant")
        where.add_argument("--kind", default="", metavar="KIND", help="only this kind of action")
        where.add_argument("--agent", default="", metavar="ID", help="only this agent")
        where.add_argument("--connection", default="", metavar="ID", help="only what is executed over this connection")
        parser.add_argument("--reason", default="", metavar="TEXT", help="the reason; required by activate")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the action and print one line for each switch."""
        if options["everywhere"] and options["tenant"]:
            raise CommandError("Give --tenant or --global, not both.")
        if options["action"] != "list" and not (options["everywhere"] or options["tenant"]):
            raise CommandError("Give --tenant SLUG or --global.")
        try:
            lines = _ACTIONS[options["action"]](options)
        except WalkerError as error:
            fields = error.facts.get("fields", {})
            reasons = [text for texts in fields.values() for text in texts] if isinstance(fields, dict) else []
            raise CommandError(" ".join([error.detail, *reasons])) from error
        for line in lines:
            self.stdout.write(line)


def _activate(options: dict[str, Any]) -> list[str]:
    if options["everywhere"]:
        return [_activated(activate_global(actor=OPERATOR, reason=options["reason"]))]
    scope, target = _target(options)
    # A switch for a mistyped kind would pause nothing and look as if it did.
    if scope == "kind" and not registry.is_known(target):
        raise CommandError(f"There is no kind {target!r}. Choose from: {', '.join(registry.keys())}.")
    with tenant_scope(tenant_named(options["tenant"])):
        switch = activate_kill_switch(actor=OPERATOR, scope=scope, target=target, reason=options["reason"])
    return [_activated(switch)]


def _activated(switch: KillSwitch | GlobalKillSwitch) -> str:
    if switch.in_flight_calls:
        return f"paused by {switch.pk}; STILL IN FLIGHT: {switch.in_flight_calls} call(s) that began before"
    return f"paused by {switch.pk}; no call is in flight"


def _release(options: dict[str, Any]) -> list[str]:
    if options["everywhere"]:
        return [f"released {release_global(actor=OPERATOR)} switch(es) of the installation"]
    scope, target = _target(options)
    with tenant_scope(tenant_named(options["tenant"])):
        stops = selectors.list_switches(viewer=OPERATOR)
        found = [stop.pk for stop in stops if (stop.scope, stop.target) == (scope, target)]
        if not found:
            raise CommandError("This emergency stop isn't active.")
        for switch_id in found:
            release_kill_switch(actor=OPERATOR, switch_id=switch_id)
    return [f"released {switch_id}" for switch_id in found]


def _list(options: dict[str, Any]) -> list[str]:
    lines = [] if options["tenant"] else [_line("*", "installation", row) for row in installation_stops()]
    if options["everywhere"]:
        return lines
    for tenant_id, slug in tenants_named(options["tenant"]):
        with tenant_scope(tenant_id):
            found = selectors.list_switches(viewer=OPERATOR)
        lines += [_line(slug, f"{row.scope} {row.target}".strip(), row) for row in found]
    return lines


def _line(where: str, what: str, switch: KillSwitch | GlobalKillSwitch) -> str:
    return f"{where}\t{what}\t{switch.activated_at:%Y-%m-%d %H:%M:%S}Z\t{switch.pk}\t{switch.reason}"


def _target(options: dict[str, Any]) -> tuple[str, str]:
    if options["kind"]:
        return "kind", options["kind"]
    scope = next((name for name in ("agent", "connection") if options[name]), "")
    if not scope:
        return "tenant", ""
    try:
        return scope, str(UUID(options[scope]))
    except ValueError:
        raise CommandError(f"Give the id of {'an agent' if scope == 'agent' else 'a connection'}.") from None


_ACTIONS: Final = {"activate": _activate, "release": _release, "list": _list}
