"""How a chat looks: what is refused in words, what a website learns, and the size of the component."""

from __future__ import annotations

import gzip
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from channels_app.web_chat.settings import widgets as widget_settings
from channels_app.web_chat.settings.limits import Bucket
from channels_app.web_chat.settings.looks import Look
from channels_app.web_chat.settings.manage import save_widget
from conversations.models import ChannelAccount
from core.models import AuditEntry
from core.tenancy.models import tenant_scope
from core.text import colours
from tests import files
from tests.channels_app.conftest import SITE, Widgets
from tests.console.conftest import Browser, browser
from tests.world import OPERATOR, World

__all__ = ["browser"]

PLAIN = {"theme": "site", "position": "left", "takes_files": "on"}


def test_colour_is_readable_on_white_or_the_nearest_shade_is_named() -> None:
    assert (colours.checked_colour(" #155E4C "), colours.checked_colour("")) == ("#155e4c", "")
    for unreadable in ("#ffff00", "#5fd0ae", "#ffffff", "#888888"):
        with pytest.raises(ValueError, match="can't be read on white") as refused:
            colours.checked_colour(unreadable)
        named = str(refused.value).rstrip(".").split()[-1]
        assert colours.contrast(named, colours.WHITE) >= colours.ENOUGH
        assert colours.checked_colour(named) == named
    for none in ("red", "#12", "url(x)", "#12345g", "#155e4c;}"):
        with pytest.raises(ValueError, match="Enter a colour"):
            colours.checked_colour(none)
    # White as in the preview, also where black would have more contrast.
    assert colours.words_on("#767676") == colours.BLACK
    assert Look(colour=colours.checked_colour("#767676")).public("")["on_accent"] == colours.WHITE
    dark = colours.readable("#1d1d1d", colours.NIGHT)
    assert colours.contrast(dark, colours.NIGHT) >= colours.ENOUGH
    assert colours.contrast(colours.words_on(dark), dark) >= colours.ENOUGH


@pytest.mark.django_db
def test_component_is_at_most_thirty_kilobytes_compressed_with_all_its_languages(client: Client) -> None:
    served = client.get("/widget/v1/walker.js").content
    assert len(gzip.compress(served, 6)) <= 30_000


@pytest.mark.django_db
def test_only_new_chats_show_first_names_without_being_told_to(world: World) -> None:
    with tenant_scope(world.acme.pk):
        new = save_widget(actor=OPERATOR, name="New", websites=SITE)
        old = ChannelAccount.objects.create(kind="webchat", name="Old", credentials={"greeting": "Hello"})
        save_widget(actor=OPERATOR, name="Older", websites=SITE, account_id=old.pk)
        shown = [widget_settings.load(account.pk) for account in (new, old)]
        assert [one.shows_people for one in shown if one] == [True, False]


@pytest.mark.slow
@pytest.mark.django_db
def test_look_is_saved_by_who_may_drawn_anew_and_told_to_every_page(
    world: World, widgets: Widgets, browser: Browser
) -> None:
    page = f"/admin/conversations/channelaccount/{widgets.acme.pk}/look/"
    logo = BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "Anna Quill, Harbour Street 5"
    Image.new("RGB", (640, 480), "red").save(logo, "JPEG", exif=exif)
    form: dict[str, Any] = {**PLAIN, "colour": "#7a1f6b", "greeting": "Hello!", "greeting_de": "Guten Tag!"}
    refused = [browser("viewer").post(page, form), browser("owner", outside=True).post(page, form)]
    assert [answer.status_code for answer in refused] == [403, 404]
    owner = browser("owner")
    bad = {
        "script": ({"logo": SimpleUploadedFile("a.png", files.SVG)}, "markup that a browser would run"),
        "hidden": ({"logo": SimpleUploadedFile("a.png", files.png(more=b"<script>x</script>"))}, "hidden in it"),
        "program": ({"logo": SimpleUploadedFile("a.png", files.EXE)}, "can run as a program"),
        "bomb": ({"logo": SimpleUploadedFile("a.png", files.png(60_000, 60_000))}, "too many pixels"),
        "broken": ({"logo": SimpleUploadedFile("a.png", files.png(7, 7)[:40] + bytes(60))}, "can&#x27;t be drawn"),
        "pale": ({"colour": "#ffee00"}, "can&#x27;t be read on white"),
        "theme": ({"theme": "pink"}, "Select a valid choice"),
    }
    wrong = {}
    for name, (changed, words) in bad.items():
        answer = owner.post(page, {**form, **changed})
        if answer.status_code != 400 or words not in answer.content.decode():
            wrong[name] = answer.status_code
    assert wrong == {}
    with tenant_scope(world.acme.pk):
        assert "look" not in ChannelAccount.objects.get(pk=widgets.acme.pk).credentials
    assert owner.post(page, {**form, "logo": SimpleUploadedFile("l.jpg", logo.getvalue())}).status_code == 302
    key, other = widgets.acme.public_key, widgets.globex.public_key
    look = Client().get(f"/widget/v1/look/{key}/", headers={"Origin": "https://anywhere.example"})
    told = look.json()
    assert (told["theme"], told["position"], told["accent"], told["on_accent"]) == (
        "site",
        "left",
        "#7a1f6b",
        "#ffffff",
    )
    drawn = Client().get(told["logo"])
    shown = Image.open(BytesIO(drawn.content))
    assert (max(shown.size), b"Harbour" in drawn.content, drawn["X-Content-Type-Options"]) == (96, False, "nosniff")
    assert Client().get(f"/widget/v1/look/{other}/").json() == {"theme": "device", "position": "right"}
    assert Client().get(f"/widget/v1/logo/{other}/").status_code == 404
    assert Client().get("/widget/v1/look/nobody/").status_code == 404

    def session(language: str) -> Any:
        body = {"widget": key, "language": language}
        headers = {"Origin": SITE}
        return Client().post("/widget/v1/session/", body, content_type="application/json", headers=headers).json()

    assert [session(code)["greeting"] for code in ("de-AT", "en", "fr", "")] == [
        "Guten Tag!",
        "Hello!",
        "Hello!",
        "Hello!",
    ]
    assert session("en")["takes_files"] is True
    # What isn't sent again stays, such as the logo and the identity secret.
    owner.post(page, {**PLAIN, "takes_files": "", "theme": "dark"})
    kept = Client().get(f"/widget/v1/look/{key}/").json()
    assert (kept["theme"], "accent" in kept, kept["logo"], session("en")["takes_files"]) == (
        "dark",
        False,
        told["logo"],
        False,
    )
    owner.post(page, {**PLAIN, "removes_logo": "on"})
    assert "logo" not in Client().get(f"/widget/v1/look/{key}/").json()
    with tenant_scope(world.acme.pk):
        assert ChannelAccount.objects.get(pk=widgets.acme.pk).credentials["identity_secret"]
        entries = AuditEntry.objects.filter(action="CHANNEL_LOOK_CHANGED").order_by("seq")
        assert [entry.facts["logo"] for entry in entries] == [True, True, False]


@pytest.mark.django_db
def test_look_and_logo_are_limited_by_address_each_for_itself(
    world: World, widgets: Widgets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels_app.web_chat.views.PER_ADDRESS", Bucket(size=2, seconds=600))
    key = widgets.acme.public_key
    # A key that nobody has costs as much as one of a chat: who guesses keys is stopped too.
    asked = [f"/widget/v1/{door}/{each}/" for door in ("look", "logo") for each in (key, "nobody", key)]
    assert [Client().get(url).status_code for url in asked] == [200, 404, 429, 404, 404, 429]
    elsewhere = Client(REMOTE_ADDR="198.51.100.9").get(f"/widget/v1/look/{key}/")
    assert elsewhere.status_code == 200
