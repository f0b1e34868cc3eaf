"""What a stage has done, in one line: made here from the numbers it returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def with_line(name: str, summary: dict[str, Any]) -> dict[str, Any]:
    """Return what a stage returned with its line in place of what the line alone needs.

    Parameters
    ----------
    name : str
        Of the stage.
    summary : dict
        What its `run` returned; a stage that is none of ours may give its own ``line``.
    """
    told = summary.get("told", {})
    line = LINES[name](summary | told) if name in LINES else summary.get("line", "done")
    return {key: value for key, value in summary.items() if key not in ("told", "line")} | {"line": line}


def _ingest(told: dict[str, Any]) -> str:
    accounts = told["tables"].values()
    read, used, kept_out = (sum(account[key] for account in accounts) for key in ("read", "used", "quarantined"))
    return f"{read:,} rows read, {used:,} used, {kept_out} quarantined"


def _fit_kappa(told: dict[str, Any]) -> str:
    return f"{told['estimates']} estimates of {told['groups']} groups; confidence: {told['grades']}"


def _fit_gamma(told: dict[str, Any]) -> str:
    routes = ", ".join(f"{row['route']} {row['value']:.2f}" for row in told["routes"] if row["value"] is not None)
    return f"{told['estimates']} estimates; confidence: {told['grades']}; routes {routes}"


def _forecast(told: dict[str, Any]) -> str:
    return f"{told['scenarios']} scenarios, {told['rows']} rows, {told['draws']} joint draws"


def _backtest(told: dict[str, Any]) -> str:
    verdicts = ", ".join(f"{count} {word}" for word, count in told["verdicts"].items())
    settled = told["record"]
    also = f"; {settled['resolved']} of {settled['n']} published ones resolved" if settled["n"] else ""
    return f"{told['outcomes']} outcomes, {told['targets']} targets: {verdicts}; {told['statements']} statements{also}"


def _compare(told: dict[str, Any]) -> str:
    if told["missing"]:
        from race_to_efficiency.report.words.names import missing_in_words

        return missing_in_words(told["missing"])
    fitted = told["fitted"]
    again = f"; {fitted} group{'s' if fitted > 1 else ''} of kappa fitted again" if fitted else ""
    moved = f"{told['rows']} rows changed, {told['moved']} estimates moved"
    return f"{told['before']} -> {told['quarter']}: {moved}{again}"


def _report(told: dict[str, Any]) -> str:
    lost = f"; could not be written: {'; '.join(told['problems'])}" if told["problems"] else ""
    return f"{told['numbers']} numbers, {told['figures']} figures, {told['html_bytes'] / 1e6:.2f} MB{lost}"


LINES: dict[str, Callable[[dict[str, Any]], str]] = {
    "ingest": _ingest,
    "fit_kappa": _fit_kappa,
    "fit_gamma": _fit_gamma,
    "forecast": _forecast,
    "backtest": _backtest,
    "compare": _compare,
    "report": _report,
}
