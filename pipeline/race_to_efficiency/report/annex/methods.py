"""Methods: the equation, what each symbol means, how it was estimated; and the limits of all that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.content import Bullets, ContentTable, Equation, Label, Link, Para, Section, say
from race_to_efficiency.report.numbers import decimals, significant
from race_to_efficiency.report.page import Page, section, subsections

if TYPE_CHECKING:
    from race_to_efficiency.report.content import Block

PAPER_ADDRESS = "https://arxiv.org/abs/2501.02156"

COMPUTE = Equation(
    mathml=(
        '<math display="block" xmlns="http://www.w3.org/1998/Math/MathML"><mrow><mi>X</mi><mo>(</mo><mi>t</mi><mo>)</mo>'
        "<mo>=</mo><mn>1</mn><mo>+</mo><mfrac><mi>m</mi><msub><mi>τ</mi><mn>0</mn></msub></mfrac>"
        "<msubsup><mo>∫</mo><mn>0</mn><mi>t</mi></msubsup><msup><mn>2</mn><mrow><mi>γ</mi><mi>s</mi></mrow></msup>"
        "<mi>d</mi><mi>s</mi></mrow></math>"
    ),
    spoken="X of t equals one plus m over tau zero times the integral from zero to t of two to the gamma s, d s.",
)
TOTAL_EQUATION = Equation(
    mathml=(
        '<math display="block" xmlns="http://www.w3.org/1998/Math/MathML"><mrow><mi>R</mi><mo>(</mo><mi>t</mi><mo>)</mo>'
        "<mo>=</mo><mfrac><mrow><mi>L</mi><mo>(</mo><mi>t</mi><mo>)</mo></mrow><msub><mi>L</mi><mn>0</mn></msub></mfrac>"
        "<mo>=</mo><mi>X</mi><msup><mrow><mo>(</mo><mi>t</mi><mo>)</mo></mrow><mrow><mo>−</mo><mi>κ</mi></mrow></msup>"
        "</mrow></math>"
    ),
    spoken="R of t equals L of t over L zero equals X of t to the minus kappa.",
)
REDUCIBLE_EQUATION = Equation(
    mathml=(
        '<math display="block" xmlns="http://www.w3.org/1998/Math/MathML"><mrow><mi>r</mi><mo>(</mo><mi>t</mi><mo>)</mo>'
        "<mo>=</mo><mfrac><mrow><mi>L</mi><mo>(</mo><mi>t</mi><mo>)</mo><mo>−</mo><mi>E</mi></mrow>"
        "<mrow><msub><mi>L</mi><mn>0</mn></msub><mo>−</mo><mi>E</mi></mrow></mfrac><mo>=</mo><mi>X</mi>"
        "<msup><mrow><mo>(</mo><mi>t</mi><mo>)</mo></mrow><mrow><mo>−</mo><mi>κ</mi></mrow></msup><mo>,</mo>"
        '<mspace width="1em"/><mfrac><mi>L</mi><msub><mi>L</mi><mn>0</mn></msub></mfrac><mo>=</mo><mi>f</mi><mo>+</mo>'
        "<mo>(</mo><mn>1</mn><mo>−</mo><mi>f</mi><mo>)</mo><mi>r</mi><mo>,</mo>"
        '<mspace width="1em"/><mi>f</mi><mo>=</mo><mfrac><mi>E</mi><msub><mi>L</mi><mn>0</mn></msub></mfrac>'
        "</mrow></math>"
    ),
    spoken=(
        "r of t equals L of t minus E over L zero minus E equals X of t to the minus kappa; L over L zero equals f "
        "plus one minus f times r, with f equal to E over L zero."
    ),
)


def methods_section(page: Page) -> Section:
    """Return the methods."""
    parts = (
        ("equation", "The equation and its two readings", equation),
        ("symbols", "Symbols", symbols),
        ("estimation", "How kappa, gamma and the forecast are made", estimation),
        ("settings", "The settings that matter", settings),
    )
    below = subsections(page, parts)
    return Section("methods", "Methods", (), below)


def equation(page: Page) -> list[Block]:  # noqa: ARG001  (every part of a section is built alike)
    """Return the equation in both readings."""
    return [
        Para.of(
            "Efficiency doubles gamma times a year, compute accumulates from a fleet, and loss answers to compute "
            "with an exponent kappa ({paper}). Compute relative to today's is",
            paper=Link("Lu, arXiv 2501.02156", PAPER_ADDRESS),
        ),
        COMPUTE,
        Para.of("In the **total** reading, the paper's, the whole loss falls with it:"),
        TOTAL_EQUATION,
        Para.of("In the **reducible** reading only the loss above a floor does:"),
        REDUCIBLE_EQUATION,
        Para.of(
            "At the start the speed of decline is the same for every gamma, so the first year tells nothing of "
            "gamma; late data identify only the product of kappa and gamma. Never is a possible answer: a loss "
            "below the floor is out of reach at any efficiency. The equation is evaluated in a form that is stable "
            "near a gamma of zero, where the printed form fails."
        ),
    ]


def symbols(page: Page) -> list[Block]:  # noqa: ARG001
    """Return what each symbol means."""
    rows = (
        ("κ", "loss exponent, without unit; of the total or of the reducible loss, never mixed"),
        ("γ", "doublings of efficiency a year"),
        ("m", "power of the fleet relative to the baseline fleet"),
        ("τ₀", "years of baseline compute that L₀ stands for; one year in the paper's convention"),
        ("L₀", "loss after the anchor's compute, on the data date; not the loss at the first step of training"),
        ("C₀", "the anchor: compute today, in FLOP"),
        ("E, f", "irreducible loss in nats per token, and its share of L₀"),
        ("R, r", "total and reducible loss relative to today's"),
    )
    body = tuple(((Label(symbol),), say(words)) for symbol, words in rows)
    return [ContentTable.of("symbol-table", "Symbols", ("symbol", "~meaning"), body)]


def estimation(page: Page) -> list[Block]:
    """Return how each part is estimated, in a few steps."""
    total = page.inputs.documents.get("scenarios", {}).get("draws")
    draws = (
        say(
            "{draws} joint draws",
            draws=page.numbers.add("forecast.draws", int(total), "draws", nodes=("setting.forecast.draws",)),
        )
        if total
        else say("joint draws")
    )
    return [
        Bullets(
            (
                say(
                    "**Kappa** is fitted inside groups of runs that share data, tokenizer and evaluation: a Huber "
                    "objective on log loss, several starts, bootstrap of whole fits (of clusters where runs share a "
                    "model). Only kappa is pooled, over families of papers."
                ),
                say(
                    "**Gamma** is composed from components that declare what they cover; a route that would count a "
                    "layer twice cannot be built. Rows that belong together are resampled together."
                ),
                say(
                    "**The forecast** takes {draws}: kappa with its floor from one refit, gamma with the growth of "
                    "power and compute from one row of its own draws. Kappa and gamma come from different tables and "
                    "are drawn independently.",
                    draws=draws,
                ),
                say(
                    "**Grades**: every estimate meets a gate: one optimum from several starts, no bound nearby, closed "
                    "intervals, enough rows and clusters, a sign and status that survive another window and two rows "
                    "less. What fails is graded down or refused, with the reason; {grades} says how.",
                    grades=Link("what a grade is worth", "#grades"),
                ),
                say(
                    "**As of**: only what was recorded and released by the data date counts; any past quarter can be "
                    "rebuilt from the same ledgers."
                ),
            )
        )
    ]


def settings(page: Page) -> list[Block]:
    """Return the baseline's years and the largest known run, which the anchors rest on."""
    found = page.inputs.document("anchors")
    baseline, largest = found.get("baseline_years") or {}, found.get("largest_known_run") or {}
    rows: list[tuple[Any, ...]] = []
    if baseline.get("measured") is not None:
        value = page.shown.cell(
            "baseline_years.measured", baseline["measured"], "yr", decimals(2), nodes=("anchor.baseline_years",)
        )
        rows.append((say("years of a large run, measured"), value))
    if largest.get("compute_flop") is not None:
        value = page.shown.cell(
            "largest_run.compute",
            largest["compute_flop"],
            "FLOP",
            significant(2),
            nodes=(f"row.notable_training_runs/{largest['model_id']}",),
        )
        rows.append((say("compute of the largest known run, FLOP"), value))
    return [ContentTable.of("setting-table", "What the anchors rest on", ("setting", "#value"), rows)]


def limits(page: Page) -> Section:
    """Return the limits of the report as a whole."""
    return section(page, "limits", "Limits", limit_list)


def limit_list(page: Page) -> list[Block]:  # noqa: ARG001
    """Return what this report cannot tell."""
    return [
        Bullets(
            (
                say(
                    "**Relative to what?** R is relative to the loss after the anchor's compute on the data date, "
                    "under one tokenizer and test set. It is no measure of what a model can do."
                ),
                say(
                    "**Extrapolation.** The fitted runs end decades of compute below today's frontier. Beyond them "
                    "both readings are extrapolations, the total one an optimistic tangent."
                ),
                say(
                    "**Modelled, not measured.** Power draw of training runs is modelled from rated power; chip "
                    "efficiency is rated, not delivered; the mean chip is an unweighted mean over a catalogue."
                ),
                say(
                    "**Judgement.** The mixture of algorithmic rates has stated weights and no data can settle them; "
                    "one of its parts is a published prior, another ends years before the data date."
                ),
                say(
                    "**Few families.** Pooled kappas rest on a handful of papers; a new family may lie outside their "
                    "interval."
                ),
                say(
                    "**Selection.** Public runs are the ones their authors chose to publish; failed and secret runs "
                    "are missing, and the largest known run is not the largest run."
                ),
                say(
                    "**Physics and money.** Constant gamma knows no limit; where a layer's headroom is known, the "
                    "roadmap shows when it would be used up."
                ),
            )
        )
    ]
