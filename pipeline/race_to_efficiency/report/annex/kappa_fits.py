"""The fits of loss against compute, and the ridge along which floor and slope trade against each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.report.content import Block, ContentTable, Fact, Label, Num, Rich, say
from race_to_efficiency.report.figures.ridge import Ridge, ridges
from race_to_efficiency.report.figures.scatter import Cloud, Line, Panel, scatter
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import decimals, id_part, percent
from race_to_efficiency.report.words.names import group_in_words

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.report.page import Page

MOST_GROUPS = 6
BEYOND, WITH_FLOOR = "power law beyond its range", "with a floor (reducible)"
FEWEST_REFITS = 50
PLOTTED = 200
"""Refits drawn in a panel: more points hide one another and weigh on the page."""

WITHIN = 3.841
"""Deviance that the data rule out at 95 %: the quantile of chi-squared with one degree of freedom."""

SHOWN_DEVIANCE = 6.0


@dataclass(frozen=True)
class FrontierFit:
    """A group's compute-efficient frontier with the two laws fitted to it."""

    group: str
    rows: pd.DataFrame
    power_law: Estimate
    floor: Estimate | None

    def tangent(self, compute: Floats, amplitude: float) -> Floats:
        """Return the power law's loss, nats/token; its amplitude is the loss at the pivot."""
        pivot = float(self.power_law.pivot_compute_flop or 1.0)
        return np.asarray(amplitude * (compute / pivot) ** -float(self.power_law.value or 0.0))


def frontier_fits(page: Page) -> list[FrontierFit]:
    """Return one group a family, the first in file order, that has a power law and rows."""
    runs = page.inputs.view("training_runs").set_index("run_id")
    families = page.inputs.table("kappa_draws").drop_duplicates("group").set_index("group")["family"]
    found: dict[str, FrontierFit] = {}
    for item in page.inputs.select(symbol="kappa_total", form="power_law"):
        group = str(item.group)
        family = str(families.get(group, group))
        if group == "pooled" or family in found or item.value is None:
            continue
        wanted = [row.partition("/")[2] for row in item.rows_used]
        rows = runs.loc[runs.index.intersection(wanted)].sort_values(["compute_flop", "loss_nats"])
        floor = page.inputs.estimates.get(f"kappa_reducible.{group}.floor")
        if not rows.empty:
            found[family] = FrontierFit(group, rows, item, floor)
    if not found:
        raise Missing("no power law names its rows")
    return list(found.values())[:MOST_GROUPS]


def parameter(page: Page, symbol: str, group: str, form: str) -> float | None:
    """Return a fitted parameter's value, None where it was not fitted."""
    found = page.inputs.estimates.get(f"{symbol}.{group}.{form}")
    return None if found is None else found.value


def panel_of(page: Page, fit: FrontierFit) -> Panel:
    """Return the frontier with its tangent and, where it was fitted, the law with a floor."""
    compute = fit.rows["compute_flop"].to_numpy(dtype=np.float64)
    inside = np.geomspace(compute.min(), compute.max(), 40)
    beyond = np.geomspace(compute.max(), compute.max() * 100.0, 20)
    lines = []
    amplitude = parameter(page, "A", fit.group, "power_law")
    if amplitude is not None:
        lines.append(Line("power law (total)", inside, fit.tangent(inside, amplitude)))
        lines.append(Line(BEYOND, beyond, fit.tangent(beyond, amplitude), beyond=True))
    irreducible, scale = (parameter(page, symbol, fit.group, "floor") for symbol in ("E", "A"))
    if fit.floor is not None and fit.floor.value is not None and irreducible is not None and scale is not None:
        whole = np.concatenate([inside, beyond])
        lines.append(Line(WITH_FLOOR, whole, irreducible + scale * whole**-fit.floor.value))
    cloud = Cloud("runs on the frontier", compute, fit.rows["loss_nats"].to_numpy())
    return Panel(
        group_in_words(fit.group), "training compute, FLOP", "loss, nats per token", [cloud], lines, log_x=True
    )


def drawn(page: Page, found: list[FrontierFit]) -> tuple[str, ...]:
    """Return the output that the panels are: the laws they show."""
    shown = {fit.power_law.id: fit.group for fit in found} | {fit.floor.id: fit.group for fit in found if fit.floor}
    forms = ("A.{}.power_law", "A.{}.floor", "E.{}.floor")
    names = [*shown, *(form.format(group) for form in forms for group in dict.fromkeys(shown.values()))]
    known = [name for name in names if name in page.inputs.estimates]
    return page.numbers.made("page.fits", code=__name__, sources=known)


def parted(page: Page, found: list[FrontierFit], contents: list[Panel]) -> Num:
    """Return in how many panels the tangent ends below the law with a floor."""
    below = 0
    for content in contents:
        ends = {line.name: float(np.asarray(line.y)[-1]) for line in content.lines}
        below += ends.get(BEYOND, np.inf) < ends.get(WITH_FLOOR, -np.inf)
    return page.numbers.add("fits.tangent_below_floor", int(below), "groups", nodes=drawn(page, found))


def fits(page: Page) -> list[Block]:
    """Return the frontier fits, one group a family."""
    found = frontier_fits(page)
    contents = [panel_of(page, fit) for fit in found]
    rows = [
        (
            (Fact(str(run_id)),),
            (Fact(group_in_words(fit.group)),),
            (Fact(f"{row['compute_flop']:.4g}"),),
            (Fact(f"{row['loss_nats']:.4f}"),),
        )
        for fit in found
        for run_id, row in fit.rows.iterrows()
    ]
    titles = ("run", "group", "#compute, FLOP", "#loss, nats per token")
    return [
        page.figure(
            "fig-fits",
            partial(scatter, contents, height_in=2.5),
            title="Loss against compute on the efficient frontier",
            short="One panel a family: frontier runs, the power law tangent to them, and the law with an irreducible "
            "floor.",
            caption=say(
                "Dashed: the tangent two decades beyond its data. At its end it lies below the law with a floor in "
                "{below} of {panels} groups: read as a forecast, the total reading is the optimistic one there. "
                "Tokenizers and data differ, so levels do not compare between panels.",
                below=parted(page, found, contents),
                panels=page.numbers.add("fits.panels", len(contents), "groups", nodes=drawn(page, found)),
            ),
            long="In each panel loss falls with compute along a slightly convex curve; the two laws part beyond it.",
            data=("the frontier runs of the ledger", titles, rows),
        )
    ]


def ridge(page: Page) -> list[Block]:
    """Return the ridge of floor against slope: bootstrap refits, and the path of the profile through them."""
    draws = page.inputs.table("kappa_draws")
    draws = draws[(draws["form"] == "chinchilla") & draws["E"].notna()]
    names = [fit.group for fit in frontier_fits(page) if (draws["group"] == fit.group).sum() >= FEWEST_REFITS]
    if not names:
        raise Missing("no group has enough refits of the law with a floor")
    content, rows = [], []
    for name in names:
        own = draws[draws["group"] == name].sort_values("draw").head(PLOTTED)
        path = profile_of(page, name)
        line = [(row["E"], row["kappa"]) for row in path if row["deviance"] <= WITHIN]
        content.append(Ridge(group_in_words(name), own["E"].to_numpy(), own["kappa"].to_numpy(), line))
        rows += [profile_row(page, name, index, row) for index, row in enumerate(path, 1)]
    titles = ("group", "#kappa of the reducible loss", "#floor E, nats per token", "#deviance")
    return [
        page.figure(
            "fig-ridge",
            partial(ridges, content),
            title="Floor against slope",
            short="Bootstrap refits of each group: a higher floor goes with a steeper kappa, along a narrow ridge.",
            caption=say(
                "One faint point is one refit to resampled runs, at most {plotted} a group; the line is the best "
                "floor for each kappa, as far as the data do not rule it out at [[95 %]]. Floor and slope move "
                "together (table below): quoting one without the other means little, so every forecast draws them "
                "jointly.",
                plotted=Label(str(PLOTTED)),
            ),
            long="In every panel the points lie on a rising band: the data fix a combination of the two, not each.",
            data=("the profile, group by group", titles, rows),
        ),
        correlation_table(page, draws, names),
    ]


def profile_of(page: Page, group: str) -> list[dict[str, float]]:
    """Return the points of a group's profile near the best fit, by rising kappa; none when it was not profiled."""
    return sorted(
        (
            row
            for row in page.inputs.document("kappa").get("profiles") or ()
            if row["group"] == group and row["form"] == "chinchilla" and row["deviance"] <= SHOWN_DEVIANCE
        ),
        key=lambda row: float(row["kappa"]),
    )


def profile_row(page: Page, group: str, index: int, row: dict[str, float]) -> tuple[Rich, ...]:
    """Return one point of a profile."""
    ids = (f"E.{group}.chinchilla", f"kappa_reducible.{group}.chinchilla")
    key = f"profile.{id_part(group)}.{index}"
    return (
        (Fact(group_in_words(group)),),
        page.shown.cell(f"{key}.kappa", row["kappa"], "1", decimals(4), estimates=ids),
        page.shown.cell(f"{key}.E", row["E"], "nats/token", decimals(3), estimates=ids),
        page.shown.cell(f"{key}.deviance", row["deviance"], "1", decimals(2), estimates=ids),
    )


def correlation_table(page: Page, draws: pd.DataFrame, names: list[str]) -> ContentTable:
    """Return how closely floor and slope move together, group by group."""
    rows = []
    for name in names:
        own = draws[draws["group"] == name]
        ids = (f"E.{name}.chinchilla", f"kappa_reducible.{name}.chinchilla")
        known = [item for item in ids if item in page.inputs.estimates]
        nodes = page.numbers.made(f"page.ridge.{name}", code=__name__, sources=known)
        both = own[["E", "kappa"]].to_numpy()
        spread = float(both[:, 1].std() / both[:, 1].mean())
        rows.append(
            (
                (Fact(group_in_words(name)),),
                page.shown.cell(
                    f"ridge.{id_part(name)}.correlation",
                    float(np.corrcoef(both.T)[0, 1]),
                    "1",
                    decimals(2),
                    nodes=nodes,
                    estimates=ids,
                ),
                page.shown.cell(
                    f"ridge.{id_part(name)}.spread", spread, "share", percent(0), nodes=nodes, estimates=ids
                ),
                page.shown.cell(f"ridge.{id_part(name)}.refits", len(own), "refits", nodes=nodes, estimates=ids),
            )
        )
    return ContentTable.of(
        "ridge",
        "Floor and kappa move together: correlation over the refits",
        ("group", "#correlation", "#spread of kappa", "#refits"),
        rows,
    )
