"""Benchmarks: MLPerf Training results computed from logs, nanogpt records of time, steps and data, Green500 places."""

from __future__ import annotations

from race_to_efficiency.ledger.metadata import Column, flags_column, key_column, positive_column, version_table


def _count(name: str, meaning: str) -> Column:
    return Column(name, "count", meaning, required=True, minimum=0.0, maximum=1e9)


def _minutes(name: str, meaning: str) -> Column:
    return positive_column(name, meaning, "min", most=1e7)


MLPERF_TRAINING = version_table(
    "mlperf_training",
    "one MLPerf Training result (submission x benchmark): unofficial, computed from the public logs",
    key_column("result_id", "round/submitter/system/benchmark, with #2, #3 for further logs of one system."),
    Column("round", "text", "MLPerf Training round.", required=True, pattern=r"v\d+\.\d+"),
    Column("benchmark", "text", "Benchmark.", required=True),
    Column("submitter", "text", "Organisation that submitted.", required=True),
    Column("system", "text", "System as submitted.", required=True),
    Column("accelerator", "text", "Accelerator, spelling normalised, power rating dropped."),
    Column("accelerator_original", "text", "Accelerator as submitted."),
    Column("accelerator_family", "text", "Accelerator family."),
    _count(
        "accelerator_count", "Accelerators; 0 for systems of processors alone. TPU rows count chips or cores by round."
    ),
    _count("nodes", "Nodes."),
    Column("division", "text", "closed or open; empty when the system file is missing.", allowed=("closed", "open")),
    Column("availability", "text", "Availability category as submitted."),
    Column("framework", "text", "Software stack as submitted."),
    _minutes("minutes", "Score: olympic mean of the runs times the scaling factor; empty when it cannot be computed."),
    _minutes("minutes_logs", "Olympic mean before scaling."),
    positive_column("scaling_factor", "Factor of the submission's scaling file, 1 without one.", "1", most=100.0),
    _minutes("minutes_best", "Fastest successful run, not scaled."),
    positive_column("accelerator_minutes", "minutes x accelerator_count.", "min", most=1e12),
    _count("n_runs", "Runs the rules ask for, or logs found where more."),
    _count("n_success", "Runs that reached the target."),
    _count("n_failed", "Runs that ended without reaching it."),
    _count("n_logs_missing", "Logs missing or cut short."),
    positive_column("global_batch_size", "Global batch size.", most=1e12),
    positive_column(
        "energy_kj",
        "Energy from power logs: not used for trends, agrees with the official table only in part.",
        "kJ",
        most=1e12,
    ),
    positive_column("avg_power_kw", "Mean power from power logs.", "kW", most=1e9),
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
)

SPEEDRUN_RECORDS = version_table(
    "speedrun_records",
    "one modded-nanogpt record: time to a fixed validation loss on 8 x H100",
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
    positive_column("record_time_s", "Official time.", "s", most=1e7, required=True),
    Column("reported", "text", "Time as the table prints it."),
    positive_column("loss_target_nats", "Validation loss to reach.", "nats/token", most=30.0, required=True),
    Column("hardware", "text", "Machine."),
    positive_column("log_val_loss", "Validation loss in the log.", "nats/token", most=30.0),
    Column("log_steps", "count", "Steps in the log.", above=0.0, maximum=1e9),
    positive_column("log_train_time_s", "Time in the log; from 2026-02 logged on other nodes.", "s", most=1e7),
    positive_column("tokens", "Training tokens; exact to record 45, approximate after.", most=1e15),
    Column("tokens_basis", "text", "How tokens was computed."),
    flags_column("Flags joined by ';'."),
)

OPTIMISER_STEPS = version_table(
    "optimiser_steps",
    "one modded-nanogpt track 3 result: steps to a fixed loss at fixed architecture, data and batch",
    key_column("result_id", "track, place in the publisher's list."),
    _count("track", "Track of the speedrun."),
    _count("record_no", "Place in the publisher's list, which is not in order of date."),
    Column("steps", "count", "Steps to the loss; tokens up to a factor.", required=True, above=0.0, maximum=1e9),
    Column("is_record", "flag", "True where the publisher's table marks a record.", required=True),
    positive_column("val_loss_mean", "Mean validation loss at the end.", "nats/token", most=30.0),
    _count("n_runs", "Runs behind the mean."),
    Column("description", "text", "What was changed, as the publisher writes it.", required=True),
)

SLOWRUN_RECORDS = version_table(
    "slowrun_records",
    "one NanoGPT slowrun record: loss reached with 100 M tokens of data; data efficiency, never gamma",
    key_column("record_id", "track, record number."),
    Column("track", "text", "Limit of the track.", required=True),
    _count("record_no", "Record number within the track."),
    positive_column("val_loss_nats", "Validation loss.", "nats/token", most=30.0, required=True),
    _minutes("minutes", "Training time."),
    _count("nodes_8xh100", "Nodes of 8 x H100."),
    Column("reported", "text", "Time as the table prints it."),
    Column("description", "text", "What was changed, as the publisher writes it.", required=True),
)

GREEN500 = version_table(
    "green500",
    "one place of a Green500 list: FP64 Linpack at measured power, a check of hardware and no part of it",
    key_column("place_id", "list, rank."),
    Column("list", "text", "Year and month of the list.", required=True, pattern=r"\d{4}-\d{2}"),
    Column("rank", "count", "Place.", required=True, minimum=1.0, maximum=500.0),
    Column("system", "text", "System as listed.", required=True),
    positive_column(
        "gflops_per_watt", "Linpack FP64 throughput over measured power.", "GFLOP/s per W", most=1e6, required=True
    ),
    Column("basis", "text", "Page the figure was read on; before 2020 mirrors of encyclopaedias.", required=True),
)
