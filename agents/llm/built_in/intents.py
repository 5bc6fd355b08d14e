"""What a clause is about: the tool it asks for, or something agents cannot do."""

import re

from agents.llm.built_in.phrases import book
from agents.llm.built_in.text import Clause
from core.text.courtesies import courtesy_in
from core.text.words import placed_words

_DECIDE = re.compile(r"\b(?:approve|approving|sign off|countersign|reject|decline)\b|\bsign (?:it|this|that|br)\b")
_PERSON = re.compile(
    r"\b(?:talk|speak|chat|connect|transfer|hand|escalate|get|need|want|give)\b.*\b(?:human|person|"
    r"agent|colleague|someone|somebody|staff|representative|support)\b|\breal person\b"
    r"|\b(?:some(?:one|body)|any(?:one|body))\b.*\b(?:call|ring|phone) (?:me|us)\b"
    r"|\b(?:call|ring|phone) me back\b|^(?:please )?(?:call|ring|phone) me(?: please| now| today)?$"
)
_SPEAK_DE = (
    r"(?:sprech\w*|spreche|reden|rede|schreiben|chatten|telefonier\w*|verbind\w*|verbunden|unterhalten|haben|anrufen)"
)
_SOMEBODY_DE = (
    r"(?:mensch(?:en)?|person|mitarbeiter\w*|jemand(?:em|en)?|berater\w*|kolleg\w*|kundenservice|kundendienst|"
    r"kundenbetreu\w*|support|ansprechpartner\w*|chef\w*|vorgesetzt\w*)"
)
_SOMEBODY_FR = (
    r"(?:quelqu un|personne|humain|conseill\w*|agent|collegue|responsable|service client|employe\w*|vendeu\w*)"
)
_SOMEBODY_ES = (
    r"(?:alguien|persona|humano|agente|asesor\w*|companer\w*|encargad\w*|operador\w*|responsable|emplead\w*|"
    r"atencion al cliente)"
)
_PERSON_ELSEWHERE = re.compile(
    "|".join(
        (
            rf"\b{_SOMEBODY_DE}\b(?: \w+){{0,5}} {_SPEAK_DE}\b",
            rf"\b(?:sprech\w*|rede|verbind\w*)\b(?: \w+){{0,5}} mit (?:\w+ ){{0,3}}{_SOMEBODY_DE}\b",
            r"\b(?:echte\w*|richtige\w*|reale\w*|lebende\w*) (?:mensch|person|mitarbeiter)\w*",
            r"\b(?:jemand|wer|einer|irgendwer)\b(?: \w+){0,5} (?:anruf\w*|zuruckruf\w*|vorbeikommen|zuruckmelden)\b",
            r"\bruf(?:e|en|t)?\b(?: \w+){0,2} mich\b(?: \w+){0,3} (?:an|zuruck)\b|\bruckruf\b|\bzuruckgerufen\b",
            r"\b(?:kein\w*|nicht mit (?:einem|dem)|statt) (?:bot|roboter|computer|maschine)\b",
            rf"\b(?:parl\w*|discut\w*|echang\w*|joindre|contacter|passer|passez|avoir|mettre en relation)\b"
            rf"(?: \w+){{0,5}} {_SOMEBODY_FR}\b",
            r"\b(?:vraie?|reelle?) (?:personne|humain|conseill\w*)|\b(?:personne|humain) reell?e?\b|\bun humain\b",
            r"\brappele[rz]\b(?: moi)?\b|\bpas (?:a )?un (?:robot|bot)\b",
            rf"\b(?:habl\w*|chatear|comunic\w*|contact\w*|pas[ae]\w*|pong\w*)\b(?: \w+){{0,5}} {_SOMEBODY_ES}\b",
            rf"\b(?:necesito|quiero|quisiera) (?:a )?una? {_SOMEBODY_ES}\b",
            r"\bpersona (?:real|de verdad|humana)\b|\b(?:un|ser) humano\b",
            r"\b(?:me (?:puede|pueden|podria|podrian) llamar|pueden llamarme|puede llamarme|llam[ea]nme|llam[ea]me)\b",
            r"\bno (?:con )?un (?:robot|bot)\b",
        )
    )
)
"""Of words without accents, in German, French and Spanish."""
_IDENTITY = re.compile(
    r"\b(?:who|what) are you\b|\bare you (?:an? )?(?:bot|robot|human|ai|real|person|machine|gpt|"
    r"language model|llm|chatgpt|claude)\b|\bwhich model\b|\bwhat model\b|\byour name\b"
)
_HELP = re.compile(
    r"\b(?:help|what can you do|what do you do|how can you help|what are you able|capabilities|"
    r"how does this work|what else can you|options)\b"
)
_GREETING = re.compile(
    r"^(?:hi|hello|hey|good (?:morning|afternoon|evening)|hiya|moin|yo)\b[^?]{0,24}$"
    r"|\bhow are you\b"
)
_THANKS = re.compile(r"^(?:thanks|thank you|cheers|great|perfect|cool|nice|awesome)\b[^?]{0,24}$")
_ONLY_THANKS = re.compile(r"^(?:(?:many|thanks|thank you|cheers|so much|very much|a lot|again|walker)\W*)+$")
_YES = re.compile(
    r"^(?:(?:yes|yep|yeah|yup|sure|ok|okay|correct|exactly|absolutely|please|go ahead|do it|do that|"
    r"do so|right|confirmed?|sounds good|let's do it|thanks|,|!)\W*)+$"
)


def wants_person(text: str) -> bool:
    """Return True if somebody asks for a person, in German, French or Spanish; English is read clause by clause."""
    return _PERSON_ELSEWHERE.search(" ".join(word.text for word in placed_words(text[:1000]))) is not None


def acting_topic(clause: Clause) -> str | None:
    """Return the acting tool this clause would command, or "decide" or another that agents never do."""
    if _DECIDE.search(clause.bare):
        return "decide"
    return book().acting_topic(clause)


def reading_topic(clause: Clause) -> str:
    """Return what a clause without a command asks about, or small talk."""
    bare = clause.bare
    kind, language = courtesy_in(clause.text)
    if kind and language != "en":
        return "left_alone" if kind == "no" else kind
    talk = [
        (_PERSON, "person"), (_IDENTITY, "identity"), (_ONLY_THANKS, "thanks"), (_YES, "yes"), (_GREETING, "greeting"),
    ]  # fmt: skip
    for pattern, topic in talk:
        if pattern.search(bare):
            return topic
    if asked := book().reading_topic(clause):
        return asked
    if _HELP.search(bare):
        return "help"
    return "thanks" if _THANKS.search(bare) else "nothing"
