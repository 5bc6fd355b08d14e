"""The questions that the marketing desk asks back, word for word the same each time."""

from agents.llm.built_in.types import Pending

_DEEDS = {
    "set_campaign_budget": "set the daily budget of {campaign} to {daily_budget}{money}",
    "pause_campaign": "pause {campaign}",
    "update_page_meta": "change the meta data of {page}",
    "publish_content": "publish “{content}”",
    "send_audience_message": "send {audience} the message “{text}”",
}
_CAMPAIGN = {
    "set_campaign_budget": "Which campaign's daily budget do you want to change?",
    "pause_campaign": "Which campaign do you want to pause?",
    "campaign_performance": "Which campaign do you mean?",
}
_AMOUNT = {
    "missing": "What should the daily budget of {campaign} be?",
    "relative": "I need the new daily amount itself, not the change. What should the daily budget of {campaign} be?",
    "several": "I see more than one amount. What should the daily budget of {campaign} be?",
    "period": "I can only request a daily budget. What should the daily budget of {campaign} be?",
    "zero": "A daily budget has to be above zero (to stop spending, ask me to pause the campaign). "
    "What should the daily budget of {campaign} be?",
}
_OTHER = {
    "page": "Which page do you mean? Please give its path, for example /pricing.",
    "wording": "What should it say? Please write, for example: title “…” or description “…”.",
    "content": "Which piece of content do you want to publish?",
    "audience": "Which audience should get the message?",
    "text": "What should the message to {audience} say?",
}


def deed(pending: Pending) -> str:
    """Return what a complete command would do, as a verb phrase; "" for what is no command."""
    if pending.tool not in _DEEDS:
        return ""
    money = f" {pending.arguments['currency']}" if pending.arguments.get("currency") else ""
    return _DEEDS[pending.tool].format(**pending.arguments, money=money)


def question(pending: Pending) -> str:
    """Return the question for the missing argument."""
    if pending.missing == "campaign":
        return _CAMPAIGN[pending.tool]
    facts = {"campaign": "the campaign", "audience": "the audience"} | dict(pending.arguments)
    if pending.missing == "daily_budget":
        return _AMOUNT[pending.why].format(**facts)
    return _OTHER[pending.missing].format(**facts)
