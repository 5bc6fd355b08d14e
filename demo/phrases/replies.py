"""What the tools of the marketing desk found, as sentences."""

from collections.abc import Callable, Mapping
from typing import Any

from agents.llm.built_in.replies import listed
from core.text.amounts import money_text, parse_amount


def _campaigns(result: Mapping[str, Any]) -> str:
    rows = result.get("campaigns", [])
    lines = [f"{row['name']}: {row.get('status', '')}, {_budget(row)} a day" for row in rows]
    lead = "There is 1 campaign" if len(rows) == 1 else f"There are {len(rows)} campaigns"
    return f"{lead}:\n{listed(lines)}" if rows else "There are no campaigns."


def _performance(result: Mapping[str, Any]) -> str:
    row = dict(result.get("campaign", {}))
    figures = [("Status", row.get("status")), ("Daily budget", _budget(row)), ("Spent", row.get("spend"))]
    figures += [(name.capitalize(), _grouped(row.get(name))) for name in ("impressions", "clicks", "conversions")]
    figures.append(("Click rate", row.get("ctr")))
    lines = [f"{label}: {value}" for label, value in figures if value not in (None, "")]
    return f"{row.get('name', 'The campaign')}:\n{listed(lines)}"


def _rankings(result: Mapping[str, Any]) -> str:
    rows = result.get("rankings", [])
    lines = []
    for row in rows:
        change = str(row.get("change") or "")
        moved = f" ({'up' if change.startswith('+') else 'down'} {change.lstrip('+-')})" if change else ""
        page = f", page {row['page']}" if row.get("page") else ""
        lines.append(f"“{row['keyword']}”: position {row['position']}{moved}{page}")
    return f"Search rankings, the best first:\n{listed(lines)}" if rows else "I don't see any rankings for that."


def _content(result: Mapping[str, Any]) -> str:
    rows = result.get("content", [])
    lines = []
    for row in rows:
        facts = [str(row[name]) for name in ("kind", "status") if row.get(name)]
        if row.get("status") != "draft":
            facts += [f"{_grouped(row[name])} {name}" for name in ("views", "conversions") if row.get(name) is not None]
        lines.append(f"“{row['title']}”: {', '.join(facts)}")
    return f"Content:\n{listed(lines)}" if rows else "I don't see any content like that."


def _audiences(result: Mapping[str, Any]) -> str:
    rows = result.get("audiences", [])
    lines = [f"{row['name']}: {row.get('people', '')}" for row in rows]
    return f"Audiences:\n{listed(lines)}" if rows else "There are no audiences."


def _budget(row: Mapping[str, Any]) -> str:
    return money_text(parse_amount(row["daily_budget"]), row.get("currency", "")) if row.get("daily_budget") else ""


def _grouped(number: object) -> object:
    return f"{number:,}" if isinstance(number, int) else number


def _compared(result: Mapping[str, Any]) -> str:
    rows = result.get("campaigns", [])
    if not rows:
        return "There are no figures for this period."
    measure = str(result.get("measure", ""))
    # What is kept of a result has its keys in another order; an older one doesn't say `by`.
    by = str(result.get("by") or next((name for name in rows[0] if name not in {"name", "status"}), ""))
    lines = [f"{row['name']}: {row.get(by, '')}" for row in rows]
    total = dict(result.get("total", {})).get(by, "")
    return (
        f"{measure}, {result.get('period', '')}, the worst first:\n{listed(lines)}\n\n"
        f"The worst is {result.get('worst')}, the best {result.get('best')}. All together: {total}."
    )


def _explained(result: Mapping[str, Any]) -> str:
    went = "went down" if result.get("fell") else "went up"
    lead = (
        f"{result.get('measure')} {went} from {result.get('before')} to {result.get('now')} ({result.get('change')}), "
        f"{result.get('period')} against the same number of days before."
    )
    parts = [lead]
    if factors := [f"{row['figure']}: {row['before']} → {row['now']} ({row['change']})" for row in result["factors"]]:
        parts.append(f"What it is made of:\n{listed(factors)}")
    if rows := [f"{row['name']}: {row['before']} → {row['now']} ({row['change']})" for row in result["campaigns"]]:
        parts.append(f"What made the most difference:\n{listed(rows)}")
    if fell := list(result.get("rankings_that_fell", [])):
        parts.append(f"Search positions that fell:\n{listed(fell)}")
    return "\n\n".join(parts)


def _moved(result: Mapping[str, Any]) -> str:
    lines = [f"“{row['keyword']}”: {row['change']} to position {row['position']}" for row in result.get("moved", [])]
    return f"Rankings that moved:\n{listed(lines)}" if lines else "No ranking has moved."


def _fell(result: Mapping[str, Any]) -> str:
    lines = [
        f"“{row['title']}”: {row['views_before']} → {row['views']} views ({row['change']})" for row in result["fell"]
    ]
    return f"Content that lost views in the last 30 days:\n{listed(lines)}" if lines else "No content has lost views."


def _drafts(result: Mapping[str, Any]) -> str:
    lines = [f"“{row['title']}”: {row['kind']}" for row in result.get("drafts", [])]
    return f"Drafts:\n{listed(lines)}" if lines else "There are no drafts."


def _outline(result: Mapping[str, Any]) -> str:
    parts = [f"Here's an outline you can work from. Nothing is stored or published.\n\n{result['title']}"]
    parts.append(listed(list(result["sections"])))
    if result.get("phrases"):
        parts.append(f"Search phrases to use: {', '.join(result['phrases'])}.")
    if result.get("related"):
        parts.append(f"You already have: {', '.join(result['related'])}.")
    return "\n\n".join(parts)


_WORDED: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "list_campaigns": _campaigns,
    "campaign_performance": _performance,
    "rankings": _rankings,
    "content_performance": _content,
    "list_audiences": _audiences,
    "compare_campaigns": _compared,
    "explain_change": _explained,
    "rankings_moved": _moved,
    "content_fell": _fell,
    "list_drafts": _drafts,
    "draft_post": _outline,
}


def word(tool: str, result: Mapping[str, Any]) -> str:
    """Return one tool's result as sentences, or "" for a tool of somebody else."""
    if tool not in _WORDED:
        return ""
    said = _WORDED[tool](result)
    return f"{result['not_current']}\n\n{said}" if "not_current" in result else said
