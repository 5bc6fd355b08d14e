"""Every sweep of the schedule runs as beat starts it: in the scope of no organisation."""

import pytest

from config.celery import app
from core.tenancy.scope import NOTHING, _enter
from tests.world import World


@pytest.mark.django_db
def test_every_sweep_begins_in_no_scope(world: World) -> None:
    failed = {}
    with _enter(NOTHING):
        for name, entry in app.conf.beat_schedule.items():
            result = app.tasks[entry["task"]].apply(args=entry.get("args", ()))
            if result.failed():
                failed[name] = repr(result.result)
    assert failed == {}
