"""The interface of an action kind, and the values that it exchanges with the approval engine."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticKnownError

from core.text.amounts import parse_amount
from hitl.domain.estimate import Estimate as Estimate  # noqa: PLC0414  (kinds return it)

Facts = dict[str, Any]
PRIORITY_MAX: Final = 9


def _read_plainly(value: object) -> object:
    """Read text in plain digits only; a float has already lost the exact amount that a person will approve."""
    if isinstance(value, float):
        raise ValueError('write money as text, for example "900.50"')
    if not isinstance(value, str | bool):
        return value
    try:
        return parse_amount(value)
    except ValueError:
        raise PydanticKnownError("decimal_parsing") from None


Money = Annotated[
    Decimal,
    BeforeValidator(_read_plainly),
    Field(ge=0, max_digits=14, decimal_places=2, allow_inf_nan=False),
    # Text, or models send a float that has lost what the person wrote.
    WithJsonSchema({"type": "string"}),
]


class Params(BaseModel):
    """Base of every kind's parameters: unknown fields are refused, and values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


P = TypeVar("P", bound=Params)


@dataclass(frozen=True)
class PreviewRow:
    """One line of before and after, as text a person reads."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Preview:
    """What an approver sees: rendered by the kind from the payload, never written by a model."""

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
    """The outcome of an effect; `result` is JSON without floats.

    `failed_clean` promises that nothing happened outside; `retry` says that trying again may help, not before
    `retry_after` seconds where the system names a time. `was_called` is False if no call was made, as calls to the
    system are paused: such a failure uses up no attempt. `warning` is a sentence for the approvers of what succeeded,
    such as that somebody else's change was overwritten.
    """

    kind: OutcomeKind
    result: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    retry: bool = False
    retry_after: float | None = None
    was_called: bool = True
    warning: str = ""


@dataclass(frozen=True)
class Compensation:
    """What puts an executed change back: a request of `kind` with `params`, or only `words` why nothing does.

    `words` complete no sentence: they are one, for people who decide and who look. `expects` are facts as the change
    left them: if the new request finds others, somebody has changed it since.
    """

    words: str
    kind: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    expects: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Origin:
    """Where a request came from and for which person it acts; used for four eyes and for the answer."""

    conversation_id: UUID | None = None
    agent_id: UUID | None = None
    run_id: UUID | None = None
    tool_call_id: UUID | None = None
    requester_user_id: UUID | None = None
    agent_owner_id: UUID | None = None
    max_open_approvals: int | None = None
    """The agent's own limit of open requests; the workflow's limit applies as well."""
    also_excluded: tuple[UUID, ...] = ()
    """Other people who contributed to the request, and so may not approve it."""
    contact_tags: tuple[str, ...] = ()
    """Tags of the contact it comes from, such as `vip`; workflows may match on them."""
    channel: str = ""
    address: str = ""
    user_agent: str = ""
    notes: str = ""
    priority: int = 0
    """How urgent it is to the requester, 0 to 9; it only orders the queue."""
    tags: tuple[str, ...] = ()
    """The requester's own tags, to find it by; they have no effect on the decision."""
    custom: Mapping[str, Any] = field(default_factory=dict)
    """The requester's own fields, shown masked; they have no effect on the decision."""
    compensates: UUID | None = None
    """The executed request whose change this one puts back; one such request is open at a time."""
    people: tuple[str, ...] = ()
    """Names that are hidden from those who may not decide: of the customer, and of others in the conversation."""


@dataclass(frozen=True)
class ClaimWords:
    """By which words a text says that a kind of action was done: `verbs` for what was done, `things` for to what.

    By language, each as the beginning of the word as it is written in such a sentence: "raised", "erhöht", "augment".
    With no verbs at all, a text can only tell that an action was done by naming its request.
    """

    verbs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    things: Mapping[str, Sequence[str]] = field(default_factory=dict)


class ActionKind(ABC, Generic[P]):
    """A kind of risky action. Stateless; the registry keeps one instance.

    Facts are JSON without floats, money as decimal strings; they come back from the database
    in just that form. All methods run inside the tenant's scope; `observe`, `execute` and
    `probe` may speak to the outside and are never called inside a transaction.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[int] = 1
    keyed: ClassVar[bool] = False
    """True if the target system ignores a second call with the same idempotency key."""
    base_risk: ClassVar[int] = 20
    """Risk of the kind by itself, 0-40 of the 100 points."""
    ability: ClassVar[str] = ""
    """What agents that request it say they can do: it completes the sentence "I can …"."""
    description: ClassVar[str] = ""
    """What models read of the tool that requests it."""
    own_tool: ClassVar[bool] = False
    """True if agents request it by a tool of its own, which fills in what no model may choose."""
    follows_default: ClassVar[bool] = True
    """True if requests go by a system's default connection; False if they keep the one that they were made over."""
    target: ClassVar[str] = ""
    """The type of what it changes, such as `ad_campaign`: its parameter of that name holds the id there."""
    claim_words: ClassVar[ClaimWords | None] = None
    """By which words an agent's answer claims that it was done; only an executed request of the kind proves such."""
    params_model: type[P]

    def works_here(self) -> bool:
        """Return True if the organisation in scope has what the action is done to."""
        return True

    def resolve(self, params: P) -> P:
        """Return the params with names replaced by the target system's ids (outside call; idempotent).

        Called before the digest, so that what was approved can't come to mean something else.
        """
        return params

    @abstractmethod
    def observe(self, params: P) -> Facts:
        """Return the facts that the decision is based on (outside call)."""

    @abstractmethod
    def preview(self, params: P, facts: Facts) -> Preview:
        """Render what would change (pure)."""

    @abstractmethod
    def estimate(self, params: P, facts: Facts) -> Estimate:
        """Return the size of the effect (pure)."""

    def may_be_approved_by_rule(self, estimate: Estimate) -> bool:
        """Return False where only people may approve a request of this size, and no rule (pure)."""
        return True

    @abstractmethod
    def subject_key(self, params: P) -> str:
        """Return the object that is changed, such as `campaign:42` (pure)."""

    @abstractmethod
    def execute(self, params: P, *, idempotency_key: str) -> Outcome:
        """Execute the action (outside call). An exception counts as `unknown`."""

    def drift(self, old_facts: Facts, new_facts: Facts) -> list[str]:
        """Return sentences about what changed since the request, none if it is within tolerance (pure)."""
        keys = sorted(old_facts.keys() | new_facts.keys())
        return [
            f"{key.replace('_', ' ')} was {old_facts.get(key)}, is now {new_facts.get(key)}"
            for key in keys
            if old_facts.get(key) != new_facts.get(key)
        ]

    def done_sentence(self, preview: Mapping[str, Any], facts: Facts) -> str:
        """Return the executed change as a fact for its requester, without a full stop (pure).

        By default it is the headline that was approved; `preview` and `facts` are as they are stored.
        """
        return str(preview.get("headline") or "").rstrip(".")

    def probe(self, params: P, *, idempotency_key: str) -> Outcome | None:
        """Return the outcome of an earlier call by its key, or None if this kind can't tell."""
        return None

    def compensation(self, params: P, facts: Facts) -> Compensation:
        """Return what puts the executed change back, for the facts before it, or why nothing does (pure)."""
        return Compensation("Walker can't undo this change.")

    def pause_reason(self) -> str:
        """Return why an approved request can't be executed now, in a sentence; "" if nothing keeps it.

        Without an outside call: it is shown to people. The executor finds out by itself.
        """
        return ""

    def systems(self) -> Collection[str]:
        """Return the outside systems in which requests of this kind are executed, for emergency stops (pure)."""
        return ()

    def accepts(self, version: int) -> bool:
        """Return True if a request approved under `version` of this kind may still be executed."""
        return version == self.version
