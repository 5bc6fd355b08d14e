"""`manage.py tenant`: open an organisation with its owner, add members, switch it off and on again."""

from argparse import ArgumentParser
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction

from accounts import services
from accounts.models import Membership, Tenant, User
from accounts.selectors import tenant_named
from agents.services import ensure_first_agent
from core.actors import Actor, system
from core.errors import WalkerError
from core.ids import uuid7
from core.tenancy.scope import platform_scope, tenant_scope

OPERATOR: Final[Actor] = system("console-operator")


class Command(BaseCommand):
    help = "Open an organisation with its owner (create), add a member (member), switch it (off, on), or list all."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=sorted(_ACTIONS))
        parser.add_argument("slug", nargs="?", default="", help="the organisation's short name")
        parser.add_argument("--name", default="", help="the organisation's name (create)")
        parser.add_argument("--timezone", default="UTC", metavar="ZONE", help="such as Europe/Berlin (create)")
        parser.add_argument("--currency", default="EUR", metavar="CODE", help="three letters (create)")
        parser.add_argument("--email", default="", help="the person's address (create: the owner's; member)")
        parser.add_argument("--first-name", default="")
        parser.add_argument("--last-name", default="")
        parser.add_argument(
            "--role", default="", choices=["", *Membership.Role.values], help="the person's role (member)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it and say what came of it; what cannot be done is an error and changes nothing."""
        if options["action"] != "list" and not options["slug"]:
            raise CommandError("Name the organisation: manage.py tenant ACTION SLUG.")
        try:
            lines = _ACTIONS[options["action"]](options)
        except WalkerError as error:
            raise CommandError(error.detail) from error
        for line in lines:
            self.stdout.write(line)


def _create(options: dict[str, Any]) -> list[str]:
    tenant_id, facts = uuid7(), _facts(options)
    try:
        with tenant_scope(tenant_id), transaction.atomic():
            services.create_tenant(actor=OPERATOR, tenant_id=tenant_id, **facts)
            ensure_first_agent()
            lines = _add_member(options, Membership.Role.OWNER)
    except IntegrityError:
        raise CommandError(f"There is a tenant {options['slug']!r} already.") from None
    return [f"{options['slug']} is open.", *lines]


def _facts(options: dict[str, Any]) -> dict[str, str]:
    facts = {name: options[name] for name in ("slug", "name", "timezone", "currency")}
    try:
        Tenant(**facts).clean_fields()
        ZoneInfo(facts["timezone"])
    except ValidationError as problem:
        raise CommandError(
            "; ".join(f"{name}: {' '.join(found)}" for name, found in problem.message_dict.items())
        ) from None
    except (ZoneInfoNotFoundError, ValueError):
        raise CommandError(f"There is no time zone {facts['timezone']!r}.") from None
    if len(facts["currency"]) != 3 or not facts["currency"].isalpha() or not facts["currency"].isupper():
        raise CommandError("A currency has three capital letters, such as EUR.")
    return facts


def _member(options: dict[str, Any]) -> list[str]:
    if not options["role"]:
        raise CommandError("Say which --role.")
    with tenant_scope(tenant_named(options["slug"])), transaction.atomic():
        return _add_member(options, options["role"])


def _add_member(options: dict[str, Any], role: str) -> list[str]:
    """Add the person to the tenant in scope; one who is new gets a password."""
    user = User.objects.filter(email=options["email"].strip().lower()).first()
    password = ""
    if user is None:
        names = {name: options[name] for name in ("first_name", "last_name")}
        user, password = services.create_person(actor=OPERATOR, email=options["email"], **names)
    services.add_member(actor=OPERATOR, user=user, role=role)
    told = f"First password, shown this once: {password}" if password else "Signs in with the password there is."
    return [f"{options['email']} is a member as {role}. {told}"]


def _switch(options: dict[str, Any]) -> list[str]:
    is_on = options["action"] == "on"
    with tenant_scope(tenant_named(options["slug"])):
        services.set_tenant_active(actor=OPERATOR, active=is_on)
    return [f"{options['slug']} is {'on' if is_on else 'off: nobody finds it, and what it stored stays'}."]


def _list(options: dict[str, Any]) -> list[str]:
    with platform_scope():
        rows = Tenant.objects.order_by("slug").values_list("slug", "is_active", "name")
        return [f"{slug}\t{'on' if is_on else 'off'}\t{name}" for slug, is_on, name in rows]


_ACTIONS: Final = {"create": _create, "member": _member, "off": _switch, "on": _switch, "list": _list}
