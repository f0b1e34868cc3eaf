"""Rows of one data set as the solver wants them, with the moments of their features that its Hessians are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from race_to_efficiency.arrays import Floats

    Chunk = tuple[slice, Floats, Floats]

BLOCK = 12_288
"""Rows, or rows times fits, that are looked at in one stroke: what the processor's cache holds."""

_HARDLY = 1e-4
"""A step too short for its curve to matter."""


@dataclass(frozen=True)
class Rows:
    """Rows of one data set as the solver wants them: standardised log features and centred log losses.

    Parameters
    ----------
    features : tuple of (n,) float
        One standardised log quantity a power term.
    log_loss : (n,) float
        ln(loss) minus its mean.
    floor : bool
        Whether a constant is added to the power terms.
    """

    features: tuple[Floats, ...]
    log_loss: Floats
    floor: bool

    @property
    def n_parameters(self) -> int:
        """Amplitudes, floor, slopes."""
        return 2 * len(self.features) + self.floor

    def taken(self, some: slice) -> Rows:
        """Return some of the rows."""
        return Rows(tuple(x[some] for x in self.features), self.log_loss[some], self.floor)

    def log_prediction(self, theta: Floats) -> Floats:
        """Return ln of the predicted (centred) loss, (b, n), for solver parameters (b, p); NaN where it is negative."""
        terms, floor = len(self.features), int(self.floor)
        total = np.zeros((len(theta), len(self.log_loss))) + (theta[:, terms, None] if floor else 0.0)
        for k, x in enumerate(self.features):
            total += np.exp(theta[:, k, None] - theta[:, terms + floor + k, None] * x)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log(total, out=total)

    @cached_property
    def evenly(self) -> Floats:
        """The lowest, middle and highest place of the first feature's range, (3,)."""
        low, high = self.features[0].min(), self.features[0].max()
        return np.array([low, 0.5 * (low + high), high])

    def moved(self, theta: Floats, step: Floats) -> Floats:
        """Return theta (b, p) after a step (b, p), which one power term with a floor takes along a curve.

        Its amplitude, floor and slope trade off along curved valleys, which are nearly straight in the log predictions
        at three evenly spaced features (the expected-value parameters of Ratkowsky 1983). Those change as the step says
        to first order, and give the parameters back in closed form; where they cannot, the step is a straight one.
        """
        straight = theta + step
        if not (self.floor and len(self.features) == 1) or (np.abs(step) < _HARDLY).all():
            return straight
        x = self.evenly
        amplitude, floor, slope = theta.T[:, :, None]
        with np.errstate(all="ignore"):
            power = np.exp(amplitude - slope * x)
            loss = power + floor
            change = (power * (step[:, :1] - step[:, 2:] * x) + step[:, 1:2]) / loss
            loss *= np.exp(change)
            falls = loss[:, 0] - loss[:, 1], loss[:, 1] - loss[:, 2]
            slope = np.log(falls[0] / falls[1]) / (x[1] - x[0])
            scale = falls[0] / (np.exp(-slope * x[0]) - np.exp(-slope * x[1]))
            curved = np.stack([np.log(scale), loss[:, 2] - scale * np.exp(-slope * x[2]), slope], axis=1)
        sound = np.isfinite(curved).all(axis=1) & (loss > 0).all(axis=1) & (np.abs(change) < 1.0).all(axis=1)
        return np.where(sound[:, None], curved, straight)

    @cached_property
    def whole(self) -> list[Chunk] | None:
        """The one chunk of rows that are few, which every objective over them shares; None: read them in turn."""
        return list(self.chunks()) if len(self.log_loss) <= BLOCK else None

    def chunks(self) -> Iterator[Chunk]:
        """Yield row slices, what ln of powers is linear in (terms, 2, n), and moments (n, m): products of features."""
        for begin in range(0, len(self.log_loss), BLOCK):
            some = slice(begin, begin + BLOCK)
            ones_and_features = [np.ones_like(self.log_loss[some]), *(x[some] for x in self.features)]
            moments = [ones_and_features[i] * ones_and_features[k] for i, k in moment_pairs(len(self.features))]
            straight = [[ones_and_features[0], -x] for x in ones_and_features[1:]]
            yield some, np.array(straight), np.stack(moments, axis=1)


def moment_pairs(terms: int) -> list[tuple[int, int]]:
    """Return which two of 1 and the ``terms`` features each moment is the product of."""
    return [(i, k) for i in range(terms + 1) for k in range(i, terms + 1)]
