"""How something is said: a command, a question, a doubt, a refusal, an attack."""

import re
from typing import Literal

from agents.llm.built_in.text import Clause

Stance = Literal["command", "question", "doubt", "negated", "later", "attack", "retract", "said"]

_ATTACK = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:previous|prior|above|earlier|all|"
    r"your|system|the)\b.{0,20}\b(?:instructions?|rules?|prompts?|policy|policies|guidelines?)\b"
    r"|\bsystem prompt\b|\b(?:developer|debug|god|admin) mode\b|\byou are now\b|\bpretend\b"
    r"|\bact as\b|\bjailbreak\b|\bwithout (?:any )?(?:approval|signature|asking|permission)\b"
    r"|\bskip (?:the )?(?:approval|signature)\b|<\|?/?(?:system|im_start|tool|assistant)"
    r"|^\s*(?:system|assistant|tool)\s*:|\bno (?:approval|signature) (?:is )?(?:needed|required)\b"
    r"|\balready (?:been )?(?:approved|signed|authori[sz]ed)\b|\bpre-?approved\b|\bself-?approve",
    re.IGNORECASE | re.MULTILINE,
)
_RETRACT = re.compile(
    r"\b(?:never ?mind|forget (?:it|that|about)|scratch that|changed my mind|on second thoughts?|"
    r"cancel (?:that|it|this|my (?:last |previous )?(?:requests?|changes?|message))|undo|"
    r"revert|hold on|wait)\b|^(?:no|nope|nah|stop|cancel)\b[\s,.!]*$"
)
_REFUSAL = re.compile(
    r"^(?:(?:no|nope|nah|oh|sorry|please|actually|ok|okay|,|!)\s*)*(?:don't|dont|do not)"
    r"(?:\s+(?:do|it|that|this|so|please|yet|anything|,|!))*$"
)
_NEGATION = re.compile(
    r"\b\w+n't\b|\b(?:not|never|cannot|without|avoid|refrain|rather than|instead of|no longer|"
    r"no need|nobody|"
    r"no one|nothing|kidding|joking|hold off|no way|anything but|under no circumstances|quit|against)\b|^no\b"
    r"|\b(?:leave|keep)\b.*|\bstop \w+ing\b|\bno (?:raise|increase|change|changes|pause|more)\b"
)
_POLITE_IF = re.compile(
    r"\b(?:if (?:possible|you can|you could|you would|you don't mind|you please|that's ok)|"
    r"(?:would|do) you mind|if you don't mind)\b"
)
_COURTESY = re.compile(r"\b(?:can|could|may) i ask you to\b|\bi ask you to\b")
_DOUBT = re.compile(
    r"\b(?:what if|if|suppose|supposing|imagine|assuming|in case|unless|hypothetically|in theory|"
    r"theoretically|let's say|say we|might|maybe|perhaps|thinking (?:of|about)|think(?:ing)? we|"
    r"consider(?:ing)?|wonder(?:ing)?|until|once|as soon as|whenever|would it|would that|"
    r"how about|what about|why don't|why not|i guess|not sure|unsure|probably|eventually|"
    r"some ?day|could be|plan(?:ning)? to|going to|tempted)\b|\bwhen (?!\w+ you)"
)
_SHOULD = re.compile(r"\b(?:should|shall|ought)\b")
_SET_OUT = re.compile(r"\b(?:should|must) (?:be|read|say)\b")
_LATER = re.compile(
    r"\b(?:tomorrow|tonight|later|next (?:week|month|year|\w+day)|on (?:mon|tues|wednes|thurs|fri|"
    r"satur|sun)day|at \d{1,2} ?(?:am|pm|o'clock)|in \d+ (?:minutes?|hours?|days?|weeks?)|"
    r"in an hour|this (?:evening|weekend)|after (?:the|lunch)|before (?:the|lunch)|"
    r"from (?:mon|tues|wednes|thurs|fri|satur|sun)day)\b"
)
_REQUEST = re.compile(
    r"\b(?:(?:can|could|will) you|would you (?:please|kindly|mind|be so)|do you mind|"
    r"(?:can|could|may) i ask you|(?:can|could) we .*please)\b"
)
_WH = re.compile(r"^(?:(?:so|and|but|ok|okay|hi|hello|,) )*(?:when|why|how|where|what|which|who)\b")
_STATEMENT = re.compile(
    r"\b(?:is|was|are|were|has been|have been|had been|yesterday|already|ago|earlier|last (?:week|"
    r"month|year|night|\w+day))\b"
    r"|^(?:i|he|she|they|we|someone|somebody|you) (?:just |also )?(?:set|put|cut|pause|stop|publish|"
    r"send|raise|change|update|tell|told|sent|made|gave)\b"
)
_REPORTED = re.compile(
    r"\b(?:wants to|asked|asks|said|says|told|thinks|believes|suggested|suggests|decided|plans|"
    r"refuses|heard|hopes|discuss|discussing|debate|mistake|risky|dangerous|wrong|terrible|stupid|"
    r"would be|would have|thanks for|thank you for|or)\b"
)
_OTHER_VERB = re.compile(
    r"\b(?:show|confirm|check|ask|remind|verify|tell (?:me|us)|let (?:me|us)|see|look|find|wait|"
    r"remember|warn|make sure|ensure|help|try|prepare|plan|schedule|draft up|calculate|estimate|"
    r"predict|compare|simulate|pretend|describe|list|regret|wish|only|before|after|except)\b"
)
_GERUND = re.compile(
    r"(?<!please )\b(?:pausing|stopping|halting|suspending|raising|increasing|lowering|reducing|"
    r"cutting|setting|publishing|releasing|sending|messaging|notifying|emailing|changing|updating|"
    r"rewriting)\b"
)
_FILLER = (
    r"(?:(?:hi|hello|hey|good (?:morning|afternoon|evening)|ok|okay|so|and|then|also|now|well|"
    r"right|just|kindly|temporarily|immediately|walker|thanks|,|!|:|-) )*"
)
_VERBS = (
    r"(?:raise|increase|bump|lift|set|change|put|make|give|lower|decrease|cut|reduce|drop|adjust|"
    r"boost|amend|slash|move|update|scale|shrink|trim|up|bring|pause|stop|halt|suspend|freeze|"
    r"deactivate|disable|kill|turn|switch|shut|take|publish|push|go|get|release|post|ship|send|"
    r"message|text|tell|notify|inform|broadcast|announce|ping|contact|reach|shoot|e-?mail|mail|"
    r"write|let|drop|rewrite|replace|edit|fix|modify|use|add|rename|swap|double|triple|halve)"
)
_IMPERATIVE = re.compile(rf"^{_FILLER}{_VERBS}\b|[:,-] (?:kindly |just )?{_VERBS}\b")
_WISH = re.compile(
    r"\b(?:i|we)(?:'d| would)? (?:really |also )?(?:like|love|want|need)\b|\blet's\b|\btime to\b"
    r"|\bneeds a\b|->|→|^[^:]{3,40}: (?:the )?(?:new )?(?:daily )?budget\b|=|\bcan go live\b"
)
_OPEN = re.compile(
    r"^(?:(?:so|and|but|ok|okay|hi|hello|hey|well|um|hmm|please|,|!)\s*)*"
    r"(?:is|are|was|were|did|does|do|has|have|had|am|what|why|when|how|who|which|where|whether|"
    r"whose|can i|can we|could i|could we|may i|may we|would|what's|how's|where's|any)\b"
)
_OPINION = re.compile(
    r"\b(?:do you think|you think|your opinion|your view|advise|advice|recommend|suggest|worth|"
    r"is it (?:wise|ok|okay|safe|good|smart|possible)|what would happen|makes? sense|"
    r"good idea|bad idea|tell me (?:if|whether|what|how|why)|explain|difference|impact|effect)\b"
)


def is_attack(text: str) -> bool:
    """Return True for words that try to talk the model out of its rules."""
    return bool(_ATTACK.search(text))


def hazard(clause: Clause) -> Stance | None:
    """Return a stance that blocks every command of the same message, or None."""
    bare = _POLITE_IF.sub("please", clause.bare)
    if _RETRACT.search(bare) or _REFUSAL.search(bare):
        return "retract"
    if _NEGATION.search(bare):
        return "negated"
    if _DOUBT.search(bare):
        return "doubt"
    if _REPORTED.search(bare) or _OTHER_VERB.search(_COURTESY.sub("", bare)):
        return "doubt"
    if _GERUND.search(bare) and not _IMPERATIVE.search(bare) and "please" not in bare:
        return "doubt"
    if _SHOULD.search(bare) and not (_SET_OUT.search(bare) and "please" in bare):
        return "question"
    if _OPINION.search(bare):
        return "question"
    return "later" if _LATER.search(bare) else None


def stance_of(clause: Clause) -> Stance:
    """Return how one clause is said, where nothing blocks the whole message."""
    bare = _POLITE_IF.sub("please", clause.bare)
    if _WH.search(bare):
        return "question"
    if _REQUEST.search(bare):
        return "command"
    if _OPEN.search(bare):
        return "question"
    if "please" in bare:
        return "command"
    if "?" in bare or _STATEMENT.search(bare):
        return "doubt"
    return "command" if _IMPERATIVE.search(bare) or _WISH.search(bare) else "said"
