"""SIGKILL of a worker at a CRM of its own process: one contact and one note there, wherever it dies."""

import os
import signal
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings

from tests.edge.phone_fixture import eventually
from tests.edge.standin_process import ROOT
from tests.hub.crm_scene import NOTES, WRITES, Crm, crm, hubspot, hubspot_process

__all__ = ["crm", "hubspot", "hubspot_process"]
pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]
STALL = 20.0


def kill_a_worker(crm: Crm, row_id: str, behind: str, effect: str) -> None:
    """Let a worker process come to where an effect is there and not committed here, and kill it."""
    url = urlsplit(os.environ["DATABASE_URL"])
    here = urlunsplit(url._replace(path=f"/{settings.DATABASES['default']['NAME']}"))
    prefix = settings.CACHES["default"]["KEY_PREFIX"]
    known = {"DATABASE_URL": here, "HUBSPOT_API_BASE": crm.server.url, "WALKER_REDIS_PREFIX": prefix}
    command = [sys.executable, "-m", "tests.hub.crm_process", behind, str(crm.world.acme.pk), row_id]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **known}, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "reached\n"
            eventually(lambda: effect in crm.effects(), 20)
        finally:
            process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize(
    ("effect", "behind"),
    [
        ("create_contacts", ""), ("create_contacts", "write_contact"),
        ("create_notes", ""), ("create_notes", "add_note"),
    ],
)  # fmt: skip
def test_killed_worker_leaves_one_contact_and_one_note(crm: Crm, effect: str, behind: str) -> None:
    ana = crm.customer()
    crm.close(ana)
    crm.feed()
    if not behind:  # it dies in the call
        place = WRITES if effect == "create_contacts" else NOTES
        crm.server.script(place, "stall_after", seconds=STALL)
    kill_a_worker(crm, str(crm.row(ana).pk), behind, effect)
    row = crm.row(ana)
    assert (row.state, crm.notes(), row.lease_until is None) == ("waiting", ["waiting"], False)
    assert crm.work(after=30) == 0  # until its lease ends nobody knows that it has died
    assert crm.work(after=200) == 1
    assert (crm.row(ana).state, crm.notes()) == ("written", ["written"])
    assert [crm.effects().count(each) for each in ("create_contacts", "create_notes")] == [1, 1]
    assert crm.there(ana)["walker_contact"] == str(ana.pk)
