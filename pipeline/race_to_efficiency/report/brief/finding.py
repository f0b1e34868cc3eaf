"""The finding: one number as the title, the reading to take first and why, and what the other readings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.report.annex.energy import headline_route, share_interval, share_number
from race_to_efficiency.report.annex.forms import other_form, place_of
from race_to_efficiency.report.annex.gamma import other_routes
from race_to_efficiency.report.annex.headline import SENTENCE_YEARS, curves
from race_to_efficiency.report.content import Block, Card, Cards, Label, Link, Num, Para, Rich, Section, Text, say
from race_to_efficiency.report.forecasts import recorded_grades
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.shown import badge

if TYPE_CHECKING:
    from datetime import date

    from race_to_efficiency.report.forecasts import CurveKey
    from race_to_efficiency.report.page import Page

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
"""Written out here: `strftime` would ask the machine's language."""


def month_label(day: date) -> Label:
    """Return a month in words."""
    return Label(f"{MONTHS[day.month - 1]} {day.year}")


def headline_month(page: Page) -> Label:
    """Return the month that the headline speaks of."""
    return month_label(page.inputs.as_of.replace(year=page.inputs.as_of.year + int(SENTENCE_YEARS)))


def title(page: Page) -> Rich:
    """Return the finding as one sentence; the report's own title where gamma is missing."""
    try:
        share = share_number(page, headline_route(page), SENTENCE_YEARS)
    except Missing:
        return (Label(page.title),)
    return say(
        "By {month}, today’s best training run should need about {share} of its energy",
        month=headline_month(page),
        share=share,
    )


def finding_section(page: Page) -> Section:
    """Return the recommended reading, the two beside it, and the warning that belongs to them."""
    blocks = [
        *page.attempt("The reading to take first", lambda: [why_energy(page)]),
        *page.attempt("The headline's figures", lambda: [cards(page)]),
        *page.attempt("The whole loss", lambda: [whole_loss(page)]),
    ]
    return Section("finding", "Read the energy first", tuple(blocks))


def why_energy(page: Page) -> Block:
    """Return why the energy comes first, and how far off the route lies that is furthest from it."""
    others, route = other_routes(page), headline_route(page)
    gamma = route.value or 0.0
    far = max(others, key=lambda item: abs((item.value or 0.0) - gamma))
    doubt = (
        "the headline takes the fastest of our {ways} to measure the pace. The slowest: {far}."
        if gamma >= (others[-1].value or 0.0)
        else "of our other {ways} to measure the pace, the furthest off gives {far}."
    )
    return Para.of(
        "Each number below is a share of today’s, [[5]] years on, if power stays. The first is the energy to match "
        "today’s best model, not to train tomorrow’s. **Why it comes first:** it needs one thing only, how fast "
        "efficiency grows. A forecast of loss also needs a law of loss, and that law is "
        f"used here far beyond {{fits}} it was fitted on. **The main doubt:** {doubt}",
        "lead",
        fits=Link("the runs", "#anchors"),
        ways=Link("ways", "#gamma"),
        far=share_number(page, far, SENTENCE_YEARS),
    )


def eight_in_ten(low: Num, high: Num) -> Rich:
    """Return an 80 % interval in words."""
    return say("[[8]] in [[10]]: {low} to {high}", low=low, high=high)


def cards(page: Page) -> Cards:
    """Return the three readings side by side, the recommended one first."""
    total, reducible, _ = curves(page)
    route = headline_route(page)
    month = headline_month(page)
    energy = Card(
        say("Energy of today’s best run, {month}", month=month),
        (share_number(page, route, SENTENCE_YEARS),),
        (eight_in_ten(*share_interval(page, route, SENTENCE_YEARS)),),
        badge(route),
    )
    above = Card(
        say("Loss above its floor, {month}", month=month),
        (loss_number(page, reducible),),
        (
            eight_in_ten(*page.forecasts.interval(reducible, SENTENCE_YEARS, 0.8)),
            *form_line(page, reducible),
            *record_line(page),
        ),
        page.forecasts.badge(reducible, SENTENCE_YEARS),
    )
    paper = Card(
        say("R, whole loss, no floor, {month}", month=month),
        (loss_number(page, total),),
        (
            eight_in_ten(*page.forecasts.interval(total, SENTENCE_YEARS, 0.8)),
            say("as in Lu’s paper; more hopeful by design"),
            *record_line(page),
        ),
        page.forecasts.badge(total, SENTENCE_YEARS),
    )
    return Cards((("First: energy", (energy,)), ("Second: loss above the floor", (above,)), ("Beside: R", (paper,))))


def record_line(page: Page) -> tuple[Rich, ...]:
    """Return where the record of a forecast's grade stands; an estimate's has none."""
    told = recorded_grades(page.inputs.documents)
    return (say("Its record: {record}", record=Link("How sure we are", "#brief-confidence")),) if told else ()


def form_line(page: Page, curve: CurveKey) -> tuple[Rich, ...]:
    """Return where the other form of the law of loss lies to the range above the line, where there is one."""
    try:
        found = place_of(page, other_form(page, SENTENCE_YEARS), page.forecasts.interval(curve, SENTENCE_YEARS, 0.8))
    except Missing:
        return ()
    return (say("{form}: {place} this range", form=Link("The law’s other form", "#headline"), place=Text(found)),)


def loss_number(page: Page, curve: CurveKey) -> Num:
    """Return a reading at the headline's horizon."""
    return page.forecasts.point(curve, SENTENCE_YEARS)


def whole_loss(page: Page) -> Block:
    """Return what becomes of the whole loss with its floor, where R's range lies to it, and why it moves so little."""
    total, _, whole = curves(page)
    found = place_of(page, loss_number(page, whole), page.forecasts.interval(total, SENTENCE_YEARS, 0.8))
    apart = "" if found == "inside" else f", {found} R’s range"
    return Para.of(
        f"With its floor, the whole loss hardly moves: to {{whole}} of today’s{apart}. Nearly all is {{floor}} "
        "compute cannot lower.",
        whole=loss_number(page, whole),
        floor=Link("a floor", "#headline"),
    )
