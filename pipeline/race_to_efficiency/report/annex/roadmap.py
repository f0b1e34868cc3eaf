"""The roadmap: which layer of progress delivers what, what it has left, and what a target would require of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from race_to_efficiency.calibration.gamma.roadmap import ROADMAP_LAYERS
from race_to_efficiency.report.annex.gamma_series import UNIT
from race_to_efficiency.report.cleaned_text import clean
from race_to_efficiency.report.content import ContentTable, Fact, Label, Para, Section, say
from race_to_efficiency.report.figures.forest import Bar, Group, forest
from race_to_efficiency.report.numbers import decimals, id_part
from race_to_efficiency.report.page import Page, section
from race_to_efficiency.report.silent_columns import told

if TYPE_CHECKING:
    from race_to_efficiency.report.content import Block, Rich

TARGET_SETTINGS = "setting.fit_gamma.roadmap"
POWER = "gamma.growth.power"
CAPS = "setting.fit_gamma.caps"
HEADROOM = {
    "hardware": (f"{CAPS}.cmos_headroom",),
    "software": ("gamma.utilisation.ols", f"{CAPS}.utilisation_limit", f"{CAPS}.format_bits"),
    "infrastructure": (f"{CAPS}.power_usage_effectiveness",),
}
"""What bounds a layer."""

KAPPAS = {
    "total": ("kappa_total.pooled.power_law",),
    "reducible": ("kappa_reducible.pooled.chinchilla", "kappa_reducible.pooled.floor"),
}
"""Pooled kappas of a reading, the first choice first."""


def roadmap_section(page: Page) -> Section:
    """Return the roadmap."""
    return section(page, "roadmap", "Roadmap: who must deliver what by when", roadmap_tables)


def roadmap_tables(page: Page) -> list[Block]:
    """Return a table a target, and the measured rates by layer."""
    rows = page.inputs.part("gamma", "roadmap")
    targets: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        targets.setdefault((row["reading"], row["target"], row["by"]), []).append(row)
    blocks: list[Block] = [
        Para.of(
            "Each layer of progress with its measured rate, the doublings it has left where a bound is known, and "
            "the rate it would need for the whole to reach a target. A gap is what is missing."
        )
    ]
    for (reading, target, by), group in targets.items():
        key = f"roadmap.{id_part(str(reading))}.{target:g}.{id_part(str(by))}"
        caption = say(
            "Target: {reading} loss at {target} of today's by {by}",
            reading=Label(str(reading)),
            target=Label(f"{target:g}"),
            by=Label(str(by)),
        )
        titles = (
            "layer",
            "~who delivers",
            "#measured",
            "#95 %",
            "#headroom, doublings",
            "#years of headroom",
            "#required",
            "#gap",
            "~why not known",
        )
        blocks.append(
            told(
                ContentTable.of(
                    f"{id_part(key).replace('.', '-').replace('_', '-')}",
                    caption,
                    titles,
                    [layer_row(page, key, row) for row in group],
                    missing_words(page, key, group),
                )
            )
        )
    first = next(iter(targets.values()))
    return [blocks[0], layers_figure(page, first), *blocks[1:]]


def missing_words(page: Page, key: str, group: list[dict[str, Any]]) -> Rich:
    """Return in words whether the measured rates reach a target, and by how much they fall short; empty if unknown."""
    whole = next((row for row in group if row["layer"] == "all layers"), None)
    if whole is None or whole.get("gap") is None:
        return ()
    if whole["gap"] <= 0:
        return say("The measured rates of all layers together reach this target.")
    return say(
        "At the measured rates this is missed: all layers together are {gap} doublings a year short. Under required "
        "stands what each would have to deliver alone, the others going on as measured.",
        gap=roadmap_figure(page, key, whole, "gap"),
    )


def roadmap_figure(page: Page, key: str, row: dict[str, Any], name: str, unit: str = UNIT, places: int = 2) -> Rich:
    """Return one figure of the roadmap."""
    nodes = behind(page, row, name) or (TARGET_SETTINGS,)
    return page.shown.cell(f"{key}.{id_part(row['layer'])}.{name}", row.get(name), unit, decimals(places), nodes=nodes)


def behind(page: Page, row: dict[str, Any], name: str) -> tuple[str, ...]:
    """Return the outputs that a figure of the roadmap is computed from."""
    layer = str(row["layer"])
    if name == "headroom":
        return HEADROOM.get(layer, ())
    if name == "years_of_headroom":
        return (*HEADROOM.get(layer, ()), *rates(page, layer))
    if name in ("required", "gap"):
        others = {"all layers": (), "power": tuple(ROADMAP_LAYERS)}.get(
            layer, tuple(item for item in ROADMAP_LAYERS if item.name != layer)
        )
        delivered = [output for item in others for output in rates(page, item.name)]
        return (TARGET_SETTINGS, *kappa_of(page, row), *delivered, *(rates(page, layer) if name == "gap" else ()))
    return rates(page, layer)


def rates(page: Page, layer: str) -> tuple[str, ...]:
    """Return the estimates that a layer's measured rate is made of; none where the layer is taken to stand still."""
    if layer == "power":
        return tuple(name for name in (POWER,) if name in page.inputs.estimates)
    parts = [item for item in ROADMAP_LAYERS if layer in (item.name, "all layers")]
    names = [f"gamma.{name}" for item in parts for name in (item.estimate, item.minus) if name]
    return tuple(name for name in dict.fromkeys(names) if name in page.inputs.estimates)


def kappa_of(page: Page, row: dict[str, Any]) -> tuple[str, ...]:
    """Return the kappa that a target is to be reached with: none where the setting of the target gives it."""
    targets = page.inputs.params.fit_gamma.roadmap
    own = ((item.reading, item.target, item.by.isoformat()) for item in targets if item.kappa is not None)
    return () if (row["reading"], row["target"], row["by"]) in own else fitted(page, str(row["reading"]))


def fitted(page: Page, reading: str) -> tuple[str, ...]:
    """Return the pooled kappa that gamma's stage takes for a reading; none where every one is refused."""
    usable = (name for name in KAPPAS[reading] if name in page.inputs.estimates)
    return tuple(name for name in usable if page.inputs.estimates[name].status != "refused")[:1]


def layer_row(page: Page, key: str, row: dict[str, Any]) -> tuple[Rich, ...]:
    """Return one layer as a row."""
    return (
        (Fact(str(row["layer"])),),
        (Fact(str(row.get("owner") or "–")),),
        roadmap_figure(page, key, row, "measured"),
        say("–")
        if row.get("low") is None
        else page.shown.range_of(*(roadmap_figure(page, key, row, name) for name in ("measured", "low", "high"))),
        roadmap_figure(page, key, row, "headroom", "doublings", 1),
        roadmap_figure(page, key, row, "years_of_headroom", "years", 0),
        roadmap_figure(page, key, row, "required"),
        roadmap_figure(page, key, row, "gap"),
        (Fact(str(row.get("reason") or "–")),),
    )


def layers_figure(page: Page, rows: list[dict[str, Any]]) -> Block:
    """Return the measured rate by layer."""
    bars = [
        Bar(clean(str(row["layer"])), row["measured"], (None, None), (row["low"], row["high"]), "very high")
        for row in rows
        if row["measured"] is not None
    ]
    key = f"roadmap.{id_part(str(rows[0]['reading']))}.{rows[0]['target']:g}.{id_part(str(rows[0]['by']))}"
    body = tuple(
        (
            (Fact(str(row["layer"])),),
            roadmap_figure(page, key, row, "measured"),
            roadmap_figure(page, key, row, "low"),
            roadmap_figure(page, key, row, "high"),
        )
        for row in rows
        if row["measured"] is not None
    )
    return page.figure(
        "fig-roadmap",
        partial(forest, [Group(bars, "doublings a year")]),
        title="Measured rate by layer",
        short="Doublings a year delivered by each layer of progress, with intervals.",
        caption="Bars: [[95 %]]. Layers are not to be added up across rows of different coverage; the routes do that.",
        long="One line a layer; longer bars are less certain.",
        data=("measured rate by layer", ("layer", "#measured", "#low", "#high"), body),
    )
