"""How static files and pages travel: packed, and kept by browsers for as long as they stay the same."""

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.templatetags.static import static
from django.test import Client
from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
PACKED = {"Accept-Encoding": "gzip, br"}


@pytest.fixture
def collected(settings: Settings, tmp_path: Path) -> Settings:
    """Static files as `./walker run` collects them."""
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "config.static_files.HashedStaticFilesStorage"},
    }
    settings.WHITENOISE_USE_FINDERS = False
    call_command("collectstatic", "--no-input", verbosity=0)
    return settings


def _seconds_kept(answer: Any) -> int:
    found = re.search(r"max-age=(\d+)", answer.headers["Cache-Control"])
    return int(found[1]) if found else 0


def test_static_file_is_packed_and_kept_for_years_under_a_name_with_its_hash(collected: Settings) -> None:
    url = static("console/console.css")
    answer = Client().get(url, headers=PACKED)
    assert re.fullmatch(r"/static/console/console\.[0-9a-f]{12}\.css", url)
    assert (answer.status_code, answer.headers["Content-Encoding"], answer.headers["Vary"]) == (
        200,
        "gzip",
        "Accept-Encoding",
    )
    assert "immutable" in answer.headers["Cache-Control"]
    assert _seconds_kept(answer) >= 365 * 24 * 3600
    text = gzip.decompress(answer.getvalue()).decode()
    answer.close()
    assert text == (collected.STATIC_ROOT / url.removeprefix("/static/")).read_text()


def test_static_file_under_its_plain_name_is_asked_for_again(collected: Settings) -> None:
    answer = Client().get("/static/console/console.css")
    answer.close()
    assert "immutable" not in answer.headers["Cache-Control"]
    assert _seconds_kept(answer) <= 60


def test_files_of_pages_that_we_do_not_have_are_not_collected(collected: Settings) -> None:
    names = {path.name for path in Path(collected.STATIC_ROOT).iterdir()}
    assert {"console", "widget", "unfold"} <= names
    assert names.isdisjoint({"rest_framework", "guardian"})


def test_page_is_packed_for_a_browser_that_takes_it(client: Client) -> None:
    packed, plain = client.get("/admin/login/", headers=PACKED), client.get("/admin/login/")
    assert (packed.headers["Content-Encoding"], "Content-Encoding" in plain.headers) == ("gzip", False)
    assert len(packed.content) < len(plain.content) / 2
    assert b"csrfmiddlewaretoken" in gzip.decompress(packed.content)


def test_packed_page_has_no_length_that_tells_of_its_content(client: Client) -> None:
    lengths = {len(client.get("/admin/login/", headers=PACKED).content) for _ in range(8)}
    assert len(lengths) > 1


def test_answer_to_a_form_is_never_packed(client: Client) -> None:
    answer = client.post("/admin/login/", {"login": "nobody@acme.test", "password": "x" * 300}, headers=PACKED)
    assert (answer.status_code, "Content-Encoding" in answer.headers) == (200, False)
