"""Values that cross the border of the approval engine, and the shape of a kind of risky action."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from hitl.domain.estimate import Estimate as Estimate  # noqa: PLC0414  (kinds return it)

Facts = dict[str, Any]
PRIORITY_MAX: Final = 9


def _refuse_float(value: object) -> object:
    """A float has already lost the amount a person will sign; text or whole numbers have not."""
    if isinstance(value, float):
        raise ValueError('write money as text, for example "900.50"')
    return value


Money = Annotated[
    Decimal,
    BeforeValidator(_refuse_float),
    Field(ge=0, max_digits=14, decimal_places=2, allow_inf_nan=False),
]


class Params(BaseModel):
    """Base of every kind's parameters: nothing unknown gets in, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


P = TypeVar("P", bound=BaseModel)


@dataclass(frozen=True)
class PreviewRow:
    """One line of before and after, as text a person reads."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Preview:
    """What an approver sees: rendered by the kind from the payload, never prose of a model."""

    headline: str
    rows: Sequence[PreviewRow] = ()
    body: str = ""
    link: str = ""

    def as_dict(self) -> dict[str, Any]:
        rows = [{"label": r.label, "before": r.before, "after": r.after} for r in self.rows]
        return {"headline": self.headline, "rows": rows, "body": self.body, "link": self.link}


OutcomeKind = Literal["succeeded", "failed_clean", "unknown"]


@dataclass(frozen=True)
class Outcome:
    """What became of an effect. `failed_clean` promises that nothing happened outside;
    `retry` says that trying again may help. `result` is JSON without floats."""

    kind: OutcomeKind
    result: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    retry: bool = False


@dataclass(frozen=True)
class Origin:
    """Where a request came from and whom it acts for; feeds four eyes and the way back."""

    conversation_id: UUID | None = None
    agent_id: UUID | None = None
    run_id: UUID | None = None
    tool_call_id: UUID | None = None
    requester_user_id: UUID | None = None
    agent_owner_id: UUID | None = None
    also_excluded: tuple[UUID, ...] = ()
    """People besides these who had a hand in the request, and so may not sign it."""
    contact_tags: tuple[str, ...] = ()
    """What staff noted about the contact it comes from, such as `vip`; workflows may match on it."""
    channel: str = ""
    address: str = ""
    user_agent: str = ""
    notes: str = ""
    priority: int = 0
    """How urgent it is to the asker, 0 to 9; it ranks the queue and decides nothing."""
    tags: tuple[str, ...] = ()
    """Words of the asker's own, to find it by; they decide nothing."""
    custom: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the asker's own, kept with the request and shown masked; they decide nothing."""


class ActionKind(ABC, Generic[P]):
    """A kind of risky thing. Stateless; the registry keeps one instance.

    Facts are JSON without floats, money as decimal strings; they come back from the database
    in just that form. All methods run inside the tenant's scope; `observe`, `execute` and
    `probe` may speak to the outside and are never called inside a transaction.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[int] = 1
    keyed: ClassVar[bool] = False
    """True when the outside drops a second call with the same idempotency key."""
    base_risk: ClassVar[int] = 20
    """Risk of the kind by itself, 0-40 of the 100 points."""
    params_model: type[P]

    def resolve(self, params: P) -> P:
        """Return the params with names replaced by the outside's ids, so that what is signed can
        not come to mean another thing (outside call, before the digest; idempotent)."""
        return params

    @abstractmethod
    def observe(self, params: P) -> Facts:
        """Return the world facts the decision rests on (outside call)."""

    @abstractmethod
    def preview(self, params: P, facts: Facts) -> Preview:
        """Render what would change (pure)."""

    @abstractmethod
    def estimate(self, params: P, facts: Facts) -> Estimate:
        """Return the size of the effect (pure)."""

    @abstractmethod
    def subject_key(self, params: P) -> str:
        """Name the outside thing that is touched, e.g. `campaign:42` (pure)."""

    @abstractmethod
    def execute(self, params: P, *, idempotency_key: str) -> Outcome:
        """Do it (outside call). An exception counts as `unknown`."""

    def drift(self, old_facts: Facts, new_facts: Facts) -> list[str]:
        """Say in sentences what changed since the request; empty = within tolerance (pure)."""
        keys = sorted(old_facts.keys() | new_facts.keys())
        return [
            f"{key.replace('_', ' ')} was {old_facts.get(key)}, is now {new_facts.get(key)}"
            for key in keys
            if old_facts.get(key) != new_facts.get(key)
        ]

    def probe(self, params: P, *, idempotency_key: str) -> Outcome | None:
        """Tell by key what became of an earlier call; None = this kind cannot tell."""
        return None

    def accepts(self, version: int) -> bool:
        """Whether a request approved under `version` of this kind may still be executed."""
        return version == self.version
