"""What compute costs: capital amortised over its life, energy at the meter, and what a fleet draws and is billed.

Nothing here has a default: the values stand in params.yaml, section ``cost``, each with its unit and source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from race_to_efficiency.equation import domain
from race_to_efficiency.equation.domain import LN2, FloatArray, scalar_or_array
from race_to_efficiency.equation.growth import growth, phi
from race_to_efficiency.units import FLOP_PER_PFS_DAY, HOURS_PER_YEAR, SECONDS_PER_HOUR

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

SECONDS_PER_YEAR = HOURS_PER_YEAR * SECONDS_PER_HOUR
WH_PER_TWH = 1e12


@dataclass(frozen=True, kw_only=True)
class CostParameters:
    """Prices, powers and rates of one kind of accelerator in one kind of data centre.

    Parameters
    ----------
    accelerator_price_usd : float, USD
        Price of one accelerator when bought. Source: release_price_usd of the accelerators ledger.
    server_price_ratio : float, dimensionless
        Server over its accelerators, at least 1. Source: Cottier et al. (2024), arXiv 2405.21015.
    interconnect_price_ratio : float, dimensionless
        Cluster with network over its servers, at least 1. Source: as above.
    accelerator_flop_s : float, FLOP/s
        Dense peak in the training format. Source: the accelerators ledger.
    accelerator_power_w : float, W
        Rated (TDP) power of one accelerator. Source: the accelerators ledger.
    server_power_ratio : float, dimensionless
        Rated server power over that of its accelerators, at least 1. Source: the maker's system data sheet.
    power_draw_fraction : float, dimensionless
        Mean draw over rated power while training, in (0, 1]. Source: arXiv 2506.14551, measured on 8-H100 nodes.
    power_usage_effectiveness : float, dimensionless
        Facility over IT power (PUE), at least 1. Source: Patterson et al. (2021), arXiv 2104.10350, table 4.
    utilisation : float, dimensionless
        Model FLOP/s over peak (MFU), in (0, 1]. Source: the notable_training_runs ledger.
    energy_price_usd_per_kwh : float, USD/kWh
        At the meter. Source: EIA, average price to industrial customers.
    accelerator_life_years : float, years
        Over which the purchase is written off. Source: companies' annual reports.
    discount_rate_per_year : float, 1/year
        Continuous; 0 for none. Source: OMB Circular A-94 (1992), real rate.
    price_decline_doublings_per_year : float, halvings/year
        Fall of the price of a watt of accelerator (eta), on top of any growth of FLOP per joule. Source: Hobbhahn, Heim
        & Aydos (2023), growth per dollar minus growth per watt.
    baseline_power_w : float, W
        Facility power of the baseline fleet (fleet = 1). Source: the notable_training_runs ledger.

    Raises
    ------
    ValueError
        Names the field and the value outside its domain.
    """

    accelerator_price_usd: float
    server_price_ratio: float
    interconnect_price_ratio: float
    accelerator_flop_s: float
    accelerator_power_w: float
    server_power_ratio: float
    power_draw_fraction: float
    power_usage_effectiveness: float
    utilisation: float
    energy_price_usd_per_kwh: float
    accelerator_life_years: float
    discount_rate_per_year: float
    price_decline_doublings_per_year: float
    baseline_power_w: float

    def __post_init__(self) -> None:
        for name in (
            "server_price_ratio",
            "interconnect_price_ratio",
            "server_power_ratio",
            "power_usage_effectiveness",
        ):
            if not domain.finite(name, getattr(self, name)) >= 1.0:
                raise domain.DomainError(name, f"must be at least 1, got {getattr(self, name)!r}")
        for name in ("power_draw_fraction", "utilisation"):
            domain.unit_interval(name, getattr(self, name), zero=False, one=True)
        domain.finite("price_decline_doublings_per_year", self.price_decline_doublings_per_year)
        for name in ("discount_rate_per_year", "energy_price_usd_per_kwh", "accelerator_price_usd"):
            domain.non_negative(name, getattr(self, name))
        for name in ("accelerator_flop_s", "accelerator_power_w", "accelerator_life_years", "baseline_power_w"):
            domain.positive(name, getattr(self, name))

    @property
    def installed_price_usd(self) -> float:
        """Price of one accelerator with its share of server and network, in USD."""
        return self.accelerator_price_usd * self.server_price_ratio * self.interconnect_price_ratio

    @property
    def facility_power_w(self) -> float:
        """Mean power at the meter of one accelerator with its share of server and building, in W."""
        rated = self.accelerator_power_w * self.server_power_ratio
        return rated * self.power_draw_fraction * self.power_usage_effectiveness

    @property
    def effective_flop_s(self) -> float:
        """Useful FLOP/s of one accelerator: peak times utilisation."""
        return self.accelerator_flop_s * self.utilisation

    @property
    def annual_capital_usd(self) -> float:
        """Yearly charge that repays one installed accelerator over its life at the discount rate, in USD/year."""
        decay = np.array(-self.discount_rate_per_year * self.accelerator_life_years)
        return self.installed_price_usd / (self.accelerator_life_years * float(phi(decay)))

    @property
    def annual_energy_usd(self) -> float:
        """Yearly energy bill of one accelerator, in USD/year."""
        return self.facility_power_w / 1e3 * HOURS_PER_YEAR * self.energy_price_usd_per_kwh

    @property
    def baseline_accelerators(self) -> float:
        """Accelerators that the baseline fleet's power feeds."""
        return self.baseline_power_w / self.facility_power_w


class FlopCost(NamedTuple):
    """Cost of one effective (model) FLOP, and of a petaflop/s-day."""

    capital_usd_per_flop: float
    energy_usd_per_flop: float
    total_usd_per_flop: float
    energy_j_per_flop: float
    total_usd_per_pfs_day: float


def cost_of_flop(cost: CostParameters) -> FlopCost:
    """Cost of an effective FLOP: capital and energy of an accelerator-year over the useful FLOP of that year.

    Parameters
    ----------
    cost : CostParameters

    Returns
    -------
    FlopCost
    """
    useful = cost.effective_flop_s * SECONDS_PER_YEAR
    capital, energy = cost.annual_capital_usd / useful, cost.annual_energy_usd / useful
    return FlopCost(
        capital_usd_per_flop=capital,
        energy_usd_per_flop=energy,
        total_usd_per_flop=capital + energy,
        energy_j_per_flop=cost.facility_power_w / cost.effective_flop_s,
        total_usd_per_pfs_day=(capital + energy) * FLOP_PER_PFS_DAY,
    )


class FleetBill(NamedTuple):
    """What a fleet is and costs over a number of years."""

    fleet: FloatArray
    years: FloatArray
    accelerators: FloatArray
    power_w: FloatArray
    energy_twh: FloatArray
    capital_usd: FloatArray
    energy_usd: FloatArray
    total_usd: FloatArray


def energy_twh(power_w: ArrayLike, years: ArrayLike) -> FloatArray:
    """Energy of a constant power over years.

    Parameters
    ----------
    power_w : (...) float, W
    years : (...) float, years

    Returns
    -------
    (...) float, TWh
    """
    power, span = domain.numbers("power_w", power_w), domain.duration("years", years)
    with np.errstate(all="ignore"):
        idle = (power == 0.0) | (span == 0.0)
        return scalar_or_array(np.where(idle, 0.0, power * span * (HOURS_PER_YEAR / WH_PER_TWH)))


def fleet_bill(fleet: ArrayLike, years: ArrayLike, cost: CostParameters, *, fleet_growth: ArrayLike = 0.0) -> FleetBill:
    """Accelerators, power, energy and present value of keeping a fleet for some years.

    The fleet is kept at the state of the art (its efficiency follows gamma), so hardware is written off as it runs and
    bought at the price of the day; power, not accelerators, is what stays constant.

    Parameters
    ----------
    fleet : (...) float, multiples of the baseline fleet
    years : (...) float, years
    cost : CostParameters
    fleet_growth : (...) float, doublings/year
        Growth of the fleet's power.

    Returns
    -------
    FleetBill of (...) float
        accelerators and power_w at the start; energy in TWh; money in USD discounted to the start.
    """
    size = np.asarray(domain.numbers("fleet", fleet))
    span, rate = domain.duration("years", years), domain.finite("fleet_growth", fleet_growth)
    discount = cost.discount_rate_per_year / LN2
    with np.errstate(all="ignore"):
        accelerators = size * cost.baseline_accelerators
        capital_years = growth(span, rate - discount - cost.price_decline_doublings_per_year)
        capital = accelerators * cost.annual_capital_usd * capital_years
        energy = accelerators * cost.annual_energy_usd * growth(span, rate - discount)
        work = size * cost.baseline_power_w * growth(span, rate) * (HOURS_PER_YEAR / WH_PER_TWH)
        idle = (size == 0.0) | (span == 0.0)
        parts = (np.where(idle, 0.0, part) for part in (work, capital, energy, capital + energy))
        shape = np.broadcast_shapes(size.shape, span.shape, rate.shape)
        whole = (np.broadcast_to(part, shape) for part in (size, span, accelerators, size * cost.baseline_power_w))
        return FleetBill(*(scalar_or_array(part) for part in (*whole, *parts)))
