"""What a letter asks, without its greeting, closing and name."""

from agents.llm.built_in.text import asked_in

LETTERS = {
    "Guten Tag,\nwann werden die Fäden gezogen?\nMfG Petra": ("wann werden die Fäden gezogen?", ""),
    "Dear team,\n\nwhen are you open?\n\nBest regards\nPeter Miller": ("when are you open?", ""),
    "Hello, what does it cost?\n\nKind regards,\nJane Miller": ("what does it cost?", ""),
    "Bonjour,\nQuels sont vos horaires ?\nCordialement,\nLuc": ("Quels sont vos horaires ?", ""),
    "Hola, ¿cuánto cuesta?\nUn saludo": ("¿cuánto cuesta?", ""),
    "Sehr geehrte Frau Wolny, haben Sie samstags auf?\n--\nPeter": ("haben Sie samstags auf?", ""),
    "Liebes Team, ich brauche einen Termin.\nViele Grüße\nAnna": ("ich brauche einen Termin.", ""),
    "My son is 3. Which vaccine does he need?": ("Which vaccine does he need?", "My son is 3."),
    "It is late.\nThanks for checking\nWhen will it come?": ("When will it come?", "It is late. Thanks for checking"),
    "Thanks": ("Thanks", ""),
    "Hello": ("Hello", ""),
    "Dear is what it was": ("Dear is what it was", ""),
    "": ("", ""),
}


def test_greeting_closing_and_name_ask_nothing() -> None:
    found = {text: asked_in(text) for text in LETTERS}
    assert found == LETTERS
    assert asked_in("Dear " + "a" * 100_000)[1] == ""
    assert asked_in("Thanks\n" * 20_000)[1] == ""
