"""Epoch AI, "Machine Learning Hardware": the whole table, under any header it has had since 2024."""

from __future__ import annotations

from race_to_efficiency.ledger.importers.exports import Export, Field, read_export
from race_to_efficiency.ledger.importers.parsed import Importer, Parsed, Request

FIELDS = (
    Field("name", ("Hardware name", "Name of the hardware", "Hardware"), required=True),
    Field("manufacturer", ("Manufacturer",), required=True),
    Field("type", ("Type",)),
    Field("released", ("Release date", "Released"), required=True),
    Field("process_nm", ("Process size", "Process node"), "nm"),
    Field("foundry", ("Foundry",)),
    Field("die_size_mm2", ("Die size",), "mm^2"),
    Field(
        "transistors_millions",
        (
            "Transistors",
            "Number of transistors",
            "Number of transistors in million",
            "Number of transistors in millions",
        ),
        "million",
    ),
    Field("tdp_w", ("TDP", "Thermal design power"), "w", required=True),
    Field("memory_gb", ("Memory size per board", "Memory", "Memory size"), "byte", divisor=1e9),
    Field("memory_bandwidth_bytes_s", ("Memory bandwidth",), "byte/s"),
    Field("intranode_bandwidth_bytes_s", ("Intranode bandwidth",), "byte/s"),
    Field("tensor_cores", ("Tensor cores",)),
    Field("fp64_flop_s", ("FP64 (double precision) performance", "FP64 performance"), "op/s"),
    Field("fp32_flop_s", ("FP32 (single precision) performance", "FP32 performance"), "op/s"),
    Field(
        "tf32_tensor_flop_s",
        (
            "TF32 (TensorFloat-32) performance",
            "Tensor Float 32 (TF32)",
            "Tensor Float 32 (TF32) performance",
            "TF32 performance",
        ),
        "op/s",
    ),
    Field("fp16_flop_s", ("FP16 (half precision) performance", "FP16 performance"), "op/s"),
    Field(
        "fp16_tensor_flop_s",
        (
            "Tensor-FP16/BF16 performance",
            "Tensor-FP16 performance",
            "FP16 Tensor Core",
            "FP16 Tensor performance",
            "FP16/BF16 Tensor performance",
        ),
        "op/s",
        required=True,
    ),
    Field("fp8_flop_s", ("FP8 performance",), "op/s"),
    Field("fp4_flop_s", ("FP4 performance",), "op/s"),
    Field("int16_op_s", ("INT16 performance",), "op/s"),
    Field("int8_op_s", ("INT8 performance",), "op/s"),
    # the export of 2025-11-14 merged FP4 into this column and kept its own FP4 column beside it
    Field("int4_op_s", ("INT4 performance", "INT4/FP4 performance"), "op/s"),
    Field("release_price_usd", ("Release price",), "usd"),
)

IGNORED = (
    "Notes", "Internode bandwidth (bit/s)", "Base clock (MHz)", "Boost clock (MHz)", "Memory clock (MHz)",
    "Memory bus (bit)", "Link to datasheet", "Source for the price", "ML models", "Last modified", "Max performance",
    "Energy efficiency", "Total processing performance (bit-OP/s)", "Price-performance", "ML OP/s", "Shading units",
    "TMUs", "ROPs", "SM count", "RT cores", "Prominent Years of usage", "ALL ML SYSTEMS", "All ML Systems copy",
    "Hardware prices", "LambdaLabs FP32 ResNet-50 Pytorch Throughput (samples/s)",
    "Google Cloud pricing ($ per hour) data from 17 dec 2022",
)  # fmt: skip


def _exclude(cells: dict[str, str]) -> str:
    """Leave out processors, which exports before 2025 listed among the accelerators."""
    return "not an accelerator (CPU)" if cells.get("type", "").upper() == "CPU" else ""


EXPORT = Export("accelerators", "epoch_ml_hardware", FIELDS, IGNORED, _exclude, {}, ("epoch_chip_dataset",))


def read(request: Request) -> Parsed:
    """Read an export of the hardware table; see `exports.read_export`."""
    return read_export(request, EXPORT)


IMPORTER = Importer("epoch-hardware", "Epoch AI, Machine Learning Hardware: CSV export, whole table", read)
