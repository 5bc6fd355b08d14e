"""The file of cases: what somebody says to an agent, and what has to happen."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

MOST_CASES: Final = 200
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Phrase = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
ToolKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Expectation(_Part):
    """What has to be true after the last line of a case; an empty field asks nothing."""

    contains: tuple[Phrase, ...] = Field(default=(), max_length=20)
    avoids: tuple[Phrase, ...] = Field(default=(), max_length=20)
    calls: tuple[ToolKey, ...] = Field(default=(), max_length=20)
    never_calls: tuple[ToolKey, ...] = Field(default=(), max_length=20)
    asks_approval_for: tuple[ToolKey, ...] = Field(default=(), max_length=20)
    sources: tuple[Phrase, ...] = Field(default=(), max_length=20)
    brings_person: bool | None = None
    cites: bool | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Expectation:
        if self == Expectation.model_construct():
            raise ValueError("Say what has to happen: a case without an expectation always passes.")
        if both := set(self.calls) & set(self.never_calls):
            raise ValueError(f"{', '.join(sorted(both))} cannot be both called and never called.")
        return self


class Case(_Part):
    """One check: who speaks, what they say, what has to happen, and whether a failure blocks activation."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
    speaker: Literal["public", "verified", "member"] = "public"
    says: tuple[Words, ...] = Field(min_length=1, max_length=10)
    expects: Expectation
    must: bool = False


class CaseFile(_Part):
    """A file of cases, as it is kept beside an exported agent."""

    format: Literal["walker.cases/1"] = "walker.cases/1"
    cases: tuple[Case, ...] = Field(min_length=1, max_length=MOST_CASES)

    @model_validator(mode="after")
    def _names_differ(self) -> CaseFile:
        names = [case.name for case in self.cases]
        if len(set(names)) != len(names):
            raise ValueError("Two cases have the same name.")
        return self
