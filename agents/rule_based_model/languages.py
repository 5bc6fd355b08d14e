"""Languages the rule-based model does not speak: how it detects one, and what it answers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agents.rule_based_model.words import CHANGE, FUNCTION_WORDS, KEYWORDS

ONLY_ENGLISH = "I only understand English"
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
_ENGLISH = (_SPEAKS | CHANGE | frozenset(KEYWORDS) | frozenset("pause stop publish send turn".split())) - _LOANS
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|⟦[^⟧]*⟧|https?://\S+|(?<!\w)/[\w\-./]+")
_LATIN_ENDS = 0x250


def foreign_language(text: str) -> str:
    """Return the code of a text's language when it is not English.

    "other" stands for another script; English and texts too short to tell give "".
    """
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
    """Score two for a word only this language has and one for a small word.

    Names do not count.
    """
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


_SORRY: Mapping[str, str] = {
    "fr": "Désolé, je ne comprends que l'anglais. Écrivez-moi en anglais, ou écrivez-moi à nouveau "
    "dans votre langue : un collègue vous répondra.",
    "es": "Lo siento, solo entiendo inglés. Escríbame en inglés, o escriba otra vez en su idioma "
    "y le responderá un colega.",
    "de": "Ich verstehe leider nur Englisch. Schreiben Sie mir bitte auf Englisch. Oder schreiben Sie noch "
    "einmal in Ihrer Sprache, dann antwortet Ihnen jemand aus dem Team.",
    "it": "Mi dispiace, capisco solo l'inglese. Mi scriva in inglese, oppure scriva ancora una volta "
    "nella sua lingua: le risponderà un collega.",
    "pt": "Desculpe, só entendo inglês. Escreva em inglês, ou escreva outra vez na sua língua: um colega responderá.",
    "nl": "Sorry, ik begrijp alleen Engels. Schrijf me in het Engels, of schrijf nog een keer in uw "
    "taal: dan antwoordt een collega.",
}
_HANDING: Mapping[str, str] = {
    "fr": "Un collègue vous répondra ici.", "es": "Un colega le responderá aquí.",
    "de": "Jemand aus dem Team antwortet Ihnen hier.", "it": "Un collega le risponderà qui.",
    "pt": "Um colega responderá aqui.", "nl": "Een collega antwoordt u hier.",
}  # fmt: skip


def sorry(code: str) -> str:
    """Return, in both languages, that this one is not spoken and what to do instead."""
    english = (
        f"Sorry, {ONLY_ENGLISH}. Please write in English, or write again in your language "
        "and I'll bring in a colleague. Nothing has been changed."
    )
    return "\n\n".join(part for part in (_SORRY.get(code, ""), english) if part)


def handing(code: str) -> str:
    """Return in the person's language that a colleague will reply, or "" where we cannot."""
    return _HANDING.get(code, "")
