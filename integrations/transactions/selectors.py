"""Reading transactions through the back office that the tenant in scope has connected."""

from collections.abc import Collection
from typing import TypeVar

from core.errors import NotFound, Unavailable
from integrations import platforms
from integrations.calls.answers import Answer, Ok
from integrations.calls.operations import Line
from integrations.platforms import Connection
from integrations.transactions.ports import TransactionPlatform
from integrations.transactions.types import NEWEST, Transaction

T = TypeVar("T")


def systems() -> list[str]:
    """Return the keys of the registered back offices."""
    return [key for key in platforms.keys() if isinstance(platforms.get(key), TransactionPlatform)]  # noqa: SIM118


def is_connected(connected: Collection[str]) -> bool:
    """Return True if a back office is among these platforms."""
    return any(key in connected for key in systems())


def find_connection() -> Connection | None:
    """Return the connected back office, or None. One query."""
    return next((one for one in platforms.connected() if isinstance(one.platform, TransactionPlatform)), None)


def connection() -> Connection:
    """Return the connected back office. Raises Unavailable `not_connected` without one."""
    found = find_connection()
    if found is None:
        raise Unavailable("Your organisation has connected no back office.", code="not_connected")
    return found


def line_to(linked: Connection, *, seconds: float) -> Line:
    """Return the use of a connection by somebody who waits: within some seconds, or by the last value."""
    return Line(linked.account, seconds=seconds, takes_last=True)


def value_of(answer: Answer[T]) -> T:
    """Return the value of a call. Raises Unavailable with the code of its failure."""
    if isinstance(answer, Ok):
        return answer.value
    raise Unavailable("The back office didn't answer as expected.", code=f"back_office_{answer.code}"[:60])


def get_transaction(customer: str, transaction_id: str, *, line: Line | None = None) -> Transaction:
    """Return a customer's transaction (outside call); another customer's is the same error as none.

    Raises NotFound, Unavailable.
    """
    with connection().open(line) as client:
        found: Transaction | None = value_of(client.get_status(transaction_id))
    if found is None or found.customer != customer:
        raise NotFound("There's no transaction with this id.")
    return found


def list_transactions(customer: str, *, line: Line | None = None) -> list[Transaction]:
    """Return a customer's newest transactions (outside call). Raises Unavailable."""
    with connection().open(line) as client:
        found: list[Transaction] = value_of(client.list_history(customer, NEWEST))
    return [one for one in found if one.customer == customer]
