"""What an analyst holds fixed in a fit, what is tied together, and how much a run above the law counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.forms import FORMS, Form
from race_to_efficiency.calibration.kappa.mixture_of_experts import EXPERTS
from race_to_efficiency.calibration.kappa.repeated_data import REPEATED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats

EVERY_FORM: dict[str, Form] = {**FORMS, REPEATED.name: REPEATED, EXPERTS.name: EXPERTS}
"""The three forms of the ledger's groups, and those of a table that has the columns for them."""

_ENDS = {"E": (0.0, np.inf), "R_D": (np.log(1e-3), np.log(1e6)), "R_N": (np.log(1e-3), np.log(1e6))}
"""Where free coordinates end: repetitions beyond are worth nothing, or as much as fresh data."""


@dataclass(frozen=True)
class Conditions:
    """Conditions of a fit.

    Parameters
    ----------
    fixed : mapping of str to float
        Parameter -> its value.
    tied : mapping of str to str
        Parameter -> the one it equals.
    above : float
        What a run above the law counts against one below it: 1 as much; under-tuned runs less.
    weighted : bool
        Whether runs count by a column of weights.
    """

    fixed: Mapping[str, float] = field(default_factory=dict)
    tied: Mapping[str, str] = field(default_factory=dict)
    above: float = 1.0
    weighted: bool = False

    @property
    def any(self) -> bool:
        """Whether there are conditions at all."""
        return bool(self.fixed or self.tied or self.weighted or self.above != 1.0)

    def lacks(self, form: Form) -> tuple[str, ...]:
        """Return the parameters the conditions name and a form has not."""
        named = dict.fromkeys((*self.fixed, *self.tied, *self.tied.values()))
        return tuple(name for name in named if name not in form.columns)

    def free(self, form: Form) -> tuple[str, ...]:
        """Return the parameters of a form that are fitted."""
        return tuple(name for name in form.columns if name not in self.fixed and name not in self.tied)

    @property
    def held(self) -> str:
        """What is fixed or tied, in words."""
        held = [f"{name} = {value:g}" for name, value in self.fixed.items()]
        return ", ".join(held + [f"{name} = {other}" for name, other in self.tied.items()])

    @property
    def words(self) -> str:
        """The conditions in words."""
        parts = [f"{self.held} by condition"] if self.held else []
        parts += ["runs count by their weights"] if self.weighted else []
        parts += [f"a run above the law counts {self.above:g} of one below"] if self.above != 1.0 else []
        return "; ".join(parts)


class Bound:
    """A form under conditions on its rows: residuals and costs as functions of the free coordinates.

    A coordinate is a parameter, or its logarithm where it must be positive.

    Parameters
    ----------
    form : Form
    inputs : sequence of (n,) float
    loss : (n,) float, nats/token
    conditions : Conditions
    delta : float
        Huber threshold on ln(loss).
    """

    def __init__(
        self, form: Form, inputs: Sequence[Floats], loss: Floats, conditions: Conditions, delta: float
    ) -> None:
        self.form, self.inputs, self.log_loss = form, list(inputs), np.log(loss)
        self.delta, self.above, self.names = delta, conditions.above, conditions.free(form)
        self.conditions = conditions
        self._logs = [np.log(values) for values in inputs] if form.name in FORMS else None
        ends = [_ENDS.get(name, (-np.inf, np.inf)) for name in self.names]
        self.lowest, self.highest = np.array([low for low, _ in ends]), np.array([high for _, high in ends])
        self._logged = np.array([name in form.positive for name in self.names])
        first = {name: conditions.tied.get(name, name) for name in form.columns}
        self._source = [self.names.index(first[name]) if first[name] in self.names else -1 for name in form.columns]
        self._value = [conditions.fixed.get(first[name], np.nan) for name in form.columns]

    def of_rows(self, some: slice | NDArray[np.bool_]) -> Bound:
        """Return the same form under the same conditions on some of the rows."""
        inputs = [values[some] for values in self.inputs]
        return Bound(self.form, inputs, np.exp(self.log_loss[some]), self.conditions, self.delta)

    def theta(self, free: Floats) -> Floats:
        """Return the form's parameters (..., p) of free coordinates (..., k)."""
        with np.errstate(over="ignore"):
            natural = np.where(self._logged, np.exp(np.where(self._logged, free, 0.0)), free)
        pairs = zip(self._source, self._value, strict=True)
        parts = [natural[..., k] if k >= 0 else np.full(free.shape[:-1], value) for k, value in pairs]
        return np.stack(parts, axis=-1)

    def coordinates(self, theta: Floats) -> Floats:
        """Return the free coordinates (..., k) of parameters (..., p)."""
        chosen = theta[..., [self.form.columns.index(name) for name in self.names]]
        return np.where(self._logged, np.log(np.where(self._logged, chosen, 1.0)), chosen)

    def at_an_end(self, free: Floats) -> tuple[str, ...]:
        """Return the parameters other than the floor whose coordinate (k,) lies where coordinates end."""
        near = (free <= self.lowest + 1e-3) | (free >= self.highest - 1e-3)
        return tuple(name for name, ended in zip(self.names, near, strict=True) if ended and name != "E")

    def residuals(self, free: Floats) -> Floats:
        """Return ln(observed) - ln(predicted), (..., n)."""
        with np.errstate(all="ignore"):
            return np.asarray(self.log_loss - self.form.log_loss(self.theta(free), self.inputs))

    def slopes(self, free: Floats, residuals: Floats) -> Floats:
        """Return d ln(predicted)/d(free coordinate), (..., k, n); by differences where a form bends its quantities."""
        if self._logs is not None:
            return self._exact_slopes(free, residuals, self._logs)
        step = 1e-6 * np.maximum(np.abs(free), 0.1)
        moved = free[..., None, :] + step[..., None, :] * np.eye(free.shape[-1])
        return np.asarray((residuals[..., None, :] - self.residuals(moved)) / step[..., None])

    def _exact_slopes(self, free: Floats, residuals: Floats, logs: Sequence[Floats]) -> Floats:
        """Return the slopes where each power term is one of a row's own quantities."""
        theta, form = self.theta(free), self.form
        log_total = self.log_loss - residuals
        found = np.zeros((*free.shape, len(self.log_loss)))
        with np.errstate(all="ignore"):
            for k, log_input in enumerate(logs):
                exponent = form.terms + form.floor + k
                share = np.exp(np.log(theta[..., k, None]) - theta[..., exponent, None] * log_input - log_total)
                for column, slope in ((k, share), (exponent, -share * log_input)):
                    if self._source[column] >= 0:
                        found[..., self._source[column], :] += slope
            if form.floor and self._source[form.terms] >= 0:
                found[..., self._source[form.terms], :] = np.exp(-log_total)
        return found

    def pull(self, residuals: Floats, weights: Floats) -> Floats:
        """Return the weight of each squared residual that makes its sum touch the cost from above, (..., n)."""
        side = np.where(residuals > 0, self.above, 1.0)
        return np.asarray(weights * side * np.minimum(1.0, self.delta / np.maximum(np.abs(residuals), 1e-300)))

    def cost(self, residuals: Floats, weights: Floats) -> Floats:
        """Return the weighted Huber sum, (...,); infinite where a prediction is not finite."""
        inside = np.clip(residuals, -self.delta, self.delta)
        side = np.where(residuals > 0, self.above, 1.0)
        total = (weights * side * inside * (residuals - 0.5 * inside)).sum(axis=-1)
        return np.asarray(np.where(np.isfinite(total), total, np.inf))
