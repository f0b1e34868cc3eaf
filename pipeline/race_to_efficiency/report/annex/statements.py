"""The quarter's dated statements: what, by when, how likely, beside which baseline, settled by whom and how."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.content import Block, ContentTable, Fact, Label, Rich, say
from race_to_efficiency.report.numbers import id_part, probability, significant
from race_to_efficiency.report.shown import said
from race_to_efficiency.units import DATE_UNIT

if TYPE_CHECKING:
    from race_to_efficiency.report.page import Page

LATER = "later than looked for"


def statements(page: Page) -> list[Block]:
    """Return the dated statements: events with probabilities, quantities with quantiles, and how each is settled."""
    found: list[dict[str, Any]] = page.inputs.part("statements", "statements")
    events = [item for item in found if item.get("probability") is not None]
    amounts = [item for item in found if item.get("probability") is None]
    tables = (
        ("statement-events", say("Dated statements: events"), ("~event", "by", "#probability"), event_row, events),
        (
            "statement-amounts",
            say("Dated statements: quantities"),
            ("~quantity", "by", "#median", "#80 %", "#95 %", "unit"),
            amount_row,
            amounts,
        ),
    )
    blocks: list[Block] = [
        ContentTable.of(key, caption, titles, [row(page, item) for item in items])
        for key, caption, titles, row, items in tables
        if items
    ]
    rules = ContentTable.of(
        "statement-rules",
        "How each statement is settled, and the baseline beside it",
        ("~statement", "~settled by", "baseline", "#baseline's probability or median"),
        [rule_row(page, item) for item in found],
        folded=True,
    )
    return [*blocks, rules]


def key_of(item: dict[str, Any]) -> str:
    """Return the start of a statement's ids."""
    return f"statement.{id_part(str(item['id']))}"


def statement_node(item: dict[str, Any]) -> tuple[str, ...]:
    """Return the output that a statement is."""
    return (f"statement.{item['id']}",)


def statement_words(item: dict[str, Any]) -> Rich:
    """Return what is stated."""
    return (Fact(str(item.get("what") or item["id"])),)


def rule(item: dict[str, Any]) -> Rich:
    """Return what settles a statement and how."""
    texts = [str(item[key]) for key in ("resolution_source", "resolution_rule") if item.get(key)]
    why = (item.get("rate") or {}).get("why")
    return said([*texts, *([str(why)] if why else [])]) or say("–")


def event_row(page: Page, item: dict[str, Any]) -> tuple[Rich, ...]:
    """Return an event as a row."""
    return (
        statement_words(item),
        (Label(str(item.get("by") or "–")),),
        page.shown.cell(
            f"{key_of(item)}.probability", item["probability"], "share", probability, nodes=statement_node(item)
        ),
    )


def amount_row(page: Page, item: dict[str, Any]) -> tuple[Rich, ...]:
    """Return a quantity as a row."""
    quantiles = item.get("quantiles") or {}
    unit = str(item.get("unit") or "1")
    return (
        statement_words(item),
        (Label(str(item.get("by") or "–")),),
        quantile(page, item, quantiles, "0.5"),
        *(
            page.shown.range_of(*(quantile(page, item, quantiles, end) for end in ("0.5", low, high)), level=level)
            if low in quantiles and high in quantiles
            else say("–")
            for level, low, high in ((0.8, "0.1", "0.9"), (0.95, "0.025", "0.975"))
        ),
        (Label("date" if unit == DATE_UNIT else unit),),
    )


def rule_row(page: Page, item: dict[str, Any]) -> tuple[Rich, ...]:
    """Return how a statement is settled, with its baseline."""
    baseline, nodes = item.get("baseline") or {}, statement_node(item)
    beside = (
        quantile(page, item, baseline.get("quantiles") or {}, "0.5", "baseline")
        if item.get("probability") is None
        else page.shown.cell(f"{key_of(item)}.baseline", baseline.get("probability"), "share", probability, nodes=nodes)
    )
    return (statement_words(item), rule(item), (Fact(str(baseline.get("method") or "–").replace("_", " ")),), beside)


def quantile(
    page: Page,
    item: dict[str, Any],
    values: dict[str, Any],
    level: str,
    kind: str = "q",
    nodes: tuple[str, ...] = (),
) -> Rich:
    """Return one quantile, of the statement where no other output is named; a date is written as one."""
    unit = str(item.get("unit") or "1")
    return page.shown.cell(
        f"{key_of(item)}.{kind}{level}",
        values.get(level),
        unit,
        written_date if unit == DATE_UNIT else significant(2 if unit.startswith("FLOP") else 3),
        nodes=nodes or statement_node(item),
        absent=LATER if level in values else "–",
    )


def written_date(year: float) -> str:
    """Return a decimal year as the month it lies in."""
    start = date(int(year), 1, 1)
    days = (date(int(year) + 1, 1, 1) - start).days
    return (start + timedelta(days=int((year - int(year)) * days))).strftime("%Y-%m")
