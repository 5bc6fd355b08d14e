"""The condition of an alert rule as rows: facts of now, and figures of the last hours, perhaps of one team or agent."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from django import forms

from analytics.alerts.questions import MOST_HOURS, FigureQuestion, question_of, vocabulary_of
from analytics.figure_pages.labels import ALL, choices_of
from analytics.figure_pages.layout import PAGES, Ratio
from analytics.figures.metrics import METRICS, Page, Unit
from console.conditions.builder import ROWS_MAX, ConditionRowForm, ConditionRows, rows_shown
from console.conditions.row_forms import row_formset
from console.conditions.rows import NUMBER_SIGNS, Row
from core.expressions import BadExpression, Vocabulary, calls_in, parse
from core.observability import facts

NOW: Final = "Now"
PAGE_NAMES: Final = {
    Page.DESK: "Conversations", Page.APPROVALS: "Approvals", Page.AGENTS: "Agents and cost", Page.CHANNELS: "Channels",
}  # fmt: skip
MEASURES: Final[dict[Unit, tuple[tuple[str, str], ...]]] = {
    Unit.SECONDS: (("p95", "p95 in seconds"), ("p50", "median in seconds")),
    Unit.LEVEL: (("average", "average"),),
    Unit.MARK: (("average", "average"),),
}
"""What figures of a unit can be asked for; of others their sum."""


def figures() -> Iterator[tuple[str, str, str]]:
    """Yield page, key such as `p95:first_answer_person`, and name of each figure and share to choose from."""
    for metric in METRICS.values():
        for name, label in MEASURES.get(metric.unit, (("total", ""),)):
            yield PAGE_NAMES[metric.page], f"{name}:{metric.key}", f"{metric.name}, {label}" if label else metric.name
    shares = {tile.key: tile for page in PAGES.values() for tile in page.tiles if isinstance(tile, Ratio)}
    for tile in shares.values():
        if tile.unit == "share" and Unit.MARK not in {METRICS[key].unit for key in (tile.part, *tile.whole)}:
            rest = [key for key in tile.whole if key != tile.part]
            name = "share" if len(rest) < len(tile.whole) else "percent"
            page = PAGE_NAMES[METRICS[tile.part].page]
            yield page, f"{name}:{tile.part}:{rest[0]}", f"{tile.name}, in percent"


def choices_of_facts() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the facts to choose from, by where they come from."""
    found = {NOW: [(fact.name, fact.label) for fact in facts.all_facts().values()]}
    for page, key, name in figures():
        found.setdefault(page, []).append((key, name))
    return list(found.items())


def vocabulary() -> Vocabulary:
    """Return what conditions of alerts may use."""
    return vocabulary_of(frozenset(facts.all_facts()))


class Values:
    """The teams, agents and channels of which a figure can be asked, by their names; read when a row is shown."""

    currency = ""

    @cached_property
    def groups(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Return them by dimension. Three queries."""
        found = ((title, [(f"{key}:{name}", name) for _, name in choices_of(key)]) for key, title in ALL.items())
        return [(title, those) for title, those in found if those]


class AlertRowForm(ConditionRowForm):
    """One comparison of a number: over how many hours, and of which team, agent or channel."""

    shown = (("fact", "sign", "value"), ("hours", "only"))
    several = False

    hours = forms.IntegerField(
        label="Over the last (hours)", min_value=1, max_value=MOST_HOURS, initial=1, required=False,
        help_text="This hour and those before it.", widget=forms.NumberInput(attrs={"data-figure": ""}),
    )  # fmt: skip
    only = forms.ChoiceField(label="Of", required=False, widget=forms.Select(attrs={"data-figure": ""}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = list(self.choices.groups)
        chosen = str(self.initial.get("only") or "")
        if chosen and chosen not in {key for _, those in groups for key, _ in those}:
            groups.append(("Chosen", [(chosen, chosen.partition(":")[2])]))
        self.fields["only"].choices = [("", "Everything"), *groups]  # type: ignore[attr-defined]

    @classmethod
    def vocabulary(cls) -> Vocabulary:
        return vocabulary()

    def facts(self) -> Sequence[tuple[str, Any]]:
        return choices_of_facts()

    def read(self, said: Mapping[str, Any]) -> Row:
        """Return the comparison; a figure is written as the question that it is."""
        name, _, metrics = str(said["fact"]).partition(":")
        fact = name
        if metrics:
            dimension, _, value = str(said.get("only") or "").partition(":")
            asked = [*metrics.split(":"), f"{said.get('hours') or 1}", *([dimension, value] if dimension else [])]
            words = [part if part.isdecimal() and place == len(metrics.split(":")) else f'"{part}"'
                     for place, part in enumerate(asked)]  # fmt: skip
            fact = f"{name}({', '.join(words)})"
        return Row(fact, said["sign"], (str(said["value"]).strip(),))

    def clean(self) -> dict[str, Any]:
        """Refuse a question that figures can't answer, such as one of a team that they aren't counted by."""
        said = super().clean()
        if not self.errors and not self.is_draft and ":" in str(said.get("fact", "")):
            try:
                for call in calls_in(parse(f"{self.read(said).fact} > 0", vocabulary())):
                    question_of(call)
            except BadExpression as problem:
                self.add_error("only", str(problem))
        return said


class AlertRows(ConditionRows):
    """All comparisons of an alert's condition."""

    intro = "A fact without a value, such as the answer time at night, never triggers the alert."


AlertRowFormSet = row_formset(AlertRowForm, AlertRows, ROWS_MAX)


def shown_of(row: Row) -> dict[str, Any] | None:
    """Return what the form shows of a comparison; None for a question that rows don't offer."""
    if row.fact in facts.all_facts():
        return {"fact": row.fact, "sign": row.sign, "value": row.values[0]}
    (call,) = calls_in(parse(f"{row.fact} > 0", vocabulary()))
    try:
        question = question_of(call)
    except BadExpression:
        return None
    if not isinstance(question, FigureQuestion):
        return None
    key = ":".join((question.name, *question.metrics))
    if key not in {offered for _, offered, _ in figures()}:
        return None
    only = f"currency:{question.currency}" if question.currency is not None else ""
    if question.value:
        only = f"{question.dimension}:{question.value}"
    return {"fact": key, "hours": question.hours, "only": only, "sign": row.sign, "value": row.values[0]}


def rows_of_condition(text: str) -> tuple[str, list[dict[str, Any]]] | None:
    """Return how a condition's rows are joined, and the rows; None if only a text can say it."""
    return rows_shown(text, vocabulary(), shown_of)


def types_of_facts() -> dict[str, Any]:
    """Return for the page's script which comparisons each fact has, and which of them take hours."""
    names = [*facts.all_facts(), *(key for _, key, _ in figures())]
    return {
        name: {"signs": list(NUMBER_SIGNS), "values": [], "isNumber": True, "isFigure": ":" in name} for name in names
    }
