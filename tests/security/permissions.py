"""Which permission each page, endpoint and frame needs: the table, and what the product declares of it."""

from collections.abc import Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from django.urls import get_resolver, resolve

from accounts.models import User
from accounts.permissions.roles import PERMISSIONS
from accounts.permissions.team_scope import LIMITABLE
from accounts.services import add_member
from channels_app.sockets import console_topics
from console.base.actions import run_action
from core.tenancy.scope import tenant_scope
from tests.accounts.roles.making import make
from tests.world import OPERATOR, World

TABLE: Final = Path(__file__).with_name("permissions.txt")
HEAD: Final = """\
# What each page, endpoint and frame needs: door, method, permission; "-" is for every member.
# All that is about who may goes by this table. After a deliberate change write it again, and review the diff:
#   WALKER_WRITE_PERMISSIONS=1 ./walker test tests/security/test_permissions.py
"""
BY_ITSELF: Final = "# What these need stands in no declaration: their code looks."
EVERYBODYS: Final = "-"
READ: Final = ("changelist_view", "detail_view")
METHODS: Final = ("get", "post", "put", "patch", "delete")
Doors = dict[tuple[str, str], str]

DESK: Final = frozenset({"conversations.view_conversation", "conversations.reply_conversation"})
"""Less than any built-in role has: answering the conversations assigned to oneself, and nothing else."""
OWN_ROLES: Final = {"night": ("teams", LIMITABLE), "desk": ("assigned", DESK)}
"""Roles of the organisation's own: whose conversations their people see, and what they allow."""
MAY: Final[Mapping[str, frozenset[str]]] = {
    **PERMISSIONS,
    **{name: allowed for name, (_, allowed) in OWN_ROLES.items()},
    "nobody": frozenset(),
}
"""What people may by the name of their role; `nobody` is signed in and a member of nothing."""


@cache
def needs() -> Doors:
    """Return the table."""
    return _doors_in(TABLE.read_text())


def by_itself() -> Doors:
    """Return the part of the table that nothing declares."""
    return _doors_in(TABLE.read_text().partition(BY_ITSELF)[2])


def _doors_in(text: str) -> Doors:
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {(door, method): permission for door, method, permission in filter(None, lines)}


def lacks(who: str, permission: str) -> bool:
    """Return True if a door with this permission is shut to somebody."""
    return permission not in MAY[who] if permission != EVERYBODYS else who == "nobody"


def needed_for(method: str, path: str) -> str:
    """Return what the table says of a method of an address."""
    return needs()[resolve(path).view_name, method]


def strongest_without(permission: str) -> str:
    """Return the built-in role with the most permissions that lacks this one, "" if each has it."""
    roles = sorted(PERMISSIONS, key=lambda role: len(PERMISSIONS[role]), reverse=True)
    return next((role for role in roles if lacks(role, permission)), "")


def declared() -> Doors:
    """Return what view sets, console pages, their actions and the topics of the socket declare."""
    found: Doors = {}
    for name, view in _views(get_resolver(), ""):
        found |= {(name, method): permission or EVERYBODYS for method, permission in _declared_of(name, view).items()}
    topics = {(f"topic:{kind}", "subscribe"): needed for kind, needed in console_topics.PERMISSIONS.items()}
    return found | topics


def _views(resolver: Any, space: str) -> Iterator[tuple[str, Any]]:
    for entry in resolver.url_patterns:
        if hasattr(entry, "url_patterns"):
            yield from _views(entry, f"{space}{entry.namespace}:" if entry.namespace else space)
        elif entry.name:
            yield f"{space}{entry.name}", entry.callback


def _declared_of(name: str, view: Any) -> dict[str, str]:
    """Return the permission by method, nothing of a view that declares none."""
    if name.startswith("api-"):
        actions = _actions_of(view)  # with `head` as well, once somebody has asked
        return {method: view.cls.permissions.get(actions[method], "") for method in METHODS if method in actions}
    while hasattr(view, "__wrapped__"):
        view = view.__wrapped__
    if isinstance(view, partial) and view.func is run_action:
        action = view.args[1]
        return {"get": action.reading or action.permission, "post": action.permission}
    if getattr(view, "__name__", "") in READ and hasattr(view, "__self__"):
        return {"get": view.__self__.view_permission}
    return {}


def _actions_of(view: Any) -> dict[str, str]:
    """Return the action of each method, or the method's own name where the view has no actions."""
    actions: dict[str, str] | None = getattr(view, "actions", None)
    return actions or {method: method.upper() for method in METHODS if hasattr(view.cls, method)}


def write_table(told: Doors) -> None:
    """Write the table with what is declared now; what code looks at by itself stays as it is."""
    doors, kept = ([" ".join((*door, needed)) for door, needed in sorted(part.items())] for part in (told, by_itself()))
    TABLE.write_text(HEAD + "\n".join([*doors, BY_ITSELF, *kept]) + "\n")
    needs.cache_clear()


def add_people(world: World) -> None:
    """Let people with roles of the organisation's own work in the first tenant, and somebody be a member of nothing."""
    for name, (sees, allowed) in OWN_ROLES.items():
        role = make(world, name.title(), allowed, sees=sees)
        user, _ = world.another("viewer")
        with tenant_scope(world.acme.pk):
            add_member(actor=OPERATOR, user=user, role=role.key)
        world.people[name] = user
    world.people["nobody"] = User.objects.create(email="nobody@nowhere.example", first_name="No", last_name="Body")
