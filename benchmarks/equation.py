"""The equation and its inverses beside the forms one would write first: cells a second, NaN, and digits kept.

    python benchmarks/equation.py [--cells 1000000]

Peers, in the same run and one thread: the printed formula in plain numpy; the Lambert-W form of the required gamma
(scipy.special.lambertw); and scipy.optimize.brentq called once a cell for the crossover and for the time along a
saturating path. Digits are lost digits against mpmath at 50 digits on a sample of the same cells. A thousandth of the
cells has gamma = 0 exactly and another |gamma| below 1e-16. Best of three; shown, never asserted.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import TYPE_CHECKING

import mpmath as mp
import numpy as np
from race_to_efficiency import relative_loss as rl
from scipy import optimize, special

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LN2 = float(np.log(2.0))
mp.mp.dps = 50


def draws(cells: int) -> dict[str, Floats]:
    """Return kappa, gamma, t and targets as a forecast would draw them, with the corners of gamma mixed in."""
    rng = np.random.default_rng(np.random.SeedSequence(20250102))
    gamma = rng.normal(0.8, 0.5, cells)
    gamma[: cells // 1000] = 0.0
    gamma[cells // 1000 : cells // 500] = rng.normal(0.0, 1e-17, cells // 500 - cells // 1000)
    return {
        "t": rng.uniform(0.1, 30.0, cells),
        "kappa": np.abs(rng.normal(0.05, 0.005, cells)),
        "gamma": gamma,
        "target": rng.uniform(0.5, 0.99, cells),
    }


def best(call: Callable[[], Floats]) -> tuple[float, Floats]:
    """Return the best of three process times and the values."""
    times = []
    for _ in range(3):
        started = time.process_time()
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            values = call()
        times.append(time.process_time() - started)
    return min(times), values


def lost_digits(values: Floats, exact: Callable[[int], mp.mpf], sample: Floats) -> str:
    """Return the median and worst relative error over a sample, in units of the last place of a float64."""
    errors = []
    for index in sample:
        truth = exact(int(index))
        if mp.isfinite(truth) and truth != 0:
            value = float(values[int(index)])
            errors.append(np.inf if np.isnan(value) else float(abs(mp.mpf(value) - truth) / abs(truth)) / 2.0**-52)
    return f"median {np.median(errors):.2g}, worst {np.max(errors):.2g} ulp"


def show(name: str, seconds: float, values: Floats, digits: str) -> None:
    print(f"{name:<44}{values.size / seconds / 1e3:>10,.1f} k cells/s  NaN {int(np.isnan(values).sum()):>6}  {digits}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=1_000_000)
    cells = parser.parse_args().cells
    d = draws(cells)
    t, kappa, gamma, target = d["t"], d["kappa"], d["gamma"], d["target"]
    sample = np.concatenate([np.arange(0, cells // 500, max(1, cells // 10_000)), np.linspace(0, cells - 1, 200)])

    def exact_ratio(i: int) -> mp.mpf:
        g, years = mp.mpf(gamma[i]), mp.mpf(t[i])
        return mp.log1p(years if g == 0 else mp.expm1(g * years * mp.log(2)) / (g * mp.log(2)))

    def exact_time(i: int) -> mp.mpf:
        static = mp.expm1(-mp.log(mp.mpf(target[i])) / mp.mpf(kappa[i]))
        x = mp.mpf(gamma[i]) * mp.log(2) * static
        return mp.inf if x <= -1 else (static if x == 0 else static * mp.log1p(x) / x)

    def loss(i: int) -> mp.mpf:
        return mp.exp(-mp.mpf(kappa[i]) * exact_ratio(i))

    seconds, values = best(lambda: (1.0 + (2.0 ** (gamma * t) - 1.0) / (gamma * LN2)) ** -kappa)
    show("R, as printed", seconds, values, lost_digits(values, loss, sample))
    seconds, values = best(lambda: rl.relative_loss(t, kappa, gamma))
    show("R, relative_loss", seconds, values, lost_digits(values, loss, sample))

    seconds, values = best(lambda: np.log(1.0 + gamma * LN2 * (target ** (-1.0 / kappa) - 1.0)) / (gamma * LN2))
    show("time to target, as printed", seconds, values, lost_digits(values, exact_time, sample))
    seconds, values = best(lambda: rl.time_to_target(target, kappa, gamma))
    show("time to target, time_to_target", seconds, values, lost_digits(values, exact_time, sample))

    few = slice(0, cells // 10)

    def lambert() -> Floats:
        a = (target[few] ** (-1.0 / kappa[few]) - 1.0) / t[few]
        argument = -np.exp(-1.0 / a) / a
        z = np.where(a > 1, -1 / a - special.lambertw(argument, -1).real, -1 / a - special.lambertw(argument).real)
        return np.asarray(z / (t[few] * LN2))

    def exact_gamma(i: int) -> mp.mpf:
        a = mp.expm1(-mp.log(mp.mpf(target[i])) / mp.mpf(kappa[i])) / mp.mpf(t[i])
        z = -1 / a - mp.lambertw(-mp.exp(-1 / a) / a, -1 if a > 1 else 0).real
        return z / (mp.mpf(t[i]) * mp.log(2))

    inside = sample[sample < cells // 10]
    seconds, values = best(lambert)
    show("gamma required, Lambert W", seconds, values, lost_digits(values, exact_gamma, inside))
    seconds, values = best(lambda: rl.gamma_required(target[few], t[few], kappa[few]))
    show("gamma required, gamma_required", seconds, values, lost_digits(values, exact_gamma, inside))

    tiny = slice(cells // 2, cells // 2 + 2000)
    hare, lead = np.minimum(gamma[tiny], 0.9), 1.0 + 100.0 * target[tiny]

    def by_brentq() -> Floats:
        def gap(years: float, g: float, m: float) -> float:
            return float(rl.growth_integral(years, 2.0) - m * rl.growth_integral(years, g))

        return np.array(
            [optimize.brentq(gap, 1e-3, 1e3, args=pair, xtol=1e-12) for pair in zip(hare, lead, strict=True)]
        )

    seconds, slow = best(by_brentq)
    show("cumulative crossover, brentq a cell", seconds, slow, "")
    seconds, values = best(lambda: rl.crossover_time(lead, hare, 1.0, 2.0))
    agreement = float(np.max(np.abs(values / slow - 1.0)))
    show("cumulative crossover, crossover_time", seconds, values, f"largest difference {agreement:.1e}")

    seconds, values = best(lambda: rl.time_to_target_on_path(0.8, 0.05, gamma[tiny], headroom=7.6, saturation="tanh"))
    show("time on a saturating path", seconds, values, "")


if __name__ == "__main__":
    main()
