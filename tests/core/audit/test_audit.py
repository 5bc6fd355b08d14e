"""The audit chain finds every kind of tampering by someone who lacks the key."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from accounts.models import Membership
from core.actors import Actor, system
from core.audit import chain
from core.models import AuditEntry
from core.tenancy.scope import current_tenant_id, tenant_scope
from tests.database.tampering import COPY, KINDS, RELINK, SWAP, first_bad, tamper_with_history
from tests.world import World

Tamper = Callable[[str], None]


@transaction.atomic
def _record(count: int = 5) -> None:
    for number in range(count):
        chain.record(
            actor=system("test"),
            action=f"STEP_{number}",
            object_type="test",
            object_id=uuid4(),
            facts={"n": number},
        )


def _sql(statement: str) -> str:
    return statement.replace(":tenant", f"'{current_tenant_id()}'").replace(":at", "8")


def test_chain_as_written_verifies(acme: World) -> None:
    _record()
    verdict = chain.verify()
    assert verdict.ok
    assert verdict.entries == AuditEntry.objects.count()


def test_entry_of_any_text_and_number_is_signed_as_it_is_read_back(acme: World) -> None:
    odd = "\"\\/\n\x01\x7f'ü€😀"
    facts = {"z": odd, "a": [1, -2, 0.5, None, True, {"y": odd, "b": 10**20}], odd: {}}
    actor = Actor("user", id=uuid4(), name=odd, role=odd, address="2001:db8::1", auth_strength="none")
    chain.record(actor=actor, action=odd, object_type=odd, object_id=uuid4(), old_state=odd, new_state=odd, facts=facts)
    entry = AuditEntry.objects.get(action=odd)
    assert (entry.facts, entry.actor_name, entry.actor_user_id) == (facts, odd, None)
    assert chain.verify().ok


@pytest.mark.parametrize("number", [1e16, -1e300, -0.0, float("inf"), float("nan")])
@pytest.mark.parametrize("wrap", [lambda n: {"n": n}, lambda n: {"a": [1, {"n": n}]}, lambda n: {"a": (n,)}])
def test_number_that_would_come_back_otherwise_is_refused(
    acme: World, number: float, wrap: Callable[[float], dict[str, Any]]
) -> None:
    with pytest.raises(ValueError, match="or text"):
        chain.record(actor=system("test"), action="X", object_type="test", object_id=uuid4(), facts=wrap(number))


def test_small_and_large_numbers_that_come_back_are_kept(acme: World) -> None:
    facts = {"n": [0.0, 5e-324, 1e-7, -2.5e-300, 9007199254740993.0, 999999999999999.9, 0.1, 10**30, 1.0]}
    chain.record(actor=system("test"), action="X", object_type="test", object_id=uuid4(), facts=facts)
    assert chain.verify().ok


TAMPERINGS = {
    "changed": ("update core_auditentry set action = 'X' where tenant_id = :tenant and seq = 8", 8),
    "facts": ("""update core_auditentry set facts = '{"n": 9}' where tenant_id = :tenant and seq = 9""", 9),
    "moved": ("update core_auditentry set seq = 99 where tenant_id = :tenant and seq = 9", 9),
    "byte": ("update core_auditentry set object_type = 'tesu' where tenant_id = :tenant and seq = 10", 10),
    "moment": (
        "update core_auditentry set at = at + interval '1 microsecond' where tenant_id = :tenant and seq = 3",
        3,
    ),
    "first deleted": ("delete from core_auditentry where tenant_id = :tenant and seq = 1", 1),
    "last deleted": ("delete from core_auditentry where tenant_id = :tenant and seq = 12", 12),
    "swapped and linked again": (SWAP + RELINK, 8),
    "closed up after a deletion": (
        "delete from core_auditentry where tenant_id = :tenant and seq = 8;"
        "update core_auditentry set seq = -seq where tenant_id = :tenant and seq > 8;"
        "update core_auditentry set seq = -seq - 1 where tenant_id = :tenant and seq < 0;" + RELINK,
        8,
    ),
    "inserted again at the end": (COPY.replace(":to", "13"), 13),
    "hash of another": (
        "update core_auditentry a set hash = b.hash from core_auditentry b "
        "where a.tenant_id = :tenant and b.tenant_id = :tenant and a.seq = 9 and b.seq = 10",
        9,
    ),
    "head set back": ("update core_audithead set seq = 11 where tenant_id = :tenant", 13),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampered_chain_is_reported_with_first_bad_entry(name: str, acme: World, tampering: Tamper) -> None:
    sql, expected = TAMPERINGS[name]
    _record()
    tampering(_sql(sql))
    assert chain.verify().first_bad == expected


@pytest.mark.parametrize("at", [1, 2, 8, 11])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "rewrite"])
def test_every_kind_of_tampering_is_found_wherever_it_is(kind: str, at: int, acme: World, tampering: Tamper) -> None:
    _record()
    tamper_with_history(current_tenant_id(), kind, at)
    assert chain.verify().first_bad == first_bad(kind, at)


@pytest.mark.parametrize("at", [2, 8, 12])
def test_chain_rewritten_without_the_key_fails_at_its_first_entry(at: int, acme: World, tampering: Tamper) -> None:
    _record()
    tamper_with_history(current_tenant_id(), "rewrite", at)
    assert chain.verify().first_bad == at


def test_person_who_is_renamed_and_leaves_keeps_the_chain_whole(acme: World) -> None:
    _record()
    person = acme.people["approver"]
    person.first_name, person.last_name, person.email = "Somebody", "Else", "gone@nowhere.example"
    person.is_active = False
    person.save()
    Membership.objects.filter(user=person).update(is_active=False)
    assert chain.verify().ok


def test_chain_holds_no_address_of_a_person(acme: World) -> None:
    _record()
    text = str(list(AuditEntry.objects.values()))
    assert [person for person in acme.people.values() if person.email in text] == []


def test_chain_of_another_tenant_is_untouched(acme: World) -> None:
    _record()
    with tenant_scope(acme.globex.pk):
        assert chain.verify().entries == 7
