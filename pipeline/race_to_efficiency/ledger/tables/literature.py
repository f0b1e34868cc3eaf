"""Sources with citation and licence, and what others published: trend estimates, price trends, forecasts."""

from __future__ import annotations

from race_to_efficiency.ledger.metadata import Column, key_column, positive_column, version_table


def _rate(name: str, meaning: str, *, required: bool = False) -> Column:
    return Column(name, "number", meaning, "doublings/yr", required=required, minimum=-10.0, maximum=100.0)


PUBLISHED_VALUES = version_table(
    "published_values",
    "one published trend estimate with its interval",
    key_column("value_id", "Stable id."),
    Column(
        "component",
        "text",
        "Efficiency of hardware, system or algorithm; the others are growth of something else, never gamma.",
        required=True,
        allowed=("hardware", "system", "algorithmic", "cost", "compute", "duration", "power", "reference"),
    ),
    Column("quantity", "text", "What doubles or halves.", required=True),
    positive_column("doubling_time", "Published doubling (or halving) time.", "see unit", most=1e4),
    positive_column("doubling_lo", "Lower end of its interval.", "see unit", most=1e4),
    positive_column("doubling_hi", "Upper end of its interval.", "see unit", most=1e4),
    Column("unit", "text", "Unit of the doubling time.", required=True, allowed=("years", "months")),
    positive_column("ci_level", "Level of the interval.", "%", most=100.0),
    _rate("gamma_per_year", "The same as a rate.", required=True),
    _rate("gamma_lo", "Lower end of the rate."),
    _rate("gamma_hi", "Upper end of the rate."),
    Column("source", "text", "Citation in words.", required=True),
    Column("verified", "text", "How far the value was checked against its source.", required=True),
)

INFERENCE_PRICE_TRENDS = version_table(
    "inference_price_trends",
    "one published yearly fall of price at a fixed benchmark score: price of use, never gamma",
    key_column("trend_id", "benchmark, model that sets the score."),
    Column("benchmark", "text", "Benchmark.", required=True),
    Column("threshold_model", "text", "Model whose score is held fixed.", required=True),
    Column("n_models", "count", "Models behind the trend.", required=True, above=0.0, maximum=1e6),
    Column("first_date", "date", "First model's date.", required=True),
    Column("last_date", "date", "Last model's date.", required=True),
    *(
        positive_column(name, meaning, "x/yr", most=1e12, required=True)
        for name, meaning in (
            ("price_fall_factor_per_year", "Price falls by this factor a year."),
            ("ci90_low", "Lower end, 90 %; below 1 the price may have risen."),
            ("ci90_high", "Upper end, 90 %."),
        )
    ),
    positive_column("halvings_per_year", "log2 of the factor.", "halvings/yr", most=100.0, required=True),
    Column("r_squared", "number", "Of the trend.", "1", minimum=0.0, maximum=1.0),
)

OTHER_FORECASTS = version_table(
    "other_forecasts",
    "what someone else forecast or holds feasible: shown beside ours as their words, never scored as ours",
    key_column("forecast_id", "Stable id."),
    Column("forecaster", "text", "Who says so.", required=True),
    Column("quantity", "text", "What the figure is of, in words.", required=True),
    Column("target_date", "date", "By when; empty where none is given."),
    *(
        positive_column(name, meaning, "see unit", most=1e40)
        for name, meaning in (
            ("value", "Central figure; empty where none is given."),
            ("low", "Lower end."),
            ("high", "Upper end."),
        )
    ),
    Column("unit", "text", "Unit of the figures.", required=True),
    Column(
        "kind",
        "text",
        "What sort of statement it is.",
        required=True,
        allowed=("feasibility", "limit", "forecast", "question", "threshold"),
    ),
    Column("citation", "text", "Where it stands.", required=True),
    Column("verified", "text", "How far it was checked against its source.", required=True),
)

SOURCES = version_table(
    "sources",
    "one source: what to cite, under which licence",
    key_column("source_id", "Stable id, used by every other table."),
    Column("title", "text", "Title.", required=True),
    Column("authors", "text", "Authors or publisher.", required=True),
    Column("year", "count", "Year.", minimum=1900.0, maximum=2100.0),
    Column("identifier", "text", "arXiv number or web address."),
    Column("citation", "text", "The citation as printed in a report.", required=True),
    Column("licence", "text", "Licence of the figures, or that none is stated.", required=True),
    Column("family", "text", "Family of comparable training-run groups; groups of one family are not independent."),
    Column("loss_unit", "text", "Unit and evaluation of the losses, where the source has losses."),
    Column("notes", "text", "What else a reader must know."),
)
