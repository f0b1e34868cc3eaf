"""Columns of the backtest's tables: name, unit ('' for words, ISO dates as text) and what stands in them."""

from __future__ import annotations

from race_to_efficiency.evaluation.baselines import BASELINES
from race_to_efficiency.evaluation.scoring import COVERAGE_LEVELS

_SCORE = "as unit says"


def _coverage(level: str) -> dict[str, tuple[str, str]]:
    return {
        f"interval_coverage_{level}": (
            "1",
            f"share of outcomes inside the {level} % interval; at a point mass its share",
        ),
        f"closed_coverage_{level}": ("1", f"share of outcomes inside the {level} % interval, ends included"),
        f"band_low_{level}": ("1", f"least coverage of the {level} % interval that chance explains"),
        f"band_high_{level}": ("1", f"most coverage of the {level} % interval that chance explains"),
    }


def _baseline(name: str) -> dict[str, tuple[str, str]]:
    return {
        f"wis_{name}": (_SCORE, f"mean weighted interval score of the baseline {name}, where it forecast too"),
        f"skill_{name}": ("1", f"1 - wis / wis_{name} over those outcomes"),
        f"n_{name}": ("outcomes", f"outcomes that {name} has forecast too"),
    }


SCORE_FIELDS: dict[str, tuple[str, str]] = {
    "target": ("", "what was forecast; all: the dated targets of a horizon together"),
    "horizon_quarters": ("quarters", "how far ahead"),
    "unit": ("", "unit of the scores: doublings (log2) of the target's own"),
    "n": ("outcomes", "outcomes scored"),
    "n_eff": ("outcomes", "effective number of independent outcomes"),
    "n_blocks": ("blocks", "groups of outcomes that count as one: a product launch, a benchmark round, a date"),
    "shared": ("1", "mean share of the forecast variance common to all outcomes: trend, level, drift"),
    "wis": (_SCORE, "mean weighted interval score; smaller is better"),
    "dispersion": (_SCORE, "part of wis from the width of the intervals"),
    "overprediction": (_SCORE, "part of wis from outcomes below the intervals"),
    "underprediction": (_SCORE, "part of wis from outcomes above the intervals"),
    "crps": (_SCORE, "mean continuous ranked probability score"),
    "wis_matured": (_SCORE, "mean weighted interval score on outcomes two quarters on"),
    "n_matured": ("outcomes", "outcomes that are two quarters old"),
    "moved": ("1", "mean share of the forecast's mass that lay beyond a physical bound and was moved to it"),
    **{key: field for name in BASELINES for key, field in _baseline(name).items()},
    "wis_naive": (_SCORE, "mean score of the simple baseline that had done best by each origin"),
    "baseline": ("", "that baseline, as named most often"),
    "skill": ("1", "1 - wis / wis_naive; negative: worse than the simple baseline"),
    **{key: field for level in COVERAGE_LEVELS for key, field in _coverage(f"{100 * level:.0f}").items()},
    "bias": ("1", "1 - 2 PIT: +1 every forecast too high, -1 every one too low"),
    "median_error": (_SCORE, "mean error of the median"),
    "vintage": ("", "real: as recorded at the time; pseudo: a later snapshot cut by release date; mixed: both"),
    "origins": ("quarters", "quarters forecasts were made in"),
    "first_origin": ("", "first of them"),
    "last_origin": ("", "last of them"),
    "verdict": ("", "pass, fail, or too few to judge"),
    "verdict_reason": ("", "why"),
}
"""scores.parquet; which baselines and parts stand in it depends on what was scored."""

STATEMENT_FIELDS = {
    "id": ("", "QUARTER.NAME"),
    "what": ("", "quantity or event in words"),
    "by": ("ISO date", "day by which it resolves"),
    "kind": ("", "probability or quantiles"),
    "unit": ("", "unit of the quantiles; decimal year for dates"),
    "resolution_source": ("", "ledger and target that settle it"),
    "resolution_rule": ("", "rule that settles it"),
    "basis": ("", "what the numbers were computed from"),
    "probability": ("1", "of an event; empty for quantiles"),
    "quantiles": (
        "as unit says",
        "JSON, level to value; null beyond the years looked at. race export hub has them tidy",
    ),
    "dates": ("ISO date", "JSON, level to date, where the quantity is one"),
    "baseline": ("as unit says", "JSON, method and its own quantiles or probability"),
    "target": ("", "what settles it: a target of the backtest, estimate:COLUMN, loss:GROUP or kappa_eff"),
    "target_quarter": ("", "quarter that settles it"),
    "cell": ("", "benchmark or group it is about"),
    "threshold": ("as the target's", "value to be reached, or compute (FLOP) a loss is stated at"),
    "plain": ("", "the statement in plain words"),
    "published_by": ("ISO date", "day the source is expected to publish by"),
    "last": ("as the target's", "level when it was made"),
    "rate": ("doublings/yr", "JSON, growth the median implies and the one the same report prints"),
}
"""statements.parquet."""

SOURCE = "computed by race stage backtest; a statement's resolution_source names the ledger it rests on"
