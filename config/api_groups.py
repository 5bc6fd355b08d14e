"""The groups of the API's description, in the order in which its page shows them."""

from typing import Final

_WORDS: Final = {
    "approvals": "Requests that wait for approval, past decisions, and every action on a request.",
    "override-reviews": "Reviews of requests that were approved by override.",
    "evidence-exports": "Signed evidence of all requests of a period, which an auditor verifies alone.",
    "delegations": "Out of office: who approves in someone's place, and until when.",
    "workflows": "Which requests need whose approval: definitions, their versions, and simulations.",
    "simulations": "Changed rules that are tried on the requests of the last days before they are used.",
    "groups": "Groups of approvers.",
    "calendars": "Business hours and holidays, by which deadlines are counted.",
    "flags": "Compliance flags that rules and people put on requests.",
    "caps": "Spending limits per day or month, also for approved requests.",
    "risk-policies": "Risk scoring: what makes a request risky, and by how much.",
    "decision-links": "Approve-by-email links: whether your organisation allows them.",
    "action-kinds": "The kinds of action that can be requested, with their fields.",
    "kill-switches": "Emergency stop: pause everything, one agent or one kind of action, and resume.",
    "conversations": "What customers and agents write; take over, answer, assign, close.",
    "consents": "What people agreed or objected to: an append-only ledger, the newest line counts.",
    "messages": "Single messages: send a failed one again.",
    "contacts": "The people who write, masked; search is a POST, so that no personal address is part of a URL.",
    "members": "Invite colleagues by mail, and erase a member for good.",
    "notices": "Your own notices: what happened that concerns you.",
    "notification-preferences": "How and when you are notified: channels, quiet hours and digests.",
    "erasures": "Data deletion: who was erased, by id, and how far each erasure is.",
    "channel-accounts": "Numbers, mailboxes and web chats, without their credentials.",
    "agents": "The agents, built in and your own, with the versions of their configuration.",
    "agent-runs": "Runs of agents: what started each, what it cost, how it ended.",
    "tool-calls": "Tools that agents used in their runs, masked.",
    "briefs": "Your own daily briefs, and having one mailed now.",
    "brief-preferences": "How and when people want their daily brief.",
    "reveals": "Personal data in clear for five minutes, with a reason, on record.",
    "audit": "The tamper-evident log of every access, decision and change, and the check of its chain.",
    "dead-letters": "Failed jobs: retry or discard them.",
    "stream": "The numbered events behind the live pages, for programs that resume where they stopped.",
}
GROUPS: Final = [{"name": name, "description": words} for name, words in _WORDS.items()]
