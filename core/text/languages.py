"""Word lists of languages, and which language a text is written in (pure)."""

import re
from collections.abc import Mapping

FUNCTION_WORDS = frozenset(
    "a an the this that these those my our your his her its their of to for on in at by with from "
    "into and or but so then than as is are was were be been being am do does did have has had can "
    "could will would shall should may might must i you we they it he she me us them there here "
    "please kindly thanks thank hi hello hey dear good morning afternoon evening walker ok okay "
    "yes no not now right away just immediately asap today currently moment still also too again "
    "want wants wanted need needs like let let's lets go get got mind ask asking tell show give "
    "see know time what which who when where why how much many any all every some each whether "
    "i'd i'm i'll i've we'd we're we'll it's that's what's how's where's you'd don't won't can't "
    "shouldn't never nevermind about up down out off over if going new both very well".split()
)
"""The small words of English, with the greetings and courtesies of a chat."""

STRONG: Mapping[str, frozenset[str]] = {
    "fr": frozenset(
        "est pas nous vous mon mes votre notre pour avec dans quel quelle quels quelles combien comment "
        "pourquoi bonjour bonsoir salut merci oui plaît plait peux pouvez veux veut voudrais voulez augmente "
        "augmentez augmenter baisse baissez baisser réduis réduisez réduire mets mettez mettre suspends "
        "suspendez suspendre arrête arrêtez arrêter publie publiez publier envoie envoyez envoyer changez "
        "changer modifie modifiez modifier passe passez quotidien journalier campagne campagnes jour titre aux "
        "cette faut dois montre montrez aide client clients aujourd'hui s'il c'est qu'est j'ai".split()
    ),
    "es": frozenset(
        "hola buenos buenas gracias quiero quisiera puedes puede sube subir suba aumenta aumentar aumente baja "
        "bajar reduzca reducir pausar pausa pauses pausas pausen pon ponga poner detén detener publica publicar "
        "publique envía envíe enviar manda mandar cambia cambiar cambie presupuesto diario campaña campañas "
        "cuánto cuánta cómo qué día página título mensaje sí por favor está están eres tiene hacer ayuda "
        "dime muestra nuestra nuestro".split()
    ),
    "de": frozenset(
        "nicht kein keine ich wir ihr bitte danke hallo guten für mit und oder wieviel viel kannst könnten können "
        "möchte möchten erhöhe erhöhen senke senken pausiere pausieren stoppe stoppen anhalten setze setzen "
        "veröffentliche veröffentlichen sende senden schicke schicken ändere ändern kampagne kampagnen "
        "tagesbudget täglich tägliche täglichen nachricht kunden seite titel läuft kostet gibt welche wie ja nein "
        "unsere unser mach mache machen soll zeig zeige hilfe auf tag".split()
    ),
    "it": frozenset(
        "non ciao pausa buongiorno grazie vorrei puoi può potete aumenta aumentare riduci ridurre metti mettere "
        "sospendi sospendere ferma fermare pubblica pubblicare invia inviare manda campagna campagne giornaliero "
        "quanto quanta della dello gli più favore sono nostra nostro messaggio pagina titolo aiuto".split()
    ),
    "pt": frozenset(
        "não olá obrigado obrigada quero queria pode podes aumente aumentar reduza reduzir pausar publique publicar "
        "envie enviar mude mudar orçamento diário campanha campanhas quanto você nossa nosso mensagem página "
        "título sim ajuda".split()
    ),
    "nl": frozenset(
        "niet geen ik wij alsjeblieft alstublieft graag hallo bedankt verhoog verhogen verlaag verlagen pauzeer "
        "pauzeren zet stuur sturen publiceer publiceren wijzig wijzigen zetten campagne campagnes dagbudget "
        "hoeveel hoe voor onze bericht pagina titel het een".split()
    ),
}  # fmt: skip
_WEAK: Mapping[str, frozenset[str]] = {
    "fr": frozenset("le la les des du de un une ne je tu il et à en sur que qui au ce par sa ses".split()),
    "es": frozenset("el la los las un una de del en y que con para al lo es su".split()),
    "de": frozenset("der das den dem ein eine einen ist du sie von zu im am um wer".split()),
    "it": frozenset("il lo la le una un di del che con per al e è ci".split()),
    "pt": frozenset("os um uma de da dos em na para com que é".split()),
    "nl": frozenset("de van naar op en je dat".split()),
}
_SPEAKS = FUNCTION_WORDS - {"no", "me", "is", "in", "am", "on", "so", "as", "do", "was", "a", "an", "he", "at"}
_LOANS = frozenset("budget budgets performance content message messages audience audiences articles keywords".split())
_WORK = frozenset(
    "adjust amend article boost bring bump campaign campaigns change customers cut daily deactivate decrease "
    "description disable double drop halve increase keyword lift lower make metadata move pause paused pausing "
    "perform performing publish published publishing put raise ranking rankings reduce scale segment segments "
    "send set shrink slash stop subscribers suspend title trim triple turn update".split()
)
"""Words of people who ask for work to be done, without those that other languages write alike."""
_ENGLISH = (_SPEAKS | _WORK) - _LOANS
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|⟦[^⟧]*⟧|https?://\S+|(?<!\w)/[\w\-./]+")
_LATIN_ENDS = 0x250


def foreign_language(text: str) -> str:
    """Return the code of a text's language, "other" for another script, "" for English or too little text."""
    words = _WORD.findall(_QUOTED.sub(" ", text))
    letters = [letter for word in words for letter in word]
    others = sum(ord(letter) >= _LATIN_ENDS for letter in letters)
    english = sum(word.lower().replace("’", "'") in _ENGLISH for word in words)
    if others * 2 > len(letters) or (others > 1 and not english):
        return "other"
    # Lower-case words with letters that English does not use.
    odd = sum(word[0].islower() and not word.isascii() and "’" not in word for word in words)
    scores = {code: _score(words, code) for code in STRONG} | {"other": odd}
    best = max(scores, key=lambda code: scores[code])
    return best if scores[best] > max(english, 1) else ""


def _score(words: list[str], code: str) -> int:
    """Score two for a word only this language has and one for a small word. Names do not count."""
    score = 0
    for place, word in enumerate(words):
        plain = word.lower().replace("’", "'")
        stem = plain.partition("'")[2] if "'" in plain else plain
        in_name = place > 0 and word[0].isupper()
        if plain in STRONG[code] or stem in STRONG[code]:
            score += 2
        elif not in_name and plain in _WEAK[code]:
            score += 1
    return score
