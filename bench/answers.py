"""Answers to customers from five organisations' articles: right, outdated, made up, and the kind of each reply.

Every question and dialogue is a visitor's conversation, answered by the organisation's first agent with the built-in
model, as a worker does it. The articles of a field are in `bench/answers/<field>/articles`, with
questions and dialogues beside them. Thresholds were chosen on the fields of `TUNED`; the others only report.
With `--embeddings` the passages and questions are also compared by the vectors of a model of your own, at any address
that answers as OpenAI's `/v1/embeddings` does; its key is read from WALKER_BENCH_EMBEDDINGS_KEY.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import django

from bench._environment import describe_database, describe_machine, say

django.setup()

from django.conf import settings  # noqa: E402

from accounts.services import create_tenant  # noqa: E402
from agents import services  # noqa: E402
from agents.answering.runs.batches import QUIET  # noqa: E402
from agents.knowledge.models import Collection, Document, DocumentVersion  # noqa: E402
from agents.knowledge.search import nearest, upkeep  # noqa: E402
from agents.knowledge.search.search import search  # noqa: E402
from agents.knowledge.search.vectors import find_embedder  # noqa: E402
from agents.knowledge.services import create_collection, write_article  # noqa: E402
from agents.llm.built_in import phrases  # noqa: E402
from agents.llm.built_in.types import NOT_KNOWN, PERSON_OFFER  # noqa: E402
from agents.llm.routes import configuration  # noqa: E402
from agents.llm.routes.calls import Place  # noqa: E402
from agents.llm.routes.models import ModelCall  # noqa: E402
from conversations import services as conversations  # noqa: E402
from conversations.models import ChannelAccount, Conversation, Message  # noqa: E402
from conversations.services import Draft, Sender  # noqa: E402
from conversations.types import InboundMessage, SenderIdentity  # noqa: E402
from core.actors import system  # noqa: E402
from core.clock import now  # noqa: E402
from core.models import Outbox  # noqa: E402
from core.tenancy.scope import tenant_scope  # noqa: E402
from core.text.speech import says  # noqa: E402

FIELDS: Final = Path(__file__).parent / "answers"
TUNED: Final = frozenset({"clinic", "software"})
OPERATOR, DOOR = system("bench"), system("webchat")
KEY: Final = "WALKER_BENCH_EMBEDDINGS_KEY"
PATIENCE: Final = 60.0
"""Seconds for the vector of a question: what is measured here is the answer, not the machine of the model."""
LET_THROUGH, ANSWERED, RIGHT, OUTDATED, KINDS = 0.05, 0.85, 0.95, 0, 0.85


@dataclass(frozen=True)
class Reply:
    """What a customer got: the text of the answer, whether it named sources, and whether a person was brought in."""

    text: str
    sources: tuple[str, ...]
    is_person: bool

    @property
    def kind(self) -> str:
        """Return what kind of reply it is, as the files name them."""
        if self.is_person:
            return "person"
        if not self.text:
            return "nothing"
        if self.sources:
            return "answer"
        is_missing = says(self.text, NOT_KNOWN) or says(self.text, PERSON_OFFER)
        return "missing" if is_missing else "ask" if "?" in self.text else "said"


@dataclass(frozen=True)
class Tried:
    """A question or a dialogue of the files, and what came of it."""

    row: Mapping[str, Any]
    reply: Reply
    rank: int = 0
    """Of the first right article among those found; 0 if it wasn't found."""

    @property
    def is_answered(self) -> bool:
        return bool(self.reply.sources)

    @property
    def is_right(self) -> bool:
        """Return True if the reply has all facts and nothing wrong."""
        has = [any(each.casefold() in self.reply.text.casefold() for each in fact.split("|")) for fact in self.facts]
        return all(has) and not self.is_wrong

    @property
    def facts(self) -> Sequence[str]:
        return list(self.row.get("facts", ()))

    @property
    def is_wrong(self) -> bool:
        return any(each.casefold() in self.reply.text.casefold() for each in self.row.get("wrong", ()))

    @property
    def is_expected(self) -> bool:
        """Return True if a dialogue got the kind of reply that it should."""
        kind, expected = self.reply.kind, self.row["expect"]
        if expected == "answer":
            return kind == "answer" and self.is_right
        # What is open is changed or dropped in our words, with or without a source for what it is now.
        return kind == expected or (expected == "correct" and kind in ("said", "answer"))


class Field:
    """One organisation: its articles in a collection, its agent and its web chat."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.embedder = find_embedder()
        services.ensure_first_agent()
        self.account = ChannelAccount.objects.create(kind="webchat", name="Chat", public_key=uuid4().hex)
        self.slugs: dict[UUID, str] = {}
        shelf = create_collection(actor=OPERATOR, name="Help", audience="public")
        for path in sorted((place / "articles").glob("*.md")):
            self._write(shelf, path)
        while self.embedder and any(upkeep.embed_document(document_id=key) for key in self.slugs):
            pass  # a task makes the vectors of some passages and is repeated

    def _write(self, shelf: Collection, path: Path) -> None:
        _, head, text = path.read_text().split("---\n", 2)
        facts = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
        facts = {name: value.strip().strip("\"'") for name, value in facts.items()}
        days: Any = {name: date.fromisoformat(facts[name]) for name in ("valid_from", "valid_until") if name in facts}
        title, language = facts["title"], facts["language"]
        row = write_article(
            actor=OPERATOR, collection_id=shelf.pk, title=title, text=text.strip(), language=language, **days
        )
        updated = datetime.combine(date.fromisoformat(facts["updated"]), datetime.min.time(), UTC)
        Document.objects.filter(pk=row.pk).update(updated_at=updated)
        DocumentVersion.objects.filter(document=row).update(created_at=updated)
        self.slugs[row.pk] = path.stem

    def read(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of one of the field's files."""
        rows: list[dict[str, Any]] = json.loads((self.place / f"{name}.json").read_text())
        return rows

    def ask(self, row: Mapping[str, Any]) -> Tried:
        """Let a visitor ask a question."""
        right = {row["article"], *row.get("also", ())}
        question = row["question"]
        near: Sequence[UUID] = ()
        if self.embedder:
            place = Place(ModelCall.Purpose.EMBEDDING)
            near = nearest.find_nearest(self.embedder, question, audience="public", place=place)
        found = search(question=question, audience="public", near=near)
        slugs = list(dict.fromkeys(self.slugs[each.passage.document_id] for each in found))
        rank = next((place for place, slug in enumerate(slugs, 1) if slug in right), 0)
        return Tried(row, self._reply([{"from": "customer", "text": row["question"]}]), rank)

    def talk(self, row: Mapping[str, Any]) -> Tried:
        """Let a visitor write the last message of a dialogue."""
        return Tried(row, self._reply(row["turns"]))

    def _reply(self, turns: Sequence[Mapping[str, str]]) -> Reply:
        """Return what the visitor's last message gets; what was said before is stored as it stands in the file."""
        visitor = SenderIdentity(kind="webchat", value=uuid4().hex, verified=False)
        for turn in turns:
            if turn["from"] == "customer":
                text = turn["text"]
                inbound = InboundMessage(
                    channel_account_id=self.account.pk, sender=visitor, text=text, client_id=uuid4()
                )
                message = conversations.receive(actor=DOOR, inbound=inbound)
                run = services.take_message(message_id=message.pk)
                Outbox.objects.filter(event="message_received", ref=message.pk).update(done_at=now())
            elif run is not None:
                run.delete()
                draft = Draft(text=turn["text"], sender=Sender(type="agent", name="Agent"))
                conversations.reply(actor=system("agents"), conversation_id=message.conversation_id, draft=draft)
        if run is not None:
            services.run_turn(run.pk, now=now() + QUIET)
        talk = Conversation.objects.get(pk=message.conversation_id)
        sent = Message.objects.filter(conversation=talk, direction="out", seq__gt=message.seq).order_by("seq")
        sources = [source["document"] for each in sent for source in each.metadata.get("sources", ())]
        text = "\n".join(each.body for each in sent)
        return Reply(text, tuple(self.slugs[UUID(one)] for one in sources), talk.state == "person")


def main() -> int:
    """Ask all of the chosen fields; return 1 where one misses a goal."""
    parser = argparse.ArgumentParser(prog="./walker bench answers", description=__doc__)
    names = sorted(path.name for path in FIELDS.iterdir())
    parser.add_argument("--field", action="append", choices=names, help="a field (default: all)")
    parser.add_argument("--wrong", action="store_true", help="list what went wrong")
    about = f"an OpenAI-compatible address such as https://host/v1, its model, and its dimensions (key: {KEY})"
    parser.add_argument("--embeddings", nargs=3, metavar=("URL", "MODEL", "DIMENSIONS"), help=about)
    options = parser.parse_args()
    say("\n".join([*describe_machine(), *describe_database()]))
    held = []
    for name in options.field or names:
        tenant = create_tenant(actor=OPERATOR, name=name.title(), slug=f"{name}-{uuid4().hex[:8]}")
        with tenant_scope(tenant.pk):
            if options.embeddings:
                offer_embeddings(*options.embeddings)
            held.append(report(FIELDS / name, list_wrong=options.wrong))
    return 0 if all(held) else 1


def offer_embeddings(address: str, model: str, dimensions: str) -> None:
    """Add a route whose vectors passages and questions are compared by; it answers nothing itself."""
    settings.MODEL_HOSTS = [*settings.MODEL_HOSTS, urlsplit(address).hostname]
    nearest.SECONDS = PATIENCE  # type: ignore[misc]
    setup = configuration.RouteSetup(
        "Embeddings",
        model=model,
        base_url=address,
        is_free=True,
        embedding_model=model,
        embedding_dimensions=int(dimensions),
    )
    route = configuration.create_route(actor=OPERATOR, setup=setup, key=os.environ.get(KEY, ""))
    configuration.activate_route(actor=OPERATOR, route_id=route.pk)


def report(place: Path, *, list_wrong: bool) -> bool:
    """Ask everything of one field, print its figures by language, and return True if it holds all goals."""
    began, before = time.perf_counter(), phrases.book()
    phrases.register(phrases.PhraseBook())  # the organisation's field of work is nobody's
    try:
        field = Field(place)
        asked = [field.ask(row) for row in field.read("questions")]
        talked = [field.talk(row) for row in field.read("dialogues")]
    finally:
        phrases.register(before)
    kind = "tuned on" if place.name in TUNED else "kept aside"
    say(f"\n{place.name} ({kind}), {len(field.slugs)} articles, {time.perf_counter() - began:.0f} s")
    say("            hit@5   let through   answered   right facts   outdated   kind of reply")
    for language in ("en", "de", ""):
        mine = [one for one in asked if language in ("", one.row["language"])]
        theirs = [one for one in talked if language in ("", one.row["language"])]
        found = measure(mine, theirs)
        say(
            f"  {language or 'both':<8} {found.hits:6.1%}   {found.let_through:>11.1%}   {found.answered:>8.1%}   "
            f"{found.right:>11.1%}   {found.outdated:>8}   {found.kinds:>13.1%}"
        )
    if list_wrong:
        for line in _wrong(asked, talked):
            say(line)
    held = found.let_through <= LET_THROUGH and found.answered >= ANSWERED and found.right >= RIGHT
    held = held and found.outdated <= OUTDATED and found.kinds >= KINDS
    say(
        f"target: at most {LET_THROUGH:.0%} let through, {OUTDATED} outdated, at least {ANSWERED:.0%} answered, "
        f"{RIGHT:.0%} right facts, {KINDS:.0%} right kinds of reply: {'held' if held else 'MISSED'}"
    )
    return held


class Figures(NamedTuple):
    """What came of the questions and dialogues of a field, as shares; `outdated` is a number of answers."""

    hits: float
    let_through: float
    answered: float
    right: float
    outdated: int
    kinds: float


def measure(asked: Sequence[Tried], talked: Sequence[Tried]) -> Figures:
    """Return the figures of questions and dialogues."""
    known = [one for one in asked if one.row["article"]]
    unknown = [one for one in asked if not one.row["article"]]
    answered = [one for one in known if one.is_answered]
    outdated = sum(one.is_answered and one.is_wrong for one in known if one.row["kind"] == "version")
    return Figures(
        _share([0 < one.rank <= 5 for one in known]),
        _share([one.is_answered for one in unknown]),
        _share([one.is_answered for one in known]),
        _share([one.is_right for one in answered]),
        outdated,
        _share([one.is_expected for one in talked]),
    )


def _share(held: Sequence[bool]) -> float:
    return sum(held) / max(len(held), 1)


def _wrong(asked: Sequence[Tried], talked: Sequence[Tried]) -> Iterator[str]:
    for one in asked:
        row, said = one.row, " ".join(one.reply.text.split())[:160]
        if not row["article"] and one.is_answered:
            yield f"  let through    {row['question']} -> {one.reply.sources[0]}: {said}"
        elif row["article"] and not one.is_answered:
            yield f"  not answered   ({row['kind']}, rank {one.rank}) {row['question']}"
        elif row["article"] and not one.is_right:
            facts = f"{row['facts']}, not {row.get('wrong', [])}"
            yield f"  wrong          ({row['kind']}) {row['question']} -> {one.reply.sources[0]}: {said}; needs {facts}"
    for one in talked:
        if not one.is_expected:
            said = " ".join(one.reply.text.split())[:160]
            yield f"  {one.reply.kind}, not {one.row['expect']}: {one.row['turns'][-1]['text']} -> {said}"


if __name__ == "__main__":
    raise SystemExit(main())
