"""Seeds the whole demo; every step checks whether it is already done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from config.demo.briefs import ensure_briefs
from config.demo.by_phone import ensure_phone_talks
from config.demo.cast import ORGANISATIONS, Organisation
from config.demo.figures import ensure_figures
from config.demo.history import ensure_history
from config.demo.library import ensure_library
from config.demo.morning import ensure_morning
from config.demo.oversight import ensure_oversight
from config.demo.people import ensure_people, ensure_tenant
from config.demo.setting import ensure_setting
from config.demo.webhooks import ensure_webhooks
from core.tenancy.scope import tenant_scope


def seed_demo(*, say: Callable[[str], object]) -> None:
    """Create the demo organisations with their people, settings and history."""
    with _commits_in_one_go():
        for organisation in ORGANISATIONS:
            say(f"Seeding {organisation.name} ...")
            _seed(organisation)


@contextmanager
def _commits_in_one_go() -> Iterator[None]:
    """Let hundreds of commits not wait for the disk; the last one does, for all of them."""
    with connection.cursor() as cursor:
        cursor.execute("set synchronous_commit = off")  # the ORM has no word for settings of the session
        yield
        cursor.execute("set synchronous_commit = on")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select pg_current_xact_id()")  # a transaction that has something to commit


def _seed(organisation: Organisation) -> None:
    with tenant_scope(ensure_tenant(organisation)):
        people = ensure_people(organisation)
        ensure_setting(organisation, people)
        ensure_library()
        ensure_history(organisation, people)
        ensure_morning(organisation, people)
        ensure_phone_talks(organisation, people)
        ensure_figures(organisation, people)
        ensure_briefs(organisation, people)
        ensure_webhooks(organisation)
        ensure_oversight(organisation, people)
