"""The words the rule-based model knows, and how it corrects typing errors in them."""

from __future__ import annotations

from functools import lru_cache

from core.text.languages import FUNCTION_WORDS

SHORT_FORMS = {
    "pls": "please", "plz": "please", "plse": "please", "u": "you", "cud": "could",
    "snd": "send", "rise": "raise", "msg": "message", "dont": "don't", "wont": "won't",
    "cant": "can't", "shouldnt": "shouldn't", "wouldnt": "wouldn't", "doesnt": "doesn't",
    "didnt": "didn't", "isnt": "isn't", "desc": "description", "nvm": "nevermind",
    "wanna": "want", "gonna": "going", "thx": "thanks", "shud": "should", "wat": "what",
    "neither": "not", "nor": "not",
}  # fmt: skip

KEYWORDS = (
    "budget budgets campaign campaigns raise increase decrease reduce lower daily change update "
    "pause pausing paused suspend deactivate disable publish publishing published article "
    "articles audience audiences segment segments message messages description title metadata "
    "ranking rankings keyword keywords performance perform performing content subscribers "
    "customers please should"
).split()

CHANGE = frozenset(
    "raise increase bump lift set change put make give lower decrease cut reduce drop adjust "
    "boost amend slash move update bring up scale shrink trim double triple halve".split()
)
PAUSE = frozenset("kill pause stop halt suspend freeze deactivate disable".split())

CAMPAIGN_WORDS = frozenset(
    "campaign campaigns called named budget budgets daily day days spend spending spent ad ads "
    "per week month year yesterday tomorrow amount euro euros eur usd gbp dollars pounds cost "
    "costs turn switch shut take hold offline live running run paused pausing stopped raised "
    "raising kpis kpi rate costing brought temporarily increased increasing lowered lowering "
    "performing performance perform performs "
    "doing clicks click ctr roas conversions conversion impressions stats statistics numbers "
    "number results result report status state figures current far so last think idea wise "
    "better worth possible happen happens happened money cheap expensive "
    "everything most least best worst spends more instead name names increments "
    "increase decrease percent half extra more less".split()
)
AUDIENCE_WORDS = frozenset(
    "send sending message messages text tell notify notifying inform broadcast email e-mail mail "
    "write announce ping drop know following saying says say audience audiences segment segments "
    "group groups list campaign contacts line note word everyone newsletter-message the "
    "announcement reading contact reach shoot - that".split()
)


def _distance(left: str, right: str, limit: int) -> int:
    """Return the edit distance with neighbouring swaps; exact only up to the limit."""
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        previous, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, previous[j - 2] + 1)
            row.append(cost)
    return row[-1]


@lru_cache(maxsize=4096)
def mend(word: str) -> str:
    """Return the known word that a lower-case word most likely means, or the word itself."""
    if word in SHORT_FORMS:
        return SHORT_FORMS[word]
    if len(word) < 5 or word in KEYWORDS or word in FUNCTION_WORDS or word in CAMPAIGN_WORDS:
        return word
    limit = 2 if len(word) >= 8 else 1
    near = [
        (gap, known)
        for known in KEYWORDS
        if known[0] == word[0] and len(known) >= 5 and abs(len(known) - len(word)) <= limit
        if (gap := _distance(word, known, limit)) <= limit
    ]
    return min(near)[1] if near else word
