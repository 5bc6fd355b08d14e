"""Install row-level security on every table, and report tables without it."""

from collections.abc import Iterator

from django.db import connection

from core.tenancy.rls import foreign_keys, functions, policies
from core.tenancy.rls.tables import all_models, walled_tables


def install_policies(*, testing: bool = False) -> None:
    """Install policies, grants, keys and functions for all models.

    Idempotent; runs as the owner after every migrate. With `testing`, the tests' role may truncate tables, the
    audit log included, because their flush does.
    """
    with connection.cursor() as cursor:
        for statement in _statements(testing):
            cursor.execute(statement)


def _statements(testing: bool) -> Iterator[str]:
    yield from policies.trigger_functions()
    for model in all_models():
        yield from policies.statements(model, testing=testing)
    for model in all_models():
        yield from foreign_keys.statements(model)
    yield from functions.statements()
    yield "grant select on django_migrations to walker_app"
    yield "grant usage on all sequences in schema public to walker_app"
    if testing:
        yield "grant truncate on all tables in schema public to walker_app"
        yield "grant all on all sequences in schema public to walker_app"


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
