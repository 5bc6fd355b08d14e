"""Names of files (pure): what a sender wrote becomes a name that no system misreads."""

import unicodedata
from typing import Final

from core.files.kinds import KINDS

LIMIT: Final = 100
UNSEEN: Final = frozenset({"Cf", "Co", "Cs", "Cn"})
"""Categories of characters that nobody sees."""
SCRIPTS: Final = frozenset(
    "ade adp apk app appref-ms appx bash bat chm cmd com command cpl csh dll dmg docm exe fish gadget hta htm html inf "
    "ins iso jar jnlp js jse ksh lnk mht mhtml msc msi msix msp mst ocx php pif pl ps1 ps2 psm1 py pyc pyw rb reg rgs "
    "scf scr sct settingcontent-ms sh shb shs svg swf sys url vb vbe vbs vxd wasm wsc wsf wsh xht xhtml xll xlsm xml "
    "xsl zsh".split()
)
"""Endings that a system runs or a browser shows as a page; for text their bytes say nothing else."""


def runs_by_name(name: str) -> bool:
    """Return True if the last ending is one that a system runs."""
    return cleaned(name).rpartition(".")[2].lower() in SCRIPTS and "." in name


def cleaned(name: str) -> str:
    """Return the last part of a path without signs that can't be seen or that turn the text around."""
    last = name.replace("\\", "/").rpartition("/")[2]
    seen = "".join(
        sign if sign.isprintable() and unicodedata.category(sign) not in UNSEEN and sign not in '<>:"|?*' else " "
        for sign in last
    )
    return " ".join(seen.split()).strip(". ")


def safe_name(name: str, content_type: str) -> str:
    """Return a name of at most 100 characters whose ending fits the file's own kind."""
    kind = KINDS.get(content_type)
    plain = unicodedata.normalize("NFC", cleaned(name[:10_000]))
    if kind is None:
        return plain[:LIMIT]
    stem, dot, ending = plain.rpartition(".")
    if not dot:
        stem, ending = plain, ""
    if ending.lower() not in kind.endings:
        inner = stem.rpartition(".")[2].lower()
        # "bill.pdf.exe" that is a PDF is "bill.pdf"; "holiday.2026" keeps its year.
        looks_like_ending = 0 < len(ending) <= 5 and ending.isascii() and not ending.isdigit()
        stem = stem.rpartition(".")[0] if looks_like_ending and inner in kind.endings else stem
        stem = stem if looks_like_ending else plain
        ending = kind.endings[0]
    stem = stem.strip(". ") or kind.family
    return f"{stem[: LIMIT - len(ending) - 1].rstrip('. ')}.{ending.lower()}"


def wire_name(name: str, content_type: str) -> str:
    """Return a short name in plain letters for providers that allow nothing else: at most 20, no spaces."""
    stem, _, ending = safe_name(name, content_type).rpartition(".")
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    short = "".join(sign if sign.isalnum() else "-" for sign in plain).strip("-")
    kind = KINDS.get(content_type)
    return f"{short[: 19 - len(ending)].strip('-') or (kind.family if kind else 'file')}.{ending or 'bin'}"
