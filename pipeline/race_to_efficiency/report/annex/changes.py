"""What changed since last quarter: the headline's numbers with the causes of their change, rows, estimates, R."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.annex.change_tables import (
    READING_NAMES,
    ROW_CAUSES,
    cause_of,
    change_node,
    change_row,
    change_table,
    change_title,
    moves,
    part_number,
    places_of,
    visible_parts,
    write_change,
)
from race_to_efficiency.report.annex.gamma import HEADLINE_ROUTE as GAMMA
from race_to_efficiency.report.annex.headline import SENTENCE_YEARS
from race_to_efficiency.report.annex.kappa import REDUCIBLE_POOL, TOTAL_POOL
from race_to_efficiency.report.content import ContentTable, Fact, Label, Para, Section, Text, join, say
from race_to_efficiency.report.figures.bars import Steps, waterfall
from race_to_efficiency.report.forecasts import years_label
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import decimals, id_part
from race_to_efficiency.report.page import Page, subsections
from race_to_efficiency.report.words.names import group_in_words, missing_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from race_to_efficiency.report.content import Block, Rich

    Item = Mapping[str, Any]

MOST_EXAMPLES = 5

CHANGES_TITLE = "What changed since last quarter"
"""The section that `race export release-notes` takes out of report.md."""


def changes_section(page: Page) -> Section:
    """Return what changed; a quarter that could not be compared says why."""
    if "changes" not in page.inputs.documents or page.inputs.document("changes").get("missing"):
        return Section(
            "changes", CHANGES_TITLE, tuple(page.attempt("The comparison with last quarter", lambda: absent(page)))
        )
    parts = (
        ("changed-data", "Rows that changed", data),
        ("changed-estimates", "Other estimates that moved", estimates),
        ("changed-forecasts", "Relative loss, before and now", forecasts),
    )
    blocks = [
        *page.attempt("Summary", lambda: changes_summary(page)),
        *page.attempt("The headline's numbers", lambda: headline_changes(page)),
    ]
    return Section("changes", CHANGES_TITLE, tuple(blocks), subsections(page, parts))


def absent(page: Page) -> list[Block]:
    """Say that no comparison was made, and why."""
    if "changes" in page.inputs.documents:
        raise Missing(missing_in_words(page.inputs.document("changes")["missing"]))
    raise Missing(
        f"quarter {page.inputs.quarter} was not compared with the one before (no changes.json); the command race diff "
        "compares two quarters"
    )


def changes_summary(page: Page) -> list[Block]:
    """Return between which quarters the comparison runs, how much moved, and what a part is."""
    document = page.inputs.document("changes")
    items = document["estimates"]
    counts = {
        "rows": sum(sum(table["counts"].values()) for table in document["data"].values()),
        "moved": sum(moves(item) for item in items),
        "compared": sum(item["delta"] is not None for item in items),
        "new": sum(item["old"] is None for item in items),
        "gone": sum(item["new"] is None for item in items),
    }
    rows = [
        node
        for name, table in document["data"].items()
        for kind in ROW_CAUSES
        for node in changed(page, name, kind, table)
    ]
    behind = {"rows": rows, "compared": [node for item in items for node in change_node(item)]}
    made = {
        name: page.numbers.made(f"page.changes.{name}", code=__name__, sources=parts) for name, parts in behind.items()
    }
    shown = {
        name: page.shown.cell(
            f"changes.{name}", count, "rows" if name == "rows" else "1", nodes=made.get(name, made["compared"])
        )
        for name, count in counts.items()
    }
    old, new = document["from"], document["to"]
    return [
        Para.of(
            "Between {old} and {new}, {rows} rows of the ledgers changed; {moved} of {compared} estimates moved, "
            "{fresh} are new and {gone} are gone.",
            old=Label(f"{old['quarter']} (data to {old['as_of']})"),
            new=Label(f"{new['quarter']} (data to {new['as_of']})"),
            rows=shown["rows"],
            moved=shown["moved"],
            compared=shown["compared"],
            fresh=shown["new"],
            gone=shown["gone"],
        ),
        Para.of(
            "Before is what today's settings and code make of what was known then, so that only the data and the "
            "date move a number; a report published then may show other figures. Every part of a change is the "
            "difference of two refits, averaged over the order the causes are applied in, and the parts sum to "
            "the change. Effects of single rows are each a refit with that row alone changed: they need not sum.",
            "note",
        ),
    ]


def headline_changes(page: Page) -> list[Block]:
    """Return the waterfalls and the table of the headline's numbers."""
    document = page.inputs.document("changes")
    known = {item.get("id"): item for item in [*document["estimates"], *document["forecasts"]]}
    names = [GAMMA, TOTAL_POOL, REDUCIBLE_POOL]
    names += [item["id"] for item in document["forecasts"] if item["years"] == SENTENCE_YEARS]
    drawn_too = {item["id"] for item in document["forecasts"] if item["reading"] != "reducible"}
    rows = [known[name] for name in names if name in known and known[name]["delta"] is not None]
    if not rows:
        raise Missing("none of the headline's numbers exists in both quarters")
    drawn = [item for item in rows if moves(item) and ("reading" not in item or item["id"] in drawn_too)]
    table = change_table(page, "changed-headline", say("The headline's numbers: before, now, and why"), rows)
    return [*([waterfalls(page, drawn)] if drawn else [Para.of("None of the headline's numbers moved.")]), table]


def waterfalls(page: Page, items: Sequence[Item]) -> Block:
    """Return the waterfalls of the headline's numbers, each on a scale of its own."""
    steps = [
        Steps(
            change_title(item),
            float(item["old"]),
            float(item["new"]),
            tuple((cause_of(part), float(part["value"])) for part in visible_parts(item)),
            write_change(item),
            decimals(places_of(item)),
        )
        for item in items
    ]
    body = tuple(
        ((Fact(f"{change_title(item)}: {cause_of(part)}"),), part_number(page, item, part))
        for item in items
        for part in visible_parts(item)
    )
    return page.figure(
        "fig-changes",
        partial(waterfall, steps, label="each panel on its own scale"),
        title="Why the headline moved",
        short="Waterfalls from last quarter's value to this one's, one step a cause.",
        caption="The headline's numbers from last quarter's value (before) to this quarter's (now), one step a cause. "
        "The scales differ from panel to panel and do not start at zero: compare the numerals, not the lengths. "
        "A lower R or L/L₀ means a faster fall of the loss; parts too small for the digits shown are left out.",
        long="Each panel starts at the value before and ends at the value now; causes that did nothing are left out.",
        data=("the parts of each change", ("number and cause", "#part"), body),
    )


def estimates(page: Page) -> list[Block]:
    """Return every estimate that moved, the most (relative to its size) first, and those on one side only."""
    found = page.inputs.part("changes", "estimates")
    rows = [item for item in found if moves(item) and item["id"] not in (GAMMA, TOTAL_POOL, REDUCIBLE_POOL)]
    rows.sort(key=lambda item: -abs(item["delta"]) / (abs(item["old"]) or 1.0))
    blocks: list[Block] = []
    if rows:
        caption = say("The other estimates that moved: before, now, and what each cause did")
        blocks.append(change_table(page, "changed-estimates-table", caption, rows))
    for side, words in (("old", "New this quarter: {names}."), ("new", "Gone since last quarter: {names}.")):
        names = list(dict.fromkeys(one_sided(item) for item in found if item[side] is None))
        if names:
            blocks.append(Para.of(words, names=join([Fact(name) for name in names], "; ")))
    return blocks or [Para.of("No other estimate moved.")]


def one_sided(item: Item) -> str:
    """Return how an estimate of one side only is listed: a group's stand together."""
    return f"κ and its laws in {group_in_words(item['group'])}" if item.get("group") else change_title(item)


def data(page: Page) -> list[Block]:
    """Return how many rows were added, revised, withdrawn, reclassified and entered late, by ledger, with examples."""
    rows = []
    for name, item in sorted(page.inputs.part("changes", "data").items()):
        cells = [
            page.shown.cell(
                f"changed_rows.{id_part(name)}.{kind}",
                item["counts"][kind],
                "rows",
                nodes=changed(page, name, kind, item),
            )
            for kind in ROW_CAUSES
        ]
        examples = [example(kind, row) for kind in ROW_CAUSES for row in item[kind][:MOST_EXAMPLES]]
        rows.append(((Fact(name.replace("_", " ")),), *cells, join(examples[: 2 * MOST_EXAMPLES], "; ") or say("–")))
    return [
        ContentTable.of(
            "changed-rows",
            "Rows that changed between the two as-of views",
            ("ledger", *(f"#{kind.replace('_', ' ')}" for kind in ROW_CAUSES), "~for example"),
            rows,
        )
    ]


def changed(page: Page, table: str, kind: str, item: Item) -> tuple[str, ...]:
    """Return the output that a table's rows changed in one way are."""
    rows = [f"{table}/{row['id']}" for row in item[kind]]
    return page.numbers.made(f"page.changed_rows.{table}.{kind}", code=__name__, rows=rows)


def example(kind: str, row: Item) -> Rich:
    """Return a changed row: its id, and what of it changed."""
    cells = [str(cell["column"]) for cell in row.get("cells") or ()]
    what = f"{kind}: {', '.join(cells[:3])}" if cells and kind == "revised" else kind.replace("_", " ")
    return say("{name} ({what})", name=Fact(str(row["id"])), what=Fact(what))


def forecasts(page: Page) -> list[Block]:
    """Return how relative loss moved in every reading at every horizon, with the intervals before and now."""
    document = page.inputs.document("changes")
    if not document["forecasts"]:
        raise Missing(str(document.get("forecasts_missing") or "changes.json holds no forecasts"))
    rows = []
    for item in document["forecasts"]:
        key = f"change.{id_part(item['id'])}"
        cells = change_row(page, item)
        ends = {
            side: page.shown.range_of(
                middle,
                *(
                    page.shown.cell(f"{key}.{side}.{end}95", value, "1", decimals(3), nodes=change_node(item))
                    for end, value in zip(("low", "high"), item[f"{side}_interval_95"], strict=True)
                ),
            )
            for side, middle in (("old", cells[1]), ("new", cells[2]))
        }
        rows.append(
            (
                (Fact(READING_NAMES.get(item["reading"], str(item["reading"]))),),
                years_label(item["years"]),
                (*cells[1], Text(" "), *ends["old"]),
                (*cells[2], Text(" "), *ends["new"]),
                *cells[3:5],
            )
        )
    return [
        ContentTable.of(
            "changed-forecasts-table",
            "Loss relative to today in the headline's scenario, as printed, with [[95 %]] intervals: before and now",
            ("reading", "after", "#before", "#now", "#change", "~of which"),
            rows,
        ),
        Para.of(
            "Today is another day each quarter: both values are relative to the loss on the last day of their own "
            "quarter, so a change of the reference date alone moves them.",
            "note",
        ),
    ]
