"""Keys that AWS KMS has wrapped: unwrapped as a process starts, refused with a sentence, and not needed later."""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.launcher import env
from config.launcher.place import Place
from core.errors import Unavailable
from core.privacy.key_management import KeyService, is_wrapped, unwrap_ring
from tests.core.privacy.kms import ACCESS_KEY, ARN, Kms, open_kms
from tests.structure.source import ROOT

ONE, TWO, THREE = (bytes([number]) * 32 for number in (1, 2, 3))
PROGRAM = """
import os, sys
from django.conf import settings
assert settings.WALKER_KEYS.startswith("1:AQEB")
print("ready", flush=True)
sys.stdin.readline()
from core.privacy.encryption import open_text, seal_text
sealed = seal_text("kept", purpose="test")
child = os.fork()
if not child:
    os._exit(0 if open_text(sealed, purpose="test") == "kept" else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def text_of(key: bytes) -> str:
    return base64.b64encode(key).decode()


@pytest.fixture
def kms() -> Iterator[Kms]:
    with open_kms() as served:
        yield served


def unwrap(ring: str, kms: Kms, *, key: str = ARN, access_key: str = ACCESS_KEY) -> str:
    service = KeyService(key, access_key, kms.url)
    try:
        return unwrap_ring(ring, service)
    finally:
        service.close()


def test_wrapped_keys_are_unwrapped_by_a_call_each_and_others_stay_as_they_are(kms: Kms) -> None:
    ring = f"1:{text_of(ONE)}, 2:{kms.wrap(TWO)},3:{kms.wrap(THREE)}"
    assert (is_wrapped(ring), is_wrapped(f"1:{text_of(ONE)}"), is_wrapped("")) == (True, False, False)
    assert unwrap(ring, kms) == f"1:{text_of(ONE)},2:{text_of(TWO)},3:{text_of(THREE)}"
    assert [("x-amz-security-token" in headers, headers["x-amz-target"]) for headers in kms.asked] == [
        (False, "TrentService.Decrypt")
    ] * 2
    unwrap(f"2:{kms.wrap(TWO)}", kms, access_key=f"{ACCESS_KEY}:a token/with+signs==")
    assert kms.asked[-1]["x-amz-security-token"] == "a token/with+signs=="
    assert "x-amz-security-token" in kms.asked[-1]["authorization"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("DisabledException", "is disabled"),
        ("KMSInvalidStateException", "present state"),
        ("NotFoundException", "no such key in the region"),
        ("IncorrectKeyException", "Another key"),
        ("InvalidCiphertextException", "wrapped elsewhere"),
        ("AccessDeniedException", "may not decrypt"),
        ("ExpiredTokenException", "WALKER_KMS_ACCESS_KEY"),
        ("KMSInternalException", "status 500"),
    ],
)
def test_refusal_is_a_sentence_that_names_the_service_and_the_key(kms: Kms, code: str, words: str) -> None:
    ring = f"1:{text_of(ONE)},2:{kms.wrap(TWO)}"
    kms.refuse(code, status=500 if code == "KMSInternalException" else 400)
    with pytest.raises(Unavailable, match=r"AWS KMS at 127\.0\.0\.1.*the key “2” of WALKER_KEYS") as caught:
        unwrap(ring, kms)
    said = str(caught.value)
    assert words in said
    hidden = (text_of(ONE), *kms.keys, ACCESS_KEY.partition(":")[2], "its own words")
    assert [part for part in hidden if part in said] == []


def test_wrong_region_wrong_secret_and_answers_that_are_none_are_refused(kms: Kms) -> None:
    ring = f"2:{kms.wrap(TWO)}"
    with pytest.raises(Unavailable, match="no such key in the region"):
        unwrap(ring, kms, key=ARN.replace("eu-central-1", "us-east-1"))
    with pytest.raises(Unavailable, match="not a key of 32 bytes"):
        unwrap(f"2:{kms.wrap(b'short')}", kms)
    for status, body, words in ((502, "<html>", "status 502"), (403, "<a/>", "ACCESS_KEY"), (200, "[]", "32 bytes")):
        kms.refusal = (status, body)
        with pytest.raises(Unavailable, match=words):
            unwrap(ring, kms)
    kms.refusal = (0, "")
    with pytest.raises(Unavailable, match="doesn't accept WALKER_KMS_ACCESS_KEY"):
        unwrap(ring, kms, access_key=f"{ACCESS_KEY}r")


@pytest.mark.parametrize(
    ("key", "access_key", "url", "words"),
    [
        ("", ACCESS_KEY, "", "Set WALKER_KMS_KEY"),
        ("alias/walker", ACCESS_KEY, "", "Set WALKER_KMS_KEY"),
        (ARN.replace(":kms:", ":s3:"), ACCESS_KEY, "", "Set WALKER_KMS_KEY"),
        (ARN, "", "", "Set WALKER_KMS_ACCESS_KEY"),
        (ARN, "AKIDEXAMPLE", "", "Set WALKER_KMS_ACCESS_KEY"),
        (ARN, ACCESS_KEY, "http://kms.internal.example", "WALKER_KMS_URL.*https://kms.example"),
        (ARN, ACCESS_KEY, "https://user:password@kms.example", "WALKER_KMS_URL.*Leave out user names"),
        (ARN, ACCESS_KEY, "https://kms.example/base", "WALKER_KMS_URL.*follows the host"),
        (ARN, ACCESS_KEY, "https://[", "WALKER_KMS_URL"),
    ],
)
def test_settings_that_cannot_be_used_say_what_to_set(key: str, access_key: str, url: str, words: str) -> None:
    with pytest.raises(Unavailable, match=words) as caught:
        KeyService(key, access_key, url)
    assert "AWS KMS" in str(caught.value)
    assert "password@" not in str(caught.value)


def environment(folder: Path, kms: Kms) -> dict[str, str]:
    """Return the environment of a process whose ring and access key are files."""
    (folder / "keys").write_text(f"1:{kms.wrap(ONE)},2:{kms.wrap(TWO)}\n")
    (folder / "access").write_text(f"{ACCESS_KEY}\n")
    given = {name: value for name, value in os.environ.items() if name != "WALKER_KEYS"}
    files = {"WALKER_KEYS_FILE": str(folder / "keys"), "WALKER_KMS_ACCESS_KEY_FILE": str(folder / "access")}
    more = {"WALKER_KMS_KEY": ARN, "WALKER_KMS_URL": kms.url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    return {**given, **files, **more}


@pytest.mark.slow
def test_process_goes_on_with_its_children_while_the_service_is_away(tmp_path: Path) -> None:
    with open_kms() as kms:
        given = environment(tmp_path, kms)
        command = [sys.executable, "-c", PROGRAM]
        process = subprocess.Popen(
            command, cwd=ROOT, env=given, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    said, _ = process.communicate("\n", timeout=60)
    assert (said, process.returncode, len(kms.asked)) == ("0\n", 0, 2)


@pytest.mark.slow
def test_command_without_the_service_is_refused_with_one_sentence(tmp_path: Path) -> None:
    with open_kms() as kms:
        given = environment(tmp_path, kms)
    command = [sys.executable, str(ROOT / "manage.py"), "rotate_keys"]
    done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("manage.py: AWS KMS at 127.0.0.1")
    assert "can't be reached" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_access_key_is_not_written_down_beside_the_wrapped_keys(tmp_path: Path) -> None:
    place = Place(tmp_path / "data")
    place.make()
    wrapped = {"WALKER_KEYS": "1:kms:AAAA", "WALKER_KMS_KEY": ARN, "WALKER_KMS_URL": "https://kms.example"}
    env.keep(place, {**wrapped, "WALKER_KMS_ACCESS_KEY": ACCESS_KEY})
    assert place.read(place.environment) == wrapped
