"""The sentences that customers read, as they are marked in the product, and their catalogs in `locale/`.

`python -m tests.structure.translations.catalogs` adds new sentences to the catalogs, drops those that nobody says any
more, and compiles them. GNU gettext is not needed.
"""

import ast
import re
from pathlib import Path
from typing import Final

import polib

from core.text.speech import IN_SCRIPTS
from tests.structure.source import APPS

ROOT: Final = Path(__file__).parents[3]
LANGUAGES: Final = {
    "de": "nplurals=2; plural=(n != 1);",
    "es": "nplurals=2; plural=(n != 1);",
    "fr": "nplurals=2; plural=(n > 1);",
}
"""The languages of the catalogs, and how they count."""
IN_TEMPLATES: Final = re.compile(r'\{% translate "([^"]+)" %\}')
GAP: Final = re.compile(r"\{(\w+)\}")


def marked() -> dict[str, str]:
    """Return the marked sentences, each with its plural or ""."""
    found: dict[str, str] = {}
    for package in APPS:
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text()
            if "core.text.speech import" in text:
                found |= _in_code(ast.parse(text))
    for path in sorted((ROOT / "templates").rglob("*.html")):
        found |= dict.fromkeys(IN_TEMPLATES.findall(path.read_text()), "")
    for path in sorted((ROOT / "static" / "widget").glob("*.js")):
        found |= dict.fromkeys(IN_SCRIPTS.findall(path.read_text()), "")
    return found


def _in_code(tree: ast.AST) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        if node.func.id in ("gettext", "gettext_noop") and texts:
            found.setdefault(texts[0], "")
        elif node.func.id == "ngettext" and len(texts) == 2:
            found[texts[0]] = texts[1]
    return found


def catalog_of(language: str) -> Path:
    """Return the catalog of a language."""
    return ROOT / "locale" / language / "LC_MESSAGES" / "django.po"


def compiled(catalog: polib.POFile) -> bytes:
    """Return a catalog as programs read it."""
    content: bytes = catalog.to_binary()
    return content


def update(language: str) -> None:
    """Write a catalog with exactly the marked sentences, and compile it."""
    path = catalog_of(language)
    old = {entry.msgid: entry for entry in polib.pofile(str(path))} if path.exists() else {}
    catalog = polib.POFile(wrapwidth=110)
    catalog.metadata = {
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": LANGUAGES[language],
    }
    for sentence, plural in sorted(marked().items()):
        known = old.get(sentence)
        if plural:
            said = known.msgstr_plural if known and known.msgstr_plural else {0: "", 1: ""}
            catalog.append(polib.POEntry(msgid=sentence, msgid_plural=plural, msgstr_plural=said))
        else:
            catalog.append(polib.POEntry(msgid=sentence, msgstr=known.msgstr if known else ""))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(catalog))
    path.with_suffix(".mo").write_bytes(compiled(catalog))


if __name__ == "__main__":
    for code in LANGUAGES:
        update(code)
