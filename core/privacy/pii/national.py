"""Rules for national ids: SSN, NINO, DNI and NIE, CPF, German tax id, French NIR."""

import re
from collections.abc import Callable, Iterator

from core.privacy.pii.addresses import Span
from core.privacy.pii.checksums import cpf_holds, dni_holds, nir_holds, steuer_id_holds

_LEFT, _RIGHT = r"(?<![0-9A-Za-z])(?<![0-9][.\-/])", r"(?![0-9A-Za-z])(?![.\-/][0-9])"
_SSN = re.compile(_LEFT + r"(?!000|666|9)[0-9]{3}([ \-.])(?!00)[0-9]{2}\1(?!0000)[0-9]{4}" + _RIGHT)
_SSN_CUE = re.compile(
    r"(?:\bssn|social security(?: (?:number|no\.?))?)[ :#]{0,3}(?:(?:is|=)[ ]?)?"
    r"((?!000|666|9)[0-9]{3}[ \-.]?(?!00)[0-9]{2}[ \-.]?(?!0000)[0-9]{4})" + _RIGHT,
    re.IGNORECASE,
)
_NINO = re.compile(
    _LEFT + r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ \-]?(?:[0-9]{2}[ \-]?){3}[A-D]" + _RIGHT,
    re.IGNORECASE,
)
_DNI = re.compile(
    _LEFT + r"([0-9]{8}|[0-9]{2}\.[0-9]{3}\.[0-9]{3})(?:-?([A-HJ-NP-TV-Za-hj-np-tv-z])| ([A-Z]))" + _RIGHT
)
_NIE = re.compile(
    _LEFT + r"([XYZ])[ \-.]?([0-9]{7}|[0-9]\.[0-9]{3}\.[0-9]{3})[ \-.]?([A-HJ-NP-TV-Z])" + _RIGHT,
    re.IGNORECASE,
)
_CPF = re.compile(_LEFT + r"[0-9]{3}[. ]?[0-9]{3}[. ]?[0-9]{3}[ \-/.]?[0-9]{2}" + _RIGHT)
_STEUER_ID = re.compile(_LEFT + r"[1-9][0-9][ /.\-]?[0-9]{3}[ /.\-]?[0-9]{3}[ /.\-]?[0-9]{3}" + _RIGHT)
_NIR = re.compile(
    _LEFT + r"([1-478][ .\-]?[0-9]{2}[ .\-]?[0-9]{2}"
    r"[ .\-]?[0-9][0-9ABab][ .\-]?[0-9]{3}[ .\-]?[0-9]{3})[ .\-/]{0,3}([0-9]{2})" + _RIGHT
)


def find_national_ids(text: str) -> Iterator[Span]:
    """Yield national ids with an unmistakable form or valid check digits."""
    for match in _SSN.finditer(text):
        yield *match.span(), "national_id"
    for match in _SSN_CUE.finditer(text):
        yield *match.span(1), "national_id"
    for match in _NINO.finditer(text):
        yield *match.span(), "national_id"
    for pattern, holds in _CHECKED:
        for match in pattern.finditer(text):
            if holds(match):
                yield *match.span(), "national_id"


def _bare(written: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", written)


_CHECKED: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], bool]], ...] = (
    (_DNI, lambda match: dni_holds(_bare(match[1]), match[2] or match[3])),
    (_NIE, lambda match: dni_holds(str("XYZ".index(match[1].upper())) + _bare(match[2]), match[3])),
    (_CPF, lambda match: cpf_holds(_bare(match[0]))),
    (_STEUER_ID, lambda match: steuer_id_holds(_bare(match[0]))),
    (_NIR, lambda match: nir_holds(_bare(match[1]), match[2])),
)
