"""The compute-efficient frontier as a product: model size, tokens, loss and slope at any compute, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.common.grades import grades
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, POWER_LAW, Form
from race_to_efficiency.scaling_laws import compute_optimal_frontier
from race_to_efficiency.units import pfs_days

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.discrepancy import Discrepancy

_LEVEL = 0.95


def frontier_quantities(form: Form, theta: ArrayLike, compute_flop: float) -> dict[str, Floats]:
    """Return what the fitted frontier says at one compute, for one theta (p,) or many (m, p).

    Parameters
    ----------
    form : Form
    theta : (..., p) float
    compute_flop : float, FLOP

    Returns
    -------
    dict of str to (...) float
        params, tokens, tokens_per_param (of forms of both: fresh data, a dense model), loss_nats, kappa_effective.
    """
    rows = np.asarray(theta, dtype=np.float64)
    if form.terms > 1:
        amplitude_n, amplitude_d, floor, alpha, beta = np.moveaxis(rows[..., :5], -1, 0)
        point = compute_optimal_frontier(compute_flop, floor, amplitude_n, amplitude_d, alpha, beta)
        return {
            "params": point.params,
            "tokens": point.tokens,
            "tokens_per_param": point.tokens_per_param,
            "loss_nats": point.loss_nats,
            "kappa_effective": point.kappa_effective,
        }
    loss = np.exp(form.log_loss(rows, [np.array([compute_flop])])[..., 0])
    floor_share = rows[..., form.terms] / loss if form.floor else 0.0
    return {"loss_nats": loss, "kappa_effective": form.kappa(rows) * (1.0 - floor_share)}


def compute_for_tokens(theta: ArrayLike, tokens: float) -> Floats:
    """Return the compute whose optimal run uses ``tokens``: D* = (C/6)^(alpha/(alpha+beta))/G, solved for C.

    Parameters
    ----------
    theta : (..., 5) float
        Chinchilla parameters A, B, E, alpha, beta.
    tokens : float, tokens

    Returns
    -------
    (...) float, FLOP

    References
    ----------
    Hoffmann et al. (2022), arXiv 2203.15556, equation 4: G = (alpha A/(beta B))^(1/(alpha + beta)).
    """
    amplitude_n, amplitude_d, _, alpha, beta = np.moveaxis(np.asarray(theta, dtype=np.float64), -1, 0)
    log_ratio = np.log(alpha * amplitude_n / (beta * amplitude_d)) / (alpha + beta)
    return np.asarray(6.0 * np.exp((np.log(tokens) + log_ratio) * (alpha + beta) / alpha))


def frontier_rows(
    form: Form,
    theta: Floats,
    draws: Floats,
    compute_flop: Sequence[float],
    fitted_range_flop: tuple[float, float],
    *,
    token_stock: float,
) -> list[dict[str, Any]]:
    """Return the frontier at several computes with 95 % intervals from the bootstrap draws.

    Parameters
    ----------
    form : Form
    theta : (p,) float
    draws : (m, p) float
        Usable bootstrap refits.
    compute_flop : sequence of float, FLOP
    fitted_range_flop : (float, float), FLOP
    token_stock : float, tokens
        D* is shown as a share of it.
    """
    low, high = fitted_range_flop
    rows = []
    for compute in compute_flop:
        point = frontier_quantities(form, theta, compute)
        spread = frontier_quantities(form, draws, compute)
        beyond = float(max(np.log10(compute / high), np.log10(low / compute), 0.0))
        row: dict[str, Any] = {
            "form": form.name,
            "compute_flop": float(compute),
            "compute_pfs_days": pfs_days(compute),
            "decades_beyond_range": beyond,
            "reading": "optimistic tangent" if form is POWER_LAW and beyond > 0 else "fitted law",
        }
        row |= {name: _with_ends(value, spread[name]) for name, value in point.items()}
        if form is CHINCHILLA:
            row["tokens_over_stock"] = float(point["tokens"] / token_stock)
        rows.append(row)
    return rows


def graded(
    rows: Sequence[dict[str, Any]],
    evidence: Mapping[tuple[str, str], int],
    discrepancies: Mapping[str, Discrepancy],
) -> list[dict[str, Any]]:
    """Return rows of a frontier with their grade, and the form's own error in the interval of their loss.

    Parameters
    ----------
    rows : sequence of dict
        Of `frontier_rows`, with family and group; others are returned as they are.
    evidence : mapping of (group, form) to int
    discrepancies : mapping of str to Discrepancy
        By form; of a family's own runs the others speak.

    Notes
    -----
    Of two independent errors the half-widths add up by squares, in ln(loss), below and above alike.
    """
    from scipy.special import stdtrit

    found = []
    for row in rows:
        if "decades_beyond_range" not in row:
            found.append(row)
            continue
        beyond, loss = row["decades_beyond_range"], row["loss_nats"]
        (grade,) = grades(evidence[row["group"], row["form"]], beyond)
        known = discrepancies[row["form"]].without(row["family"]) if row["form"] in discrepancies else None
        if known is not None and beyond > 0:
            off = known.sd_per_decade * beyond * float(stdtrit(known.degrees, 0.5 + _LEVEL / 2))
            ends = {name: np.hypot(np.log(loss[name] / loss["value"]), off) for name in ("low", "high")}
            low, high = loss["value"] * np.exp([-ends["low"], ends["high"]])
            loss = {"value": loss["value"], "low": float(low), "high": float(high)}
        found.append({**row, "loss_nats": loss, "grade": grade})
    return found


def stock_row(theta: Floats, draws: Floats, token_stock: float) -> dict[str, Any]:
    """Return the compute at which the optimal run needs the whole token stock, with its 95 % interval."""
    compute = compute_for_tokens(theta, token_stock)
    return {
        "form": CHINCHILLA.name,
        "reading": "data run out",
        "token_stock": token_stock,
        "compute_flop": _with_ends(compute, compute_for_tokens(draws, token_stock)),
    }


def _with_ends(value: Floats, draws: Floats) -> dict[str, float]:
    """Return a value with its 95 % percentile ends."""
    low, high = np.quantile(draws, [0.5 - _LEVEL / 2, 0.5 + _LEVEL / 2])
    return {"value": float(value), "low": float(low), "high": float(high)}
