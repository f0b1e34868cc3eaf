"""Timed benchmarks: MLPerf Training results computed from logs, and the modded-nanogpt records."""

from __future__ import annotations

from race_to_efficiency.ledger.metadata import PROVENANCE, Column, Table, key_column


def _count(name: str, meaning: str) -> Column:
    return Column(name, "count", meaning, required=True, minimum=0.0, maximum=1e9)


def _minutes(name: str, meaning: str) -> Column:
    return Column(name, "number", meaning, "min", above=0.0, maximum=1e7)


MLPERF_TRAINING = Table(
    name="mlperf_training",
    title="one MLPerf Training result (submission x benchmark): unofficial, computed from the public logs",
    columns=(
        key_column("result_id", "round/submitter/system/benchmark, with #2, #3 for further logs of one system."),
        Column("round", "text", "MLPerf Training round.", required=True, pattern=r"v\d+\.\d+"),
        Column("benchmark", "text", "Benchmark.", required=True),
        Column("submitter", "text", "Organisation that submitted.", required=True),
        Column("system", "text", "System as submitted.", required=True),
        Column("accelerator", "text", "Accelerator, spelling normalised, power rating dropped."),
        Column("accelerator_original", "text", "Accelerator as submitted."),
        Column("accelerator_family", "text", "Accelerator family."),
        _count(
            "accelerator_count",
            "Accelerators; 0 for systems of processors alone. TPU rows count chips or cores by round.",
        ),
        _count("nodes", "Nodes."),
        Column(
            "division", "text", "closed or open; empty when the system file is missing.", allowed=("closed", "open")
        ),
        Column("availability", "text", "Availability category as submitted."),
        Column("framework", "text", "Software stack as submitted."),
        _minutes(
            "minutes", "Score: olympic mean of the runs times the scaling factor; empty when it cannot be computed."
        ),
        _minutes("minutes_logs", "Olympic mean before scaling."),
        Column(
            "scaling_factor",
            "number",
            "Factor of the submission's scaling file, 1 without one.",
            "1",
            above=0.0,
            maximum=100.0,
        ),
        _minutes("minutes_best", "Fastest successful run, not scaled."),
        Column("accelerator_minutes", "number", "minutes x accelerator_count.", "min", above=0.0, maximum=1e12),
        _count("n_runs", "Runs the rules ask for, or logs found where more."),
        _count("n_success", "Runs that reached the target."),
        _count("n_failed", "Runs that ended without reaching it."),
        _count("n_logs_missing", "Logs missing or cut short."),
        Column("global_batch_size", "number", "Global batch size.", above=0.0, maximum=1e12),
        Column(
            "energy_kj",
            "number",
            "Energy from power logs: not used for trends, agrees with the official table only in part.",
            "kJ",
            above=0.0,
            maximum=1e12,
        ),
        Column("avg_power_kw", "number", "Mean power from power logs.", "kW", above=0.0, maximum=1e9),
        _count("n_power_runs", "Runs with power logs."),
        Column("energy_source", "text", "Where the energy comes from."),
        Column("system_json_match", "text", "How the system description was found.", allowed=("exact", "name_rule")),
        Column(
            "comparable_from_round",
            "text",
            "First round with today's target of this benchmark.",
            required=True,
            pattern=r"v\d+\.\d+",
        ),
        Column("is_resubmission", "flag", "True when the logs were submitted in an earlier round.", required=True),
        *PROVENANCE,
    ),
    unique=("result_id", "recorded"),
)

SPEEDRUN_RECORDS = Table(
    name="speedrun_records",
    title="one modded-nanogpt record: time to a fixed validation loss on 8 x H100",
    columns=(
        key_column("record_id", "track, record number; b, c for re-timings of one number."),
        Column(
            "track",
            "count",
            "1: 124 M parameters to 3.28 nats; 2: 350 M to 2.92.",
            required=True,
            minimum=1.0,
            maximum=99.0,
        ),
        Column("record_no", "count", "Record number within the track.", required=True, minimum=1.0, maximum=1e6),
        Column("record_time_s", "number", "Official time.", "s", required=True, above=0.0, maximum=1e7),
        Column("reported", "text", "Time as the table prints it."),
        Column(
            "loss_target_nats",
            "number",
            "Validation loss to reach.",
            "nats/token",
            required=True,
            above=0.0,
            maximum=30.0,
        ),
        Column("hardware", "text", "Machine."),
        Column("log_val_loss", "number", "Validation loss in the log.", "nats/token", above=0.0, maximum=30.0),
        Column("log_steps", "count", "Steps in the log.", above=0.0, maximum=1e9),
        Column(
            "log_train_time_s",
            "number",
            "Time in the log; from 2026-02 logged on other nodes.",
            "s",
            above=0.0,
            maximum=1e7,
        ),
        Column("tokens", "number", "Training tokens; exact to record 45, approximate after.", above=0.0, maximum=1e15),
        Column("tokens_basis", "text", "How tokens was computed."),
        Column("run_flags", "text", "Flags joined by ';'.", pattern=r"([^;\s]+(;[^;\s]+)*)?"),
        *PROVENANCE,
    ),
    unique=("record_id", "recorded"),
)
