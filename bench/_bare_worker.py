"""A Celery worker's application with the one task of the bare path: read a row, insert another."""

from uuid import uuid4

from bench._environment import BARE_TABLE
from config.celery import app

from django.db import connection  # isort: skip  (config.celery names the settings)


@app.task(name="bench.answer")
def answer(key: str) -> None:
    """Answer a row with another."""
    with connection.cursor() as cursor:
        cursor.execute(f"select body from {BARE_TABLE} where id = %s", [key])  # noqa: S608  (a constant)
        (body,) = cursor.fetchone()
        cursor.execute(f"insert into {BARE_TABLE} (id, body) values (%s, %s)", [uuid4(), body])  # noqa: S608
