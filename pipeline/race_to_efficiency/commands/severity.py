"""``race severity``: the severity table recomputed from the equation, and the public claims checked against it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from race_to_efficiency.commands import options as opt
from race_to_efficiency.commands import terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.commands.severity_records import Severity, SeverityCells
    from race_to_efficiency.planning import SeverityRow

GPT3_FLOP = 3.14e23
"""Training compute of GPT-3 (Brown et al. 2020, arXiv 2005.14165): 3,634 petaflop/s-days, one of the fixed anchors."""


def register(app: typer.Typer) -> None:
    """Add the verb ``severity``."""

    @app.command(epilog="Example: race severity --baseline-power 2.26e7 --unit pfs-day --json")
    def severity(
        kappa: Annotated[float, typer.Option("--kappa", help="exponent of total loss; 0.05 is the paper's")] = 0.05,
        baseline_power: Annotated[
            float | None,
            typer.Option("--baseline-power", help="watts of the baseline fleet; default: cost section of params.yaml"),
        ] = None,
        anchor_compute: Annotated[
            float, typer.Option("--anchor-compute", help="C0 in FLOP; the default is GPT-3's, 3,634 petaflop/s-days")
        ] = GPT3_FLOP,
        unit: opt.Unit = "flop",
        as_json: opt.AsJson = False,
    ) -> None:
        """Years, fleets and energy to reach a loss ratio, by gamma: recomputed, with public claims checked."""
        power, source = _power(baseline_power)
        document = severity_document(kappa, power, source, anchor_compute, opt.checked_unit(unit))
        terminal.tell(document, print_severity, as_json=as_json)


def _power(given: float | None) -> tuple[float, str]:
    """Return the baseline fleet's power and where it came from."""
    if given is not None:
        return given, "--baseline-power"
    from pathlib import Path

    from race_to_efficiency.settings.params import find_params, read_params

    return read_params(find_params(Path.cwd())).cost.values.baseline_power_w, "params.yaml: cost"


def severity_document(
    kappa: float, baseline_power: float | None, power_source: str, anchor_compute: float, unit: str
) -> Severity:
    """Return the table, the claims and what they rest on."""
    from race_to_efficiency.commands.answers import domain_errors, overflow_notes
    from race_to_efficiency.equation.domain import positive
    from race_to_efficiency.planning import check_claims, severity_table
    from race_to_efficiency.planning.severity import LABEL

    with domain_errors():
        rows = severity_table(kappa=kappa, baseline_power_w=baseline_power)
        anchor = opt.compute_in(float(positive("anchor_compute", anchor_compute)), unit)
    shown = [_row(row, anchor) for row in rows]
    return {
        "label": LABEL,
        "kappa": kappa,
        "kappa_form": opt.TOTAL,
        "baseline_years": 1.0,
        "baseline_power_w": baseline_power,
        "baseline_power_source": power_source,
        "anchor_compute": anchor,
        "compute_unit": unit,
        "rows": shown,
        "claims": [asdict(claim) for claim in check_claims()],
        "notes": [
            "recomputed from the equation: the paper's own table is not available here",
            "kappa is a slope of TOTAL loss: beyond the compute it was fitted on it overstates progress",
            *overflow_notes(row["compute"] for row in shown),
        ],
    }


def _row(row: SeverityRow, anchor: float) -> SeverityCells:
    import math

    from race_to_efficiency.commands.answers import MAX_FLOAT

    log_compute = row.log_compute_ratio + math.log(anchor)
    return {
        "target": row.target,
        "gamma": row.gamma,
        "years": row.years,
        "compute": math.exp(log_compute) if log_compute < math.log(MAX_FLOAT) else None,
        "fleets": [asdict(need) for need in row.fleets],
    }


def print_severity(document: Mapping[str, Any]) -> None:
    """Print the tables for a person."""
    from race_to_efficiency.commands.answers import amount_text, print_table, six_digits

    rows, unit = document["rows"], document["compute_unit"]
    gammas = sorted({row["gamma"] for row in rows})
    targets = list(dict.fromkeys(row["target"] for row in rows))
    years = {(row["target"], row["gamma"]): row["years"] for row in rows}
    compute = {row["target"]: row["compute"] for row in rows}
    print_table(
        f"Years to R* at kappa = {document['kappa']:g} ({document['label']}), by gamma in doublings a year",
        ["R*", f"compute, {unit}", *(f"{gamma:g}" for gamma in gammas)],
        [[f"{t:g}", amount_text(compute[t]), *(six_digits(years[t, g]) for g in gammas)] for t in targets],
        (),
    )
    deadlines = [f"{need['by_years']:g} y" for need in rows[0]["fleets"]]
    for name, what in (("fleet", "Baseline fleets"), ("energy_twh", "TWh that those fleets draw")):
        if rows[0]["fleets"][0][name] is not None:
            print_table(
                f"{what}, to reach R* in so many years ({document['label']})",
                ["R*", "gamma", *deadlines],
                [
                    [f"{r['target']:g}", f"{r['gamma']:g}", *(six_digits(need[name]) for need in r["fleets"])]
                    for r in rows
                ],
                (),
            )
    print_table(
        "Public claims, checked",
        ["claim", "source", "verdict", "why"],
        [[claim["claim"], claim["source"], claim["verdict"], claim["why"]] for claim in document["claims"]],
        [f"baseline power: {document['baseline_power_source']}", *document["notes"]],
    )
