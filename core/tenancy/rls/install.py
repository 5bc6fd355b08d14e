"""Install row-level security on every table, and report tables without it."""

from collections.abc import Callable, Iterator

from django.db import connection, transaction

from core.tenancy.rls import foreign_keys, functions, policies
from core.tenancy.rls.tables import all_models, walled_tables

Run = Callable[[str, list[str]], None]
"""Runs statements together or not at all; the text names them for people."""


def run_together(_what: str, statements: list[str]) -> None:
    """Run statements in a transaction: meanwhile others see what was there before, and never a table without a wall."""
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def install_policies(*, testing: bool = False, run: Run = run_together) -> None:
    """Install policies, grants, keys and functions for all models.

    Idempotent; runs as the owner after every migrate, while the site runs: each transaction locks one table, or the
    two of a key. With `testing`, the tests' role may truncate tables, the audit log included, because their flush does.
    """
    for what, statements in _groups(testing):
        run(what, statements)


def _groups(testing: bool) -> Iterator[tuple[str, list[str]]]:
    yield "the functions of triggers", list(policies.trigger_functions())
    for model in all_models():
        yield f"row-level security of {model._meta.db_table}", list(policies.statements(model, testing=testing))
    for model in all_models():
        for statement in foreign_keys.statements(model):
            yield f"the keys of {model._meta.db_table}", [statement]
    for group in functions.groups():
        yield "the look-ups", group
    grants = [
        "grant select on django_migrations to walker_app",
        "grant usage on all sequences in schema public to walker_app",
    ]
    if testing:
        grants += [
            "grant truncate on all tables in schema public to walker_app",
            "grant all on all sequences in schema public to walker_app",
        ]
    yield "the grants", grants


def problems() -> list[str]:
    """Return why row-level security is not effective for the current role. The list is empty if it is."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute("select rolsuper, rolbypassrls from pg_roles where rolname = current_user")
        is_super, bypasses = cursor.fetchone()
        if is_super or bypasses:
            found.append("the database role bypasses row-level security")
        cursor.execute(
            "select c.relname from pg_class c where c.relname = any(%s) "
            "and c.relnamespace = 'public'::regnamespace "
            "and (not row_security_active(c.oid) or pg_get_userbyid(c.relowner) = current_user)",
            [walled_tables()],
        )
        found.extend(f"no active wall on {name}" for (name,) in cursor.fetchall())
    return found
