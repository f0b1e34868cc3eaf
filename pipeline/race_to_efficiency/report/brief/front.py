"""The front chart's content: the frontier's compute and the fitted loss, and what the headline makes of both."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.annex.energy import headline_route
from race_to_efficiency.report.annex.headline import SENTENCE_YEARS, anchor_record, curves
from race_to_efficiency.report.annex.kappa import REDUCIBLE_POOL
from race_to_efficiency.report.content import Block, Explorer, FigureData, Label, Rich, Section, say
from race_to_efficiency.report.figures.fan import FAN_LEVELS
from race_to_efficiency.report.figures.front import Course, front_chart
from race_to_efficiency.report.forecasts import years_words
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import decimals, id_part, scientific
from race_to_efficiency.units import Quarter, decimal_year

if TYPE_CHECKING:
    from collections.abc import Sequence

    from race_to_efficiency.report.page import Page

GROWTH, LEVEL = "gamma.growth.frontier_compute", "gamma.level.frontier_compute_log2_flop"
PAST_YEARS = 8
"""Years of the past that are drawn; the trend is fitted from 2018 on."""

COMPUTE = "FLOP of the largest run, then what its energy buys"

TITLE = "Compute per joule climbs; the loss above its floor falls"


def front_section(page: Page) -> Section:
    """Return the front chart, and the place to try other numbers, which stands whatever the chart lacks."""
    title = "Past and outlook in one picture"
    return Section("brief-front", title, (*page.attempt(title, lambda: front(page)), Explorer({})))


def front(page: Page) -> list[Block]:
    """Return the chart, drawn twice: for a desk, and for a telephone."""
    courses = (compute_course(page), loss_course(page))
    caption = say(
        "**Above:** largest runs (dots) and their trend; then what the energy of today’s best run buys. **Below:** "
        "fitted loss above the floor; then the outlook at today’s power. Bands: half, [[8]] in [[10]] and [[19]] in "
        "[[20]] chances.{before}",
        before=say(" Dashed: the last quarters’ medians, as published.") if published_before(page) else (),
    )
    figure = page.figure(
        "fig-front",
        partial(front_chart, courses, narrow=False),
        title=TITLE,
        short="Two panels over the same years: the past as a line up to the point where data end, then a fan.",
        caption=caption,
        long="The upper panel rises by a steady factor; the lower one falls, and its fan widens with time.",
        data=chart_data(page),
        narrow=partial(front_chart, courses, narrow=True),
    )
    return [figure]


def growth_and_level(page: Page) -> tuple[float, float]:
    """Return the frontier's growth (doublings/yr) and its level at the data's end (log2 FLOP)."""
    growth, level = (page.inputs.estimate(name).value for name in (GROWTH, LEVEL))
    if growth is None or level is None:
        raise Missing("the trend of frontier compute was refused")
    return growth, level


def past_years(page: Page) -> list[float]:
    """Return the decimal years of the past that are drawn, the last at the data's end."""
    end = decimal_year(page.inputs.as_of)
    return [end - back for back in range(PAST_YEARS, -1, -1)]


def compute_course(page: Page) -> Course:
    """Return compute: runs and their trend, then what today's energy buys at the headline's gamma."""
    growth, level = growth_and_level(page)
    past = past_years(page)
    route = headline_route(page)
    if route.value is None:
        raise Missing(f"{route.id} was refused")
    rates = {0.5: route.value}
    for share, (low, high) in {0.8: (0.1, 0.9), 0.95: (0.025, 0.975)}.items():
        found = route.interval(share)
        if found is not None and found.low is not None and found.high is not None:
            rates |= {low: found.low, high: found.high}
    ahead = [float(years) for years in range(11)]
    start = anchor_record(page)["compute_flop"]["median"]
    quantiles = {share: [start * 2.0 ** (rate * years) for years in ahead] for share, rate in rates.items()}
    trend = [(year, 2.0 ** (level + growth * (year - past[-1]))) for year in past]
    return Course(COMPUTE, trend, runs(page, past[0]), [past[-1] + t for t in ahead], quantiles)


def runs(page: Page, since: float) -> list[tuple[float, float]]:
    """Return date and compute of the runs that the trend was fitted to."""
    names = {name.partition("/")[2] for name in page.inputs.estimate(GROWTH).rows_used}
    view = page.inputs.view("notable_training_runs")
    chosen = view[view["model_id"].isin(names)]
    dated = zip(chosen["released"], chosen["compute_flop"], strict=True)
    found = [(decimal_year(day), float(flop)) for day, flop in dated]
    return [point for point in found if point[0] >= since]


def loss_course(page: Page) -> Course:
    """Return the loss above the floor: as fitted along the trend of compute, then the headline's fan."""
    growth, _ = growth_and_level(page)
    kappa = page.inputs.estimate(REDUCIBLE_POOL).value
    if kappa is None:
        raise Missing(f"{REDUCIBLE_POOL} was refused")
    _, curve, _ = curves(page)
    past = past_years(page)
    ahead = page.forecasts.horizons(curve)
    quantiles = {level: [page.forecasts.cell(curve, t, level).value for t in ahead] for level in FAN_LEVELS}
    fitted = [(year, 2.0 ** (kappa * growth * (past[-1] - year))) for year in past]
    earlier = earlier_medians(published_before(page), past[-1], kappa * growth)
    return Course("Loss above the floor, today = 1", fitted, (), [past[-1] + t for t in ahead], quantiles, earlier)


def earlier_medians(
    headlines: Sequence[dict[str, Any]], end: float, fall: float
) -> list[tuple[list[float], list[float]]]:
    """Return the last quarters' medians as published, each from where the fitted loss stood on its own day.

    Parameters
    ----------
    headlines : sequence of dict
        quarter, and rows of reading, years and median.
    end : float, decimal year
        Where the loss is 1.
    fall : float, halvings/yr
        Of the fitted loss along the trend of compute: kappa times growth.

    Returns
    -------
    list of (list of float, list of float)
        Decimal years, and shares of the loss at ``end``.
    """
    lines = []
    for item in headlines:
        day = decimal_year(Quarter.parse(item["quarter"]).as_of)
        start = 2.0 ** (fall * (end - day))
        rows = [row for row in item["rows"] if row["reading"] == "reducible"]
        lines.append(([day, *(day + row["years"] for row in rows)], [start, *(start * row["median"] for row in rows)]))
    return lines


def published_before(page: Page) -> list[dict[str, Any]]:
    """Return the headlines that earlier quarters published; none where they kept none."""
    return list(page.inputs.documents.get("track_record", {}).get("headlines", ()))


def chart_data(page: Page) -> FigureData:
    """Return what the chart shows: past years as fitted, then quantiles by horizon."""
    compute, loss = compute_course(page), loss_course(page)
    _, curve, _ = curves(page)
    fitted = page.numbers.made("page.front.past", code=__name__, sources=(GROWTH, LEVEL, REDUCIBLE_POOL))
    bought = page.numbers.made(
        "page.front.compute", code=__name__, sources=(headline_route(page).id, f"anchor.{page.anchor}")
    )
    rows: list[tuple[Rich, ...]] = []
    for back, ((_, flop), (_, level)) in enumerate(zip(reversed(compute.past), reversed(loss.past), strict=True)):
        cells = (
            page.shown.cell(f"front.past.{back}y.compute", flop, "FLOP", scientific(1), nodes=fitted),
            page.shown.cell(f"front.past.{back}y.loss", level, "1", decimals(2), nodes=fitted),
        )
        rows.insert(0, (say("{years} ago, fitted", years=Label(years_words(back))), *cells, say("–"), say("–")))
    for ahead in (1, 3, int(SENTENCE_YEARS), 10):
        middle = page.shown.cell(
            f"front.{ahead}y.compute", compute.quantiles[0.5][ahead], "FLOP", scientific(1), nodes=bought
        )
        ends = [page.forecasts.number(curve, float(ahead), level) for level in (0.1, 0.5, 0.9)]
        rows.append(
            (
                say("in {years}", years=Label(years_words(ahead))),
                middle,
                *((end,) for end in (ends[1], ends[0], ends[2])),
            )
        )
    for item in published_before(page):
        node = (f"record.{item['publication']}",)
        for row in (row for row in item["rows"] if row["reading"] == "reducible"):
            key = f"front.published.{id_part(item['publication'])}.{row['years']:g}y"
            said = page.shown.cell(key, row["median"], "1", decimals(3), nodes=node)
            when = say(
                "{quarter} of its own day, in {years}", quarter=Label(item["quarter"]),
                years=Label(years_words(row["years"])),
            )  # fmt: skip
            rows.append((when, say("–"), said, say("–"), say("–")))
    return "", ("when", "#compute, FLOP", "#loss above floor", "#10 %", "#90 %"), rows
