"""Which model of scatter a target's forecasts use: chosen on early origins, confirmed or not on the late ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from race_to_efficiency.evaluation.outcomes import outcomes
from race_to_efficiency.evaluation.scoring import QUANTILE_COLUMNS, weighted_interval_score
from race_to_efficiency.units import Quarter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.evaluation.targets import Target
    from race_to_efficiency.settings.backtest import BacktestParams

_CHOICE_OUTCOMES = 8


@dataclass(frozen=True)
class Choice:
    """Which model of scatter a target's forecasts use, and how it did on both sides of the choice.

    Parameters
    ----------
    target : str
    default : str
        Model of the origins before the choice: the first candidate, named in advance.
    chosen : str
        Model of the later origins.
    chosen_by : str
        Last origin whose forecasts, and date whose outcomes, the choice may use.
    early, late : dict of model to float
        Mean weighted interval score of every candidate before and after (doublings; for losses relative to the
        last-value baseline).
    n_early, n_late : int
        Scored outcomes (for losses n_early counts groups).
    margin : float
        A share by which another model must be better to be preferred.
    """

    target: str
    default: str
    chosen: str
    chosen_by: str
    early: dict[str, float]
    late: dict[str, float]
    n_early: int
    n_late: int
    margin: float = 0.0

    def model_at(self, origin: str) -> str:
        """Return the model in force at an origin: the default up to the choice, the chosen one after it."""
        return self.default if origin <= self.chosen_by else self.chosen

    @property
    def next_model(self) -> str:
        """Model of the forecasts still to be made: the chosen one, unless the late outcomes speak against it."""
        return self.default if self.confirmed is False else self.chosen

    @property
    def confirmed(self) -> bool | None:
        """Whether no other candidate did better by more than the margin on the late outcomes; None without any."""
        if not self.late:
            return None
        return min(self.late.values()) >= (1.0 - self.margin) * self.late[self.chosen]

    @property
    def words(self) -> str:
        """One sentence on the choice and on whether the late outcomes confirm it."""
        if not self.early:
            start = f"{self.chosen}: named in advance, too few outcomes by {self.chosen_by} to choose"
        else:
            best = min(self.early, key=lambda name: self.early[name])
            how = "best" if best == self.chosen else f"kept ({best} is not clearly better)"
            start = f"{self.chosen}: {how} of {len(self.early)} models by {self.chosen_by}"
        if self.confirmed is None:
            return f"{start}; no later outcome yet"
        best = min(self.late, key=lambda name: self.late[name])
        scores = f"{self.late[self.chosen]:.3g} on {self.n_late} later outcomes, best {best} {self.late[best]:.3g}"
        return f"{start}; {'confirmed' if self.confirmed else 'not confirmed'}: {scores}"

    def to_json(self) -> dict[str, Any]:
        """Return the choice as a JSON-ready mapping."""
        return {**self.__dict__, "confirmed": self.confirmed, "words": self.words}


def pick(candidates: Sequence[str], scores: Mapping[str, float], margin: float) -> str:
    """Return the best candidate, or the default (the first) unless the best beats it by more than ``margin``."""
    if not scores:
        return candidates[0]
    best = min(candidates, key=lambda name: scores[name])
    return best if scores[best] < (1.0 - margin) * scores[candidates[0]] else candidates[0]


def scored(forecasts: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Join forecasts with outcomes and add the weighted interval score of each; forecasts without outcome drop out."""
    joined = forecasts.merge(known, on=["target", "target_quarter", "cell"], how="inner", validate="many_to_many")
    parts = weighted_interval_score(joined["observed"], joined[list(QUANTILE_COLUMNS)])
    return joined.assign(wis=parts.wis)


def choose(
    target: Target, forecasts: pd.DataFrame, views: LedgerViews, last: Quarter, params: BacktestParams
) -> Choice:
    """Choose a target's model on early origins and outcomes known by then; score the choice on the later ones.

    Parameters
    ----------
    forecasts : DataFrame
        `target_forecasts`: every candidate at every origin.
    last : Quarter
        The quarter whose view settles the late outcomes.
    """
    first = Quarter.parse(params.first_origin)
    by = min(Quarter.parse(params.choose_by_target.get(target.id, params.choose_by)), last)
    candidates = params.candidates[target.kind]
    own = forecasts[forecasts["method"] == "forecast"]
    # quarters sort as text: four digits, Q, one digit
    before = own["origin"] <= str(by)
    early = scored(own[before], outcomes(target, views, by.as_of, first))
    late = scored(own[~before], outcomes(target, views, last.as_of, first))
    n_early, n_late = (len(frame) // max(len(candidates), 1) for frame in (early, late))
    early_scores, late_scores = (_mean_scores(frame, candidates) for frame in (early, late))
    if n_early < _CHOICE_OUTCOMES:
        early_scores = {}
    margin = params.choose_margin
    chosen = pick(candidates, early_scores, margin)
    return Choice(target.id, candidates[0], chosen, str(by), early_scores, late_scores, n_early, n_late, margin)


def _mean_scores(frame: pd.DataFrame, candidates: tuple[str, ...]) -> dict[str, float]:
    """Return each candidate's mean weighted interval score; empty when nothing was scored."""
    means = frame.groupby("model")["wis"].mean()
    return {name: float(means[name]) for name in candidates} if len(means) == len(candidates) else {}


def in_use(forecasts: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """Keep the forecasts in force: the default model up to the choice, the chosen one after it, and the baselines."""
    import pandas as pd

    model = pd.Series(choice.default, index=forecasts.index).where(
        forecasts["origin"] <= choice.chosen_by, choice.chosen
    )
    keep = (forecasts["method"] != "forecast") | (forecasts["model"] == model)
    return forecasts[keep].reset_index(drop=True)
