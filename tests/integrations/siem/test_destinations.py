"""Destinations of the audit log: who may set them up, what may be entered, who hears of changes, and their pages."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from django.test import Client

from accounts.models import Notice
from core.audit.selectors import VIEW
from core.errors import Conflict, Invalid, Refused, TooMany, Unavailable
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from integrations.siem import selectors, services
from integrations.siem.models import AuditDestination
from integrations.siem.services import MANAGE
from tests.integrations.siem.conftest import HttpsReceiver, SyslogReceiver, add, settings_for, stored
from tests.world import World

pytestmark = pytest.mark.django_db
LIST = "/admin/integrations/auditdestination/"
PEM = "-----BEGIN {0}-----\nAAAA\n-----END {0}-----\n"


def test_setting_up_needs_the_right_to_the_log_and_the_one_to_connect(acme: World, syslog: SyslogReceiver) -> None:
    row, admin, wanted = add(acme, syslog), acme.actor("admin"), settings_for(syslog)
    of_it = (services.send_test, services.pause_destination, services.resume_destination, services.remove_destination)
    calls: list[Callable[..., object]] = [
        partial(services.add_destination, wanted=wanted),
        partial(services.revise_destination, wanted=wanted, destination_id=row.pk),
        *(partial(service, destination_id=row.pk) for service in of_it),
    ]
    for missing in (VIEW, MANAGE):
        actor = replace(admin, permissions=admin.permissions - {missing})
        for call in calls:
            with pytest.raises(Refused):
                call(actor=actor)
    assert [each.behind for each in selectors.list_destinations(viewer=acme.actor("compliance"))] == [1]  # type: ignore[attr-defined]
    with pytest.raises(Refused):
        selectors.list_destinations(viewer=acme.actor("support"))


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "two\nlines"}),
        ("kind", {"kind": "pigeon", "address": "https://localhost/in"}),
        *(
            ("address", {"address": text})
            for text in ("", "siem.example:port", "siem.example:0", "https://siem.example")
        ),
        *(("address", {"address": text}) for text in ("me@siem.example:6514", "siem.example:6514/in", "siem example")),
        *(("address", {"kind": "https", "address": text}) for text in ("localhost:1", "http://localhost/in")),
        ("address", {"address": "127.0.0.1:6514"}),
        ("token", {"kind": "https", "address": "https://localhost/in", "token": "two words"}),
        ("token", {"kind": "splunk", "address": "https://localhost/in"}),
        ("authority", {"authority": "a certificate"}),
        ("authority", {"authority": PEM.format("CERTIFICATE")}),
        ("authority", {"authority": PEM.format("PRIVATE KEY")}),
    ],
)
def test_what_cannot_be_used_is_named_with_its_field(
    acme: World, syslog: SyslogReceiver, field: str, changed: dict[str, str]
) -> None:
    with pytest.raises(Invalid) as caught:
        add(acme, syslog, **changed)
    assert list(caught.value.facts["fields"]) == [field]
    assert not AuditDestination.objects.exists()


def test_token_stays_with_its_address_and_is_in_no_entry(acme: World, https: HttpsReceiver, settings: Any) -> None:
    settings.SIEM_HOSTS = ["localhost", "127.0.0.1"]
    owner, row = acme.actor("owner"), add(acme, https, token="s3cret")

    def revise(**more: Any) -> str:
        wanted = settings_for(https, **more)
        return str(services.revise_destination(actor=owner, destination_id=row.pk, wanted=wanted).token)

    assert revise(name="Renamed") == "s3cret"
    elsewhere = https.address.replace("localhost", "127.0.0.1")
    with pytest.raises(Invalid) as caught:
        revise(address=elsewhere)
    assert list(caught.value.facts["fields"]) == ["token"]
    assert revise(address=elsewhere, token="other") == "other"
    assert revise(kind="syslog", address="localhost:6514", token="ignored") == ""
    entries = AuditEntry.objects.filter(object_type="integrations.auditdestination").order_by("seq")
    assert [entry.action.rpartition("_")[2] for entry in entries] == ["ADDED", *["REVISED"] * 3]
    assert [entry.facts["host"] for entry in entries] == ["localhost", "localhost", "127.0.0.1", "localhost"]
    assert [word for word in ("s3cret", "other", "/in") if word in json.dumps([entry.facts for entry in entries])] == []


def test_names_numbers_and_versions_are_checked(
    acme: World, syslog: SyslogReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, owner = add(acme, syslog), acme.actor("owner")
    with pytest.raises(Conflict, match="of this name"):
        add(acme, syslog)
    monkeypatch.setattr(services, "MOST", 1)
    with pytest.raises(Conflict, match="1 destinations already"):
        add(acme, syslog, name="Second")
    wanted = settings_for(syslog, name="Renamed")
    services.revise_destination(actor=owner, destination_id=row.pk, wanted=wanted, seen_version=1)
    for service in (partial(services.revise_destination, wanted=wanted), services.remove_destination):
        with pytest.raises(Conflict, match="changed since"):
            service(actor=owner, destination_id=row.pk, seen_version=1)
    assert (stored().name, stored().version) == ("Renamed", 2)


def test_others_who_read_the_log_get_a_notice_of_all_but_a_new_name(
    acme: World, syslog: SyslogReceiver, settings: Any
) -> None:
    settings.SIEM_HOSTS = ["localhost", "127.0.0.1"]
    row, owner = add(acme, syslog), acme.actor("owner")
    moved = settings_for(syslog, address=syslog.address.replace("localhost", "127.0.0.1"))
    for _ in range(2):
        services.pause_destination(actor=owner, destination_id=row.pk)
    services.resume_destination(actor=owner, destination_id=row.pk)
    renamed = replace(moved, name="Renamed", authority=moved.authority.replace("\n", "\r\n"))  # as browsers send it
    for wanted in (moved, renamed, replace(renamed, authority="")):
        services.revise_destination(actor=owner, destination_id=row.pk, wanted=wanted)
    services.remove_destination(actor=owner, destination_id=row.pk)
    notices = Notice.objects.filter(kind=services.NOTICE).order_by("id")
    assert list(notices.filter(person=acme.people["compliance"]).values_list("title", flat=True)) == [
        "The audit log goes to a new security system",
        "The audit log is paused for a security system",
        *["Where or how the audit log is sent was changed"] * 2,
        "The audit log no longer goes to a security system",
    ]
    assert not notices.filter(person=acme.people["owner"]).exists()


def test_test_entry_says_whether_it_has_arrived_and_moves_nothing(
    acme: World, syslog: SyslogReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, row = acme.actor("owner"), add(acme, syslog)
    services.pause_destination(actor=owner, destination_id=row.pk)
    services.send_test(actor=owner, destination_id=row.pk)
    [said] = syslog.got
    assert (said["action"], said["tenant_id"], "seq" in said) == ("TEST_ENTRY", str(acme.acme.pk), False)
    assert (syslog.headers[0][5], stored().sent_seq) == ("test", row.sent_seq)
    syslog.stop()
    with pytest.raises(Unavailable, match="can't be reached") as caught:
        services.send_test(actor=owner, destination_id=row.pk)
    assert caught.value.code == "not_reachable"
    syslog.start()
    monkeypatch.setattr(services, "TESTS_PER_HOUR", 2)
    with pytest.raises(TooMany):
        services.send_test(actor=owner, destination_id=row.pk)
    assert AuditEntry.objects.filter(action="AUDIT_DESTINATION_TESTED").count() == 2


@pytest.mark.slow
def test_pages_add_show_and_try_a_destination(world: World, https: HttpsReceiver) -> None:
    def browser(role: str) -> Client:
        client = Client()
        client.force_login(world.people[role], backend="accounts.backends.RoleBackend")
        return client

    owner = browser("owner")
    sent = {"version": 0, "name": "SIEM", "kind": "https", "address": https.address, "token": "s3cret", "start": "now"}
    wrong = owner.post(f"{LIST}create/", {**sent, "authority": "a certificate"})
    assert wrong.status_code == 400
    assert "begins with -----BEGIN CERTIFICATE-----" in wrong.content.decode()
    added = owner.post(f"{LIST}create/", {**sent, "authority": https.authority}, follow=True).content.decode()
    assert "“SIEM” was added. Send a test entry on its page." in added
    with tenant_scope(world.acme.pk):
        page = f"{LIST}{stored().pk}/"
    shown = owner.get(page).content.decode()
    wanted = (https.address, "A CA of your own", "1 entry since")
    assert [words for words in wanted if words not in shown] == []
    assert "s3cret" not in shown
    assert "The test entry has arrived." in owner.post(f"{page}test/", follow=True).content.decode()
    https.answers.append((403, {}))
    failed = owner.post(f"{page}test/")
    assert (failed.status_code, "refused the token (403)" in failed.content.decode()) == (503, True)
    reader = browser("compliance")
    assert https.path not in reader.get(page).content.decode()
    assert reader.get(f"{page}edit/").status_code == 403
