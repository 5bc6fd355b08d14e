"""Whether this database compares vectors, and the indexes by which it does so quickly."""

from typing import Any, Final

from django.core import checks
from django.core.checks import CheckMessage, Tags
from django.db import DatabaseError, connection, transaction

from agents.llm.routes.models import ModelRoute
from core.tenancy.scope import platform_scope

EXTENSION = "vector"
INDEXED: Final = (256, 384, 512, 768, 1024, 1536)
"""Sizes of vectors that have an index; others are compared one by one."""


def is_available() -> bool:
    """Return True if the database has the extension `vector`. One query."""
    with connection.cursor() as cursor:
        cursor.execute("select to_regtype(%s) is not null", [EXTENSION])
        return bool(cursor.fetchone()[0])


def prepare(**_: Any) -> None:
    """Create the extension where the server offers it and lets us, and the indexes where it is there.

    After each migrate, as the owner; repeatable. An installation that gets the extension later needs a migrate.
    """
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass('agents_passagevector') is null")
        if cursor.fetchone()[0]:
            return
        cursor.execute("select 1 from pg_available_extensions where name = 'vector' and installed_version is null")
        if cursor.fetchone():
            try:
                with transaction.atomic():
                    cursor.execute("create extension vector")
            except DatabaseError:
                return  # the check says so
        if not is_available():
            return
        for size in INDEXED:
            # The ORM cannot index an array as a vector. One index for each size, which the type has to name.
            cursor.execute(
                f"create index if not exists vectors_of_{size} on agents_passagevector "
                f"using hnsw ((embedding::vector({size})) vector_cosine_ops) where dimensions = {size}"
            )


@checks.register(Tags.database)
def check_extension(**options: Any) -> list[CheckMessage]:
    """Warn if a route offers embeddings and the database can't compare them."""
    if not options.get("databases"):
        return []
    try:
        with platform_scope():
            is_wanted = ModelRoute.objects.filter(is_active=True).exclude(embedding_model="").exists()
        if not is_wanted or is_available():
            return []
    except DatabaseError:
        return []  # not migrated yet
    return [
        checks.Warning(
            "A route offers embeddings, but PostgreSQL has no extension vector: documents are searched by words only.",
            hint="Install pgvector, let a superuser run CREATE EXTENSION vector in Walker's database, then migrate.",
            id="agents.W001",
        )
    ]
