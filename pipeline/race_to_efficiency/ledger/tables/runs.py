"""Training runs with their losses, and the notable runs of the field."""

from __future__ import annotations

from race_to_efficiency.ledger.metadata import Column, flags_column, key_column, positive_column, version_table

COMPUTE_BASES = ("c_over_6n", "6nd", "tracker", "attention_included", "stated")
LOSS_UNITS = ("nats/token", "nats/byte", "bits/byte")

TRAINING_RUNS = version_table(
    "training_runs",
    "one finished training run (or checkpoint) with its loss",
    key_column("run_id", "Stable id of the run."),
    Column(
        "group",
        "text",
        "Comparable group: same data, tokenizer and evaluation; losses compare only inside.",
        required=True,
    ),
    Column("cluster", "text", "The model or run whose points are not independent; else the run itself.", required=True),
    Column("model_family", "text", "Architecture family.", required=True),
    Column("dataset", "text", "Training data.", required=True),
    positive_column("params", "Parameters N.", most=1e16),
    positive_column("tokens", "Training tokens D, repeats included.", most=1e19),
    positive_column("compute_flop", "Training compute C.", "FLOP", most=1e32),
    Column(
        "compute_basis",
        "text",
        "What compute_flop means: digitised with 6ND = C, 6ND, tracked, with attention, stated.",
        required=True,
        allowed=COMPUTE_BASES,
    ),
    positive_column("loss_nats", "Final loss, in `loss_unit`.", "see loss_unit", most=30.0, required=True),
    Column(
        "loss_unit",
        "text",
        "Unit of the loss; empty when unknown. Exponents pool across units, levels do not.",
        allowed=LOSS_UNITS,
    ),
    flags_column("Flags joined by ';': what a reader must know before using the row."),
)

NOTABLE_TRAINING_RUNS = version_table(
    "notable_training_runs",
    "one version of one notable model's published training figures",
    key_column("model_id", "Stable id: the slug of the name under which the model was first recorded."),
    Column("model", "text", "The publisher's name in this version; no stable key.", required=True),
    Column("organization", "text", "Who trained it, joined by commas."),
    Column("domain", "text", "Field of use."),
    Column("task", "text", "What it does."),
    positive_column("params", "Parameters.", most=1e16),
    positive_column("compute_flop", "Training compute.", "FLOP", most=1e32),
    positive_column("tokens", "Size of the training data (tokens, images or words, by field).", most=1e22),
    positive_column("epochs", "Passes over the data.", most=1e7),
    positive_column("hours", "Wall-clock training time.", "h", most=1e6),
    Column("hardware", "text", "Accelerators used."),
    Column("chip_count", "count", "Accelerators used.", above=0.0, maximum=1e9),
    positive_column("mfu", "Model FLOP utilisation.", "1", most=1.0),
    positive_column("hfu", "Hardware FLOP utilisation.", "1", most=1.0),
    positive_column("cost_2023usd", "Training compute cost.", "USD of 2023", most=1e13),
    positive_column("power_draw_w", "Power draw, modelled by the publisher from TDP.", "W", most=1e12),
    positive_column("batch_size", "Batch size (tokens or examples, by field).", most=1e12),
    Column("confidence", "text", "The publisher's confidence in the compute."),
    Column("numerical_format", "text", "Number format of training."),
    Column(
        "frontier_flag",
        "flag",
        "True where the publisher flags the model as at the frontier of compute.",
        required=True,
    ),
    Column("country", "text", "Country of the organization."),
    vintaged=True,
    aliases="notable_model_aliases",
    name_column="model",
)

LANGUAGE_MODEL_PERPLEXITY = version_table(
    "language_model_perplexity",
    "one published language model: date, compute, perplexity",
    key_column("model_id", "Stable id of the row."),
    Column("system", "text", "Model as named in the source.", required=True),
    positive_column("params", "Parameters.", most=1e16),
    positive_column("tokens", "Training tokens.", most=1e19),
    positive_column("compute_flop", "Training compute.", "FLOP", most=1e32),
    positive_column("loss_nats", "ln of the perplexity.", "nats/token", most=30.0, required=True),
    Column("perplexity", "number", "Perplexity per word of the benchmark.", "1", required=True, above=1.0, maximum=1e6),
    Column("benchmark", "text", "Benchmark; mixed here, so levels differ.", required=True),
)
