"""Systems that run on a company's own server: their address, and which hosts the operator named for them."""

from collections.abc import Callable, Collection
from typing import Any, Final

from core.errors import Unavailable
from core.http import host_of
from integrations.calls.operations import Authorise, System
from integrations.connections.authorisation import refuse

ADDRESS: Final = r"^https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]{0,200})?$"


def own_system(
    url: str, authorise: Authorise, *, hosts: Collection[str], error: Callable[[Any], tuple[str, str]]
) -> System:
    """Return the system at a company's address; `hosts` may have a private one, and do without TLS.

    Raises Unavailable for plain HTTP to any other host.
    """
    url = url.rstrip("/")
    if not url.startswith("https://") and host_of(url) not in hosts:
        raise Unavailable("The address has to begin with https://.", code="bad_url")
    return System(url, authorise, error=error, private_hosts=tuple(hosts), refused=refuse)
