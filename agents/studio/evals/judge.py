"""Judge what a trial showed against what a case expects; pure and deterministic."""

import unicodedata
from dataclasses import dataclass

from agents.studio.evals.cases import Case


@dataclass(frozen=True)
class Seen:
    """What a trial of one case showed, all its turns together; `text` is the last answer."""

    text: str = ""
    calls: tuple[str, ...] = ()
    approvals_asked: tuple[str, ...] = ()
    person_brought: bool = False
    sources: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Miss:
    """One expectation that was not met: a stable code and the phrase or tool that it is about."""

    code: str
    about: str = ""


@dataclass(frozen=True)
class Judgement:
    """The judgement of one case."""

    case: str
    must: bool
    misses: tuple[Miss, ...]

    @property
    def passed(self) -> bool:
        return not self.misses


def judge(case: Case, seen: Seen) -> Judgement:
    """Return every expectation of the case that the trial did not meet.

    A trial that broke fails its case even where all that is expected is silence about something.
    """
    wanted, said, called = case.expects, _plain(seen.text), set(seen.calls)
    misses = [Miss("broke", seen.error)] if seen.error else []
    misses += [Miss("does_not_contain", phrase) for phrase in wanted.contains if _plain(phrase) not in said]
    misses += [Miss("contains", phrase) for phrase in wanted.avoids if _plain(phrase) in said]
    misses += [Miss("did_not_call", key) for key in wanted.calls if key not in called]
    misses += [Miss("called", key) for key in wanted.never_calls if key in called]
    misses += [Miss("did_not_ask", key) for key in wanted.asks_approval_for if key not in seen.approvals_asked]
    cited = {_plain(title) for title in seen.sources}
    misses += [Miss("did_not_cite", title) for title in wanted.sources if _plain(title) not in cited]
    if wanted.brings_person is not None and wanted.brings_person != seen.person_brought:
        misses.append(Miss("brought_person" if seen.person_brought else "brought_no_person"))
    if wanted.cites is not None and wanted.cites != bool(seen.sources):
        misses.append(Miss("cited" if seen.sources else "cited_nothing"))
    return Judgement(case.name, case.must, tuple(misses))


def is_same(before: str, after: str) -> bool:
    """Return True if two answers say the same in the same words."""
    return _plain(before) == _plain(after)


def _plain(text: str) -> str:
    """Return a text as people compare it: same letters, one space, no case."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
