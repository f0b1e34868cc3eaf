"""Names of the files in words: components, estimators, comparable groups, scored targets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from race_to_efficiency.report.cleaned_text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = {
    "hardware_tensor16": "chips, tensor FP16",
    "hardware_fp32": "chips, FP32",
    "mean_chip": "mean chip",
    "quantile_0.9": "0.9 quantile",
    "record_frontier": "line through records",
    "running_maximum": "running maximum",
    "recent": "recent years",
    "ols": "least squares",
    "utilisation": "utilisation (MFU)",
    "training_flop_per_joule": "training FLOP per joule",
    "same_format": "number formats as they are",
    "green500": "Green500, measured power",
    "first_places": "first places",
    "mlperf_same_chip": "MLPerf, same chip",
    "mlperf_system": "MLPerf, best system",
    "cell_effects": "cell effects",
    "best_any": "any entry",
    "best_available": "available systems",
    "algorithmic": "algorithms",
    "algorithmic_lm": "algorithms, language models",
    "algorithmic_published": "algorithms, published",
    "ln_loss": "on log loss",
    "ln_perplexity": "on log perplexity",
    "speedrun_tokens": "speedrun, tokens",
    "speedrun_time": "speedrun, wall clock",
    "growth": "growth",
    "winners_tdp": "rated power of MLPerf winners",
    "frontier_compute": "compute of frontier runs",
    "identity_compute": "compute, runs with power and time known",
    "identity_flop_per_joule": "FLOP per joule, the same runs",
    "power": "power, the same runs",
    "duration": "run length, the same runs",
    "tdp": "rated power of a chip",
    "price": "release price of a chip",
    "accelerator_hour": "accelerator-hour",
}
"""Names from the files in words; a name that is not here is shown with its underscores as blanks."""


MISSING = {"not compared": "{quarter} cannot be compared with {before}: {why}"}
"""Why a document holds nothing, by its code."""

TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.\w[\w.]*)?")


def name_in_words(name: str) -> str:
    """Return a name of the files in words: ``component.estimator``, a single name, or a phrase that holds such names.

    Inside a phrase only dotted or underscored names we know are replaced; whatever else stands there stays as it is.
    """
    whole = TOKEN.fullmatch(name) is not None

    def words_of(match: re.Match[str]) -> str:
        parts = re.split(r"\.(?!\d)", match[0])
        known = parts[0] in NAMES and (len(parts) > 1 or "_" in parts[0])
        if not (whole or known):
            return match[0]
        return ", ".join(NAMES.get(part, part.replace("_", " ")) for part in parts)

    return clean(TOKEN.sub(words_of, name))


GROUPS = {
    "pooled": "pooled over families",
    "chinchilla": "Chinchilla",
    "gadre": "Gadre",
    "muennighoff": "Muennighoff",
    "gemstones": "Gemstones",
    "porian": "Porian",
    "marin": "Marin",
    "chinchilla_besiroglu2024": "Chinchilla (Besiroglu)",
    "gadre2024_c4": "Gadre, C4",
    "gadre2024_rpj": "Gadre, RedPajama",
    "gadre2024_rw": "Gadre, RefinedWeb",
    "muennighoff2023": "Muennighoff",
    "gemstones2025_cool_end": "Gemstones, cooled down",
    "porian2024_rw_tuned": "Porian, RefinedWeb",
    "porian2024_owt2_tuned": "Porian, OpenWebText",
    "marin2026_comma": "Marin, Comma",
    "marin2026_dclm": "Marin, DCLM",
    "marin2026_nemotron": "Marin, Nemotron",
    "brandfonbrener2024_l2l_smollm_corpus": "Brandfonbrener, SmolLM",
    "brandfonbrener2024_l2l_fineweb_edu": "Brandfonbrener, FineWeb-Edu",
    "brandfonbrener2024_l2l_fineweb": "Brandfonbrener, FineWeb",
    "brandfonbrener2024_l2l_slimpajama": "Brandfonbrener, SlimPajama",
    "brandfonbrener2024_l2l_proof_pile_2": "Brandfonbrener, Proof-Pile",
    "brandfonbrener2024_l2l_starcoder": "Brandfonbrener, StarCoder",
    "bhagia2024_olmo_ladder": "Bhagia, OLMo ladder",
    "beck2025_xlstm_llama_ctx2048": "Beck, Llama, 2,048 tokens",
    "beck2025_xlstm_llama_ctx8192": "Beck, Llama, 8,192 tokens",
    "beck2025_xlstm_llama_ctx16384": "Beck, Llama, 16,384 tokens",
    "beck2025_xlstm_mlstm_ctx8192": "Beck, mLSTM, 8,192 tokens",
    "beck2025_xlstm_mlstm_ctx16384": "Beck, mLSTM, 16,384 tokens",
}
"""Comparable groups and families in words; one that is not here is shown under its own id."""


def group_in_words(group: str | None) -> str:
    """Return a comparable group's or family's name."""
    return GROUPS.get(group or "", clean(str(group)))


TARGET_NAMES = {
    "tensor16_chip": "chips, FP16 per watt, each",
    "tensor16_quarter_mean": "chips, FP16 per watt, mean of a quarter",
    "tensor16_record": "chips, FP16 per watt, record",
    "fp8_record": "chips, FP8 per watt, record",
    "frontier_compute": "compute of the largest run",
    "frontier_power": "power of the largest run",
    "mlperf_best8_minutes": "MLPerf, best time on eight",
    "speedrun_record_time": "speedrun record",
    "training_flop_per_joule_year": "training FLOP per joule, a year",
    "run_cost_record": "cost of the most expensive run",
    "run_chips_record": "chips of the largest run",
    "all": "all targets",
    "loss.all": "loss of larger runs, all groups",
}
"""What is forecast and scored, in words."""


def target_in_words(target: str) -> str:
    """Return a scored target's name."""
    if target not in TARGET_NAMES and target.startswith("loss."):
        return f"loss of larger runs, {group_in_words(target.removeprefix('loss.'))}"
    return TARGET_NAMES.get(target, clean(target.replace("_", " ")))


def missing_in_words(missing: str | Mapping[str, str]) -> str:
    """Return why a document holds nothing; one published before race 0.2 holds the sentence itself."""
    return missing if isinstance(missing, str) else MISSING[missing["code"]].format_map(missing)
