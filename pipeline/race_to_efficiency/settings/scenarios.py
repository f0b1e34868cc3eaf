"""The schema of a scenario: what is assumed, in words and units, checked.

A scenario's optional keys stand for something when absent (`ABSENT`); that is filled in where a scenario is read, so
that scenarios.json, which is published, says in full what was assumed.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from race_to_efficiency.settings.section import Name, Number, SettingsSection, SettingText, setting

Positive = Annotated[Number, Field(gt=0, le=1e6)]
Rate = Annotated[Number, Field(ge=-100, le=100)]
Multiple = Annotated[Number, Field(ge=0, le=1e12)]
Cap = Annotated[Number, Field(ge=1, le=1e30)]
ScenarioYears = Annotated[Number, Field(ge=0, le=1000)]


class KappaChoice(SettingsSection):
    """A kappa given instead of estimated; it carries the loss it belongs to, as every kappa does."""

    value: Annotated[Number, setting("exponent of loss in compute", gt=0, le=10)]
    form: Annotated[Literal["total", "reducible"], setting("the loss it is the slope of")]


class _Spoken(SettingsSection):
    """A section of a scenario: what an absent key stands for is filled in."""

    ABSENT: ClassVar[dict[str, Any]] = {}

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, said: Any) -> Any:
        return {**cls.ABSENT, **said} if isinstance(said, dict) else said


class _Fleet(_Spoken):
    ABSENT: ClassVar = {"multiple": 1.0}

    path: str
    multiple: Annotated[Multiple, setting("of the baseline's power")]


class ConstantFleet(_Fleet):
    """`multiple` times the baseline fleet's power, from the first day."""

    path: Literal["constant"]


class GrowingFleet(_Fleet):
    """`multiple` times the baseline's power, growing at the scenario's `power_growth`, up to its cap."""

    path: Literal["growth"]


class PiecewiseFleet(SettingsSection):
    """Power in steps: `multiples[i]` from `breaks_years[i]` on; the first break is 0."""

    path: Literal["piecewise"]
    breaks_years: Annotated[tuple[ScenarioYears, ...], setting("when the power changes", unit="years", min_length=1)]
    multiples: Annotated[tuple[Multiple, ...], setting("of the baseline's power", min_length=1)]

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


class DelayedFleet(_Fleet):
    """A fleet bought `start_years` from now that follows the hardware after that."""

    path: Literal["delayed"]
    start_years: Annotated[ScenarioYears, setting("when it is bought", unit="years")]


class FrozenFleet(_Fleet):
    """A fleet bought `start_years` from now whose efficiency stays that of the purchase date."""

    ABSENT: ClassVar = {"multiple": 1.0, "start_years": 0.0}

    path: Literal["frozen"]
    start_years: Annotated[ScenarioYears, setting("when it is bought", unit="years")]


FleetSettings = Annotated[
    ConstantFleet | GrowingFleet | PiecewiseFleet | DelayedFleet | FrozenFleet, Field(discriminator="path")
]


class ScenarioParams(_Spoken):
    """One scenario: how efficiency, power and run length go on, relative to what, and on whose authority.

    In the convention "cumulative" compute accumulates from a fleet; in "run" it is the compute of the largest single
    run; duration belongs to runs only. `reference` says what the fleet does to C0: nothing ("baseline C0 fixed"), or it
    built it ("fleet in C0": all its compute is `multiple` times the baseline's, so X starts at `multiple`). Either way
    R compares with the BASELINE's loss: curves compare.
    """

    ABSENT: ClassVar = {
        "title": "",
        "note": "",
        "fleet": {"path": "constant"},
        "power_growth": 0.0,
        "duration_growth": 0.0,
        "convention": "cumulative",
        "reference": "baseline C0 fixed",
        "baseline_years": 1.0,
        "label": "assumption",
        "citation": "",
    }

    name: Annotated[Name, setting("unique among the scenarios")]
    title: Annotated[SettingText, setting("words for the report")]
    note: Annotated[SettingText, setting("what is to be said beside it")]
    gamma: Annotated[Rate | None, setting("absent: `route` gives it", unit="doublings/yr")] = None
    route: Annotated[
        str | None, setting("the measured route; absent: `gamma`", pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=60)
    ] = None
    kappa: Annotated[KappaChoice | None, setting("absent: the fitted draws")] = None
    fleet: Annotated[FleetSettings, setting("the power")]
    power_growth: Annotated[Rate | Literal["measured"], setting("growth of the power", unit="doublings/yr")]
    duration_growth: Annotated[Rate | Literal["measured"], setting("growth of a run's length", unit="doublings/yr")]
    max_power_multiple: Annotated[Cap | None, setting("where power's growth ends; absent: nowhere")] = None
    max_duration_multiple: Annotated[Cap | None, setting("where the run length's ends; absent: nowhere")] = None
    headroom_doublings: Annotated[Positive | None, setting("bound on efficiency; absent: none", unit="doublings")] = (
        None
    )
    saturation: Annotated[
        Literal["hard", "exponential", "logistic", "tanh"] | None, setting("the curve towards that bound; absent: none")
    ] = None
    floor: Annotated[Number | None, setting("irreducible share of today's loss; absent: the anchor's", ge=0, lt=1)] = (
        None
    )
    convention: Annotated[Literal["cumulative", "run"], setting("what compute is counted")]
    reference: Annotated[Literal["baseline C0 fixed", "fleet in C0"], setting("whether the fleet built C0")]
    baseline_years: Annotated[
        Annotated[Number, Field(gt=0, le=1000)] | Literal["measured"],
        setting("years of baseline compute that C0 stands for", unit="years"),
    ]
    label: Annotated[Literal["assumption", "cited"], setting("on whose authority")]
    citation: Annotated[SettingText, setting("of a cited scenario")]

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
