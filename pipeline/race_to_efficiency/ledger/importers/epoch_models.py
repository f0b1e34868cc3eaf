"""Epoch AI, "Notable AI Models": the whole table, under any header it has had since 2024."""

from __future__ import annotations

from race_to_efficiency.ledger.importers.exports import Export, Field, read_export
from race_to_efficiency.ledger.importers.parsed import Importer, Parsed, Request

FIELDS = (
    Field("model", ("Model", "System", "Model name"), required=True),
    Field("organization", ("Organization",), required=True),
    Field("released", ("Publication date",), required=True),
    Field("domain", ("Domain",)),
    Field("task", ("Task",)),
    Field("params", ("Parameters",)),
    Field("compute_flop", ("Training compute",), "flop", required=True),
    Field(
        "tokens",
        (
            "Training dataset size (gradients)",
            "Training dataset size (datapoints)",
            "Training dataset size (total)",
            "Training dataset size",
        ),
    ),
    Field("epochs", ("Epochs",)),
    Field("hours", ("Training time",), "hour"),
    Field("hardware", ("Training hardware",)),
    Field("chip_count", ("Hardware quantity",)),
    Field("mfu", ("Hardware utilization (MFU)", "Hardware utilization")),
    Field("hfu", ("Hardware utilization (HFU)",)),
    Field("cost_2023usd", ("Training compute cost (2023 USD)",)),
    Field("power_draw_w", ("Training power draw",), "w"),
    Field("batch_size", ("Batch size",)),
    Field("confidence", ("Confidence",)),
    Field("numerical_format", ("Numerical format", "Training numerical format")),
    Field("frontier_flag", ("Frontier model",)),
    Field("country", ("Country (of organization)", "Country (from Organization)", "Country")),
)

IGNORED = (
    "Abstract", "Accessibility notes", "Approach", "Archived links", "Authors", "Base model", "Batch size notes",
    "Benchmark data", "Citations", "Compute cost notes", "Compute sponsor categorization", "Created By",
    "Dataset size notes", "Exclude", "Finetune compute (FLOP)", "Finetune compute notes", "Foundation model",
    "Hardware acquisition cost", "Hugging Face developer id", "Inference code accessibility",
    "Inference compute (FLOP)", "Inference compute notes", "Last modified", "Link", "Model accessibility",
    "Notability criteria", "Notability criteria notes", "Open-source", "Organization categorization",
    "Parameters notes", "Possibly over 1e23 FLOP", "Reference", "Training chip-hours", "Training cloud compute vendor",
    "Training code accessibility", "Training compute cost (2020 USD)", "Training compute cost (cloud)",
    "Training compute cost (upfront)", "Training compute estimation method", "Training compute lower bound",
    "Training compute notes", "Training compute upper bound", "Training cost trends", "Training data center",
    "Training dataset", "Training dataset notes", "Training time notes", "Utilization notes",
)  # fmt: skip


def _exclude(cells: dict[str, str]) -> str:
    """Leave out nothing: which models are notable is the publisher's choice."""
    return "" if cells else "empty row"


EXPORT = Export("notable_training_runs", "epoch_notable_models", FIELDS, IGNORED, _exclude, {"frontier_flag": "false"})


def read(request: Request) -> Parsed:
    """Read an export of the notable models; see `exports.read_export`."""
    return read_export(request, EXPORT)


IMPORTER = Importer("epoch-models", "Epoch AI, Notable AI Models: CSV export, whole table", read)
