"""Texts that people read use plain words: the field's words, and no worn-out phrases."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest

from core import errors
from tests.structure.source import ROOT, product

NAMES = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.WalkerError)}
OURS = re.compile(r"\b(origins?|parked|doors?|fences?|leases?|replay|actors?|out of shape|payloads?|enum|null)\b", re.I)
# Said to programs only, as the name of what is wrong with a value.
CODES = {"unknown", "personal data", "not JSON", "too large", "unknown: "}

PRONOUNS: Final = ("he", "his", "him", "himself", "she", "her", "hers", "herself")
TRANSLATED: Final = (
    "whoever", "whomever", "whatever", "whom", "of which", "so many", "so often", "anew", "as ever", "word for word",
    "(?:come|comes|came) of it", "(?:become|becomes|became) of it", "(?:is|are|was|were|be) told", "counts? no more",
    "counts? once", "stands? (?:here|there|below)", "somebody who", "asked for by",
)  # fmt: skip
# Signatures are named as what they are: "webhook signature", "email signature". *Desk* is an area of the console.
OUR_WORDS: Final = (
    "carr(?:y|ies|ied|ying) (?:it |them )?out", "break the glass", "weigh(?:s|ed|ing)? anew", r"(?<!\*)desks?",
    "seats?", "ladders?", "dead letters?", "hand(?:s|ed)? in", "throw(?:s|n)? (?:the|a) switch",
    "stop switch(?:es)?", "came by",
    "(?<!webhook )(?<!Ed25519 )(?<!HMAC )(?<!DKIM )(?<!email )signatures?", "signers?",
    "(?:may|can|has to|who) signs?(?! (?:in|out|up))",
    "sign(?:s|ed|ing)? (?:it|this|off|for|alone|twice|what)",
)  # fmt: skip
WORN_OUT: Final = re.compile(rf"\b(?:{'|'.join((*PRONOUNS, *TRANSLATED, *OUR_WORDS))})\b", re.I)
QUOTATION: Final = re.compile(r"“[^”]*”|`[^`]*`")
SHOWN_ATTRIBUTES: Final = {"alt", "aria-label", "aria-description", "placeholder", "title"}


def texts(node: ast.AST) -> Iterator[str]:
    """Yield the words in an expression, those around the holes of an f-string included."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def raised() -> Iterator[tuple[str, ast.Call]]:
    for source in product():
        for call in source.calls():
            if isinstance(call.func, ast.Name) and call.func.id in NAMES:
                yield f"{source.path}:{call.lineno}", call


def fields_of(call: ast.Call) -> Iterator[ast.AST]:
    """Yield what is said of single values."""
    for keyword in call.keywords:
        if keyword.arg == "fields" and isinstance(keyword.value, ast.Dict):
            yield from (value for value in keyword.value.values if isinstance(value, ast.List))


def test_errors_use_no_words_of_ours() -> None:
    said = [
        (place, text) for place, call in raised() for part in [*call.args, *fields_of(call)] for text in texts(part)
    ]
    assert [each for each in said if OURS.search(each[1])] == []


def test_what_is_wrong_with_a_value_is_a_sentence() -> None:
    said = [(place, next(texts(part), "")) for place, call in raised() for part in fields_of(call)]
    assert [each for each in said if each[1][:1].islower() and each[1] not in CODES] == []


def phrases_in(text: str) -> list[str]:
    """Return the worn-out phrases of a text, leaving out what it quotes."""
    return WORN_OUT.findall(QUOTATION.sub(" ", text))


class ShownText(HTMLParser):
    """Collects what a page shows or reads aloud, and its comments."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.is_code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.is_code = tag in ("style", "script")
        self.found += [value for name, value in attrs if value and name in SHOWN_ATTRIBUTES]

    def handle_data(self, data: str) -> None:
        if not self.is_code:
            self.found.append(" ".join(data.split()))

    def handle_endtag(self, tag: str) -> None:
        self.is_code = False

    def handle_comment(self, data: str) -> None:
        self.found.append(data)


def texts_of_template(source: str) -> Iterable[str]:
    """Return the text of a template: what it shows, its comments, and the sentences given to tags and filters."""
    parser = ShownText()
    parser.feed(re.sub(r"\{#(.*?)#\}|\{%.*?%\}|\{\{.*?\}\}", r"\1", source))
    tags = re.findall(r"\{%.*?%\}|\{\{.*?\}\}", source)
    return [*parser.found, *(text for tag in tags for text in re.findall(r'"([^"]*)"', tag))]


def texts_of_script(source: str) -> Iterable[str]:
    """Return the strings and comments of a script; code between them holds names only."""
    return [text.strip("`") for text in re.findall(r'//[^\n]*|/\*[\s\S]*?\*/|"[^"\n]*"|`[^`]*`', source)]


def texts_of_document(source: str) -> Iterable[str]:
    """Return the paragraphs of a page, without its code and the addresses of its links."""
    words = re.sub(r"```.*?```|\]\([^)]*\)", " ", source, flags=re.S)
    return [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n|\n(?=[|#-])", words)]


# One line for each kind of file.
READ_BY_PEOPLE: Final[tuple[tuple[str, Callable[[str], Iterable[str]]], ...]] = (
    ("templates/**/*.html", texts_of_template),
    ("templates/**/*.txt", texts_of_template),
    ("static/**/*.js", texts_of_script),
    ("docs/**/*.md", texts_of_document),
    ("*.md", texts_of_document),
)


@pytest.mark.parametrize(("pattern", "texts_of"), READ_BY_PEOPLE)
def test_no_worn_out_phrases(pattern: str, texts_of: Callable[[str], Iterable[str]]) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {phrase!r} in {text!r}"
        for path in sorted(ROOT.glob(pattern))
        for text in texts_of(path.read_text())
        for phrase in phrases_in(text)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("Whoever asked is told what comes of it.", ["Whoever", "is told", "comes of it"]),
        ("Others sign it before it is carried out.", ["sign it", "carried out"]),
        ("Sign in to approve. The button reads “Sign it off”.", []),
    ],
)
def test_phrases_are_found_outside_quotations(text: str, phrases: list[str]) -> None:
    assert phrases_in(text) == phrases


# Word lists and patterns of the languages that the built-in model and the masking rules understand.
LANGUAGE_DATA: Final = re.compile(
    r"built_in/(words|stance|languages|replies)\.py$|core/text/languages\.py$|guardrails/sentences\.py$|standins/model/claims\.py$|interpretation/(alarms|intents|language|scores)\.py$|core/privacy/(pii|people)/|conversations/channel_accounts/admin/languages\.py$"
)
NOT_IN_CODE: Final = re.compile(
    rf"\b(?:{'|'.join((*PRONOUNS, 'whoever', 'whomever', 'whatever', 'whom', 'anew'))})\b", re.I
)


def test_code_speaks_of_people_by_their_role() -> None:
    found = [
        f"{source.path}:{number}: {line.strip()}"
        for source in product()
        if not LANGUAGE_DATA.search(source.path)
        for number, line in enumerate(source.text.splitlines(), start=1)
        if NOT_IN_CODE.search(line)
    ]
    assert found == []


# What these arguments hold is shown to people: labels, help, titles of actions and pages.
SHOWN_ARGUMENTS: Final = {
    "label", "help_text", "verbose_name", "verbose_name_plural", "title", "explain", "submit", "empty_label",
}  # fmt: skip


def shown_in_python() -> Iterator[tuple[str, str]]:
    """Yield the texts that Python shows to people: errors, messages, labels and help."""
    for place, call in raised():
        yield from ((place, text) for part in [*call.args, *fields_of(call)] for text in texts(part))
    for source in product():
        for call in source.calls():
            named = [keyword.value for keyword in call.keywords if keyword.arg in SHOWN_ARGUMENTS]
            is_message = ast.unparse(call.func).startswith("messages.")
            for part in [*named, *(call.args if is_message else [])]:
                yield from ((f"{source.path}:{call.lineno}", text) for text in texts(part))


def test_no_worn_out_phrases_in_what_python_shows() -> None:
    assert [(place, text) for place, text in shown_in_python() if phrases_in(text)] == []


def test_template_texts_are_what_people_see() -> None:
    source = '<p title="One" class="two">Three {# four #}{{ his.name|default:"Five" }}</p><style>.six {}</style>'
    assert list(texts_of_template(source)) == ["One", "Three four", "Five"]


def test_document_texts_are_paragraphs_without_code() -> None:
    source = "# One\n\nTwo\nthree [four](his.md).\n\n```sh\nhis\n```\n- five\n- six\n"
    assert [text for text in texts_of_document(source) if text] == ["# One", "Two three [four .", "- five", "- six"]


def test_template_lines_are_at_most_200_characters() -> None:
    lines = [
        (str(path.relative_to(ROOT)), number, len(line))
        for path in sorted(Path(ROOT, "templates").rglob("*.*"))
        for number, line in enumerate(path.read_text().splitlines(), start=1)
    ]
    assert [line for line in lines if line[2] > 200] == []
