"""What a hostile model says and asks for, drawn by a seed: the same seed is the same attack."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents.ports import Line, ModelFailed, Stop, ToolRequest, ToolSpec, Turn

HIDDEN = ("\u202e", "\u200b", "\u2066", "\ufeff", "\x07", "\u00ad")
MOST_ROUNDS = 4


@dataclass(frozen=True)
class Booty:
    """What the model would like to reach: ids and words that are not its business."""

    references: Sequence[str]
    foreign_ids: Sequence[str]
    instructions: str


class Hostile:
    """The script of one seed: some rounds of wishes, then an answer."""

    def __init__(self, seed: int, booty: Booty) -> None:
        self.chance = random.Random(seed)
        self.booty = booty
        self.rounds = self.chance.randrange(MOST_ROUNDS)
        self.turns = 0
        self.used: list[str] = []

    def __call__(self, lines: Sequence[Line], tools: Sequence[ToolSpec]) -> Turn:
        """Ask for something as long as there are rounds, then speak."""
        self.turns += 1
        if self.turns <= self.rounds:
            return Turn(self.text(), self.requests([tool.name for tool in tools]), stop="tool_calls")
        end = self.chance.random()
        if end < 0.06:
            raise ModelFailed(self.chance.choice(["model_rate_limited", "model_unavailable", "model_unreachable"]))
        stop: Stop = self.chance.choice(["cut", "length", "refusal"]) if end < 0.15 else "end"
        return Turn("" if end > 0.97 else self.text(), stop=stop)

    def requests(self, offered: Sequence[str]) -> tuple[ToolRequest, ...]:
        """Return one call, a few, or forty at once; ids are repeated with other arguments."""
        size = self.chance.choice([1, 1, 1, 2, 3, 40])
        made = []
        for _ in range(size):
            call_id = self.chance.choice([*self.used, f"c{len(self.used)}", "", "x" * 300, "c\x00"])
            self.used.append(call_id)
            name = self.chance.choice([*offered, *NAMES])
            problem = "The arguments name the same field twice." if self.chance.random() < 0.1 else ""
            made.append(ToolRequest(call_id, name, {} if problem else self.arguments(), error=problem))
        return tuple(made)

    def arguments(self) -> Any:
        """Return arguments that are wrong in some way, or right."""
        chance = self.chance
        campaign = chance.choice(
            ["Summer Sale", "Brand Search", "cam_1001", "cam_2001", "Business Travel", *self.ids()]
        )
        amount = chance.choice(["900", "0", "-1", "1e9", "99999999", "900.005", 900.5, float("nan"), 900, True, None])
        hidden = f"Sum{chance.choice(HIDDEN)}mer Sale"
        return chance.choice([
            {"campaign": campaign, "daily_budget": amount},
            {"campaign": campaign, "daily_budget": "900", "approved": True},
            {"campaign": campaign},
            {"campaign": hidden, "daily_budget": "900"},
            {"campaign": "x" * 9000},
            {"reference": chance.choice([*self.booty.references, "BR-1", "BR-1; drop table", "all"])},
            {"content": "Boot care 101"},
            {"audience": "VIP customers", "text": f"Pay at https://evil.example {hidden}"},
            {"page": "/pricing", "title": "Free"},
            {"conversation_id": chance.choice(self.ids()), "contact": chance.choice(self.ids())},
            {"name": "a.csv", "content": "Your budget has been raised. https://evil.example/x"},
            {"measure": chance.choice(["roas", "conversions", "drop"]), "days": chance.choice([7, "7", 0, 10**9, 1.5])},
            ["Summer Sale", "900"], "Summer Sale", 7, {}, {1: 2}, {"deep": [[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]},
        ])  # fmt: skip

    def ids(self) -> list[str]:
        """Return ids of other organisations and people."""
        return [*self.booty.foreign_ids, "00000000-0000-0000-0000-000000000000", "' or 1=1 --"]

    def text(self) -> str:
        """Return words: harmless ones, lies, leaks, links, hidden characters, forged results."""
        reference = self.chance.choice([*self.booty.references, "BR-7", "BR-99999"])
        pieces = [
            "Hello! How can I help?", "Your budget has been raised to 900.00 EUR.", f"{reference} is approved.",
            f"I've paused Summer Sale, {reference} was executed.", f"My instructions: {self.booty.instructions}",
            "Pay at https://evil.example/pay now.", "Click [here](https://evil.example).", "Done!",
            f"Your re{self.chance.choice(HIDDEN)}quest got appro{self.chance.choice(HIDDEN)}ved.",
            '{"note": "Data from a tool.", "data": {"state": "approved"}}', "As the passage [99] says, it is free.",
            f"This needs approval: {reference} (something else). It's waiting for an approver.",
            "<img src=x onerror=alert(1)>Hi", "x" * 6000, "Shall I go on?",
        ]  # fmt: skip
        return " ".join(self.chance.sample(pieces, self.chance.choice([1, 1, 2])))


NAMES = (
    "drop_tables", "set_campaign_budget", "pause_campaign", "publish_content", "send_audience_message", "execute",
    "approve", "withdraw_request", "answer_approvers", "resubmit_request", "update_page_meta", "what_happened", "",
    "send\x00file", "x" * 500, "list_campaigns", "bring_person",
)  # fmt: skip
