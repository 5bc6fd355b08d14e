"""What a letter says, without its greeting, closing and name."""

from agents.llm.built_in.model import LocalModel
from agents.llm.built_in.text import without_courtesies
from agents.llm.ports import SEARCH_TOOL, Line, ToolSpec

LETTERS = {
    "Guten Tag,\nwann werden die Fäden gezogen?\nMfG Petra": "wann werden die Fäden gezogen?",
    "Dear team,\n\nwhen are you open?\n\nBest regards\nPeter Miller": "when are you open?",
    "Hello, what does it cost?\n\nKind regards,\nJane Miller": "what does it cost?",
    "Bonjour,\nQuels sont vos horaires ?\nCordialement,\nLuc": "Quels sont vos horaires ?",
    "Hola, ¿cuánto cuesta?\nUn saludo": "¿cuánto cuesta?",
    "Sehr geehrte Frau Wolny, haben Sie samstags auf?\n--\nPeter": "haben Sie samstags auf?",
    "Liebes Team, ich brauche einen Termin.\nViele Grüße\nAnna": "ich brauche einen Termin.",
    "Opening\n\nDear team,\n\nwhere can I park?\n\nBest regards\nPeter": "Opening\nwhere can I park?",
    "My son is 3. Which vaccine does he need?": "My son is 3. Which vaccine does he need?",
    "It is late.\nThanks for checking\nWhen will it come?": "It is late.\nThanks for checking\nWhen will it come?",
    "Thanks": "Thanks",
    "Hello": "Hello",
    "Dear is what it was": "Dear is what it was",
    "": "",
}


def test_greeting_closing_and_name_say_nothing() -> None:
    found = {text: without_courtesies(text) for text in LETTERS}
    assert found == LETTERS
    assert len(without_courtesies("Dear " + "a" * 100_000)) > 100_000
    assert without_courtesies("\n\nDear " * 20_000)


def test_subject_of_a_letter_is_read_only_where_its_text_alone_is_not_enough() -> None:
    letters = {
        "Our visit\n\nDear team,\n\nwhere can I park?\n\nBest regards\nPeter": ("where can I park?", "Our visit"),
        "Anfrage\n\nGuten Tag,\nwas kostet das Parken?\nMfG Petra": ("was kostet das Parken?", "Anfrage"),
        "Parking\n\nI wonder about the spaces": ("Parking\n\nI wonder about the spaces", ""),
        "We come on Monday.\n\nWhere can I park?": ("We come on Monday.\n\nWhere can I park?", ""),
        "Hello,\n\nwhere can I park?": ("where can I park?", ""),
    }
    tool = ToolSpec(SEARCH_TOOL, "", "", {})
    found = {}
    for letter in letters:
        turn = LocalModel().turn([Line("user", letter)], [tool], prompt="", emit=lambda _: None)
        given = [dict(request.arguments) for request in turn.tool_requests]
        found[letter] = [(each.get("question"), each.get("before", "")) for each in given]
    assert found == {letter: [asked] for letter, asked in letters.items()}
