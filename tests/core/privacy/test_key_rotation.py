"""Stored values move to the current key, tenant by tenant."""

import base64
from io import StringIO
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from conversations.models import Contact
from core.models import KeyRotation
from core.privacy import key_rotation
from core.privacy.encrypted_fields import EncryptedTextField
from core.privacy.key_rotation import outdated, rotate_tenant
from core.tenancy.scope import tenant_scope
from tests.world import World

pytestmark = pytest.mark.django_db
KEYS = configured.WALKER_KEYS


def add_key(settings: Settings) -> None:
    """Put a new current key into the ring."""
    settings.WALKER_KEYS += ",next:" + base64.b64encode(b"n" * 32).decode()


def rotate(*options: str) -> str:
    """Run the command and return what it prints."""
    out = StringIO()
    call_command("rotate_keys", *options, stdout=out)
    return out.getvalue()


def fields_of(model: type[models.Model]) -> list[EncryptedTextField]:
    return dict(key_rotation.encrypted_models())[model]


def key_of(contact: Contact) -> str:
    """Return the key that the contact's name is stored with."""
    return Contact.objects.values_list("display_name", flat=True).get(pk=contact.pk).key_id


def test_old_values_move_to_the_current_key(acme: World, settings: Settings) -> None:
    contact = Contact.objects.create(display_name="Jane")
    add_key(settings)
    assert rotate_tenant(acme.acme.pk) >= 1
    assert key_of(contact) == "next"
    assert Contact.objects.get(pk=contact.pk).display_name == "Jane"


def test_second_rotation_finds_nothing_to_do(acme: World, settings: Settings) -> None:
    Contact.objects.create(display_name="Jane")
    add_key(settings)
    rotate_tenant(acme.acme.pk)
    assert rotate_tenant(acme.acme.pk) == 0


def test_rotation_leaves_other_tenants_alone(world: World, settings: Settings) -> None:
    with tenant_scope(world.globex.pk):
        contact = Contact.objects.create(display_name="Jane")
        before = key_of(contact)
    add_key(settings)
    rotate_tenant(world.acme.pk)
    with tenant_scope(world.globex.pk):
        assert key_of(contact) == before


def test_command_rotates_every_tenant_and_counts_the_rows_of_each_table(world: World, settings: Settings) -> None:
    for tenant in (world.acme, world.globex):
        with tenant_scope(tenant.pk):
            Contact.objects.create(display_name="Jane")
    add_key(settings)
    assert rotate("--status") == ""
    said = rotate()
    assert "rows now use key next." in said
    assert "organisations, " in said
    assert "conversations.Contact: 2 of 2 rows" in said
    assert "conversations.Contact: 2 of 2 rows" in rotate("--status")
    assert "0 rows now use key next." in rotate()


@pytest.mark.parametrize("killed_at", [1, 4])
def test_rotation_goes_on_after_a_kill_and_counts_no_row_twice(
    acme: World, settings: Settings, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    monkeypatch.setattr(key_rotation, "BATCH", 2)
    Contact.objects.bulk_create([Contact(display_name=f"Jane {number}") for number in range(5)])
    add_key(settings)
    updates = 0

    def kill(execute: Any, sql: Any, *rest: Any) -> Any:
        nonlocal updates
        is_update = str(sql).startswith('UPDATE "conversations_contact"')
        updates += is_update
        if is_update and updates > killed_at:
            raise KeyboardInterrupt
        return execute(sql, *rest)

    with connection.execute_wrapper(kill), pytest.raises(KeyboardInterrupt):
        rotate()
    counted = KeyRotation.objects.get(model="conversations.Contact")
    assert (counted.done, counted.total) == (killed_at // 2 * 2, 5)  # whole batches
    assert len(outdated(Contact, fields_of(Contact))) == 5 - counted.done
    with CaptureQueriesContext(connection) as asked:
        assert "conversations.Contact: 5 of 5 rows" in rotate()
    assert max(query["sql"].count('"conversations_contact"."id" >') for query in asked) == 1  # no batch adds another
    assert {contact.display_name for contact in Contact.objects.all()} == {f"Jane {number}" for number in range(5)}
    assert not outdated(Contact, fields_of(Contact)).exists()


def test_row_that_came_under_an_older_key_meanwhile_counts_as_one_to_do(acme: World, settings: Settings) -> None:
    Contact.objects.create(display_name="Ana")
    add_key(settings)
    key_rotation.count_outdated()
    settings.WALKER_KEYS = KEYS  # as a process that wasn't started again has them
    Contact.objects.create(display_name="Zoe")
    add_key(settings)
    rotate_tenant(acme.acme.pk)
    counted = KeyRotation.objects.get(model="conversations.Contact")
    assert (counted.done, counted.total) == (2, 2)


def test_row_that_cannot_be_decrypted_keeps_none_of_the_others_back(acme: World, settings: Settings) -> None:
    first, last = (Contact.objects.create(display_name=name) for name in ("Ana", "Zoe"))
    settings.WALKER_KEYS = "gone:" + base64.b64encode(b"g" * 32).decode()
    lost = Contact.objects.create(display_name="Lost")
    settings.WALKER_KEYS = KEYS
    add_key(settings)
    with pytest.raises(CommandError, match="older key: 1"):
        rotate()
    assert [key_of(contact) for contact in (first, lost, last)] == ["next", "gone", "next"]
