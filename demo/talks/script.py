"""What the demo plays of its past as plain data: conversations of two weeks, requests of a month."""

from dataclasses import dataclass
from typing import Any, Final, Literal

Ending = Literal["approved", "rejected", "expired", "waiting", "cancelled"]


@dataclass(frozen=True, slots=True)
class Talk:
    """One past conversation: how long ago it began, its lines ("<" from the customer), its end."""

    days_ago: float
    visitor: str
    name: str
    lines: tuple[str, ...]
    end: Literal["resolved", "unresolved", "open", "person"]


@dataclass(frozen=True, slots=True)
class Request:
    """One past request and its outcome; `hours` passed before the decision."""

    days_ago: float
    kind: str
    params: dict[str, Any]
    ending: Ending
    hours: float = 1.5
    reason: str = ""


TALKS: Final = (
    Talk(
        13.2,
        "visitor-one",
        "Emil Sandberg",
        (
            "< Hi, what can you do?",
            "> I can answer questions about our products and bring in a colleague.",
            "< Great, thanks",
        ),
        "resolved",
    ),
    Talk(
        11.6,
        "visitor-two",
        "Jonas Weber",
        (
            "< My order AC-20931 has not arrived. You can reach me at jonas.weber@mail.example",
            "> I am sorry to hear that. A colleague will look it up and write back.",
            "< Or call me: +49 30 901820 44",
        ),
        "resolved",
    ),
    Talk(
        9.1,
        "visitor-three",
        "Ingrid Moe",
        (
            "< Do you ship to Norway?",
            "> Yes. It takes four to six working days.",
        ),
        "resolved",
    ),
    Talk(
        7.4,
        "visitor-four",
        "Sofia Rinaldi",
        (
            "< The discount code does not work",
            "> Which code did you enter, and what does the page say?",
            "< SUMMER10. It says expired",
        ),
        "unresolved",
    ),
    Talk(
        4.8,
        "visitor-five",
        "Karin Olsen",
        (
            "< Can I change the address of my order?",
            "> As long as it has not left our house, yes. A colleague will do it for you.",
            "< It is now Lindenallee 4, write me at k.olsen@post.example please",
        ),
        "resolved",
    ),
    Talk(
        1.3,
        "visitor-six",
        "Peter Vass",
        (
            "< I was charged twice: 4111 1111 1111 1111",
            "> Please never send card numbers in a chat. A colleague takes over now.",
        ),
        "person",
    ),
    Talk(
        0.2,
        "visitor-seven",
        "Amélie Roux",
        (
            "< Are the winter boots waterproof?",
            "> Yes, all of them, up to the ankle.",
            "< And how do I care for the leather?",
        ),
        "open",
    ),
)


def _budget(campaign: str, amount: str) -> dict[str, Any]:
    return {"campaign": campaign, "daily_budget": amount}


REQUESTS: Final = (
    Request(28.6, "set_campaign_budget", _budget("Retargeting", "180.00"), "approved", 0.8),
    Request(27.4, "set_campaign_budget", _budget("Brand Search", "260.00"), "approved", 2.2),
    Request(25.1, "set_campaign_budget", _budget("Retargeting", "900.00"), "rejected", 3.0, "Far above the plan."),
    Request(22.3, "set_campaign_budget", _budget("Retargeting", "200.00"), "approved", 1.1),
    Request(20.2, "set_campaign_budget", _budget("Brand Search", "240.00"), "approved", 0.4),
    Request(17.6, "set_campaign_budget", _budget("Brand Search", "300.00"), "expired"),
    Request(15.1, "set_campaign_budget", _budget("Retargeting", "220.00"), "approved", 9.5),
    Request(12.9, "pause_campaign", {"campaign": "Brand Search"}, "rejected", 1.0, "It brings most of our sales."),
    Request(10.8, "set_campaign_budget", _budget("Brand Search", "280.00"), "approved", 0.9),
    Request(8.7, "set_campaign_budget", _budget("Retargeting", "190.00"), "approved", 1.7),
    Request(5.3, "set_campaign_budget", _budget("Brand Search", "260.00"), "cancelled", 2.0),
    Request(4.6, "set_campaign_budget", _budget("Retargeting", "210.00"), "approved", 0.6),
    Request(3.5, "set_campaign_budget", _budget("Brand Search", "310.00"), "approved", 2.9),
    Request(2.4, "set_campaign_budget", _budget("Brand Search", "250.00"), "rejected", 0.5, "Wait for the numbers."),
    Request(1.6, "set_campaign_budget", _budget("Brand Search", "295.00"), "approved", 1.4),
    Request(0.6, "set_campaign_budget", _budget("Retargeting", "320.00"), "waiting"),
    Request(0.1, "pause_campaign", {"campaign": "Brand Search"}, "waiting"),
    Request(0.03, "set_campaign_budget", _budget("Retargeting", "2600.00"), "waiting"),
)
