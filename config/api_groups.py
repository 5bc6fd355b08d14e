"""The groups of the API's description, in the order in which its page shows them."""

from typing import Final

_WORDS: Final = {
    "approvals": "What waits for a signature, what was decided, and every step a request can take.",
    "override-reviews": "Requests that were approved by override and still have to be looked at.",
    "delegations": "Who signs for whom, and until when.",
    "workflows": "Who has to sign what: definitions, their versions, and a trial of a made-up request.",
    "groups": "Groups of people who sign together.",
    "calendars": "Business hours and holidays, by which the time to decide is counted.",
    "caps": "Limits on what may be spent or sent in a time, whatever was signed.",
    "risk-policies": "What makes a request risky, and how much each part weighs.",
    "decision-links": "Whether links in mails may decide for your organisation.",
    "action-kinds": "What can be asked for, with the fields of each kind.",
    "kill-switches": "Stopping everything, one agent or one kind of action, and letting it go on.",
    "conversations": "What customers and agents write; taking over, answering, passing on, closing.",
    "contacts": "The people who write, masked; looked for by POST, so that no address stands in a web address.",
    "members": "Inviting colleagues by mail, and erasing one for good.",
    "erasures": "Who was erased for good, by id, and how far each erasure is.",
    "channel-accounts": "Numbers, mailboxes and web chats, without their credentials.",
    "agents": "The agents, built in and your own, with the versions of their configuration.",
    "agent-runs": "Each turn of an agent: what started it, what it cost, how it ended.",
    "tool-calls": "What agents called within their turns, masked.",
    "briefs": "Your own daily briefs, and having one mailed now.",
    "brief-preferences": "How and when people want their daily brief.",
    "reveals": "Seeing personal data in clear for five minutes, with a reason, on record.",
    "audit": "The tamper-evident log of every look, decision and change, and checking its chain.",
    "dead-letters": "Work that failed for good: doing it again, or putting it aside.",
    "stream": "The numbered events behind the live pages, for programs that resume.",
}
GROUPS: Final = [{"name": name, "description": words} for name, words in _WORDS.items()]
