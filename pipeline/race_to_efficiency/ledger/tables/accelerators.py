"""Chips: what the hardware trend is fitted on, and the reviewed renames of their publisher."""

from __future__ import annotations

from race_to_efficiency.ledger.metadata import Column, Table, key_column, positive_column, version_table


def _throughput(name: str, meaning: str, unit: str = "FLOP/s") -> Column:
    return positive_column(name, meaning, unit, most=1e20)


ACCELERATORS = version_table(
    "accelerators",
    "one version of one machine-learning accelerator's published figures (dense, per chip or board)",
    key_column("accelerator_id", "Stable id: the slug of the name under which the chip was first recorded."),
    Column("manufacturer", "text", "Maker as the publisher writes it."),
    Column("name", "text", "The publisher's name in this version; no stable key.", required=True),
    Column("type", "text", "GPU, TPU, NPU and so on."),
    positive_column("process_nm", "Process node.", "nm", most=1000.0),
    Column("foundry", "text", "Who made the silicon."),
    positive_column("die_size_mm2", "Die area.", "mm^2", most=1e6),
    positive_column("transistors_millions", "Transistors.", "millions", most=1e13),
    positive_column("tdp_w", "Thermal design power.", "W", most=1e5),
    positive_column("memory_gb", "Memory of the board (1e9 bytes).", "GB", most=1e6),
    positive_column("memory_bandwidth_bytes_s", "Memory bandwidth.", "byte/s", most=1e18),
    positive_column("intranode_bandwidth_bytes_s", "Bandwidth inside a node.", "byte/s", most=1e18),
    Column("tensor_cores", "count", "Tensor cores.", above=0.0, maximum=1e9),
    _throughput("fp64_flop_s", "FP64 throughput."),
    _throughput("fp32_flop_s", "FP32 throughput, not tensor."),
    _throughput("tf32_tensor_flop_s", "Tensor TF32 throughput."),
    _throughput("fp16_flop_s", "FP16 throughput, not tensor: never pooled with tensor figures."),
    _throughput("fp16_tensor_flop_s", "Tensor FP16/BF16 throughput (the publisher merges the two)."),
    _throughput("fp8_flop_s", "Tensor FP8 throughput."),
    _throughput("fp4_flop_s", "Tensor FP4 throughput."),
    _throughput("int16_op_s", "INT16 throughput.", "OP/s"),
    _throughput("int8_op_s", "INT8 throughput.", "OP/s"),
    _throughput("int4_op_s", "INT4 throughput; in the 2025-11-14 snapshot merged with FP4.", "OP/s"),
    positive_column("release_price_usd", "Price at release, in dollars of that day.", "USD", most=1e8),
    vintaged=True,
    aliases="accelerator_aliases",
    name_column="name",
)


def _aliases(name: str, title: str) -> Table:
    return Table(
        name=name,
        title=title,
        columns=(
            Column("old_name", "text", "Name in the snapshot before.", required=True),
            Column("new_name", "text", "Name of the same thing from `snapshot` on.", required=True),
            Column("snapshot", "date", "First snapshot that carries the new name.", required=True),
            Column("evidence", "text", "Why the two are one: what agrees, what changed.", required=True),
        ),
        versioned=False,
    )


ACCELERATOR_ALIASES = _aliases("accelerator_aliases", "one reviewed rename of an accelerator by its publisher")
NOTABLE_MODEL_ALIASES = _aliases("notable_model_aliases", "one reviewed rename of a notable model by its publisher")
