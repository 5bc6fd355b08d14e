"""Keys that Amazon's own client wrapped in moto's KMS, which checks our requests with botocore's code."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from core.errors import Unavailable
from core.privacy.key_management import KeyService, unwrap_ring
from tests.conformance.conftest import run_judge, serving, vendor_package
from tests.edge.ports import free_port

pytestmark = pytest.mark.long
# A disabled key still decrypts there, so that our own stand-in refuses it, in `tests.core.privacy`.
MOTO = "moto[server]==5.2.5"
START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from moto.server import main; main()"


@pytest.fixture(scope="module")
def kms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A running moto with a key, and what the judge set up in it."""
    package, port = vendor_package(MOTO), free_port()
    command = [sys.executable, "-c", START, str(package), "-H", "127.0.0.1", "-p", str(port)]
    with serving(command, f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("moto") / "log") as url:
        yield {"url": url, **json.loads(run_judge("aws_kms", package, url))}


def unwrap(kms: dict[str, Any], key: str, access_key: str) -> str:
    service = KeyService(key, access_key, kms["url"])
    try:
        return unwrap_ring(",".join(f"{number}:kms:{one}" for number, one in enumerate(kms["wrapped"])), service)
    finally:
        service.close()


@pytest.mark.parametrize("key", ["key", "alias"])
def test_keys_come_back_as_amazon_s_client_has_them(kms: dict[str, Any], key: str) -> None:
    wanted = ",".join(f"{number}:{one}" for number, one in enumerate(kms["clear"]))
    assert unwrap(kms, kms[key], kms["access"]["walker"]) == wanted
    assert unwrap(kms, kms[key], kms["assumed"]) == wanted


def test_wrong_secret_right_and_region_are_refused_with_a_sentence(kms: dict[str, Any]) -> None:
    walker = kms["access"]["walker"]
    for access_key in (f"{walker}x", "AKIAUNKNOWN:secret", kms["access"]["stranger"]):
        with pytest.raises(Unavailable, match=r"AWS KMS at 127\.0\.0\.1.*WALKER_KMS_ACCESS_KEY"):
            unwrap(kms, kms["key"], access_key)
    with pytest.raises(Unavailable, match=r"AWS KMS at 127\.0\.0\.1.*region"):
        unwrap(kms, kms["key"].replace("eu-central-1", "us-east-1"), walker)
    with pytest.raises(Unavailable, match="AWS KMS at"):
        unwrap({**kms, "wrapped": ["AAAA"]}, kms["key"], walker)
