"""Seeds the whole demo; every step checks whether it is already done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from core import clock
from core.tenancy.scope import tenant_scope
from demo.cast import ORGANISATIONS
from demo.figures.briefs import ensure_briefs
from demo.figures.facts import ensure_figures
from demo.library import ensure_library
from demo.model_routes import ensure_models
from demo.oversight import ensure_oversight
from demo.people import OPENED, ensure_people, ensure_tenant
from demo.setting import ensure_api_keys, ensure_setting
from demo.talks.by_phone import ensure_phone_talks
from demo.talks.history import ensure_history
from demo.talks.morning import ensure_morning
from demo.talks.open_work import ensure_open_work
from demo.webhooks import ensure_webhooks


def seed_demo(*, say: Callable[[str], object]) -> None:
    """Create the demo organisations with their people, settings and history."""
    with _commits_in_one_go():
        for organisation in ORGANISATIONS:
            say(f"Seeding {organisation.name} ...")
            with tenant_scope(ensure_tenant(organisation)):
                with clock.at(clock.now() - OPENED):
                    people = ensure_people(organisation)
                    ensure_setting(organisation, people)
                ensure_api_keys(organisation, people)  # these are valid for a limited time
                ensure_models(organisation)
                ensure_library()
                ensure_history(organisation, people)
                ensure_morning(organisation, people)
                ensure_phone_talks(organisation, people)
                ensure_open_work()
                ensure_figures(organisation, people)
                ensure_briefs(organisation, people)
                ensure_webhooks(organisation)
                ensure_oversight(organisation, people)


@contextmanager
def _commits_in_one_go() -> Iterator[None]:
    """Let hundreds of commits not wait for the disk; the last one does, for all of them."""
    with connection.cursor() as cursor:
        cursor.execute("set synchronous_commit = off")  # the ORM has no word for settings of the session
        yield
        cursor.execute("set synchronous_commit = on")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select pg_current_xact_id()")  # a transaction that has something to commit
