"""Changes of numbers as rows of a table: before, now, what each cause did, and the rows behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.comparison.rounding import NOTHING
from race_to_efficiency.report.cleaned_text import clean
from race_to_efficiency.report.content import ContentTable, Fact, Rich, Text, join, say
from race_to_efficiency.report.numbers import MINUS, decimals, id_part
from race_to_efficiency.report.shown import writer
from race_to_efficiency.report.words.names import group_in_words, name_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from race_to_efficiency.report.page import Page

    Item = Mapping[str, Any]

ROW_CAUSES = ("added", "revised", "withdrawn", "reclassified", "entered_late")
CAUSE_WORDS = {
    **{kind: f"rows {kind.replace('_', ' ')}" for kind in ROW_CAUSES},
    "settings": "settings",
    "reference_date": "reference date",
    "code": "code",
    "resampling": "resampling",
}
READING_NAMES = {
    "total": "R, total loss",
    "reducible": "r, reducible loss",
    "reducible, whole loss": "L/L₀, whole loss",
}
ROWS_SHOWN = 2


def moves(item: Item) -> bool:
    """Tell whether a number exists on both sides and differs by more than rounding."""
    return item["delta"] is not None and abs(item["delta"]) > NOTHING


def acting(item: Item) -> list[Item]:
    """Return the parts of a change that did something."""
    return [part for part in item.get("parts") or () if abs(part["value"]) > NOTHING]


def change_title(item: Item) -> str:
    """Return a number's name in words: R with its years, a component with its estimator, a symbol with its group."""
    if "reading" in item:
        years = f"{item['years']:g} year{'' if item['years'] == 1 else 's'}"
        return f"{READING_NAMES.get(item['reading'], clean(str(item['reading'])))}, {years}"
    if item.get("component") == "route":
        return f"γ, route {clean(str(item['estimator']).replace('_', ' '))}"
    if item.get("component"):
        return name_in_words(".".join(str(item[key]) for key in ("component", "estimator") if item.get(key)))
    name = clean(str(item["symbol"]).replace("kappa_", "κ ").replace("_", " "))
    form = f" ({clean(str(item['form']).replace('_', ' '))})" if item.get("form") else ""
    return f"{name}, {group_in_words(item['group'])}{form}"


def cause_of(part: Item) -> str:
    """Return a cause in words."""
    return CAUSE_WORDS.get(part["cause"], clean(str(part["cause"])))


def write_change(item: Item) -> Callable[[float], str]:
    """Return how a change and its parts are written: signed, alike in one row."""
    plain = decimals(places_of(item))

    def write(value: float) -> str:
        text = plain(value)
        return text if text.startswith(MINUS) or value <= 0 else f"+{text}"

    return write


def write_both(item: Item, write: Callable[[float], str]) -> Callable[[float], str]:
    """Return how before and now are written: as always, or with the decimals of the change where that hides it."""
    return decimals(places_of(item)) if moves(item) and write(item["old"]) == write(item["new"]) else write


def places_of(item: Item) -> int:
    """Return the decimals a change is written with: more where it is small."""
    sizes = [abs(part["value"]) for part in item.get("parts") or ()] + [abs(item["delta"] or 0.0)]
    return 4 if max(sizes) < 0.02 else 3


def visible_parts(item: Item) -> list[Item]:
    """Return the parts that are not rounded to nothing where they are written; all of them where none is."""
    least = 0.5 * 10.0 ** -places_of(item)
    return [part for part in acting(item) if abs(part["value"]) >= least] or acting(item)


def change_node(item: Item) -> tuple[str, ...]:
    """Return the output that a change is."""
    return (f"change.{item['id']}",)


def change_table(page: Page, table_id: str, caption: Rich, items: Sequence[Item]) -> ContentTable:
    """Return changes as a table: before, now, change, what each cause did, and the rows that did most."""
    titles = ("number", "#before", "#now", "#change", "~of which", "~rows that did most, each alone")
    return ContentTable.of(table_id, caption, titles, [change_row(page, item) for item in items])


def change_row(page: Page, item: Item) -> tuple[Rich, ...]:
    """Return one change as a row."""
    key, unit = f"change.{id_part(item['id'])}", str(item.get("unit") or "1")
    write = write_both(item, decimals(4) if "reading" in item else writer(unit))
    causes = [
        say("{cause} {value}", cause=Text(cause_of(part)), value=part_number(page, item, part))
        for part in visible_parts(item)
    ]
    return (
        (Fact(change_title(item)),),
        page.shown.cell(f"{key}.old", item["old"], unit, write, nodes=change_node(item)),
        page.shown.cell(f"{key}.new", item["new"], unit, write, nodes=change_node(item), estimates=(item["id"],)),
        page.shown.cell(f"{key}.delta", item["delta"], unit, write_change(item), nodes=change_node(item)),
        join(causes, "; ") or say("did not move"),
        join(named_rows(page, item), "; ") or say("–"),
    )


def part_number(page: Page, item: Item, part: Item) -> Rich:
    """Return what one cause did."""
    return page.shown.cell(
        f"change.{id_part(item['id'])}.{id_part(str(part['cause']))}",
        part["value"],
        str(item.get("unit") or "1"),
        write_change(item),
        nodes=change_node(item),
    )


def named_rows(page: Page, item: Item) -> list[Rich]:
    """Return the rows of each part that did most, with what each alone does."""
    found = []
    for part in visible_parts(item):
        for place, row in enumerate((part.get("rows") or ())[:ROWS_SHOWN]):
            key = f"change.{id_part(item['id'])}.{id_part(str(part['cause']))}.row{place}"
            known = row.get("effect") is not None and part["cause"] != "settings"
            if known and abs(row["effect"]) < 0.5 * 10.0 ** -places_of(item):
                continue
            name: Rich = (Fact(str(row["row"])),)
            if not known:
                found.append(name)
                continue
            unit = str(item.get("unit") or "1")
            effect = page.shown.cell(key, row["effect"], unit, write_change(item), nodes=change_node(item))
            found.append(say("{name} ({effect})", name=name, effect=effect))
    return found
