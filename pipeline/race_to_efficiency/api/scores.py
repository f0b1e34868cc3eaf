"""``race.score``: anybody's quantile forecasts against what came of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from race_to_efficiency.api.questions import source_of, spoken
from race_to_efficiency.api.results import Result
from race_to_efficiency.errors import DataInvalid, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes

    from race_to_efficiency.api.result_records import ModelScore, Scored


@dataclass(frozen=True, eq=False, repr=False)
class Scores(Result):
    """Scores of forecasts, the best model first.

    Parameters
    ----------
    scale : {'natural', 'log2'}
    models : tuple of dict
        One a model: n, n_eff, wis and its parts, bias, ae_median, coverages, relative skill.
    n_scored : int
    refused, set_aside : mapping of str to int
        Forecasts that cannot be scored, and rows not used, by reason.
    """

    scale: str
    models: tuple[dict[str, Any], ...]
    n_scored: int
    refused: Mapping[str, int]
    set_aside: Mapping[str, int]

    def to_frame(self) -> pd.DataFrame:
        """Return one row a model."""
        import pandas as pd

        return pd.DataFrame(list(self.models))

    def to_json(self) -> Scored:
        """Return what ``race score --json`` prints."""
        return {
            "scale": self.scale,
            "models": cast("list[ModelScore]", list(self.models)),
            "forecasts_scored": self.n_scored,
            "forecasts_refused": dict(self.refused),
            "rows_set_aside": dict(self.set_aside),
        }

    def summary(self) -> str:
        """Return a line a model."""
        lines = [f"{self.n_scored} forecasts of {len(self.models)} models, {self.scale} scale"]
        for item in self.models:
            skill = item["scaled_relative_skill"] or item["relative_skill"]
            lines.append(f"{item['model']}: WIS {item['wis']:.4g}, relative skill {skill:.3g}, {item['n']} forecasts")
        return "\n".join(lines)

    def _draw(self, ax: Axes) -> None:
        """Draw the relative skill of the models."""
        ax.barh([item["model"] for item in self.models], [item["relative_skill"] for item in self.models])
        ax.axvline(1.0, color="#333333", linewidth=0.6)
        ax.set(xlabel="relative skill (below 1: better)")


@spoken
def score(
    forecasts: Any, outcomes: Any = None, *, baseline: str | None = None, log2: bool = False, name: str = "forecasts"
) -> Scores:
    """Score quantile forecasts against outcomes.

    Parameters
    ----------
    forecasts : str, Path, DataFrame or mapping of str to (n,) array
        One row a quantile, in the columns of hubverse or scoringutils: model_id, output_type_id (the level), value, and
        the columns of the task (reference_date, horizon, location ...).
    outcomes : the same, optional
        Table of outcomes that shares columns of the task; else they stand in a column of the forecasts (observed).
    baseline : str, optional
        Model whose relative skill is set to 1.
    log2 : bool
        Score doublings of positive quantities.
    name : str
        What a table in memory is called.

    Returns
    -------
    Scores
        Weighted interval score (unit of the target) with its parts, coverage, bias, effective n, relative skill.

    Raises
    ------
    UsageError
        When the baseline is none of the models.
    DataInvalid
        When a table lacks a column, or no forecast can be scored.
    InputMissing
        When there is no such file.

    References
    ----------
    Bracher et al. (2021), Evaluating epidemic forecasts in an interval format, PLOS Computational Biology 17.

    Examples
    --------
    >>> import race_to_efficiency as race
    >>> levels, told = [0.25, 0.5, 0.75], [1.0, 2.0, 4.0]
    >>> rows = {"model_id": ["a"] * 3, "output_type_id": levels, "value": told, "observed": [3.0] * 3}
    >>> scores = race.score(rows)
    >>> float(scores.to_frame()["wis"][0]), scores.n_scored
    (0.8333333333333334, 1)
    """
    from race_to_efficiency.cells.table import Table
    from race_to_efficiency.evaluation.hub_scores import hub_summary, score_units
    from race_to_efficiency.evaluation.hub_table import read_forecasts

    source = source_of(forecasts, name)
    known = None if outcomes is None else source_of(outcomes, "outcomes")
    found = read_forecasts(source, known)
    units, refused = score_units(found, log2=log2)
    if units.empty:
        path = source.path if isinstance(source, Table) else source
        lost = {**found.set_aside, **refused}
        raise DataInvalid(
            f"no forecast of {path.name} can be scored",
            where=str(path),
            why="; ".join(f"{count} {reason}" for reason, count in lost.items()) or "no rows",
            remedy="give every forecast quantiles at symmetric levels with the median, and its outcome",
        )
    models = sorted(units["model"].unique())
    if baseline is not None and baseline not in models:
        raise UsageError(f"there is no model '{baseline}'", why=f"the models are {', '.join(models)}")
    summary = hub_summary(units, found.task, baseline)
    return Scores("log2" if log2 else "natural", tuple(summary), len(units), refused, found.set_aside)
