"""What the demo derives from the installation's keys, so that it can be shown at every start."""

import base64

from pytest_django import Settings

from demo.cast import ORGANISATIONS
from demo.people import password_of, tenant_id_of
from demo.setting import demo_api_key


def _derived() -> tuple[str, str, str]:
    acme = ORGANISATIONS[0]
    return password_of(acme.email("owner")), str(tenant_id_of(acme)), demo_api_key(acme)


def test_demo_stays_as_it_is_when_a_key_is_added(settings: Settings) -> None:
    before = _derived()
    settings.WALKER_KEYS += f",new:{base64.b64encode(b'n' * 32).decode()}"
    assert _derived() == before
