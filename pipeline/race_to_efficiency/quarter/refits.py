"""Everything that moves between two quarters, refitted in one world at a time: kappa, gamma and relative loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.quarter.forecast import gamma_digest, outlook
from race_to_efficiency.quarter.gamma import GammaRefits
from race_to_efficiency.quarter.kappa import KappaRefits

if TYPE_CHECKING:
    from race_to_efficiency.comparison.attribution import World
    from race_to_efficiency.quarter.forecast import Outlook
    from race_to_efficiency.quarter.kappa import StoredFits


class QuarterRefits:
    """Refits of a quarter in any world; what two worlds share is fitted once.

    Parameters
    ----------
    stored : StoredFits, optional
        Fits of kappa that the last run made and that need not be made again.
    """

    def __init__(self, stored: StoredFits | None = None) -> None:
        self.kappa, self.gamma = KappaRefits(stored), GammaRefits()
        self.outlooks: dict[tuple[Any, ...], tuple[World, Outlook]] = {}

    def __call__(self, world: World) -> dict[str, float]:
        """Return every estimate's value, and relative loss by ``R.READING.YEARS``, in a world."""
        return {**self.kappa(world), **self.gamma(world), **self.outlook(world).medians}

    def outlook(self, world: World) -> Outlook:
        """Return the headline's relative loss in a world."""
        records, gamma = self.kappa.records(world), self.gamma.fits(world)
        drawn = gamma_digest(world.settings, gamma)
        runs = id(world.views["notable_training_runs"])
        key = (tuple(map(id, records)), drawn, runs, id(world.settings), world.as_of, world.seed)
        if key not in self.outlooks:
            self.outlooks[key] = (world, outlook(world, records, gamma))
        return self.outlooks[key][1]

    def units(self, world: World) -> dict[str, str]:
        """Return the unit of every estimate in a world, by id."""
        kappa = {item["id"]: item["unit"] for record in self.kappa.records(world) for item in record.estimates}
        gamma = {fit.estimate.id: fit.estimate.unit for fit in self.gamma.fits(world).components.values()}
        return kappa | gamma
