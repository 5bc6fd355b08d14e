"""The drawing on the page about the architecture is as the imports are."""

import os
from typing import Final

from tests.structure.dependencies.drawing import draw
from tests.structure.source import ROOT

PAGE: Final = ROOT / "docs" / "explanation" / "architecture.md"
BEGIN, END = "<!-- drawn -->\n", "\n<!-- end -->"
AGAIN: Final = "WALKER_WRITE_DRAWING=1 ./walker test tests/structure/dependencies/test_drawing.py"


def test_structure_is_drawn_as_it_is() -> None:
    before, rest = PAGE.read_text().split(BEGIN)
    shown, after = rest.split(END)
    if os.environ.get("WALKER_WRITE_DRAWING"):
        PAGE.write_text(f"{before}{BEGIN}{draw(ROOT)}{END}{after}")
        return
    assert shown == draw(ROOT), f"{AGAIN} draws it again."
