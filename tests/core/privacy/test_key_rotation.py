"""Stored values move to the current key, tenant by tenant."""

import base64
from io import StringIO

import pytest
from django.core.management import call_command
from pytest_django import Settings

from conversations.models import Contact
from core.privacy.key_rotation import rotate_tenant
from core.tenancy.scope import tenant_scope
from tests.world import World

pytestmark = pytest.mark.django_db


def add_key(settings: Settings) -> None:
    """Put a new current key into the ring."""
    settings.WALKER_KEYS += ",next:" + base64.b64encode(b"n" * 32).decode()


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


def test_command_rotates_every_tenant(world: World, settings: Settings) -> None:
    for tenant in (world.acme, world.globex):
        with tenant_scope(tenant.pk):
            Contact.objects.create(display_name="Jane")
    add_key(settings)
    out = StringIO()
    call_command("rotate_keys", stdout=out)
    assert "values now use key next." in out.getvalue()
