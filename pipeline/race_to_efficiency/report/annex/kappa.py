"""Kappa: how loss answers to compute, in both readings, group by group and pooled."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from race_to_efficiency.report.annex import kappa_checks, kappa_fits
from race_to_efficiency.report.annex.forests import HOLLOW, bar, forest_data
from race_to_efficiency.report.content import ContentTable, Fact, Para, Section, join, say
from race_to_efficiency.report.figures.forest import Group, forest
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import decimals, id_part, significant
from race_to_efficiency.report.page import Page, section
from race_to_efficiency.report.shown import badge, state
from race_to_efficiency.report.words.names import group_in_words

if TYPE_CHECKING:
    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.report.content import Block, Figure, Rich

TOTAL_POOL = "kappa_total.pooled.power_law"
REDUCIBLE_POOL = "kappa_reducible.pooled.chinchilla"


def kappa_section(page: Page) -> Section:
    """Return the section on kappa."""
    parts = (
        ("kappa-groups", "Group by group, then pooled", by_group),
        ("kappa-fits", "The fits behind them", kappa_fits.fits),
        ("kappa-ridge", "What the data cannot tell apart", kappa_fits.ridge),
        ("kappa-checks", "Rows, forms and extrapolation", kappa_checks.checks),
    )
    return section(page, "kappa", "Kappa: how loss answers to compute", kappa_introduction, parts, what="Kappa")


def kappa_introduction(page: Page) -> list[Block]:
    """Return what the two kappas are, and that they are never mixed."""
    total, reducible = page.inputs.estimate(TOTAL_POOL), page.inputs.estimate(REDUCIBLE_POOL)
    return [
        Para.of(
            "There are two kappas and they are never mixed. **Total**: the slope of the whole loss against "
            "compute, {total} {total_badge}. It is a tangent: it falls as compute grows, so it means nothing "
            "without the compute it was taken at, {pivot} FLOP, and beyond the fitted range it overstates "
            "progress. **Reducible**: the slope of the loss above its irreducible floor, {reducible} "
            "{reducible_badge}; to say anything about the whole loss it needs that floor.",
            total=page.shown.with_interval(total),
            total_badge=badge(total),
            pivot=page.numbers.add(
                f"{total.id}.pivot", total.pivot_compute_flop, "FLOP", significant(1), estimates=(total.id,)
            ),
            reducible=page.shown.with_interval(reducible),
            reducible_badge=badge(reducible),
        )
    ]


def by_group(page: Page) -> list[Block]:
    """Return the forest plot of both kappas by group, and the table of why some are of low confidence."""
    total = [item for item in page.inputs.select(symbol="kappa_total", form="power_law") if item.group]
    reducible = [item for item in page.inputs.select(symbol="kappa_reducible", form="chinchilla") if item.group]
    if not total and not reducible:
        raise Missing("kappa.json holds no kappa of any group")
    return [kappa_figure(page, total, reducible), *families(page), status_table(page, [*total, *reducible])]


def kappa_figure(page: Page, total: list[Estimate], reducible: list[Estimate]) -> Figure:
    """Return the forest plot of the two kappas."""
    groups = [
        Group([bar(item, group_in_words(item.group), strong=item.group == "pooled") for item in items], label, heading)
        for items, label, heading in (
            (total, "kappa of the total loss", "Total: tangent on the compute-efficient frontier"),
            (reducible, "kappa of the reducible loss", "Reducible: loss above its floor, all runs used"),
        )
        if items
    ]
    named = [(say("total, {group}", group=Fact(group_in_words(item.group))), item) for item in total]
    named += [(say("reducible, {group}", group=Fact(group_in_words(item.group))), item) for item in reducible]
    return page.figure(
        "fig-kappa",
        partial(forest, groups),
        title="Kappa by comparable group",
        short="Kappa of the total and of the reducible loss for each group of training runs, with intervals.",
        caption=f"Thick bars: [[80 %]]; thin bars: [[95 %]]; {HOLLOW}; second colour: pooled over families. "
        "Losses compare only inside a group, so only kappa is pooled. The two panels have axes of their own: the "
        "readings differ by design.",
        long="The upper panel holds the slopes of the whole loss, the lower one the slopes of the loss above its "
        "floor, which are larger throughout.",
        data=forest_data(page, "kappa by group", "kappa", named),
    )


def families(page: Page) -> list[Block]:
    """Return the pooled kappas by family, with what pooling can and cannot say."""
    rows: list[tuple[Rich, ...]] = []
    for estimate_id in (TOTAL_POOL, REDUCIBLE_POOL):
        pooled = page.inputs.estimate(estimate_id)
        reading = say("total" if estimate_id == TOTAL_POOL else "reducible")
        for item in pooled.diagnostics.get("families", ()):
            key = f"{estimate_id}.family.{id_part(item['family'])}"
            rows.append(
                (
                    (*reading, *say(", "), Fact(group_in_words(item["family"]))),
                    page.shown.cell(f"{key}.value", item["value"], "1", estimates=(estimate_id,)),
                    page.shown.cell(f"{key}.stderr", item["stderr"], "1", significant(2), estimates=(estimate_id,)),
                    join([Fact(group_in_words(name)) for name in item["groups"]], "; "),
                )
            )
    if not rows:
        return []
    note = say(
        "Groups of one paper share grid and evaluation and count as one family, families of one laboratory as one. A "
        "family speaks when more than half of its identified fits are of runs tuned for their compute and are not "
        "contradicted by their own cut-offs."
    )
    caption = say("What is pooled: one effect a family, by random effects")
    titles = ("family", "#kappa", "#standard error", "~groups")
    return [ContentTable.of("families", caption, titles, rows, note)]


def status_table(page: Page, estimates: list[Estimate]) -> ContentTable:
    """Return every kappa with its diagnostics and, why its grade is what it is."""
    rows = []
    for item in estimates:
        key = id_part(item.id)
        curvature = item.diagnostics.get("z_curv")
        starts = [item.diagnostics.get(name) for name in ("n_starts_agreeing", "n_starts")]
        agreeing = (
            say(
                "{agreeing} of {starts}",
                agreeing=page.shown.cell(f"{key}.starts_agreeing", starts[0], "starts", estimates=(item.id,)),
                starts=page.shown.cell(f"{key}.starts", starts[1], "starts", estimates=(item.id,)),
            )
            if None not in starts
            else say("–")
        )
        rows.append(
            (
                (Fact(f"{'total' if item.symbol == 'kappa_total' else 'reducible'}, {group_in_words(item.group)}"),),
                agreeing,
                page.shown.cell(f"{key}.z_curv", curvature, "1", decimals(1), estimates=(item.id,)),
                page.shown.cell(
                    f"{key}.residual_sd", item.diagnostics.get("residual_sd"), "1", decimals(4), estimates=(item.id,)
                ),
                state(item),
            )
        )
    return ContentTable.of(
        "kappa-status",
        "Checks every kappa passed or failed, and its grade",
        ("kappa", "#starts agreeing", "#curvature z", "#residual sd of log loss", "~confidence and why"),
        rows,
        folded=True,
    )
