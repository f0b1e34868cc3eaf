"""The severity table, recomputed from the equation, and public claims checked against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.equation.domain import PAPER_KAPPA
from race_to_efficiency.planning.claims import check_claims
from race_to_efficiency.planning.severity import SeverityRow, severity_table
from race_to_efficiency.report.content import Block, ContentTable, Fact, Label, Para, Rich, Strong, say
from race_to_efficiency.report.forecasts import years_words
from race_to_efficiency.report.numbers import significant

if TYPE_CHECKING:
    from race_to_efficiency.report.page import Page


def severity(page: Page) -> list[Block]:
    """Return years to a relative loss by gamma, and the fleets and energy that would get there sooner."""
    rows = severity_table(baseline_power_w=page.inputs.params.cost.values.baseline_power_w)
    intro = Para.of(
        "Recomputed from the equation at a kappa of {kappa}, one baseline fleet and one baseline year; the paper's "
        "own table is not available here. The same by command: {command}.",
        kappa=Label(f"{PAPER_KAPPA:g}"),
        command=Strong("race severity"),
    )
    return [intro, years_table(page, rows), fleet_table(page, rows)]


def recomputed(page: Page) -> tuple[str, ...]:
    """Return the output that the table is: the equation, without a row."""
    return page.numbers.made("equation.severity", code=__name__)


def years_table(page: Page, rows: tuple[SeverityRow, ...]) -> ContentTable:
    """Return years with the baseline fleet, targets down, gammas across."""
    targets, gammas = (list(dict.fromkeys(getattr(row, name) for row in rows)) for name in ("target", "gamma"))
    by_place = {(row.target, row.gamma): row for row in rows}
    body: tuple[tuple[Rich, ...], ...] = tuple(
        (
            (Label(f"R = {target:g}"),),
            *(
                page.shown.cell(
                    f"severity.years.{target:g}.gamma{gamma:g}",
                    by_place[target, gamma].years,
                    "years",
                    significant(3),
                    nodes=recomputed(page),
                    absent="never",
                )
                for gamma in gammas
            ),
        )
        for target in targets
    )
    caption = say("Years until the total loss has fallen to R, by gamma in doublings a year (recomputed)")
    return ContentTable.of("severity-years", caption, ("target", *(f"#gamma {gamma:g}" for gamma in gammas)), body)


def fleet_table(page: Page, rows: tuple[SeverityRow, ...]) -> ContentTable:
    """Return the fleets that reach each target by a deadline, and the energy they draw until then."""
    deadlines = [need.by_years for need in rows[0].fleets]
    body, drawn = [], (*recomputed(page), "setting.cost.values.baseline_power_w")
    for row in rows:
        key = f"severity.{row.target:g}.gamma{row.gamma:g}"
        fleets = [
            page.shown.cell(
                f"{key}.fleet.{need.by_years:g}y", need.fleet, "fleets", significant(3), nodes=recomputed(page)
            )
            for need in row.fleets
        ]
        energy = [
            page.shown.cell(f"{key}.energy.{need.by_years:g}y", need.energy_twh, "TWh", significant(2), nodes=drawn)
            for need in row.fleets
        ]
        body.append(((Label(f"R = {row.target:g}, gamma {row.gamma:g}"),), *fleets, *energy))
    titles = [f"#fleets, {years_words(years)}" for years in deadlines]
    titles += [f"#TWh, {years_words(years)}" for years in deadlines]
    caption = say("Baseline fleets that reach R by a deadline, and the energy they draw until then (recomputed)")
    return ContentTable.of("severity-fleets", caption, ("target", *titles), body, folded=True)


def claims(page: Page) -> list[Block]:  # noqa: ARG001  (every part of a section is built alike)
    """Return public statements about the paper's scenarios with what the equation says of them."""
    rows = tuple(
        tuple((Fact(text),) for text in (item.claim, item.source, item.verdict, item.why)) for item in check_claims()
    )
    caption = say("Public claims and what the equation makes of them (recomputed)")
    return [ContentTable.of("claim-table", caption, ("~claim", "~said where", "verdict", "~why"), rows)]
