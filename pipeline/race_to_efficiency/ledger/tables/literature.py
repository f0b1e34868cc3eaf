"""Sources with citation and licence, and the published estimates ours are compared with."""

from __future__ import annotations

from race_to_efficiency.ledger.metadata import PROVENANCE, VERSION, Column, Table, key_column

PUBLISHED_VALUES = Table(
    name="published_values",
    title="one published trend estimate with its interval",
    columns=(
        key_column("value_id", "Stable id."),
        Column(
            "component",
            "text",
            "hardware, system or algorithmic.",
            required=True,
            allowed=("hardware", "system", "algorithmic"),
        ),
        Column("quantity", "text", "What doubles or halves.", required=True),
        Column("doubling_time", "number", "Published doubling (or halving) time.", "see unit", above=0.0, maximum=1e4),
        Column("doubling_lo", "number", "Lower end of its interval.", "see unit", above=0.0, maximum=1e4),
        Column("doubling_hi", "number", "Upper end of its interval.", "see unit", above=0.0, maximum=1e4),
        Column("unit", "text", "Unit of the doubling time.", required=True, allowed=("years", "months")),
        Column("ci_level", "number", "Level of the interval.", "%", above=0.0, maximum=100.0),
        Column(
            "gamma_per_year",
            "number",
            "The same as a rate.",
            "doublings/yr",
            required=True,
            minimum=-10.0,
            maximum=100.0,
        ),
        Column("gamma_lo", "number", "Lower end of the rate.", "doublings/yr", minimum=-10.0, maximum=100.0),
        Column("gamma_hi", "number", "Upper end of the rate.", "doublings/yr", minimum=-10.0, maximum=100.0),
        Column("source", "text", "Citation in words.", required=True),
        Column("verified", "text", "How far the value was checked against its source.", required=True),
        *PROVENANCE,
    ),
    unique=("value_id", "recorded"),
)

SOURCES = Table(
    name="sources",
    title="one source: what to cite, under which licence",
    columns=(
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
        *VERSION,
    ),
    unique=("source_id", "recorded"),
)
