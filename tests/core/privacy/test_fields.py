"""Encrypted fields on a real table: bound to tenant and column, never searched."""

from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.db import connection

from conversations.models import Contact
from core.errors import NoTenant, Unavailable
from core.privacy.encrypted_fields import Sealed
from core.tenancy.scope import platform_scope, tenant_scope
from tests.world import World

pytestmark = pytest.mark.django_db


def stored(contact: Contact) -> bytes:
    """Return what the database holds."""
    with connection.cursor() as cursor:
        cursor.execute("select display_name from conversations_contact where id = %s", [contact.pk])
        return bytes(cursor.fetchone()[0])


@pytest.fixture
def jane(acme: World) -> Contact:
    """A contact of the first tenant, as read back."""
    return Contact.objects.get(pk=Contact.objects.create(display_name="Jane Doe").pk)


def test_value_is_read_back_and_stored_encrypted(jane: Contact) -> None:
    assert b"Jane" not in stored(jane)
    assert jane.display_name == "Jane Doe"


def test_row_saved_without_a_look_keeps_its_ciphertext(jane: Contact) -> None:
    before = stored(jane)
    jane.save()
    assert stored(jane) == before


def test_changed_value_is_encrypted_anew(jane: Contact) -> None:
    before = stored(jane)
    jane.display_name = "Joan"
    jane.save(update_fields=["display_name"])
    jane.refresh_from_db()
    assert (jane.display_name, stored(jane) == before) == ("Joan", False)


def test_deferred_value_is_read_when_asked_for(jane: Contact) -> None:
    assert Contact.objects.defer("display_name").get(pk=jane.pk).display_name == "Jane Doe"


def test_update_and_bulk_update_encrypt(jane: Contact) -> None:
    Contact.objects.filter(pk=jane.pk).update(display_name="Joan")
    again = Contact.objects.get(pk=jane.pk)
    assert again.display_name == "Joan"
    again.display_name = "June"
    Contact.objects.bulk_update([again], ["display_name"])
    assert Contact.objects.get(pk=jane.pk).display_name == "June"


def test_values_stay_sealed(jane: Contact) -> None:
    value: Any = Contact.objects.values_list("display_name", flat=True).get(pk=jane.pk)
    assert (type(value), repr(value)) == (Sealed, "<sealed>")


@pytest.mark.parametrize("lookup", ["", "__exact", "__contains", "__startswith", "__regex", "__in", "__gt"])
def test_lookup_on_an_encrypted_field_is_refused(acme: World, lookup: str) -> None:
    with pytest.raises(FieldError, match="blind index"):
        Contact.objects.filter(**{f"display_name{lookup}": "Jane"}).exists()


def test_row_read_in_the_platform_scope_does_not_open_there(jane: Contact) -> None:
    with platform_scope():
        swept = Contact.objects.get(pk=jane.pk)
        with pytest.raises(NoTenant):
            _ = swept.display_name
    assert swept.display_name == "Jane Doe"


def test_row_does_not_open_in_another_tenants_scope(jane: Contact, world: World) -> None:
    with tenant_scope(world.globex.pk), pytest.raises(NoTenant):
        _ = jane.display_name


def test_ciphertext_moved_to_another_tenant_does_not_open(jane: Contact, world: World) -> None:
    content = stored(jane)
    with tenant_scope(world.globex.pk):
        other = Contact.objects.create(display_name="")
        Contact.objects.filter(pk=other.pk).update(display_name=Sealed(content, None))
        with pytest.raises(Unavailable):
            _ = Contact.objects.get(pk=other.pk).display_name
