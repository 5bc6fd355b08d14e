"""The page about one approval quotes its functions from the code, word for word.

After a change of a quoted function, quote it again:
`WALKER_WRITE_DOCS=1 ./walker test tests/docs/test_one_approval.py`.
A block's first line names the file and the functions: `# hitl/approvals/decide/decide.py: decide, _check`.
"""

import ast
import os
import re
from typing import Final

import pytest

from tests.structure.source import ROOT

PAGE: Final = ROOT / "docs" / "explanation" / "one-approval.md"
BLOCK: Final = re.compile(r"```python\n(# (?P<file>\S+\.py): (?P<names>[\w., ]+)\n)(?P<code>.*?)```\n", re.S)
STEPS: Final = {
    "propose": "hitl/approvals/change/propose.py",
    "decide": "hitl/approvals/decide/decide.py",
    "claim": "hitl/execution/claim.py",
    "settle": "hitl/execution/execute.py",
}
TWO_SCREENS: Final = 80


def function_in(file: str, name: str) -> str:
    """Return the lines of a top-level function, with its decorators. Raises LookupError."""
    text = (ROOT / file).read_text()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            return "\n".join(text.splitlines()[first - 1 : node.end_lineno])
    raise LookupError(f"{file} has no function {name}.")


def code_of(block: re.Match[str]) -> str:
    """Return what the code says today in place of a block's quotation."""
    names = [name.strip() for name in block["names"].split(",")]
    return "\n\n\n".join(function_in(block["file"], name) for name in names) + "\n"


def requote(page: str) -> str:
    """Return the page with each block quoted from the code as it is."""
    return BLOCK.sub(lambda block: f"```python\n{block[1]}{code_of(block)}```\n", page)


@pytest.fixture(scope="module")
def blocks() -> list[re.Match[str]]:
    if os.environ.get("WALKER_WRITE_DOCS") == "1":
        PAGE.write_text(requote(PAGE.read_text()))
    return list(BLOCK.finditer(PAGE.read_text()))


def test_every_step_is_quoted_from_its_file(blocks: list[re.Match[str]]) -> None:
    quoted = {name.strip(): block["file"] for block in blocks for name in block["names"].split(",")}
    assert STEPS.items() <= quoted.items()
    assert PAGE.read_text().count("```python") == len(blocks)


def test_quotations_match_the_code_word_for_word(blocks: list[re.Match[str]]) -> None:
    assert [block["code"] for block in blocks] == [code_of(block) for block in blocks]


def test_a_quotation_fits_on_two_screens(blocks: list[re.Match[str]]) -> None:
    assert [block[1] for block in blocks if len(block["code"].splitlines()) > TWO_SCREENS] == []


def test_a_changed_quotation_is_quoted_again() -> None:
    stale = "Before.\n```python\n# hitl/approvals/decide/decide.py: decide\ndef decide(): ...\n```\nAfter.\n"
    assert requote(stale) == stale.replace(
        "def decide(): ...", function_in("hitl/approvals/decide/decide.py", "decide")
    )
