"""Settings of the kappa fits: the section `fit_kappa` of params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import model_validator

from race_to_efficiency.settings.section import Count, Flop, Fraction, Number, SettingsSection, SettingText, setting

Form = Literal["chinchilla", "floor", "power_law"]
FrontierRule = Literal["pareto", "isoflop_minima", "all"]


class KappaGroup(SettingsSection):
    """One comparable group of training runs: same data, tokenizer and evaluation."""

    group: Annotated[SettingText, setting("`group` of the training-run ledger")]
    family: Annotated[SettingText, setting("groups of one publication share a family; families are what is pooled")]
    frontier: Annotated[
        FrontierRule | None,
        setting("how the compute-efficient runs are found; 'all' where no run is wasteful; absent: pareto"),
    ] = None
    clustered: Annotated[
        bool | None,
        setting("runs share models, so the headline bootstrap resamples clusters; absent: every run is its own"),
    ] = None
    weak_because: Annotated[
        SettingText | None, setting("a known defect that makes every estimate at most weak; absent: none is known")
    ] = None
    laboratory: Annotated[
        SettingText | None,
        setting(
            "who trained the runs: families of one laboratory are no independent evidence; absent: the family's own"
        ),
    ] = None
    untuned: Annotated[
        bool | None,
        setting("width, learning rate or another setting is mixed into the runs, so it speaks in no pool; absent: no"),
    ] = None
    caution: Annotated[SettingText | None, setting("what a reader should know beside its numbers; absent: nothing")] = (
        None
    )


class TrustGates(SettingsSection):
    """Bounds of the gate every kappa passes before it is published (SCIENCE section 3, DESIGN 'Records')."""

    z_curv_trusted: Annotated[Number, setting("the floor's z below which a kappa is weak", before=4.0, gt=0, le=100)]
    z_curv_headline: Annotated[Number, setting("the floor's z below which it is no headline", before=2.0, gt=0, le=100)]
    min_starts_agreeing: Annotated[
        Count, setting("starts of the optimiser that must end at the best optimum", before=2, ge=1, le=1000)
    ]
    bound_sigmas: Annotated[
        Number, setting("a parameter this near to 0 is at its bound", unit="sigma", before=3.0, gt=0, le=100)
    ]
    max_condition: Annotated[Number, setting("condition number of the fit", before=1e8, gt=1, le=1e16)]
    min_rows_per_parameter: Annotated[Number, setting("rows for each parameter", before=4.0, gt=0, le=1000)]
    min_clusters: Annotated[Count, setting("clusters where runs share models", before=10, ge=2, le=10_000)]
    min_compute_decades: Annotated[
        Number, setting("range of compute fitted on", unit="decades", before=1.0, gt=0, le=30)
    ]
    min_bootstrap_converged: Annotated[
        Number, setting("share of bootstrap refits that converge, else weak", before=0.98, gt=0, le=1)
    ]
    min_bootstrap_usable: Annotated[
        Number, setting("share of bootstrap refits that converge, else refused", before=0.8, gt=0, le=1)
    ]
    max_relative_stderr: Annotated[Number, setting("standard error over kappa", before=0.5, gt=0, le=100)]
    max_residual_sd: Annotated[
        Number, setting("scatter of ln(loss) beyond which rows are not one group", before=0.2, gt=0, le=10)
    ]
    max_pivot_outside_decades: Annotated[
        Number,
        setting("distance of the common pivot from the runs, else no voice", unit="decades", before=30.0, ge=0, le=30),
    ]
    max_cutoff_error_sd: Annotated[
        Number,
        setting(
            "mean miss of the largest runs by the fit of the lower half, else weak and in no pool",
            unit="residual sd",
            before=1e9,
            gt=0,
            le=1e9,
        ),
    ]
    lack_of_fit_level: Annotated[
        Number, setting("false alarms of the tests of lack of fit, together", before=1e-12, gt=0, lt=1)
    ]


class KappaPool(SettingsSection):
    """How families are pooled: the scale of the half-t prior of the spread between them, one a reading."""

    tau_scale_total: Annotated[Number, setting("of kappa_total", before=0.01, gt=0, le=10)]
    tau_scale_reducible: Annotated[Number, setting("of kappa_reducible", before=0.03, gt=0, le=10)]

    def tau_scale(self, symbol: str) -> float:
        """Return the scale of a symbol, kappa_total or kappa_reducible."""
        return self.tau_scale_total if symbol == "kappa_total" else self.tau_scale_reducible


class KappaParams(SettingsSection):
    """Everything a kappa fit needs besides the rows."""

    groups: Annotated[tuple[KappaGroup, ...], setting("the groups that are fitted")]
    forms: Annotated[
        tuple[Form, ...],
        setting("functional forms fitted to each group", before=["chinchilla", "floor", "power_law"], min_length=1),
    ]
    delta: Annotated[Number, setting("Huber threshold on residuals of ln(loss)", gt=0, le=10)]
    bootstrap_replicates: Annotated[
        Count, setting("whole-fit bootstrap refits of each group and form", ge=100, le=1_000_000)
    ]
    levels: Annotated[
        tuple[Fraction, ...], setting("interval levels, the headline level first", before=[0.95, 0.8], min_length=1)
    ]
    pivot_compute_flop: Annotated[Flop, setting("compute at which kappa_total is quoted and pooled", unit="FLOP")]
    frontier_tolerance_dex: Annotated[
        Number,
        setting("runs nearer than this in compute are one isoFLOP budget", unit="decades", before=0.05, gt=0, le=10),
    ]
    extrapolation_cutoffs: Annotated[
        tuple[Fraction, ...],
        setting("shares of a group's range of compute below which it is refitted", before=[0.5, 0.7, 0.85]),
    ]
    product_compute_flop: Annotated[
        tuple[Flop, ...],
        setting(
            "computes at which N*, D*, loss and kappa_eff are tabulated",
            unit="FLOP",
            before=[1e18, 1e20, 1e22, 3.14e23, 1e24, 1e26],
        ),
    ]
    token_stock: Annotated[
        Number,
        setting("stock of usable public text that D* is held against", unit="tokens", before=3e14, gt=0, le=1e30),
    ]
    pool: Annotated[KappaPool, setting("how families are pooled")]
    gates: Annotated[TrustGates, setting("what an estimate must show before it is trusted")]

    @model_validator(mode="after")
    def _each_once(self) -> KappaParams:
        names = [item.group for item in self.groups]
        if len(set(names)) != len(names):
            raise ValueError(f"groups must be listed once each, got {names}")
        return self
