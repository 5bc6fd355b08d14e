"""The groups of the API's description, in the order in which its page shows them, and summaries of operations."""

from typing import Any, Final

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
    "suggested-replies": "Replies that agents wrote and did not send: send, change or drop them.",
    "teams": "People who share the conversations that agents hand over, with their targets.",
    "customer-links": "Who contacts are in your back office.",
    "surveys": "What customers said once their conversation was closed.",
    "triage-rules": "Rules that say which team a conversation goes to, tried out before they count.",
    "tags": "Words that conversations are sorted by, with colours: make, change and merge them.",
    "canned-replies": "Texts that colleagues write once and send often, with variables that are filled in on sending.",
    "macros": "Steps that colleagues do with many conversations in the same way: write them, and run one.",
    "availability": "Who of the teams is there now, and saying so of yourself.",
    "contacts": "The people who write, masked; search is a POST, so that no personal address is part of a URL.",
    "me": "Your own profile: name, picture, language, time zone and email signature.",
    "members": "List members, invite colleagues by mail, and erase a member for good.",
    "views": "Your own saved views: filters, search and order of a list of the console under a name.",
    "notices": "Your own notices: what happened that concerns you.",
    "notification-preferences": "How and when you are notified: channels, quiet hours and digests.",
    "erasures": "Data deletion: who was erased, by id, and how far each erasure is.",
    "retention": "For how many days each kind of data is kept, and what a choice would mean.",
    "legal-holds": "What may not be deleted for now: a contact, a conversation or everything.",
    "templates": "Message templates of WhatsApp accounts, and what each is sent for.",
    "channel-accounts": "Numbers, mailboxes and web chats, without their credentials.",
    "agents": "The agents, built in and your own, with the versions of their configuration.",
    "answer-rules": "Rules that say which agent answers where, or a person, tried out before they count.",
    "trials": "Your own trials of agents: what a draft answers, with each step, and nothing leaves.",
    "eval-cases": "Cases that agents are checked with before a draft is activated.",
    "eval-runs": "Runs of checks: an agent's cases, or its past conversations answered again, without sending.",
    "model-routes": "Models of your own: where they are, what they cost, in which order they are asked.",
    "flow-servers": "The Langflow server whose flows can answer as agents.",
    "budgets": "What models may cost per day or month, of all agents or one.",
    "usage": "What models were used for and what it cost, by agent, route, channel or day.",
    "agent-runs": "Agent runs: what started each, what it cost, how it ended.",
    "tool-calls": "Tools that agents used in their runs, masked.",
    "collections": "Collections of documents that agents answer from, each for an audience.",
    "documents": "Articles, files and pages that answers cite, with their versions.",
    "sites": "Websites whose pages are fetched as documents.",
    "open-questions": "What people asked and no document answered, masked, to answer with an article.",
    "knowledge": "Try what an agent would find for a question.",
    "figures": "What happened, counted by day: metrics, and one of them over a span.",
    "briefs": "Your own daily briefs, and having one mailed now.",
    "alert-rules": "Conditions over the organisation's numbers, and who is told when they hold.",
    "alerts": "Single alerts: acknowledge one.",
    "exports": "Lists taken away as files: request one, follow it, download it.",
    "export-schedules": "Exports that repeat every week or month, mailed as a link.",
    "brief-preferences": "How and when people want their daily brief.",
    "reveals": "Personal data in clear for five minutes, with a reason, on record.",
    "audit": "The tamper-evident log of every access, decision and change, and the check of its chain.",
    "audit-destinations": "Security systems that get the audit log, and how far each has got it.",
    "auth": "Register, and sign in as a person: tokens for a device of yours, new ones, and the end of them.",
    "connections": "Outside systems that are connected, without their credentials: connect, test, rotate, disconnect.",
    "provider-calls": "Calls to outside systems in the last 30 days: how each ended and how long it took.",
    "webhook-endpoints": "Your servers that hear of events by signed webhooks, and the log of what they were told.",
    "dead-letters": "Failed jobs: retry or discard them.",
    "event-types": "Types of events, with the JSON Schema of each.",
    "stream": "The numbered events behind the live pages, for programs that resume where they stopped.",
}
GROUPS: Final = [{"name": name, "description": words} for name, words in _WORDS.items()]


def with_summaries(result: dict[str, Any], **context: Any) -> dict[str, Any]:
    """Give each operation the first sentence of its description as its summary."""
    for operations in result.get("paths", {}).values():
        for operation in operations.values():
            if isinstance(operation, dict) and operation.get("description"):
                first = operation["description"].partition(". ")[0]
                operation.setdefault("summary", first.rstrip(".").replace("\n", " "))
    return result
