"""Values that back offices and the product exchange."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, StringConstraints, WithJsonSchema

from core.text.amounts import money_text, places_of

NEWEST: Final = 10
"""How many transactions of a customer are read."""
Kind = Literal["refund", "credit", "payout"]


def written(amount: Decimal, currency: str) -> str:
    """Return an amount as back offices read it: with as many places as the currency has. Raises ValueError."""
    exact = amount.quantize(Decimal(1).scaleb(-places_of(currency)))
    if exact != amount or exact <= 0:
        raise ValueError("more decimals than the currency has, or not more than 0")
    return f"{exact:f}"


def words(amount: Decimal, currency: str, language: str = "en") -> str:
    """Return an amount as people read it, such as "1,200.50 EUR"."""
    return money_text(amount, currency, language=language, places=places_of(currency))


def _above_nothing(text: str) -> str:
    if Decimal(text) <= 0:
        raise ValueError("more than 0")
    return text


Amount = Annotated[
    str,
    StringConstraints(pattern=r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,3})?$"),
    AfterValidator(_above_nothing),
    WithJsonSchema({"type": "string"}),
]
"""Text in plain digits: a number would have lost what the person wrote, and `NaN` is none."""
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
TransactionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


@dataclass(frozen=True)
class NewDraft:
    """A transaction to prepare for a customer, by the back office's own id of them."""

    customer: str = field(repr=False)
    kind: Kind
    amount: Decimal
    currency: str
    description: str = field(repr=False)
    reference: str = ""

    def as_document(self) -> dict[str, str]:
        """Return what is sent: the digest of its bytes is the draft's. Raises ValueError for an amount that isn't."""
        more = {"reference": self.reference} if self.reference else {}
        return {
            "customer": self.customer,
            "kind": self.kind,
            "amount": written(self.amount, self.currency),
            "currency": self.currency,
            "description": self.description,
            **more,
        }


def bytes_of(document: Mapping[str, Any]) -> bytes:
    """Return JSON as it is sent."""
    return json.dumps(document, separators=(",", ":")).encode()


@dataclass(frozen=True)
class PreparedDraft:
    """What a back office prepared, with its recipient as the customer may read it."""

    id: str
    digest: str
    amount: Decimal
    currency: str
    recipient: str = field(repr=False)
    destination: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class DraftState:
    """What became of a draft: the transaction that it was booked as, "" for none, and whether it can't be any more."""

    transaction_id: str
    is_over: bool


@dataclass(frozen=True)
class Transaction:
    """A transaction of a customer."""

    id: str
    customer: str = field(repr=False)
    kind: str
    status: str
    amount: Decimal
    currency: str
    created_at: str
    updated_at: str
    description: str = field(default="", repr=False)

    def as_dict(self) -> dict[str, str]:
        """Return the fields that agents may read."""
        return {
            "transaction": self.id,
            "kind": self.kind,
            "status": self.status,
            "amount": words(self.amount, self.currency),
            "description": self.description,
            "made_at": self.created_at,
            "changed_at": self.updated_at,
        }
