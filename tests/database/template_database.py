"""One migrated database for all workers of a parallel run: the first one makes it, each copies it."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection

from core.db.roles import owner_settings


@contextmanager
def template_database(config: pytest.Config) -> Iterator[None]:
    """Have the test database copied from the migrated one inside the block; as the tables' owner.

    Only the workers of a parallel run do so; migrations take longer than all else that a worker sets up.
    """
    run = getattr(config, "workerinput", {}).get("testrunuid")
    if not run:
        yield
        return
    template, settings = f"test_walker_{run[:12]}_migrated", connection.settings_dict
    with _maintenance() as server:
        # Held until the connection ends: the other workers wait until the first has made it.
        server.execute("select pg_advisory_lock(hashtext(%s))", [template])
        if not server.execute("select 1 from pg_database where datname = %s", [template]).fetchone():
            before, own = settings["NAME"], settings["TEST"]["NAME"]
            settings["TEST"]["NAME"] = template
            connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
            connection.close()
            settings["NAME"], settings["TEST"]["NAME"] = before, own
        settings["TEST"]["TEMPLATE"] = template
        yield


def remove_template_database() -> None:
    """Remove what was copied, at the end of a worker: one that begins later makes it again."""
    if template := connection.settings_dict["TEST"].get("TEMPLATE"):
        with _maintenance() as server:
            server.execute("select pg_advisory_lock(hashtext(%s))", [template])
            server.execute(f'drop database if exists "{template}"'.encode())


def _maintenance() -> psycopg.Connection[tuple[object, ...]]:
    owner = owner_settings()
    return psycopg.connect(
        host=owner["HOST"],
        port=owner["PORT"],
        user=owner["USER"],
        password=owner["PASSWORD"],
        dbname="postgres",
        autocommit=True,
    )
