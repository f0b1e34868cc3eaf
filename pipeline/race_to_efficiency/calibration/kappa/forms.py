"""The three forms of loss against scale, and the way between their parameters and the solver's coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from race_to_efficiency.arrays import Floats


@dataclass(frozen=True)
class Form:
    """A functional form L = sum of power terms (+ floor).

    Parameters
    ----------
    name : str
    columns : tuple of str
        Parameters in the order of a theta row: amplitudes, floor, exponents.
    inputs : tuple of str
        Row quantities the power terms take, one a term.
    floor : bool
    symbol : str
        kappa_reducible or kappa_total: which reading this form's exponent belongs to.
    """

    name: str
    columns: tuple[str, ...]
    inputs: tuple[str, ...]
    floor: bool
    symbol: str

    def __reduce__(self) -> tuple[Callable[[str], Form], tuple[str]]:
        """Travel between processes by name: there is one object of each form, and code asks which it is."""
        return form_named, (self.name,)

    @property
    def terms(self) -> int:
        """Number of power terms."""
        return len(self.inputs)

    @property
    def positive(self) -> tuple[str, ...]:
        """Parameters a solver moves by their logarithms; E may be zero, an exponent may turn out negative."""
        return self.columns[: self.terms]

    @property
    def starts(self) -> tuple[tuple[float, ...], ...]:
        """Where a solver may begin with the parameters beyond amplitudes, floor and exponents."""
        return ((),)

    @property
    def floor_column(self) -> int | None:
        """Position of E in theta, None without a floor."""
        return self.terms if self.floor else None

    def admits(self, theta: Floats) -> NDArray[np.bool_]:
        """Return which theta (..., p) are finite with positive amplitudes and no negative floor, (...,)."""
        head = self.terms + self.floor
        positive = (theta[..., : self.terms] > 0).all(axis=-1) & (theta[..., self.terms : head] >= 0).all(axis=-1)
        return np.asarray(np.isfinite(theta).all(axis=-1) & positive)

    def kappa(self, theta: Floats) -> Floats:
        """Return the exponent of loss in compute, (...,) from (..., p): alpha beta/(alpha + beta) with two terms."""
        exponents = theta[..., self.terms + self.floor :]
        if self.terms == 1:
            return np.asarray(exponents[..., 0])
        alpha, beta = exponents[..., 0], exponents[..., 1]
        return np.asarray(alpha * beta / (alpha + beta))

    def effective(self, theta: Floats, inputs: Sequence[Floats]) -> tuple[Floats, ...]:
        """Return the quantities whose powers are summed, (..., n) each; here they do not depend on theta (..., p)."""
        del theta
        return tuple(inputs)

    def log_loss(self, theta: Floats, inputs: Sequence[Floats]) -> Floats:
        """Return ln of the predicted loss, (..., n), for theta (..., p) and inputs of (n,) each."""
        logs = [
            np.log(theta[..., k, None]) - theta[..., self.terms + self.floor + k, None] * np.log(quantity)
            for k, quantity in enumerate(inputs)
        ]
        total = logs[0] if self.terms == 1 else np.logaddexp(logs[0], logs[1])
        if self.floor:
            with np.errstate(divide="ignore"):
                total = np.logaddexp(total, np.log(theta[..., self.terms, None]))
        return np.asarray(total)


CHINCHILLA = Form("chinchilla", ("A", "B", "E", "alpha", "beta"), ("params", "tokens"), True, "kappa_reducible")
FLOOR = Form("floor", ("A", "E", "kappa"), ("compute_flop",), True, "kappa_reducible")
POWER_LAW = Form("power_law", ("A", "kappa"), ("compute_flop",), False, "kappa_total")
FORMS = {form.name: form for form in (CHINCHILLA, FLOOR, POWER_LAW)}


def form_named(name: str) -> Form:
    """Return the form of a name.

    Raises
    ------
    KeyError
        When there is none.
    """
    return FORMS[name]


@dataclass(frozen=True)
class Coordinates:
    """Centring and scaling of the log features: theta (natural) <-> x (solver).

    Centring removes the near-collinearity of amplitude and exponent that stalls quasi-Newton fits.

    Parameters
    ----------
    form : Form
    rows : Rows
    centre, width : (terms,) float
        Mean and standard deviation of each ln(input).
    level : float
        exp of the mean ln(loss), nats/token: the unit of the solver's amplitudes and floor.
    """

    form: Form
    rows: Rows
    centre: Floats
    width: Floats
    level: float

    @classmethod
    def of(cls, form: Form, inputs: Sequence[ArrayLike], loss: ArrayLike) -> Coordinates:
        """Check the rows and standardise them.

        Raises
        ------
        ValueError
            Naming the argument and its first offending value: not one-dimensional, of another length, not positive
            or not finite.
        """
        named = dict(zip((*form.inputs, "loss"), (*inputs, loss), strict=True))
        logs: dict[str, Floats] = {}
        for name, quantity in named.items():
            values = np.asarray(quantity, dtype=np.float64)
            if values.ndim != 1 or values.shape != np.shape(loss):
                raise ValueError(f"{name} must be one-dimensional and as long as loss, got shape {values.shape}")
            bad = ~(np.isfinite(values) & (values > 0))
            if bad.any():
                raise ValueError(f"{name} must be positive and finite, got {values[bad][0]!r} at row {bad.argmax()}")
            logs[name] = np.log(values)
        log_loss = logs.pop("loss")
        if not len(log_loss):
            raise ValueError("loss must have at least one row, got 0")
        features, centre, width = tuple(logs.values()), np.zeros(len(logs)), np.ones(len(logs))
        for k, x in enumerate(features):  # in place: a long table should not be held several times
            centre[k] = x.mean()
            np.subtract(x, centre[k], out=x)
            spread = float(np.sqrt(np.square(x).mean()))
            if spread > 1e-12 * max(1.0, abs(centre[k])):
                width[k] = spread
                np.divide(x, spread, out=x)
        middle = float(log_loss.mean())
        log_loss -= middle
        return cls(form, Rows(features, log_loss, form.floor), centre, width, float(np.exp(middle)))

    def natural(self, x: Floats) -> Floats:
        """Return theta (..., p) in the form's own parameters from solver coordinates."""
        terms, head = self.form.terms, self.form.terms + self.form.floor
        theta = np.array(x, dtype=np.float64)
        theta[..., head:] /= self.width
        with np.errstate(over="ignore"):
            theta[..., :terms] = np.exp(theta[..., :terms] + theta[..., head:] * self.centre)
        theta[..., :head] *= self.level
        return theta

    def solver(self, theta: ArrayLike) -> Floats:
        """Return solver coordinates (..., p) from theta.

        Raises
        ------
        ValueError
            When an amplitude or the floor is not positive, or anything is not finite.
        """
        x = np.array(theta, dtype=np.float64)
        terms, head = self.form.terms, self.form.terms + self.form.floor
        if x.shape[-1:] != (len(self.form.columns),):
            raise ValueError(f"starts must have the columns {', '.join(self.form.columns)}, got shape {x.shape}")
        if not np.isfinite(x).all() or (x[..., :terms] <= 0).any() or (x[..., terms:head] < 0).any():
            raise ValueError(f"starts must be finite with positive {', '.join(self.form.columns[:head])}, got {x}")
        x[..., :head] /= self.level
        x[..., :terms] = np.log(x[..., :terms]) - x[..., head:] * self.centre
        x[..., head:] *= self.width
        return x

    def grid(self) -> Floats:
        """Return a deterministic grid of cold starts in solver coordinates, (S, p), spread over the plausible fits."""
        middle = np.median(self.rows.log_loss)
        if not self.form.floor:
            return np.array([[middle, exponent * self.width[0]] for exponent in (0.05, 0.5)])
        lowest = float(np.exp(self.rows.log_loss.min()))
        starts = []
        for share in (0.3, 0.7, 0.95):
            amplitude = np.log(np.exp(middle) - share * lowest)
            if self.form.terms == 1:
                starts += [[amplitude, share * lowest, s * self.width[0]] for s in (0.03, 0.1, 0.3, 0.8)]
                continue
            half = amplitude - np.log(2.0)
            starts += [
                [half, half, share * lowest, s * self.width[0], z * self.width[1]]
                for s in (0.15, 0.35, 0.8)
                for z in (0.15, 0.35, 0.8)
            ]
        return np.array(starts)
