"""``race predict``: the relative loss at given years for given numbers; no data needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from race_to_efficiency.commands import options as opt
from race_to_efficiency.commands import terminal
from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.api.prediction import Prediction
    from race_to_efficiency.commands.predicted import Predicted, PredictInputs, Year
    from race_to_efficiency.commands.solved import Size
    from race_to_efficiency.equation.path_options import Convention, FleetOptions


def register(app: typer.Typer) -> None:
    """Add the verb ``predict``."""

    @app.command(epilog="Example: race predict --kappa 0.05 --gamma 2 --t 1 --t 5 --json")
    @opt.with_path()
    def predict(
        kappa: Annotated[float | None, opt.KAPPA] = None,
        gamma: Annotated[float | None, opt.GAMMA] = None,
        t: Annotated[
            list[float] | None, typer.Option("--t", help="years from the reference date; may be given several times")
        ] = None,
        fit: Annotated[
            str | None, typer.Option(help="instead: a file of race fit kappa --save, with one of the next four")
        ] = None,
        params: Annotated[list[float] | None, typer.Option(help="with --fit: parameters of a run; repeatable")] = None,
        tokens: Annotated[list[float] | None, typer.Option(help="with --fit: tokens of a run; repeatable")] = None,
        unique_tokens: Annotated[
            list[float] | None,
            typer.Option(help="with --fit of the repeated form: tokens without repetition; repeatable"),
        ] = None,
        total_params: Annotated[
            list[float] | None, typer.Option(help="with --fit of the moe form: all parameters; repeatable")
        ] = None,
        compute: Annotated[
            list[float] | None, typer.Option(help="with --fit: FLOP of an efficient run; repeatable")
        ] = None,
        budget: Annotated[
            list[float] | None, typer.Option(help="with --fit: FLOP; the best parameters and tokens; repeatable")
        ] = None,
        form: Annotated[str | None, typer.Option(help="with --fit: which of the fitted forms")] = None,
        group: Annotated[str | None, typer.Option(help="with --fit: the group of a fit of several")] = None,
        level: Annotated[float, typer.Option(help="with --fit: coverage the intervals aim at")] = 0.95,
        fleet: opt.FleetOption = 1.0,
        baseline_years: opt.BaselineYears = 1.0,
        floor: opt.Floor = 0.0,
        kappa_form: opt.KappaForm = None,
        path: opt.Path = opt.CONSTANT,
        anchor_compute: Annotated[
            float | None, typer.Option("--anchor-compute", help="C0 in FLOP; adds the compute at each year")
        ] = None,
        unit: opt.Unit = "flop",
        quarter: Annotated[str | None, typer.Option(help="instead: what this quarter forecasts, with --t")] = None,
        scenario: Annotated[
            str | None, typer.Option(help="with --quarter: a scenario of it; else the headline's")
        ] = None,
        as_json: opt.AsJson = False,
    ) -> None:
        """Predict R(t) = floor + (1 - floor) X(t)^-kappa, or with --fit the loss and the best size of larger runs.

        With --quarter: what a quarter forecasts for one of its scenarios, as shares of today's, with its quantiles.
        """
        if quarter is not None or scenario is not None:
            if kappa is not None or gamma is not None or fit is not None:
                raise UsageError("--quarter takes the place of --kappa, --gamma and --fit")
            _show_quarter(quarter, scenario, t or [5.0], as_json=as_json)
            return
        if fit is not None:
            if kappa is not None or gamma is not None or t:
                raise UsageError("--fit takes the place of --kappa, --gamma and --t")
            runs = {"params": params, "tokens": tokens, "compute": compute, "budget": budget}
            runs |= {"unique_tokens": unique_tokens, "total_params": total_params}
            _show_fitted(_fitted(fit, runs, form, group, level), as_json=as_json)
            return
        if kappa is None or gamma is None or not t:
            raise UsageError("--kappa, --gamma and --t are needed, or --fit", remedy="see race predict --help")
        size: Size = {"fleet": fleet, "baseline_years": baseline_years}
        document = prediction(t, kappa, gamma, size, floor, kappa_form, path, anchor_compute, opt.checked_unit(unit))
        terminal.tell(document, print_prediction, as_json=as_json)


def _show_quarter(quarter: str | None, scenario: str | None, years: list[float], *, as_json: bool) -> None:
    """Print what a quarter forecasts."""
    from race_to_efficiency.commands.quarter_forecast import QuarterForecast, print_forecast
    from race_to_efficiency.commands.quarter_solution import opened

    terminal.tell(QuarterForecast(opened(quarter)).of(scenario, years), print_forecast, as_json=as_json)


def _fitted(
    fit: str, runs: dict[str, list[float] | None], form: str | None, group: str | None, level: float
) -> Prediction:
    """Return what a saved fit says of runs, or of a budget."""
    from race_to_efficiency.api.kappa import load_fit
    from race_to_efficiency.api.prediction import optimal_allocation, predict_loss

    law = load_fit(fit)
    budget = runs.pop("budget")
    if budget:
        if any(runs.values()) or form not in (None, "chinchilla"):
            raise UsageError("--budget asks the chinchilla form for the best run, and for nothing else")
        return optimal_allocation(law, budget, group=group, level=level)
    given = {name: values or None for name, values in runs.items()}
    return predict_loss(law, **given, form=form, group=group, level=level)


def _show_fitted(found: Prediction, *, as_json: bool) -> None:
    """Print the document, or a line a run."""
    if as_json:
        terminal.document(found.to_json())
        return
    terminal.lines(found.summary().splitlines())


def prediction(
    years: list[float],
    kappa: float,
    gamma: float,
    size: Size,
    floor: float,
    kappa_form: str | None,
    path: opt.Path,
    anchor_compute: float | None,
    unit: str,
) -> Predicted:
    """Return the document: what was asked, and for each year the loss ratio and what goes with it."""
    import numpy as np

    import race_to_efficiency.relative_loss as rl
    from race_to_efficiency.commands.answers import domain_errors, form_notes, overflow_notes
    from race_to_efficiency.commands.measured import remarks
    from race_to_efficiency.equation.domain import finite, positive

    keywords = path.keywords()
    given: FleetOptions = {**size, **keywords}
    with domain_errors():
        t = finite("t", years)
        ratio = np.asarray(rl.log_compute_ratio(t, gamma, **given))
        columns: dict[str, Any] = {
            "t": t,
            "relative_loss": rl.relative_loss(t, kappa, gamma, floor=floor, **given),
            "log_relative_loss": rl.log_relative_loss(t, kappa, gamma, floor=floor, **given),
            "loss_reduction": rl.loss_reduction(t, kappa, gamma, floor=floor, **given),
            "decay_rate_per_year": rl.decay_rate(t, kappa, gamma, floor=floor, **given),
            "kappa_eff": np.broadcast_to(rl.effective_kappa(t, kappa, gamma, floor=floor, **given), t.shape),
            "log_compute_ratio": ratio,
        }
        form = opt.checked_form(kappa_form, floor)
        if anchor_compute is not None:
            anchor = float(positive("anchor_compute", anchor_compute))
            with np.errstate(over="ignore"):
                columns["compute"] = opt.compute_in(anchor, unit) * np.exp(ratio)
    results: list[dict[str, Any]] = [
        dict(zip(columns, map(float, row), strict=True)) for row in zip(*columns.values(), strict=True)
    ]
    if anchor_compute is not None:
        results = [{**row, "compute_unit": unit} for row in results]
    inputs: dict[str, Any] = {"kappa": kappa, "gamma": gamma, **size, "floor": floor, **keywords}
    if anchor_compute is not None:
        inputs["anchor_compute"] = anchor_compute
    return {
        "kappa_form": form,
        "convention": cast("Convention", path.convention),
        "inputs": cast("PredictInputs", inputs),
        "results": cast("list[Year]", results),
        "notes": [
            *form_notes(form, floor),
            *overflow_notes(columns.get("compute", ())),
            *remarks({**inputs, "kappa_form": form}),
        ],
    }


def print_prediction(document: Mapping[str, Any]) -> None:
    """Print the table for a person."""
    from race_to_efficiency.commands.answers import amount_text, print_table, six_digits

    results = document["results"]
    shown = {
        "t": "year",
        "relative_loss": "R = L/L0",
        "loss_reduction": "1 - R",
        "decay_rate_per_year": "fall of ln R a year",
        "kappa_eff": "kappa_eff",
    }
    if "compute" in results[0]:
        shown["compute"] = f"compute, {results[0]['compute_unit']}"
    rows = [[(amount_text if name == "compute" else six_digits)(row[name]) for name in shown] for row in results]
    title = f"Relative loss ({document['kappa_form']} kappa, {document['convention']} compute)"
    print_table(title, list(shown.values()), rows, document["notes"])
