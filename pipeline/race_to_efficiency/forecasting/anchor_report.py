"""What the anchors say, as records for anchors.json and as sentences made from their numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.equation.domain import PAPER_KAPPA
from race_to_efficiency.forecasting.anchors import Anchor, anchor_group
from race_to_efficiency.forecasting.draws import PARAMETERS, GroupDraws, Pool
from race_to_efficiency.units import pfs_days

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.forecasting.known import GroupRange

INTERVAL = (0.025, 0.5, 0.975)


def quantile_record(values: Floats) -> dict[str, float]:
    """Return median and 95 % interval of draws as ``median``, ``low``, ``high``."""
    low, median, high = np.quantile(values, INTERVAL)
    return {"median": float(median), "low": float(low), "high": float(high)}


def anchor_document(anchor: Anchor, pool: Pool, ranges: Mapping[str, GroupRange]) -> dict[str, Any]:
    """Return an anchor as a JSON-ready mapping: C0, and per group and pooled L0, floor, kappa_eff and distance."""
    compute = {key: 2.0**value for key, value in quantile_record(anchor.compute_log2_flop).items()}
    groups = []
    for item, member in zip(anchor.groups, pool.groups, strict=True):
        span = ranges[item.group]
        beyond = item.decades_beyond > 0
        reasons = list(member.reasons)
        if beyond:
            reasons.append(f"the anchor lies {item.decades_beyond:.1f} decades beyond the largest fitted compute")
        groups.append(
            {
                "group": item.group,
                "family": member.family,
                "fitted_compute_flop": [span.low, span.high],
                "effective_compute_flop": {
                    key: float(np.exp(v)) for key, v in quantile_record(item.log_compute).items()
                },
                "decades_beyond_fitted_range": item.decades_beyond,
                "loss_nats": quantile_record(item.loss),
                "floor": quantile_record(item.floor),
                "kappa_eff": quantile_record(item.effective_kappa),
                "status": "weak" if beyond or member.status != "trusted" else "trusted",
                "reasons": reasons,
            }
        )
    return {
        "name": anchor.name,
        "title": anchor.params.title or "",
        "source": anchor.params.source,
        "counts_algorithmic_gain": anchor.params.count_algorithmic_gain is not False,
        "compute_flop": compute,
        "compute_pfs_days": {key: pfs_days(value) for key, value in compute.items()},
        "floor": quantile_record(anchor.new_family.floor),
        "kappa_eff": quantile_record(anchor.new_family.effective_kappa),
        "groups": groups,
        "status": "weak" if any(item["status"] != "trusted" for item in groups) else "trusted",
    }


def fitted_point(estimates: Sequence[Mapping[str, Any]], member: GroupDraws) -> GroupDraws:
    """Return a group's fit itself as one "draw"; its bootstrap draws when the fit's parameters are not all recorded.

    Parameters
    ----------
    estimates : sequence of mapping
        Records of kappa.json.
    member : GroupDraws
    """
    found = {
        str(item["symbol"]).partition("_")[0]: float(item["value"])
        for item in estimates
        if item.get("group") == member.group and item.get("form") == member.fit and item.get("value") is not None
    }
    wanted = ("kappa", "E", "A", "B", "alpha", "beta") if member.fit == "chinchilla" else ("kappa", "E", "A")
    if not set(wanted) <= found.keys():
        return member
    values = {name: np.array([found.get(name, np.nan)]) for name in PARAMETERS}
    return replace(member, parameters=values)


def anchor_check(
    members: Sequence[GroupDraws],
    ranges: Mapping[str, GroupRange],
    compute_flop: float,
) -> dict[str, Any]:
    """Return floor and whole-loss slope of every group's fit at one fixed compute, in the groups' own terms.

    Parameters
    ----------
    members : sequence of GroupDraws
        The fits themselves (one "draw" each), or bootstrap draws, of which the median is taken.
    ranges : mapping of str to GroupRange
    compute_flop : float, FLOP

    Returns
    -------
    mapping
        Values per group, their range, and by what factor the paper's kappa overstates the slope.
    """
    groups = {}
    for member in members:
        log_compute = np.full(member.kappa.size, np.log(compute_flop))
        item = anchor_group(member, log_compute, ranges[member.group].high)
        groups[member.group] = {
            "loss_nats": float(np.median(item.loss)),
            "floor": float(np.median(item.floor)),
            "kappa_eff": float(np.median(item.effective_kappa)),
            "decades_beyond_fitted_range": item.decades_beyond,
        }
    floors, slopes = ([entry[key] for entry in groups.values()] for key in ("floor", "kappa_eff"))
    return {
        "compute_flop": compute_flop,
        "floor": [min(floors), max(floors)],
        "kappa_eff": [min(slopes), max(slopes)],
        "paper_kappa": PAPER_KAPPA,
        "overstatement": [PAPER_KAPPA / max(slopes), PAPER_KAPPA / min(slopes)],
        "groups": groups,
    }


def anchor_words(record: Mapping[str, Any], targets: Sequence[float]) -> list[str]:
    """Return what an anchor means for the paper's reading, in sentences made from its record.

    Parameters
    ----------
    record : mapping
        Of `anchor_record`.
    targets : sequence of float
        Total loss ratios people ask for; those under a group's floor are out of reach there.
    """
    groups = record["groups"]
    floors = [item["floor"]["median"] for item in groups]
    slopes = [item["kappa_eff"]["median"] for item in groups]
    decades = [item["decades_beyond_fitted_range"] for item in groups]
    start = f"{record['compute_flop']['median']:.2g} FLOP"
    share = f"{_span(floors, '.3g', percent=True)} of the loss the {len(groups)} fitted groups would have there"
    steep = _span([PAPER_KAPPA / slope for slope in slopes], ".2g")
    most = _span([1.0 - floor for floor in floors], ".2g", percent=True)
    words = [
        f"At a start of {start} the irreducible part is {share}.",
        f"Their whole loss falls with compute by an exponent of {_span(slopes, '.2g')} there.",
        f"Read as that slope, the paper's kappa of {PAPER_KAPPA:g} is {steep} times too steep.",
        "R in the total reading is therefore an optimistic tangent; the reducible reading is what the fits support.",
        f"However fast efficiency grows, these fits let the whole loss fall by at most {most}.",
    ]
    out = {target: sum(floor >= target for floor in floors) for target in targets}
    told = [f"{target:g} in {count} of {len(groups)} groups" for target, count in out.items() if count]
    if told:
        words.append(f"Whole-loss ratios that are out of reach at any gamma: {', '.join(told)}.")
    beyond = [value for value in decades if value > 0]
    if beyond:
        words.append(
            f"The start lies beyond the fitted compute of {len(beyond)} of the {len(groups)} groups, by "
            f"{_span(beyond, '.1f')} decades: an extrapolation, for which every grade here loses steps."
        )
    return words


def _span(values: Sequence[float], form: str, *, percent: bool = False) -> str:
    """Return ``low to high`` in one format, or the one value when both read the same."""
    scale, sign = (100.0, " %") if percent else (1.0, "")
    low, high = format(scale * min(values), form), format(scale * max(values), form)
    return f"{low}{sign}" if low == high else f"{low} to {high}{sign}"
