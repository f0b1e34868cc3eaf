"""Fan charts of the headline scenario in each reading, where trust ends, and the years to milestones."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from race_to_efficiency.quarter.forecast_lineage import curve_of
from race_to_efficiency.report.annex.milestones import milestones
from race_to_efficiency.report.content import ContentTable, Fact, Label, Section, Text, join, say
from race_to_efficiency.report.figures.fan import FAN_LEVELS, Fan, fans
from race_to_efficiency.report.forecasts import SHOWN_READINGS, CurveKey, years_words
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import decimals, id_part, percent, significant
from race_to_efficiency.report.page import Page, subsections
from race_to_efficiency.report.words.names import group_in_words

if TYPE_CHECKING:
    from race_to_efficiency.report.content import Block, FigureData, Inline, Rich

HEADROOM_LIMIT = "hardware_headroom"
LETTERS = "abcdefghijklmnop"
LIMIT_NAMES = {
    "range": "fitted range left",
    "near_floor": "close to the floor",
    "curvature": "floor barely identified",
    "series_length": "series behind gamma too short",
    HEADROOM_LIMIT: "physical headroom used up",
}


def outlook_section(page: Page) -> Section:
    """Return the fan charts, the limits of trust and the milestones."""
    parts = (
        ("fans", "The headline scenario over ten years", fan_charts),
        ("limits-of-trust", "Where trust ends", trust_limits),
        ("anchors", "What the forecast starts from", anchors),
        ("milestones", "Milestones", milestones),
        ("width", "What the width comes from", variance_brought),
    )
    below = subsections(page, parts)
    return Section("outlook", "The outlook: fans, limits of trust, milestones", (), below)


def limits_passed(page: Page) -> list[dict[str, Any]]:
    """Return the limits of trust that bear on the headline's curves, in the order they are passed."""
    found = [
        item
        for item in page.inputs.document("anchors").get("trust_limits", ())
        if item["scenario_id"] in (None, page.scenario) and item["anchor"] in (None, page.anchor)
    ]
    return sorted(found, key=lambda item: (item["years"] is None, item["years"] or 0.0, item["limit"]))


def fan_charts(page: Page) -> list[Block]:
    """Return one fan a reading, side by side."""
    curves = [
        (page.forecasts.find(form, target, page.scenario, page.anchor), form, name)
        for form, target, name, _ in SHOWN_READINGS
    ]
    marked = list(zip(LETTERS, limits_passed(page), strict=False))
    content = [fan_of(page, curve, name, form, marked) for curve, form, name in curves]
    return [
        page.figure(
            "fig-fans",
            partial(fans, content),
            title=f"Loss relative to today, scenario {page.scenario.replace('_', ' ')}",
            short="Three fan charts over ten years: total loss, reducible loss, and whole loss with a floor.",
            caption=say(
                "One is the last datum: the loss of a model trained with today's anchor compute. The fans share their "
                "draws of gamma, their start and their scale; they differ in the loss they speak of. {limits}",
                limits=limit_caption(page, marked),
            ),
            long="Left, the total reading; in the middle, the loss above the floor, which is only a part of the whole; "
            "right, floor and reducible part together.",
            data=fan_data(page, [(curve, name) for curve, _, name in curves]),
        )
    ]


def fan_of(page: Page, curve: CurveKey, name: str, form: str, marked: list[tuple[str, dict[str, Any]]]) -> Fan:
    """Return one fan with the limits that are passed inside its years."""
    years = drawn_years(page, curve)
    quantiles = {level: [page.forecasts.cell(curve, t, level).value for t in years] for level in FAN_LEVELS}
    lines = [
        (float(item["years"]), letter)
        for letter, item in marked
        if item["form"] in ("both", form) and item["years"] is not None and item["years"] <= years[-1]
    ]
    return Fan(name, years, quantiles, lines)


def drawn_years(page: Page, curve: CurveKey) -> list[float]:
    """Return the horizons a fan is drawn at: every half year of those the table holds, and its last."""
    held = page.forecasts.horizons(curve)
    return [years for years in held if (2 * years).is_integer() or years == held[-1]]


def limit_caption(page: Page, marked: list[tuple[str, dict[str, Any]]]) -> Rich:
    """Return what the lettered lines of the fans mean."""
    if not marked:
        return say("No limit of trust is passed.")
    parts = []
    for letter, item in marked:
        name = LIMIT_NAMES.get(item["limit"], item["limit"].replace("_", " "))
        when: Rich = (
            say("from the first day")
            if item.get("passed_at_start")
            else say("in {years} years", years=limit_years(page, item))
        )
        parts.append(say("{letter}, {name} {when}", letter=Label(letter), name=Text(name), when=when))
    return (Text("Limits of trust: "), *join(parts, "; "), Text("."))


def limit_years(page: Page, item: dict[str, Any], key: str = "years") -> Rich:
    """Return when a limit is passed."""
    place = "/".join(str(item.get(name) or "all") for name in ("limit", "form", "scenario_id", "anchor"))
    return page.shown.cell(
        f"limit.{id_part(place.replace('/', '.'))}.{key}",
        item.get(key),
        "years",
        decimals(1),
        nodes=behind_limit(page, item, key),
        absent="never",
    )


def behind_limit(page: Page, item: dict[str, Any], key: str) -> tuple[str, ...]:
    """Return the outputs that a limit is passed by: a path from an anchor, a route's series, or what no path moves."""
    named = (("scenario", item["scenario_id"]), ("anchor", item["anchor"]))
    found = tuple(f"{kind}.{name}" for kind, name in named if name is not None)
    if found:
        return found
    if item["limit"] == "curvature":
        return ("pool.reducible",)
    end = {"low": "_low", "high": "_high"}.get(key, "")
    return (
        f"gamma.{page.inputs.params.forecast.trust.hardware_component}",
        f"setting.fit_gamma.caps.cmos_headroom{end}",
    )


def fan_data(page: Page, curves: list[tuple[CurveKey, str]]) -> FigureData:
    """Return the quantiles behind the fans, every quarter."""
    rows = []
    for curve, name in curves:
        for years in drawn_years(page, curve):
            cells = [(page.forecasts.number(curve, years, level),) for level in FAN_LEVELS]
            rows.append((say("{name}, {years}", name=Label(name), years=Label(years_words(years))), *cells))
    titles = [f"#{100 * level:g} %" for level in FAN_LEVELS]
    return "quantiles by reading and horizon", ("reading and horizon", *titles), rows


def trust_limits(page: Page) -> list[Block]:
    """Return when each limit of trust is passed."""
    rows = []
    for item in limits_passed(page):
        name = LIMIT_NAMES.get(item["limit"], item["limit"].replace("_", " "))
        years, low, high = (limit_years(page, item, key) for key in ("years", "low", "high"))
        method = "range" if item["limit"] == HEADROOM_LIMIT else "draws"
        rows.append(
            (
                (Text(name),),
                (Label(item["form"]),),
                years,
                page.shown.range_of(years, low, high, method=method),
                (Fact(str(item["words"])),),
            )
        )
    if not rows:
        raise Missing("anchors.json holds no limits of trust for the headline")
    return [
        ContentTable.of(
            "trust-limits",
            "When this forecast stops being more than arithmetic",
            ("limit", "reading", "#passed after, years", "#95 %", "~in words"),
            rows,
        )
    ]


def confidence_from(page: Page, anchor: str) -> Inline:
    """Return the confidence in the whole loss that starts at an anchor, at the first horizon shown."""
    try:
        curve = page.forecasts.find("reducible", "relative_loss", page.scenario, anchor)
        return page.forecasts.badge(curve, page.years[0], short=True)
    except Missing:
        return Text("–")


def anchors(page: Page) -> list[Block]:
    """Return the anchors: compute, floor, slope, and the distance from what was fitted."""
    rows = []
    for record in page.inputs.part("anchors", "anchors"):
        name = record["name"]
        decades = [group["decades_beyond_fitted_range"] for group in record["groups"]]

        def cell(key: str, value: Any, unit: str, write: Any, name: str = name) -> Rich:
            return page.shown.cell(f"anchor.{id_part(name)}.{key}", value, unit, write, nodes=(f"anchor.{name}",))

        rows.append(
            (
                (Fact(str(record.get("title") or name)), *((Text(" (headline)"),) if name == page.anchor else ())),
                cell("compute", record["compute_flop"]["median"], "FLOP", None),
                cell("floor", record["floor"]["median"], "share", percent(1)),
                cell("kappa_eff", record["kappa_eff"]["median"], "1", significant(2)),
                say(
                    "{low} to {high}",
                    low=cell("decades_low", min(decades), "decades", decimals(1)),
                    high=cell("decades_high", max(decades), "decades", decimals(1)),
                ),
                (confidence_from(page, str(name)),),
            )
        )
    return [
        ContentTable.of(
            "anchor-table",
            "Anchors: what one means, and how far each lies from what was fitted",
            (
                "anchor",
                "#compute, FLOP",
                "#floor",
                "#slope of the whole loss",
                "#decades beyond the fits",
                f"confidence, {years_words(page.years[0])} on",
            ),
            rows,
            "Negative decades lie inside the fitted range. Where algorithmic gain is counted in gamma, the "
            "anchor's compute is first translated into each group's own recipe.",
        ),
        *nats(page),
    ]


def nats(page: Page) -> list[Block]:
    """Return loss in nats per token by group at the headline's anchor, today and later."""
    curves = [
        curve
        for curve in page.forecasts.curves()
        if curve.target == "loss" and curve.scenario == page.scenario and curve.anchor == page.anchor
    ]
    if not curves:
        return []
    times = (0.0, *page.years)
    rows = tuple(
        ((Fact(group_in_words(curve.group)),), *(page.forecasts.point_with_interval(curve, t) for t in times))
        for curve in curves
    )
    titles = [f"#{'today' if t == 0 else years_words(t)}" for t in times]
    caption = say("Loss in nats per token by group, headline scenario: median and [[95 %]] interval")
    return [ContentTable.of("nats", caption, ("group", *titles), rows, folded=True)]


def variance_brought(page: Page) -> list[Block]:
    """Return how much of the forecast's variance each input brings."""
    record = next((item for item in page.inputs.part("scenarios", "scenarios") if item["name"] == page.scenario), None)
    if record is None or not record.get("sensitivity"):
        raise Missing("scenarios.json holds no shares of variance for the headline's scenario")
    names = list(record["sensitivity"][0]["variance_shares"])
    rows = []
    for item in record["sensitivity"]:
        key = f"width.{item['form']}.{item['years']:g}y"
        nodes = (curve_of(page.scenario, item["form"], "given" if record.get("kappa") else "pooled"),)
        cells = [
            page.shown.cell(f"{key}.{name}", item["variance_shares"][name], "share", percent(0), nodes=nodes)
            for name in names
        ]
        rows.append(((Label(f"{item['form']}, {years_words(item['years'])}"),), *cells))
    return [
        ContentTable.of(
            "width-table",
            "Shares of the variance of the logarithm of R",
            ("reading and horizon", *(f"#{name.replace('_', ' ')}" for name in names)),
            rows,
        )
    ]
