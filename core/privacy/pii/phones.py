"""Rules for phone numbers: international, common local writings, any writing after a cue word."""

import re
from collections.abc import Iterator
from functools import lru_cache

from core.privacy.pii.addresses import Span
from core.privacy.pii.runs import Group, Run

# Countries where a leading 0 is the trunk prefix; the rest must fit the general pattern.
_TRUNK_ZERO_COUNTRIES = tuple("GB DE FR NL IT AU IE BE CH AT SE FI ZA IN TR JP".split())
# Lengths of groups that identify a number by themselves, and their country.
_SHAPES: dict[tuple[int, ...], tuple[str, ...]] = {
    (3, 3, 4): ("US", "MX"),
    (1, 3, 3, 4): ("US",),
    (3, 7): ("US",),
    (2, 5, 4): ("BR",),
    (2, 4, 4): ("BR", "MX"),
    (2, 1, 4, 4): ("BR",),
    (3, 2, 2, 2): ("ES", "CH"),
    (5, 5): ("IN",),
}
# The same for numbers that stand alone: a part of a longer row of numbers is none.
_ALONE: dict[tuple[int, ...], tuple[str, ...]] = {(3, 3, 3): ("ES",), (4, 4): ("SG", "HK"), (9,): ("ES",)}
_BARE_AMERICAN = re.compile(r"(?!(?:19|20)[0-9]{2})[2-9][0-9]{2}[2-9][0-9]{6}|[6-9][0-9]{9}")
_WITHOUT_AREA = re.compile(r"[2-9][0-9]{2}[-.][0-9]{4}")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_OPENINGS = frozenset(shape[:2] for shape in _SHAPES)
_CUE = re.compile(
    r"\b(?:phone|mobile|mob|cell|tel|telephone|call|ring|text|sms|fax|whats ?app|signal|handy|telefon"
    r"|rufnummer|anrufen|tel[eé]fono|m[oó]vil|celular|ll[aá]ma(?:me|nos)?|telefone|liga(?:r|me)?|zap|portable"
    r"|t[eé]l[eé]phone|appel(?:le[rz]?)?)"
    r"(?:[ -]?(?:number|no|nr|nummer|n[uú]mero|num[eé]ro))?\b[\s.:#=]{0,3}"
    r"(?:(?:me|us|him|her|them|is|ist|es|est|on|at|back|nr|no|number"
    r"|al|em|unter|au|to|my|our|n[ºo°])[\s.:]{1,3}){0,4}",
    re.IGNORECASE,
)
_ID_CUE = re.compile(
    r"\b(?:order|invoice|ticket|case|ref(?:erence)?|sku|id|tracking|batch|job"
    r"|receipt|campaign|ad ?set|ean|isbn|gtin|parcel|package|shipment|booking|reservation|voucher|coupon|serial|article"
    r"|item|product|customer|cliente?|kunde|code|version|page|bestellung|auftrag|rechnung|sendung|paket|buchung|artikel|bestell|rechnungs|sendungs"
    r"|kunden|pedido|factura|env[ií]o|seguimiento|albar[aá]n|reserva|art[ií]culo|paquete|commande|facture|suivi|colis"
    r"|r[eé]servation|r[eé]f[eé]rence|ordine|fattura|encomenda|n[uú]mero de (?:pedido|seguimiento|factura))"
    r"(?:[ _-]?(?:numbers?|no|nr|id|code|nummer|n[uú]mero|num[eé]ro|n[º°o]))?\b[\s.:#=]{0,3}"
    r"(?:(?:is|es|est|ist|was|lautet)[ ])?",
    re.IGNORECASE,
)
_MONEY_BEFORE = re.compile(r"[$€£¥₹]\s?$|\b(?:EUR|USD|GBP|BRL|CHF|INR|JPY)\s?$", re.IGNORECASE)
_MONEY_AFTER = re.compile(
    r"\s?(?:[$€£¥₹%]|(?:EUR|USD|GBP|BRL|CHF|INR|JPY|COP|MXN|ARS|CLP|CAD|AUD|SEK|NOK|DKK|PLN|CZK|HUF|euros?"
    r"|dollars?|pounds?|impressions|clicks|views|users|people|pieces|pcs|items|units|days|hours|minutes|steps|points"
    r"|st[uü]ck|tage|unidades|piezas|d[ií]as|pi[eè]ces|jours|[kmc]?g|[kmc]?m|[mc]?l|px|words|visits|sessions)\b)",
    re.IGNORECASE,
)
_SHORTEST, _LONGEST = 7, 15
# Beyond this many different candidates in one text every candidate counts as a number, to bound the work.
_CHECK_BUDGET = 48


def find_phones(text: str, runs: list[Run]) -> Iterator[Span]:
    """Yield the phone numbers in runs: what fits a numbering plan, or follows a cue word."""
    memo: dict[tuple[str, tuple[str, ...]], int] = {}
    if not runs:
        return
    cued = {match.end() for match in _CUE.finditer(text)}
    named = {match.end() for match in _ID_CUE.finditer(text)}
    for run in runs:
        yield from _international(text, run, memo)
        before = text[max(0, run.start - 4) : run.start]
        is_money = _MONEY_BEFORE.search(before) is not None or _MONEY_AFTER.match(text, run.end) is not None
        if run.glued_left or is_money:
            continue
        if run.start in cued:
            # The longest possible number after a cue like "call me on".
            if counts := _ends(_window(run.groups[:_LONGEST]), _SHORTEST, _LONGEST):
                yield run.start, run.groups[counts[0] - 1].end, "phone"
        elif run.start not in named:
            if _stands_alone(text, run):
                yield run.start, run.groups[-1].end, "phone"
            else:
                yield from _local(text, run, memo)


def _window(groups: list[Group]) -> tuple[str, ...]:
    return tuple(group.digits for group in groups)


def _ends(digits: tuple[str, ...], shortest: int, longest: int) -> list[int]:
    """Return how many leading groups have an allowed number of digits, longest first."""
    total, counts = 0, []
    for count, group in enumerate(digits, start=1):
        total += len(group)
        if total > longest:
            break
        if total >= shortest:
            counts.append(count)
    return counts[::-1]


def _international(text: str, run: Run, memo: dict[tuple[str, tuple[str, ...]], int]) -> Iterator[Span]:
    plus = text[run.start] == "+"
    if not plus and not run.groups[0].digits.startswith("00"):
        return
    digits = _window(run.groups[:_LONGEST])
    key = ("+" if plus else "00", digits)
    if key not in memo:
        lead = 0 if plus else 2
        counts = _ends(digits, _SHORTEST + lead, _LONGEST + lead + 1)
        allowed = len(memo) < _CHECK_BUDGET
        memo[key] = next(
            (c for c in counts if not allowed or _is_number("".join(digits[:c])[lead:], plus=plus)),
            0,
        )
    if memo[key]:
        yield run.start, run.groups[memo[key] - 1].end, "phone"


def _is_number(digits: str, *, plus: bool) -> bool:
    """Return True for an assigned code and number; after a plus sign a possible length is enough."""
    import phonenumbers  # noqa: PLC0415  (large, for the first number only)

    for written in (digits, re.sub(r"^([1-9][0-9]{0,2})0", r"\1", digits, count=1)):
        try:
            number = phonenumbers.parse("+" + written)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return True
        reason = phonenumbers.is_possible_number_with_reason(number)
        if plus and reason == phonenumbers.ValidationResult.IS_POSSIBLE:
            return True
    return False


def _local(text: str, run: Run, memo: dict[tuple[str, tuple[str, ...]], int]) -> Iterator[Span]:
    index = 0
    last = len(run.groups) - (1 if run.glued_right else 0)
    while index < last:
        if not _may_open(run.groups, index):
            index += 1
            continue
        digits = _window(run.groups[index : min(last, index + 8)])
        key = ("", digits)
        if key not in memo:
            memo[key] = _count_local(digits, checked=len(memo) < _CHECK_BUDGET)
        count = memo[key]
        if count:
            start, end = run.groups[index].start, run.groups[index + count - 1].end
            yield start - (text[start - 1 : start] == "("), end, "phone"
        index += count or 1


def _stands_alone(text: str, run: Run) -> bool:
    """Return True if the whole run is one local number: of a country without a trunk prefix, or without its area."""
    digits = tuple(group.digits for group in run.groups)
    written = text[run.groups[0].start : run.groups[-1].end]
    if len(digits) == 1:
        is_round = written.endswith("000") or len(set(written)) < 3
        is_american = _BARE_AMERICAN.fullmatch(written) is not None
        return not is_round and (
            is_american or any(_fits(country, written) for country in _ALONE.get((len(written),), ()))
        )
    if any(_YEAR.fullmatch(each) for each in digits) or all(each.endswith("0") for each in digits):
        return False
    if _WITHOUT_AREA.fullmatch(written):
        return True
    return any(_fits(country, "".join(digits)) for country in _ALONE.get(tuple(map(len, digits)), ()))


def _may_open(groups: list[Group], index: int) -> bool:
    """Return True if a local number may begin here; a cheap check before the numbering plans."""
    first = groups[index].digits
    if first[0] == "0":
        return not first.startswith("00")
    return index + 1 < len(groups) and (len(first), len(groups[index + 1].digits)) in _OPENINGS


def _count_local(digits: tuple[str, ...], *, checked: bool) -> int:
    """Return how many of the first groups make a local number, 0 when none do."""
    if digits[0].startswith("0"):
        counts = sorted(_ends(digits, 9, 13), key=lambda count: abs(sum(map(len, digits[:count])) - 10.6))
        return next((c for c in counts if not checked or _fits_trunk_zero("".join(digits[:c]))), 0)
    for shape, countries in _SHAPES.items():
        count = len(shape)
        if len(digits) >= count and tuple(map(len, digits[:count])) == shape:
            number = "".join(digits[:count])
            if not checked or any(_fits(country, number) for country in countries):
                return count
    return 0


def _fits_trunk_zero(digits: str) -> bool:
    if len(set(digits)) <= 2 or digits.startswith("00"):
        return False
    if digits.startswith("07") and len(digits) == 11:
        return True  # British mobile numbers, those reserved for films and demos included
    return any(_fits(country, digits if country == "IT" else digits[1:]) for country in _TRUNK_ZERO_COUNTRIES)


@lru_cache(maxsize=64)
def _plan(country: str) -> tuple[re.Pattern[str], tuple[int, ...]]:
    from phonenumbers import PhoneMetadata  # noqa: PLC0415  (large, for the first number only)

    metadata = PhoneMetadata.metadata_for_region(country)
    if metadata is None or metadata.general_desc is None:
        raise LookupError(country)
    return re.compile(metadata.general_desc.national_number_pattern or ""), tuple(metadata.general_desc.possible_length)


def _fits(country: str, digits: str) -> bool:
    """Return True if the digits fit the general pattern of a country's numbering plan."""
    pattern, lengths = _plan(country)
    if country == "US" and len(digits) == 11 and digits[0] == "1":
        digits = digits[1:]
    return len(digits) in lengths and pattern.fullmatch(digits) is not None
