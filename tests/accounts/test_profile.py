"""One's own profile: what is refused in words, who sees it, what follows it, and what is left when it goes."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts import services
from accounts.members import pictures, profile
from accounts.models import MemberPicture, Membership, User
from accounts.selectors import faces_of
from core.errors import Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl.notifications.preferences import wish_of
from tests import files
from tests.accounts.resets.resetting import person_of
from tests.accounts.tokens.devices import V1, Device
from tests.console.conftest import Browser, browser
from tests.world import OPERATOR, World

__all__ = ["browser"]

pytestmark = pytest.mark.django_db
PROFILE = "/admin/accounts/user/"


def photo(width: int = 640, height: int = 320, kind: str = "JPEG") -> SimpleUploadedFile:
    """Return a picture, blue at its left edge, with words about who took it."""
    drawn, exif = BytesIO(), Image.Exif()
    exif[0x010E] = "Anna Quill, Harbour Street 5"
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (0, 0, width // 8, height))
    image.save(drawn, kind, exif=exif)
    return SimpleUploadedFile(f"me.{kind.lower()}", drawn.getvalue())


def key_of(world: World, role: str) -> str:
    with tenant_scope(world.acme.pk):
        return str(Membership.objects.get(user=world.people[role]).picture_key)


@pytest.mark.slow
def test_name_is_changed_by_oneself_and_noted_in_every_organisation(world: World, browser: Browser) -> None:
    person = world.people["support"]
    with tenant_scope(world.globex.pk):
        services.add_member(actor=OPERATOR, user=person, role="viewer")
    client, page = browser("support"), f"{PROFILE}{person.pk}/change-name/"
    bad: dict[str, tuple[dict[str, str], str]] = {
        "empty": ({"first_name": " ", "last_name": "Quill"}, "This field is required"),
        "link": ({"first_name": "shop.example/win", "last_name": "Quill"}, "Enter only the person&#x27;s name"),
        "hidden": ({"first_name": "An\u202ena", "last_name": "Quill"}, "Enter only the person&#x27;s name"),
    }
    answers = {name: client.post(page, form) for name, (form, _) in bad.items()}
    wrong = {name: one.status_code for name, one in answers.items() if bad[name][1] not in one.content.decode()}
    assert (wrong, {one.status_code for one in answers.values()}) == ({}, {400})
    for _ in range(2):
        assert client.post(page, {"first_name": "Anna", "last_name": "Quill"}).status_code == 302
    shown = client.get(PROFILE).content.decode()
    assert [text for text in ("<h1>Profile</h1>", "Anna Quill", "“Anna”", "Support") if text not in shown] == []
    for tenant, role in ((world.acme, "support"), (world.globex, "viewer")):
        with tenant_scope(tenant.pk):
            entries = AuditEntry.objects.filter(action="NAME_CHANGED").values_list("facts", "role", "actor_user_id")
            assert list(entries) == [({"fields": ["first_name", "last_name"]}, role, person.pk)]
    # A colleague's profile is nobody else's, and a key has none.
    assert browser("owner").get(f"{PROFILE}{person.pk}/").status_code == 404
    assert browser("owner").post(page, {"first_name": "Eve", "last_name": "Quill"}).status_code == 404
    key = world.actor("support").limited_to(frozenset({profile.USE}))
    with tenant_scope(world.acme.pk), pytest.raises(Refused):
        profile.change_name(actor=key, first_name="Eve", last_name="Quill")
    person.refresh_from_db()
    assert person.get_full_name() == "Anna Quill"


@pytest.mark.slow
def test_picture_is_drawn_anew_shown_at_a_secret_address_and_gone_when_removed(world: World, browser: Browser) -> None:
    person, client = world.people["support"], browser("support")
    page = f"{PROFILE}{person.pk}/picture/"
    bad: dict[str, tuple[Any, str]] = {
        "nothing": ("", "This field is required"),
        "program": (SimpleUploadedFile("a.png", files.EXE), "can run as a program"),
        "script": (SimpleUploadedFile("a.png", files.SVG), "markup that a browser would run"),
        "hidden": (SimpleUploadedFile("a.png", files.png(more=b"<script>x</script>")), "hidden in it"),
        "bomb": (SimpleUploadedFile("a.png", files.png(60_000, 60_000)), "too many pixels"),
        "large": (SimpleUploadedFile("a.png", files.png() + bytes(2 * 1024 * 1024)), "at most 2 MB"),
        "animation": (photo(kind="GIF"), "a PNG, JPEG or WebP picture"),
        "document": (SimpleUploadedFile("a.png", files.PDF), "a PNG, JPEG or WebP picture"),
        "broken": (SimpleUploadedFile("a.png", files.png(7, 7)[:40] + bytes(60)), "can&#x27;t be drawn"),
    }
    wrong = {}
    for name, (upload, words) in bad.items():
        answer = client.post(page, {"picture": upload})
        if answer.status_code != 400 or words not in answer.content.decode():
            wrong[name] = (answer.status_code, words)
    assert (wrong, key_of(world, "support")) == ({}, "")
    for upload in (photo(kind="PNG"), photo(kind="WEBP"), photo()):
        assert client.post(page, {"picture": upload}).status_code == 302
    key = key_of(world, "support")
    answer = Client().get(f"/pictures/{key}/")
    shown = Image.open(BytesIO(answer.content)).convert("RGB")
    left: Any = shown.getpixel((2, 64))  # the blue edge is cut off
    assert (shown.size, left[0] > 240, left[2] < 20, b"Harbour" in answer.content) == ((128, 128), True, True, False)
    assert (answer["X-Content-Type-Options"], answer["Cache-Control"]) == ("nosniff", "public, max-age=3600")
    assert f'src="/pictures/{key}/"' in client.get("/admin/").content.decode()
    with tenant_scope(world.acme.pk):
        assert faces_of([person.pk])[person.pk].picture_key == key
        assert MemberPicture.objects.count() == 1
        stored = MemberPicture.objects.values_list("content", flat=True).get()
        assert b"/9j/" not in stored.content  # sealed
        membership = Membership.objects.get(user=person)
    assert client.post(page, {"picture": photo(90, 900)}).status_code == 302
    address = f"/pictures/{key_of(world, 'support')}/"
    with tenant_scope(world.globex.pk):
        assert Client().get(address).status_code == 200
    answers = [Client().get(one).status_code for one in (f"/pictures/{key}/", "/pictures/%00/", "/pictures/x/")]
    assert answers == [404, 404, 404]
    removal = f"/admin/accounts/membership/{membership.pk}/remove-picture/"
    refused = [browser("viewer").post(removal), browser("owner", outside=True).post(removal)]
    assert [answer.status_code for answer in refused] == [403, 404]
    assert browser("admin").post(removal).status_code == 302
    assert (Client().get(address).status_code, key_of(world, "support")) == (404, "")
    again = client.post(f"{PROFILE}{person.pk}/remove-picture/")
    assert (again.status_code, "There is no picture" in again.content.decode()) == (409, True)
    with tenant_scope(world.acme.pk):
        actions = AuditEntry.objects.filter(action__startswith="PICTURE_").order_by("seq")
        assert list(actions.values_list("action", flat=True)) == ["PICTURE_SAVED"] * 4 + ["PICTURE_REMOVED"]


@pytest.mark.slow
def test_picture_goes_with_the_membership_and_is_taken_of_nobody_but_oneself(world: World) -> None:
    with tenant_scope(world.acme.pk):
        membership = pictures.save_picture(actor=world.actor("support"), picture=photo())
        for actor in (OPERATOR, world.actor("support").limited_to(frozenset({profile.USE}))):
            with pytest.raises(Refused):
                pictures.save_picture(actor=actor, picture=photo())
        above = pictures.save_picture(actor=world.actor("owner"), picture=photo())
        with pytest.raises(Refused):
            pictures.remove_picture(actor=world.actor("admin"), membership_id=above.pk)
        pictures.remove_picture(actor=world.actor("owner"), membership_id=above.pk)
        services.remove_member(actor=world.actor("owner"), membership_id=membership.pk)
        assert not MemberPicture.objects.exists()
    assert Client().get(f"/pictures/{membership.picture_key}/").status_code == 404


def test_addresses_of_pictures_are_not_tried_out(world: World) -> None:
    client = Client(REMOTE_ADDR="203.0.113.9")
    answers = [client.get(f"/pictures/{number}/").status_code for number in range(32)]
    assert (answers[:30], answers[-1]) == ([404] * 30, 429)


def test_people_without_a_picture_have_their_initials(world: World, browser: Browser) -> None:
    User.objects.filter(pk=world.people["viewer"].pk).update(first_name="Zoë", last_name="Quint")
    page = browser("viewer").get("/admin/").content.decode()
    assert '<span class="wk-avatar" aria-hidden="true">ZQ</span>' in page


def change(device: Device, **changed: str) -> Any:
    return device.client.patch(f"{V1}me/", changed, content_type="application/json", headers=device.headers())


@pytest.mark.slow
def test_profile_is_read_and_changed_over_the_api_by_its_person_alone(world: World) -> None:
    person, device = person_of(world, "support"), Device()
    device.sign_in(person)
    shown = device.get("me/").json()
    given = ("id", "email", "role", "language", "zone", "signature", "picture")
    assert [shown[name] for name in given] == [str(person.pk), person.email, "support", "en", "", "", ""]
    assert shown["created_at"] < shown["updated_at"] < shown["last_login_at"]
    wanted = {"first_name": "Anna", "language": "de", "zone": "America/New_York", "signature": "Anna\r\nAcme, Lisbon\n"}
    for _ in range(2):
        answer = change(device, **wanted)
        assert (answer.status_code, answer.json()["signature"]) == (200, "Anna\nAcme, Lisbon")
    again = device.get("me/").json()
    assert [again[name] for name in ("first_name", "language", "zone")] == ["Anna", "de", "America/New_York"]
    assert (again["last_name"], again["updated_at"] > shown["updated_at"]) == (shown["last_name"], True)
    with tenant_scope(world.acme.pk):
        entries = AuditEntry.objects.filter(action__in=["NAME_CHANGED", "PROFILE_CHANGED"]).order_by("seq")
        assert list(entries.values_list("action", "facts", "actor_user_id")) == [
            ("NAME_CHANGED", {"fields": ["first_name"]}, person.pk),
            ("PROFILE_CHANGED", {"fields": ["language", "zone", "signature"]}, person.pk),
        ]
        assert b"Lisbon" not in Membership.objects.values_list("signature", flat=True).get(user=person).content
        assert wish_of(person.pk)[0].zone.key == "America/New_York"
        assert wish_of(world.people["viewer"].pk)[0].zone.key == world.acme.timezone
    bad: dict[str, dict[str, str]] = {
        "zone": {"zone": "Mars/Base"},
        "language": {"language": "tlh"},
        "signature": {"signature": "An\u202ena"},
        "first_name": {"first_name": "shop.example/win", "signature": "kept out"},
        "last_name": {"last_name": ""},
        "body": {},
    }
    for field, wrong in bad.items():
        answer = change(device, **wrong)
        assert answer.status_code == 400, field
        assert field in answer.json()["fields"] or field == "body"
    for long in ("x" * 501, "\n".join("123456789")):
        assert list(change(device, signature=long).json()["fields"]) == ["signature"]
    assert change(device, signature="", zone="").json()["signature"] == ""
    colleague = Device("198.51.100.7")
    colleague.sign_in(person_of(world, "owner"))
    assert colleague.get("me/").json()["id"] == str(world.people["owner"].pk)


@pytest.mark.slow
def test_picture_is_changed_and_removed_over_the_api(world: World) -> None:
    device, place = Device(), f"{V1}me/picture/"
    device.sign_in(person_of(world, "support"))
    bad = SimpleUploadedFile("a.png", files.SVG)
    refused = device.client.post(place, {"picture": bad}, headers=device.headers())
    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["picture"])
    answer = device.client.post(place, {"picture": photo()}, headers=device.headers())
    assert answer.status_code == 201
    assert b"Harbour" not in Client().get(answer.json()["picture"]).content
    removed = [device.client.delete(place, headers=device.headers()).status_code for _ in range(2)]
    assert (removed, device.get("me/").json()["picture"]) == ([204, 409], "")


@pytest.mark.slow
def test_console_shows_times_in_ones_own_zone_and_counts_days_in_the_organisation_s(
    world: World, browser: Browser
) -> None:
    client, page = browser("support"), f"{PROFILE}{world.people['support'].pk}/preferences/"
    listed = "/admin/accounts/browsersession/"
    assert re.search(r"\d E[SD]T\b", client.get(listed).content.decode()) is None
    wrong = client.post(page, {"language": "en", "zone": "Mars/Base", "signature": ""})
    assert (wrong.status_code, "Select a valid choice" in wrong.content.decode()) == (400, True)
    answer = client.post(page, {"language": "fr", "zone": "America/New_York", "signature": "Sam\nAcme"})
    assert answer.status_code == 302
    shown = client.get(PROFILE).content.decode()
    assert [text for text in ("Français", "America/New_York", "Sam<br>Acme") if text not in shown] == []
    assert re.search(r"\d E[SD]T\b", client.get(listed).content.decode())
    assert re.search(r"\d E[SD]T\b", browser("owner").get(listed).content.decode()) is None
    with tenant_scope(world.acme.pk):
        # One that a system no longer knows closes no page.
        Membership.objects.filter(user=world.people["support"]).update(zone="Mars/Base")
    assert client.get(listed).status_code == 200
