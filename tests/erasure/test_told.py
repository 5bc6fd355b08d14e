"""What the owner of the tables changed in what was decided is told; a module of its own, as that takes connections."""

import pytest

from core.tenancy.scope import tenant_scope
from hitl.management.commands.verify_approvals import problems
from tests.database.tampering import tamper
from tests.erasure.conftest import with_traces
from tests.erasure.scene import Traces
from tests.world import Mould

pytestmark = pytest.mark.slow

DISARM = "alter table hitl_decision disable trigger walker_append_only"
ARM = "alter table hitl_decision enable always trigger walker_append_only"


@pytest.fixture
def traces(db: None, mould: Mould) -> Traces:
    """A person with traces, for this test alone."""
    return with_traces(mould.cast())


def test_bytes_that_do_not_fit_their_digest_are_told(traces: Traces, tampering: object) -> None:
    with tenant_scope(traces.world.acme.pk):
        tamper(f"update hitl_approval set payload = '{{\"budget\": \"1\"}}' where id = '{traces.named.pk}'")
        assert [reference for reference, _ in problems()] == [traces.named.reference]


def test_other_reason_than_the_given_one_is_told(traces: Traces, tampering: object) -> None:
    with tenant_scope(traces.world.acme.pk):
        tamper(f"{DISARM}; update hitl_decision set reason = 'another' where approval_id = '{traces.named.pk}'; {ARM}")
        assert list(problems()) == [(traces.named.reference, "a reason was changed")]
