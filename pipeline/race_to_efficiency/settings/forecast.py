"""The `forecast` section of params.yaml and the schema of a scenario: what is assumed, in words and units, checked."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Rate = Annotated[float, Field(allow_inf_nan=False)]
Multiple = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]

HUB_LEVELS = (0.01, 0.025, *(round(0.05 * step, 2) for step in range(1, 20)), 0.975, 0.99)
"""The quantile levels of public forecast hubs: 0.01, 0.025, 0.05 to 0.95 by 0.05, 0.975, 0.99."""


class Section(BaseModel):
    """A part of params.yaml or of a scenario file: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KappaChoice(Section):
    """A kappa given instead of estimated; it carries the loss it belongs to, as every kappa does."""

    value: Positive
    form: Literal["total", "reducible"]


class ConstantFleet(Section):
    """`multiple` times the baseline fleet's power, from the first day."""

    path: Literal["constant"] = "constant"
    multiple: Multiple = 1.0


class GrowingFleet(Section):
    """`multiple` times the baseline's power, growing at the scenario's `power_growth`, up to its cap."""

    path: Literal["growth"]
    multiple: Multiple = 1.0


class PiecewiseFleet(Section):
    """Power in steps: `multiples[i]` from `breaks_years[i]` on; the first break is 0."""

    path: Literal["piecewise"]
    breaks_years: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=1)
    multiples: tuple[Multiple, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _aligned(self) -> PiecewiseFleet:
        if len(self.breaks_years) != len(self.multiples):
            raise ValueError(
                f"breaks_years and multiples must be equally long, got {len(self.breaks_years)} and "
                f"{len(self.multiples)}"
            )
        if self.breaks_years[0] != 0:
            raise ValueError(f"the first of breaks_years must be 0, got {self.breaks_years[0]}")
        if any(later <= earlier for earlier, later in pairwise(self.breaks_years)):
            raise ValueError(f"breaks_years must increase, got {list(self.breaks_years)}")
        return self


class DelayedFleet(Section):
    """A fleet bought `start_years` from now that follows the hardware after that."""

    path: Literal["delayed"]
    multiple: Multiple = 1.0
    start_years: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class FrozenFleet(Section):
    """A fleet bought `start_years` from now whose efficiency stays that of the purchase date."""

    path: Literal["frozen"]
    multiple: Multiple = 1.0
    start_years: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0


Fleet = Annotated[
    ConstantFleet | GrowingFleet | PiecewiseFleet | DelayedFleet | FrozenFleet, Field(discriminator="path")
]


class ScenarioParams(Section):
    """One scenario: how efficiency, power and run length go on, relative to what, and on whose authority.

    `gamma` (doublings per year) is a number, or `route` names one of the measured routes. `power_growth` and
    `duration_growth` are doublings per year, or "measured". In the convention "cumulative" compute accumulates from a
    fleet; in "run" it is the compute of the largest single run; duration belongs to runs only. `reference` says what
    the fleet does to C0: nothing ("baseline C0 fixed"), or it built it ("fleet in C0": all its compute is `multiple`
    times the baseline's, so X starts at `multiple`). Either way R compares with the BASELINE's loss: curves compare.
    `headroom_doublings` bounds efficiency along the curve `saturation`. `floor` overrides the anchor's floor.
    """

    name: Name
    title: str = ""
    note: str = ""
    gamma: Rate | None = None
    route: str | None = Field(default=None, pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    kappa: KappaChoice | None = None
    fleet: Fleet = ConstantFleet()
    power_growth: Rate | Literal["measured"] = 0.0
    duration_growth: Rate | Literal["measured"] = 0.0
    max_power_multiple: Annotated[float, Field(ge=1)] | None = None
    max_duration_multiple: Annotated[float, Field(ge=1)] | None = None
    headroom_doublings: Positive | None = None
    saturation: Literal["hard", "exponential", "logistic", "tanh"] | None = None
    floor: Annotated[float, Field(ge=0, lt=1)] | None = None
    convention: Literal["cumulative", "run"] = "cumulative"
    reference: Literal["baseline C0 fixed", "fleet in C0"] = "baseline C0 fixed"
    baseline_years: Positive | Literal["measured"] = 1.0
    label: Literal["assumption", "cited"] = "assumption"
    citation: str = ""

    @model_validator(mode="after")
    def _one_gamma(self) -> ScenarioParams:
        if (self.gamma is None) == (self.route is None):
            raise ValueError(
                "give either gamma (doublings per year) or route (a measured route), not both and not none"
            )
        if (self.headroom_doublings is None) != (self.saturation is None):
            raise ValueError("headroom_doublings and saturation belong together: give both or neither")
        if self.kappa is not None and self.kappa.form == "total" and self.floor is not None:
            raise ValueError(
                "a total kappa has no floor: kappa_total is the slope of the whole loss, so a floor would count the "
                "irreducible part twice; use a reducible kappa with a floor"
            )
        return self

    @model_validator(mode="after")
    def _authority(self) -> ScenarioParams:
        if (self.label == "cited") != bool(self.citation.strip()):
            raise ValueError("label 'cited' needs a citation, and a citation needs label 'cited'")
        return self

    @model_validator(mode="after")
    def _growth_fits_path(self) -> ScenarioParams:
        grows = self.power_growth != 0
        if self.convention == "run":
            if self.fleet.path not in ("constant", "growth"):
                raise ValueError(f"the run convention has no {self.fleet.path} fleet: use convention cumulative")
            if self.fleet.multiple <= 0:
                raise ValueError("a run needs a fleet: multiple must be positive in the run convention")
            if self.baseline_years != 1.0:
                raise ValueError("baseline_years belongs to the cumulative convention: a run starts at X = 1")
        elif self.duration_growth != 0 or self.max_duration_multiple is not None:
            raise ValueError("duration_growth belongs to the run convention: cumulative compute has no run length")
        if grows != (self.fleet.path == "growth"):
            raise ValueError("power_growth other than 0 and fleet path 'growth' belong together")
        if self.max_power_multiple is not None and not grows:
            raise ValueError("max_power_multiple caps power_growth, which is 0 here")
        if self.max_duration_multiple is not None and self.duration_growth == 0:
            raise ValueError("max_duration_multiple caps duration_growth, which is 0 here")
        return self

    @model_validator(mode="after")
    def _saturation_fits_path(self) -> ScenarioParams:
        if self.headroom_doublings is None:
            return self
        if self.gamma is not None and self.gamma <= 0:
            raise ValueError(f"saturating efficiency needs gamma > 0, got {self.gamma}")
        if self.max_power_multiple is not None and self.convention == "cumulative":
            raise ValueError("a power cap together with saturating efficiency is available in the run convention only")
        return self

    @model_validator(mode="after")
    def _reference_fits_path(self) -> ScenarioParams:
        if self.reference == "fleet in C0":
            if self.fleet.path not in ("constant", "growth"):
                raise ValueError(f"a {self.fleet.path} fleet cannot have built C0: use reference 'baseline C0 fixed'")
            if self.max_power_multiple is not None and self.convention == "cumulative":
                raise ValueError("max_power_multiple needs reference 'baseline C0 fixed' in the cumulative convention")
            if self.fleet.multiple <= 0:
                raise ValueError("a fleet of 0 cannot have built C0: multiple must be positive")
        return self


class AnchorParams(Section):
    """What R = 1 means on the day of the forecast: a compute, in FLOP.

    `count_algorithmic_gain` translates today's compute into a group's own recipe: effective compute is larger by the
    algorithmic progress since the group's runs were published. Without it the compute is in the group's own terms.
    """

    name: Name
    title: str = ""
    source: Literal["frontier_trend", "largest_known_run", "fixed"]
    compute_flop: Positive | None = None
    count_algorithmic_gain: bool = True

    @model_validator(mode="after")
    def _fixed_has_compute(self) -> AnchorParams:
        if (self.source == "fixed") != (self.compute_flop is not None):
            raise ValueError("compute_flop is given for a fixed anchor, and only there")
        return self


class PoolParams(Section):
    """Which groups speak for kappa, and in which functional form, by reading; refused estimates never take part.

    `require_forms_agree` leaves out of the reducible pool a group whose two reducible forms contradict each other: each
    form's value must lie in the other's 95 % interval, else what the form assumes decides the number, not the data.
    """

    total_form: str = "power_law"
    reducible_form: str = "chinchilla"
    require_forms_agree: bool = True
    total_groups: tuple[str, ...] = Field(min_length=1)
    reducible_groups: tuple[str, ...] = Field(min_length=1)


class TrustParams(Section):
    """Where a forecast stops being more than arithmetic (each limit is dated in anchors.json)."""

    beyond_range_widths: Positive = 1.0
    near_floor_ratio: Annotated[float, Field(gt=1)] = 1.1
    min_curvature_z: Positive = 4.0
    hardware_component: str = "hardware_tensor16.mean_chip"


class CrossoverParams(Section):
    """Two scenarios whose curves may cross: `ahead_first` starts with the larger fleet."""

    ahead_first: Name
    ahead_later: Name


class ForecastParams(Section):
    """Everything the forecast can be told; `scenario_files` are YAML lists of scenarios, relative to the checkout."""

    draws: int = Field(10_000, ge=500, le=200_000)
    horizon_years: Positive = 10.0
    steps_per_year: int = Field(4, ge=1, le=12)
    quantile_levels: tuple[Fraction, ...] = HUB_LEVELS
    total_targets: tuple[Fraction, ...] = (0.9, 0.8, 0.7, 0.6)
    reducible_targets: tuple[Fraction, ...] = (0.5, 0.25)
    nats_anchors: tuple[Name, ...] = ("frontier_trend",)
    algorithmic_component: str = "algorithmic.mixture"
    long_run_flop: Positive = 1e25
    check_anchor_flop: Positive = 5e26
    write_draws: bool = False
    threads: int = Field(2, ge=1, le=64)
    pool: PoolParams
    anchors: tuple[AnchorParams, ...] = Field(min_length=1)
    trust: TrustParams = TrustParams()
    scenarios: tuple[ScenarioParams, ...] = Field(min_length=1)
    scenario_files: tuple[str, ...] = ()
    crossovers: tuple[CrossoverParams, ...] = ()

    @field_validator("quantile_levels")
    @classmethod
    def _increasing(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        if any(later <= earlier for earlier, later in pairwise(levels)):
            raise ValueError(f"quantile_levels must increase, got {list(levels)}")
        return levels

    @model_validator(mode="after")
    def _named_once(self) -> ForecastParams:
        for what, items in (("scenario", self.scenarios), ("anchor", self.anchors)):
            names = [item.name for item in items]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what} names must differ, got {', '.join(twice)} more than once")
        unknown = sorted(set(self.nats_anchors) - {item.name for item in self.anchors})
        if unknown:
            raise ValueError(f"nats_anchors names no anchor: {', '.join(unknown)}")
        return self
