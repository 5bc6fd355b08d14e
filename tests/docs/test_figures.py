"""The page of figures lists the metrics as they are registered."""

import os
from pathlib import Path

from analytics.figures.metrics import METRICS, Page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "figures.md"
BEGIN, END = "<!-- metrics -->", "<!-- end -->"
TITLES = {
    Page.DESK: "Conversations",
    Page.APPROVALS: "Approvals",
    Page.AGENTS: "Agents and cost",
    Page.CHANNELS: "Channels",
}


def _tables() -> str:
    lines: list[str] = []
    for page, title in TITLES.items():
        lines += [f"### {title}", "| metric | figure | how it is counted | unit | by |", "|---|---|---|---|---|"]
        for metric in (metric for metric in METRICS.values() if metric.page == page):
            by = ", ".join([*metric.by, *([f"kind ({metric.kind})"] if metric.kind else [])])
            lines.append(f"| `{metric.key}` | {metric.name} | {metric.how} | {metric.unit} | {by} |")
        lines.append("")
    return "\n".join(lines)


def test_every_metric_is_on_its_page_as_it_is_registered() -> None:
    before, rest = PAGE.read_text().split(BEGIN)
    written, after = rest.split(END)
    if os.environ.get("WALKER_WRITE_FIGURES"):
        PAGE.write_text(f"{before}{BEGIN}\n{_tables()}{END}{after}")
        return
    assert written.strip() == _tables().strip(), "WALKER_WRITE_FIGURES=1 writes it again."


def test_metrics_are_registered_under_their_key_on_a_page() -> None:
    assert set(TITLES) == set(Page)
    assert [key for key, metric in METRICS.items() if key != metric.key or not metric.how.endswith(".")] == []
