"""Judge whether sentences claim that something was done: the sandbox's stand-in for a model that judges.

It reads nothing but the request, and goes by small words alone: whether a sentence asks, has a condition, denies,
speaks of the future, or has a verb that is over.
"""

import json
import re

MARK = "You read sentences of an assistant"
"""What in the instructions tells that sentences are to be judged."""
_CONDITION = re.compile(
    r"^(?:if|once|when|whenever|as soon as|after|before|unless|until|in case|wenn|falls|sobald|nachdem|bevor|bis|"
    r"solange|si|dès|quand|"
    r"lorsqu|une fois|après|avant|pour|cuando|en cuanto|una vez|después|antes|para|to|for)\b"
)
_DENIAL = re.compile(
    r"\b(?:not|never|nothing|nobody|cannot|unable|nicht|nichts|kein\w*|niemand|pas|rien|aucun\w*|jamais|nada|nunca|"
    r"aún no|"
    r"todavía no)\b|n['’]t\b|^no\b(?! longer)"
)
_LATER = re.compile(
    r"\b(?:will|can|could|would|must|should|may|might|shall|(?:has|have|need|needs|going|want|wants|like) to|werde|"
    r"kann|können|könnte\w*|muss|"
    r"müssen|sollte?\w*|darf|möchte\w*|wollen|vais|va|vont|peut|peuvent|pouvez|doit|doivent|voudr\w+|souhait\w+|"
    r"puede\w*|voy|debe\w*|tiene que|hay que)\b"
    r"|['’]ll\b|\bfaut\b"
)
_RULE = re.compile(
    r"^(?:les |los |las )?(?!vos|nos|mes|sus|yours?|all|both)\w+s (?:\w+ )?(?:are|sont|se|sind)\b|^(?!ihre|die|sie|"
    r"alle|beide)\w+e(?:n|r)? (?:\w+ )?(?:werden|sind)\b|"
    r"\b(?:if|unless|usually|always|within|every|each|per|automatically|once|wenn|sobald|immer|innerhalb|jede[nrs]?|"
    r"pro|automatisch|"
    r"before|until|sous \d+|chaque|toujours|dès|si|siempre|cada|en \d+ días|en cuanto|cuando|ob|whether|\w+days|"
    r"\w+tags|le (?:lundi|mardi|mercredi|jeudi|vendredi|premier)|los (?:lunes|martes|miércoles|jueves|viernes)|"
    r"first of|in (?:19|20)\d\d)\b|\b(?:by|von|par|por) (?:an?|einer?m?|une?|una?|our)\b"
)
_OF_YOU = re.compile(
    r"\b(?:you|usted|vous)(?: already| ya)?(?:['’]ve| have| had| ha| avez)\b|\bsie haben\b|\bhaben sie\b(?! wir)"
)
_KNOWN = re.compile(
    r"\b(?:read|received|noted|understood|gelesen|erhalten|verstanden|lu|reçu|noté|leído|recibido|anotado|found|"
    r"gefunden|trouvé|encontrado|colleague|kolleg\w+|"
    r"collègue|compañero)\b"
)
"""What an assistant may say of itself."""
_BE = (
    r"(?:is|are|was|were|been|being|has|have|had|got|['’]s|['’]ve|['’]re|ist|sind|wurden?|habe|hab|haben|hat|worden|"
    r"est|sont|a|ai|ont|avons|été|ha|he|han|hemos|fue|fueron|está|están|queda|quedó|se)"
)
_OVER = re.compile(
    rf"\b{_BE}\b.{{0,80}}?\b(?:\w{{2,}}ed|sent|paid|put|set|made|done|taken|gone|left|\w*ge\w+[tn]|(?:ver|be|er|ent|"
    rf"über)\w+(?:t|en)|\w+iert|\w+ées?|\w+és?|"
    r"\w+(?:mis|fait|ert|uit|rit)e?s?|\w+[ai]d[oa]s?|hecho|devuelto|puesto|resuelt[oa]|pris|prise|clos|close|"
    r"parti[es]*|faite?s?|off|out|again|raus|weg|effective|gone)\b"
    r"|^(?:all |all's |so |ok )?(?:done|sent|erledigt|fait|hecho|listo|gesendet|todo)\b|\b(?:i|we)(?: just| also|"
    r" already| went ahead and)* (?:\w+ed|sent|put|took|made|gave|set|did)\b"
    r"|\b(?:on (?:its|the) way|under way|in progress|went|unterwegs|ab sofort|erfolgt|en route|en cours|"
    r"c['’]est fait|désormais|en camino|en proceso|now|jetzt|nun|gerade|"
    r"maintenant|ahora|à l['’]instant|viens d\w*|venons d\w*|vient d\w*|acab\w+ de|no longer)\b|\b\w{3,}[óé]\b|"
    r"^\w+(?: \w+){0,3} (?:\w{2,}ed|cancelado|effectué|storniert)\W*$"
    r"|\b(?:i['’]m|we['’]re|estoy|estamos)\b.{0,30}(?:ing|ndo)\b|\b(?:taken care|all set|consider it)\b"
)


def judge(request: str) -> str:
    """Return a letter for each sentence in a request, "" for what is no request."""
    try:
        rows = [str(each["text"]) for each in json.loads(request)["sentences"]]
    except (ValueError, TypeError, KeyError):
        return ""
    return "".join(map(_letter, rows))


def _letter(sentence: str) -> str:
    said = re.sub(r"[“„«\"].*?[”“»\"]", "", sentence).strip(" -*•¡").casefold()
    if said.endswith("?"):
        return "Q"
    if _KNOWN.search(said):
        return "O"
    found = [_of_clause(clause) for clause in re.split(r"[,;:]\s*|\s(?=that your\b)", said)]
    return next((letter for letter in "CINPO" if letter in found), "O") if found[0] != "I" else "I"


def _of_clause(said: str) -> str:
    if _CONDITION.search(said):
        return "I"
    for letter, pattern in (("N", _DENIAL), ("N", _OF_YOU), ("P", _LATER)):
        if pattern.search(said):
            return letter
    if not _OVER.search(said):
        return "O"
    return "I" if _RULE.search(said) and not re.search(r"\b(?:i|we|ich|wir|he|hemos|nous)\b|\bj['’]", said) else "C"
