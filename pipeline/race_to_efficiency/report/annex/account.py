"""The data account: what was read, used, excluded and quarantined, and why; sources with citation and licence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.content import ContentTable, Fact, Label, Link, Para, Section, join, say
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import id_part
from race_to_efficiency.report.page import Page, section

if TYPE_CHECKING:
    from race_to_efficiency.report.content import Block, Rich

VINTAGES = {
    "real": "recorded at the time, in dated snapshots",
    "assumed": "recorded as released",
    "pseudo": "pseudo: before the first snapshot",
}


def account_section(page: Page) -> Section:
    """Return the data account."""
    parts = (
        ("account-tables", "Rows read, used, excluded, quarantined", tables),
        ("account-reasons", "Why rows were excluded", reasons),
        ("account-quarantine", "Quarantined rows", quarantine),
    )
    return section(page, "account", "Data account", ledger_totals, parts)


def ledgers(page: Page) -> dict[str, dict[str, Any]]:
    """Return the account by ledger."""
    found: dict[str, dict[str, Any]] = page.inputs.part("account", "tables")
    return found


def ledger_totals(page: Page) -> list[Block]:
    """Return the totals, and that every row is accounted for."""
    found = ledgers(page)
    totals = {key: sum(int(item.get(key, 0)) for item in found.values()) for key in ("read", "used", "quarantined")}
    totals["excluded"] = sum(sum(item.get("excluded", {}).values()) for item in found.values())
    nodes = page.numbers.made("page.account", code=__name__, sources=[f"ledger.{name}" for name in found])
    numbers = {
        key: page.numbers.add(f"account.total.{key}", value, "rows", nodes=nodes) for key, value in totals.items()
    }
    return [
        Para.of(
            "{read} lines were read: {used} used, {excluded} excluded for a stated reason, {quarantined} "
            "quarantined. What is counted here is what was recorded and released by {as_of}; a row version that a "
            "later one replaced counts as excluded.",
            **numbers,
            as_of=Label(page.inputs.as_of.isoformat()),
        )
    ]


def account_count(page: Page, ledger: str, key: str, value: int) -> Rich:
    """Return a count of the account."""
    return page.shown.cell(f"account.{id_part(ledger)}.{id_part(key)}", int(value), "rows", nodes=(f"ledger.{ledger}",))


def tables(page: Page) -> list[Block]:
    """Return the account by ledger."""
    rows = []
    for name, item in ledgers(page).items():
        rows.append(
            (
                (Fact(name.replace("_", " ")),),
                account_count(page, name, "read", item["read"]),
                account_count(page, name, "used", item["used"]),
                account_count(page, name, "excluded", sum(item["excluded"].values())),
                account_count(page, name, "quarantined", item["quarantined"]),
                *newest(page, name),
                (
                    Label(
                        VINTAGES.get("pseudo" if item.get("pseudo") else str(item.get("vintage")), "without versions")
                    ),
                ),
            )
        )
    caption = say(
        "The account: read is used, excluded and quarantined together; the newest thing released, the day of the "
        "newest entry, and its age at the quarter's end"
    )
    return [ContentTable.of("account-table", caption, TITLES, rows)]


TITLES = ("ledger", "#read", "#used", "#excluded", "#quarantined", "newest", "entered", "#days old", "vintage")
"""Columns of the account."""


def newest(page: Page, ledger: str) -> tuple[Rich, Rich, Rich]:
    """Return a ledger's newest release, its newest entry and the entry's age; dashes where it has no versions."""
    found = page.inputs.document("account").get("freshness", ())
    item = next((item for item in found if item["table"] == ledger), None)
    if item is None or item["age_days"] is None:
        return (Label("–"),), (Label("–"),), (Label("–"),)
    days = (Label(item["newest_released"] or "–"),), (Label(item["newest_recorded"]),)
    nodes = (f"ledger.{ledger}",)
    return *days, page.shown.cell(f"account.{id_part(ledger)}.age", item["age_days"], "days", nodes=nodes)


def reasons(page: Page) -> list[Block]:
    """Return the reasons of exclusion by ledger."""
    rows = [
        (
            (Fact(name.replace("_", " ")),),
            (Fact(reason.replace("_", " ")),),
            account_count(page, name, f"excluded.{reason}", count),
        )
        for name, item in ledgers(page).items()
        for reason, count in item["excluded"].items()
    ]
    if not rows:
        raise Missing("no row was excluded")
    return [ContentTable.of("account-reasons-table", "Rows excluded, by reason", ("ledger", "reason", "#rows"), rows)]


def quarantine(page: Page) -> list[Block]:
    """Return every quarantined row with its rule and remedy; what stands in the cells was written by others."""
    if "quarantine" not in page.inputs.tables:
        raise Missing("the file quarantine.parquet is not here")
    found = page.inputs.tables["quarantine"]
    if found.empty:
        return [Para.of("No row failed validation.")]
    keys = ("file", "line", "row_id", "column", "rule", "value", "remedy")
    rows = tuple(
        tuple((Fact(str(record.get(key, ""))),) for key in keys) for record in found.head(200).to_dict("records")
    )
    titles = ("file", "line", "row", "column", "rule", "~value", "~what to do")
    return [ContentTable.of("quarantine", "Rows that failed validation and took no part", titles, rows)]


def sources(page: Page) -> Section:
    """Return the sources with citation, licence and what they are for."""
    return section(page, "sources", "Sources", source_table)


def source_table(page: Page) -> list[Block]:
    """Return the sources' table."""
    found = page.inputs.view("sources")
    found = found[found["exclusion"].fillna("").eq("")] if "exclusion" in found else found
    rows = tuple(
        (
            (Fact(str(row["source_id"])),),
            citation(row),
            (Fact(str(row["licence"]) or "not stated"),),
            (Label("" if row["released"] != row["released"] else str(row["released"])[:10]),),
        )
        for row in found.sort_values("source_id").to_dict("records")
    )
    caption = say("Where the rows come from; figures only are carried, with citation and licence")
    note = say(
        "Epoch AI's data are used under CC-BY; MLPerf is a trademark of MLCommons, and the scores derived here from "
        "result logs are unofficial."
    )
    return [ContentTable.of("source-table", caption, ("source", "~citation", "~licence", "released"), rows, note)]


def citation(row: dict[Any, Any]) -> Rich:
    """Return a source's citation, linked where its identifier is a plain web address."""
    text = str(row.get("citation") or row.get("title") or "")
    target = str(row.get("identifier") or "")
    parts: list[Rich] = [(Fact(text),)]
    if target.startswith("https://") and not any(sign in target for sign in "\"'<> "):
        parts.append((Link("link", target),))
    elif target:
        parts.append((Fact(target),))
    return join(parts, " ")
