"""What the built-in model answers in a language that it does not speak."""

from collections.abc import Mapping

ONLY_ENGLISH = "I only understand English"
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
