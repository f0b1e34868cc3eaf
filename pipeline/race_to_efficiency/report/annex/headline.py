"""The headline: two sentences, three numbers, both readings side by side, and why they differ."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from race_to_efficiency.report.annex.energy import energy_told
from race_to_efficiency.report.annex.forms import form_told
from race_to_efficiency.report.annex.gamma import HEADLINE_ROUTE as GAMMA
from race_to_efficiency.report.annex.gamma import beside_default
from race_to_efficiency.report.annex.kappa import REDUCIBLE_POOL, TOTAL_POOL
from race_to_efficiency.report.content import Callout, Card, Cards, Label, Para, Section, Text, say
from race_to_efficiency.report.forecasts import SHOWN_READINGS, CurveKey, listed, years_label
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import decimals, id_part, percent
from race_to_efficiency.report.shown import badge, name_list

if TYPE_CHECKING:
    from typing import Any

    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.report.content import Block, Num, Part, Rich
    from race_to_efficiency.report.page import Page

SENTENCE_YEARS = 5.0
"""The horizon of the headline's sentences."""


def headline_section(page: Page) -> Section:
    """Return the headline; what is missing from the inputs is said in its place."""
    blocks = [
        *page.attempt("The headline's sentences", lambda: sentences(page)),
        *page.attempt("The headline's figures", lambda: [cards(page)]),
        *page.attempt("Why the readings differ", lambda: [why_readings_differ(page)]),
        *page.attempt("The energy of today's best run", lambda: [energy_told(page, SENTENCE_YEARS)]),
        *page.attempt("The form of the law", lambda: [form_told(page, curves(page)[1], SENTENCE_YEARS)]),
        *page.attempt("How the relative loss hangs on kappa and gamma", lambda: [connection(page)]),
        *page.attempt("What the headline rests on", lambda: [caveats(page)]),
    ]
    return Section("headline", "Headline", tuple(blocks))


def curves(page: Page) -> tuple[CurveKey, CurveKey, CurveKey]:
    """Return the headline's curves: total, reducible, whole loss with a floor."""
    total, reducible, whole = (
        page.forecasts.find(form, target, page.scenario, page.anchor) for form, target, _, _ in SHOWN_READINGS
    )
    return total, reducible, whole


def sentences(page: Page) -> list[Block]:
    """Return the two sentences: what happens to the loss in each reading, and on what it is conditional."""
    total, _, whole = curves(page)
    second = (
        "Both figures start at a compute beyond every fit, so both are conditional projections {grade}; "
        "the first, which knows no floor, is the more optimistic by construction."
        if beyond_all_fits(page)
        else "Both are conditional projections {grade}."
    )
    words = (
        "If power stays as it is and efficiency goes on doubling {gamma} times a year, the loss of a frontier model "
        "falls in {years} to {total} of today's in the paper's reading, and to {whole} once the irreducible part of "
        f"the loss is counted. {second}"
    )
    return [
        Para.of(
            words,
            "lead",
            gamma=page.shown.value(page.inputs.estimate(GAMMA)),
            years=years_label(SENTENCE_YEARS),
            total=page.forecasts.point(total, SENTENCE_YEARS),
            whole=page.forecasts.point(whole, SENTENCE_YEARS),
            grade=page.forecasts.badge(whole, SENTENCE_YEARS),
        )
    ]


def anchor_record(page: Page) -> dict[str, Any]:
    """Return the headline's anchor; raise `Missing` when anchors.json does not hold it."""
    for record in page.inputs.part("anchors", "anchors"):
        if record["name"] == page.anchor:
            found: dict[str, Any] = record
            return found
    raise Missing(f"anchors.json holds no anchor {page.anchor}")


def beyond_all_fits(page: Page) -> bool:
    """Tell whether the headline's start lies beyond the fitted compute of every group."""
    try:
        return all(group["decades_beyond_fitted_range"] > 0 for group in anchor_record(page)["groups"])
    except Missing:
        return False


def cards(page: Page) -> Cards:
    """Return the headline's figures: gamma, then kappa and R in each reading, with 80 % and 95 % intervals."""
    total, reducible, whole = curves(page)
    gamma, kappa_total, kappa_reducible = (page.inputs.estimate(name) for name in (GAMMA, TOTAL_POOL, REDUCIBLE_POOL))
    when = {"years": years_label(SENTENCE_YEARS)}
    return Cards(
        (
            (
                "Total loss: the paper's reading",
                (
                    forecast_card(page, total, say("R, loss relative to today, after {years}", **when)),
                    estimate_card(page, kappa_total, say("κ, slope of the whole loss")),
                    gamma_card(page, gamma),
                ),
            ),
            (
                "Reducible loss: with a floor",
                (
                    forecast_card(page, whole, say("L/L₀, loss relative to today, after {years}", **when)),
                    forecast_card(
                        page, reducible, say("r, loss above the floor relative to today, after {years}", **when)
                    ),
                    estimate_card(page, kappa_reducible, say("κ, slope of the loss above its floor")),
                ),
            ),
        )
    )


def forecast_card(page: Page, curve: CurveKey, name: Rich) -> Card:
    """Return a forecast as a card."""
    lines = tuple(
        say(
            f"[[{100 * level:g} %]]: {{low}} to {{high}}",
            low=page.forecasts.interval(curve, SENTENCE_YEARS, level)[0],
            high=page.forecasts.interval(curve, SENTENCE_YEARS, level)[1],
        )
        for level in (0.8, 0.95)
    )
    return Card(
        name, (page.forecasts.point(curve, SENTENCE_YEARS),), lines, page.forecasts.badge(curve, SENTENCE_YEARS)
    )


def estimate_card(page: Page, estimate: Estimate, name: Rich) -> Card:
    """Return an estimate as a card; a level it has no interval at is said to be missing."""
    lines = []
    for level in (0.8, 0.95):
        found = estimate.interval(level)
        words = f"[[{100 * level:g} %]]: "
        lines.append(
            say(f"{words}not given")
            if found is None
            else say(
                f"{words}{{low}} to {{high}}",
                **dict(zip(("low", "high"), page.shown.ends(estimate, found), strict=True)),
            )
        )
    return Card(name, (page.shown.value(estimate),), tuple(lines), badge(estimate))


def gamma_card(page: Page, gamma: Estimate) -> Card:
    """Return gamma by the default route, and what the others say."""
    card = estimate_card(page, gamma, say("γ, doublings of efficiency a year"))
    beside = beside_default(page)
    return replace(card, lines=(*card.lines, (Label("route D"), *beside))) if beside else card


def floor_number(page: Page, record: dict[str, Any], key: str) -> Num:
    """Return a quantile of the floor at an anchor."""
    name = str(record["name"])
    return page.numbers.add(
        f"floor.{id_part(name)}.{key}", record["floor"][key], "share", percent(1), nodes=(f"anchor.{name}",)
    )


def why_readings_differ(page: Page) -> Block:
    """Return the one sentence on why the readings differ."""
    record = anchor_record(page)
    name = str(record["name"])
    floor = [floor_number(page, record, key) for key in ("median", "low", "high")]
    page.numbers.enclose(*floor, level=0.95, method="draws")
    slope = page.numbers.add(
        f"kappa_eff.{id_part(name)}.median",
        record["kappa_eff"]["median"],
        "1",
        decimals(4),
        nodes=(f"anchor.{name}",),
    )
    return Para.of(
        "**Why they differ.** The paper's reading lets the whole loss go on falling, while in the fits {floor} of "
        "today's frontier loss is irreducible (median; [[95 %]] interval from {low} to {high}), so that the whole "
        "loss answers to compute with an exponent of {slope}, not {kappa}.",
        floor=floor[0],
        low=floor[1],
        high=floor[2],
        slope=slope,
        kappa=page.shown.value(page.inputs.estimate(TOTAL_POOL)),
    )


def connection(page: Page) -> Block:
    """Return how the printed relative loss follows from the printed inputs, and where its interval comes from."""
    pools = page.inputs.part("scenarios", "pools")
    parts: dict[str, Part | str] = {"years": years_label(SENTENCE_YEARS)}
    for form, curve in zip(("total", "reducible"), curves(page), strict=False):
        pool, nodes = pools[form], (f"pool.{form}",)
        parts |= {
            f"{form}_median": page.forecasts.number(curve, SENTENCE_YEARS),
            f"{form}_point": page.forecasts.point(curve, SENTENCE_YEARS),
            f"{form}_families": page.shown.cell(
                f"pool.{form}.families", len(pool["families"]), "families", nodes=nodes
            ),
            f"{form}_names": name_list(pool["families"]),
        }
    return Para.of(
        "**How they hang together.** The relative loss is the equation at the κ, γ and floor printed here: "
        "`race predict` with them prints the same. Its intervals come from draws of the same quantities, with the "
        "κ of a family not seen yet instead of the mean over the families that speak: {total_families} in the "
        "paper's reading ({total_names}), {reducible_families} with a floor ({reducible_names}). The equation is "
        "curved in κ and γ, so the median of the draws need not be the point: after {years} it is {total_median} "
        "beside {total_point}, and {reducible_median} beside {reducible_point}.",
        **parts,
    )


def caveats(page: Page) -> Block:
    """Return what speaks against relying on the headline, in words."""
    total, _, whole = curves(page)
    found: list[str] = []
    for curve in (total, whole):
        found += [text for text in page.forecasts.badge(curve, SENTENCE_YEARS).reasons if text not in found]
    grade = page.forecasts.badge(whole, SENTENCE_YEARS)
    if not found:
        return Para.of("Every check was passed {badge}.", badge=grade)
    label: Rich = (grade, Text(" because: "))
    return Callout("How far to trust this.", (*label, *listed(found), Text(".")))
