"""Settings of the kappa fits: the `kappa` section of params.yaml, typed and closed."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Form = Literal["chinchilla", "floor", "power_law"]
FrontierRule = Literal["pareto", "isoflop_minima", "all"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KappaGroup(_Section):
    """One comparable group of training runs: same data, tokenizer and evaluation.

    Parameters
    ----------
    group : str
        `group` value of the training-run ledger.
    family : str
        Groups of one publication share a family; families are what is pooled.
    frontier : {'pareto', 'isoflop_minima', 'all'}
        How the compute-efficient frontier is taken from the runs; 'all' where no run is wasteful.
    clustered : bool
        Runs share models (checkpoints, loss-curve readings): the headline bootstrap resamples clusters.
    weak_because : str
        A known defect of the data; non-empty makes every estimate of the group at most weak.
    """

    group: str
    family: str
    frontier: FrontierRule = "pareto"
    clustered: bool = False
    weak_because: str = ""


class TrustGates(_Section):
    """Bounds of the gate every kappa passes before it is published (SCIENCE section 3, DESIGN 'Records')."""

    z_curv_trusted: float = Field(default=4.0, gt=0)
    z_curv_headline: float = Field(default=2.0, gt=0)
    min_starts_agreeing: int = Field(default=2, ge=1)
    bound_sigmas: float = Field(default=3.0, gt=0)
    max_condition: float = Field(default=1e8, gt=1)
    min_rows_per_parameter: float = Field(default=4.0, gt=0)
    min_clusters: int = Field(default=10, ge=2)
    min_compute_decades: float = Field(default=1.0, gt=0)
    min_bootstrap_converged: float = Field(default=0.98, gt=0, le=1)
    min_bootstrap_usable: float = Field(default=0.8, gt=0, le=1)
    max_leave_two_out_change: float = Field(default=0.1, gt=0)
    max_relative_stderr: float = Field(default=0.5, gt=0)
    max_residual_sd: float = Field(default=0.2, gt=0)


class KappaParams(_Section):
    """Everything a kappa fit needs besides the rows.

    Parameters
    ----------
    groups : tuple of KappaGroup
    forms : tuple of {'chinchilla', 'floor', 'power_law'}
    delta : float
        Huber threshold on log-loss residuals (Hoffmann et al. 2022 use 1e-3).
    bootstrap_replicates : int
        Whole-fit bootstrap replicates a group and form.
    levels : tuple of float
        Interval levels, the headline level first.
    pivot_compute_flop : float
        Compute at which kappa_total is quoted and pooled, FLOP.
    frontier_tolerance_dex : float
        Runs whose computes differ by less than this many decades belong to one isoFLOP budget.
    product_compute_flop : tuple of float
        Computes at which N*, D*, loss and kappa_eff are tabulated, FLOP.
    token_stock : float
        Stock of usable public text D* is compared with, tokens (Villalobos et al. 2024, arXiv 2211.04325: about
        300 trillion tokens of human-generated public text).
    """

    groups: tuple[KappaGroup, ...] = (
        KappaGroup(group="chinchilla_besiroglu2024", family="chinchilla"),
        KappaGroup(group="gadre2024_c4", family="gadre"),
        KappaGroup(group="gadre2024_rpj", family="gadre"),
        KappaGroup(group="gadre2024_rw", family="gadre"),
        KappaGroup(
            group="muennighoff2023",
            family="muennighoff",
            weak_because="alpha hangs on the diverged runs: .181 on all 41 single-epoch rows, .187 without them",
        ),
        KappaGroup(group="gemstones2025_cool_end", family="gemstones", clustered=True),
        KappaGroup(group="porian2024_rw_tuned", family="porian", frontier="isoflop_minima", clustered=True),
        KappaGroup(group="porian2024_owt2_tuned", family="porian", frontier="isoflop_minima", clustered=True),
        KappaGroup(
            group="marin2026_comma",
            family="marin",
            frontier="isoflop_minima",
            weak_because="width and learning-rate effects are mixed into the ladder",
        ),
        KappaGroup(
            group="marin2026_dclm",
            family="marin",
            frontier="isoflop_minima",
            weak_because="width and learning-rate effects are mixed into the ladder",
        ),
        KappaGroup(
            group="marin2026_nemotron",
            family="marin",
            frontier="isoflop_minima",
            weak_because="width and learning-rate effects are mixed into the ladder",
        ),
    )
    forms: tuple[Form, ...] = ("chinchilla", "floor", "power_law")
    delta: float = Field(default=1e-3, gt=0)
    bootstrap_replicates: int = Field(default=4000, ge=100)
    levels: tuple[float, ...] = (0.95, 0.8)
    pivot_compute_flop: float = Field(default=1e20, gt=0)
    frontier_tolerance_dex: float = Field(default=0.05, gt=0)
    extrapolation_cutoffs: tuple[float, ...] = (0.5, 0.7, 0.85)
    product_compute_flop: tuple[float, ...] = (1e18, 1e20, 1e22, 3.14e23, 1e24, 1e26)
    token_stock: float = Field(default=3e14, gt=0)
    gates: TrustGates = TrustGates()

    @model_validator(mode="after")
    def _consistent(self) -> KappaParams:
        names = [item.group for item in self.groups]
        if len(set(names)) != len(names):
            raise ValueError(f"groups must be listed once each, got {names}")
        if not self.levels or any(not 0 < level < 1 for level in self.levels):
            raise ValueError(f"levels must lie in (0, 1), got {self.levels}")
        return self
