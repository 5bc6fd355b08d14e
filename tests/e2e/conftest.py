"""One running installation for the tests of the whole product."""

from collections.abc import Iterator

import pytest

from tests.e2e.installation import Installation, running


@pytest.fixture(scope="package")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Start Walker once for all tests of this folder; left running, it would slow those of the other folders."""
    with running(tmp_path_factory.mktemp("walker") / "data") as started:
        yield started
