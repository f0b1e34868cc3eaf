"""The 4,000 bootstrap refits of the 240 Chinchilla rows beside the ways they are usually done; one long fit by rows.

    python benchmarks/kappa_refits.py [--replicates 4000] [--lmfit 40] [--bfgs 6] [--largest 1e6]

Peers, in the same run and on one thread, both on the repeated rows of a replicate: (a) a loop over lmfit
(least_squares with Huber loss) started at the fit to all rows, once as one calls it (plain logs, numeric derivatives)
and once at its best (centred logs, our derivatives, tolerance 1e-15); (b) the published replication's procedure, one
BFGS from Hoffmann's values a replicate: on the Huber sum and on its Huber likelihood with a free scale, both with
numeric derivatives, and the likelihood with autograd's (a development dependency), as published: that is what the goal
counts. The peers are timed on the first few replicates and scaled: `n` is how many
were run. `within 1e-9` is how many of them reach the best objective anyone in this run found. Memory is the peak
resident set above the data, each length in a process of its own. Shown, never asserted. With --largest 1e7 the longest
comparison takes some minutes.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ROOT = Path(__file__).resolve().parent.parent
LEDGER = ROOT / "data" / "raw" / "training_runs.csv"
SEED, DELTA = 20260331, 1e-3
HOFFMANN = np.array([np.log(406.4), np.log(410.7), np.log(1.69), 0.34, 0.28])  # arXiv 2203.15556, section 3.3
GOALS = {"a": 20, "b": 1000}


def chinchilla() -> tuple[Floats, Floats, Floats]:
    """Return params, tokens and loss of the 240 runs, read from the ledger."""
    with LEDGER.open(encoding="utf-8", newline="") as file:
        runs = [
            row
            for row in csv.DictReader(file)
            if row["group"] == "chinchilla_besiroglu2024" and "high_loss_dropped" not in row["run_flags"]
        ]
    params, tokens, loss = (np.array([float(row[name]) for row in runs]) for name in ("params", "tokens", "loss_nats"))
    return params, tokens, loss


def counts(n: int, replicates: int) -> NDArray[np.int64]:
    """Return multinomial bootstrap counts, (replicates, n)."""
    return np.random.default_rng(SEED).multinomial(n, np.full(n, 1.0 / n), size=replicates)


def huber(residual: Floats) -> float:
    inside = np.clip(residual, -DELTA, DELTA)
    return float((inside * (residual - 0.5 * inside)).sum())


def timed(call: Callable[[int], float], replicates: int) -> tuple[float, Floats]:
    """Return CPU seconds a replicate and the objectives."""
    started = time.process_time()
    values = np.array([call(k) for k in range(replicates)])
    return (time.process_time() - started) / max(replicates, 1), values


def lmfit_loop(theta: Floats, drawn: NDArray[np.int64], *, at_best: bool) -> Callable[[int], float]:
    """Return a refit by lmfit from the fit to all rows."""
    import lmfit

    params, tokens, loss = chinchilla()
    log_n, log_d, log_loss = np.log(params), np.log(tokens), np.log(loss)
    mean_n, mean_d = (log_n.mean(), log_d.mean()) if at_best else (0.0, 0.0)
    amplitude_n, amplitude_d, floor, alpha, beta = theta
    start = [np.log(amplitude_n) - alpha * mean_n, np.log(amplitude_d) - beta * mean_d, np.log(floor), alpha, beta]

    def fit(k: int) -> float:
        rows = np.repeat(np.arange(len(loss)), drawn[k])
        n, d, y = log_n[rows] - mean_n, log_d[rows] - mean_d, log_loss[rows]

        def parts(p: lmfit.Parameters) -> list[Floats]:
            a, b, e, alpha, beta = p.valuesdict().values()
            return [np.exp(a - alpha * n), np.exp(b - beta * d), np.full(len(y), np.exp(e))]

        def residual(p: lmfit.Parameters) -> Floats:
            return np.asarray(np.log(sum(parts(p))) - y)

        def slope(p: lmfit.Parameters) -> Floats:
            x = np.stack(parts(p), axis=1)
            x /= x.sum(axis=1, keepdims=True)
            return np.concatenate([x, -x[:, :1] * n[:, None], -x[:, 1:2] * d[:, None]], axis=1)

        p = lmfit.Parameters()
        for name, value in zip(("a", "b", "e", "alpha", "beta"), start, strict=True):
            p.add(name, value=float(value))
        more = {"jac": slope, "xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15} if at_best else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = lmfit.minimize(residual, p, method="least_squares", loss="huber", f_scale=DELTA, **more)
        return huber(residual(found.params))

    return fit


def published_loop(drawn: NDArray[np.int64], *, scale: bool, automatic: bool = False) -> Callable[[int], float]:
    """Return a refit as the published replication does it: BFGS on (a, b, e, alpha, beta) from Hoffmann's values.

    With ``scale`` the objective is its Huber likelihood, whose scale is a sixth parameter, with ``automatic`` its
    derivatives are autograd's; else the Huber sum and scipy's differences.
    """
    from scipy.optimize import minimize
    from scipy.stats import norm

    np_: Any = __import__("autograd.numpy").numpy if automatic else np
    params, tokens, loss = chinchilla()
    outside = 2 * norm.sf(DELTA)
    constant = np.log(np.sqrt(2 * np.pi) * (1 - outside) + 2 * np.exp(-0.5 * DELTA**2) / DELTA)

    def fit(k: int) -> float:
        rows = np.repeat(np.arange(len(loss)), drawn[k])

        def residual(x: Floats) -> Any:
            a, b, e, alpha, beta = x[0], x[1], x[2], x[3], x[4]
            terms = np_.exp(a - alpha * np_.log(params[rows])) + np_.exp(b - beta * np_.log(tokens[rows]))
            return np_.log(loss[rows]) - np_.log(terms + np_.exp(e))

        def objective(x: Floats) -> Any:
            r = residual(x) / np_.exp(x[5]) if scale else residual(x)
            rho = np_.where(np_.abs(r) <= DELTA, 0.5 * r**2, DELTA * (np_.abs(r) - 0.5 * DELTA))
            return np_.sum(rho + constant + x[5]) if scale else np_.sum(rho)

        start = np.append(HOFFMANN, 0.0) if scale else HOFFMANN
        gradient = __import__("autograd").grad(objective) if automatic else None
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return huber(residual(minimize(objective, start, jac=gradient, method="BFGS").x))

    return fit


def refits(replicates: int, few: int, fewer: int) -> None:
    """Print the table of refits."""
    from race_to_efficiency.calibration.kappa.robust import fit_chinchilla_batch

    params, tokens, loss = chinchilla()
    drawn = counts(len(loss), replicates)
    point = fit_chinchilla_batch(params, tokens, loss, np.ones(len(loss))).theta[0]
    started = time.process_time()
    batch = fit_chinchilla_batch(params, tokens, loss, drawn)
    own = (time.process_time() - started) / replicates
    peers = {
        "a": [
            ("lmfit, plain logs, numeric derivatives", *timed(lmfit_loop(point, drawn, at_best=False), few)),
            ("lmfit, centred logs, our derivatives", *timed(lmfit_loop(point, drawn, at_best=True), few)),
        ],
        "b": [
            ("BFGS, Huber sum, differences", *timed(published_loop(drawn, scale=False), fewer)),
            ("BFGS, Huber likelihood, differences", *timed(published_loop(drawn, scale=True), fewer)),
        ],
    }
    if find_spec("autograd") is not None:
        automatic = published_loop(drawn, scale=True, automatic=True)
        peers["b"].append(("BFGS, Huber likelihood, autograd: as published", *timed(automatic, fewer)))
    best = batch.objective.copy()
    for rows in peers.values():
        for _, _, values in rows:
            best[: len(values)] = np.minimum(best[: len(values)], values)
    starts = f"{int(batch.n_starts.min())} to {int(batch.n_starts.max())} starts each"
    print(f"{'':4}{'CPU s for ' + format(replicates, ','):<46}{'n':>6}{'seconds':>10}{'ratio':>9}  within 1e-9")
    reached = int((batch.objective <= best * (1 + 1e-9)).sum())
    print(f"{'':4}{'fit_chinchilla_batch, ' + starts:<46}{replicates:>6}{own * replicates:>10.2f}{1:>9}  {reached}")
    for key, rows in peers.items():
        for name, seconds, values in rows:
            reached = int((values <= best[: len(values)] * (1 + 1e-9)).sum())
            print(
                f"({key}) {name:<46}{len(values):>6}{seconds * replicates:>10.1f}{seconds / own:>8,.0f}x  "
                f"{reached}  (goal {GOALS[key]:,}x)"
            )


def fresh(replicates: int) -> None:
    """Print the time of fresh processes from CSV to intervals."""
    code = (
        "import sys; sys.path.insert(0, 'benchmarks'); import kappa_refits as k, numpy as np\n"
        "from race_to_efficiency.calibration.kappa.forms import CHINCHILLA\n"
        "from race_to_efficiency.calibration.kappa.intervals import percentile_intervals\n"
        "from race_to_efficiency.calibration.kappa.robust import fit_chinchilla_batch\n"
        "rows = k.chinchilla()\n"
        f"fit = fit_chinchilla_batch(*rows, k.counts(len(rows[0]), {replicates}))\n"
        "draws = CHINCHILLA.kappa(fit.theta[fit.converged])\n"
        "print(percentile_intervals(draws, method='percentile_bootstrap', levels=(0.95,))[0])"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"fresh process, CSV to intervals: {wall:.2f} s, CPU {cpu:.2f} s (goal 3)    kappa {done.stdout.strip()}")


def long_table(rows: int) -> tuple[Floats, Floats]:
    """Return compute and loss of a simulated table."""
    rng = np.random.default_rng(SEED)
    compute = rng.uniform(np.log(1e18), np.log(1e24), rows)
    np.exp(compute, out=compute)
    loss = rng.standard_normal(rows)
    loss *= 0.01
    np.exp(loss, out=loss)
    for begin in range(0, rows, 100_000):
        part = slice(begin, begin + 100_000)
        loss[part] *= 1.7 + 150.0 * compute[part] ** -0.11
    return compute, loss


def resident_mb() -> float:
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * resource.getpagesize() / 2**20


def one_length(rows: int, fitter: str) -> dict[str, float]:
    """Return CPU seconds, the memory above the data in MB, and the fit, of one floor fit in this process."""
    import lmfit
    from race_to_efficiency.calibration.kappa.robust import fit_floor_batch

    small = long_table(2000)
    fit_floor_batch(*small, np.ones(2000))  # everything is imported before memory and time are looked at
    compute, loss = long_table(rows)
    weights = np.ones(rows)
    held, started = resident_mb(), time.process_time()
    if fitter == "ours":
        fit = fit_floor_batch(compute, loss, weights)
        found = [float(value) for value in fit.theta[0, 1:]]
    else:
        log_compute, log_loss = np.log(compute), np.log(loss)
        middle = log_compute.mean()
        log_compute -= middle

        def residual(p: lmfit.Parameters) -> Floats:
            a, floor, kappa = p.valuesdict().values()
            return np.asarray(np.log(np.exp(a - kappa * log_compute) + floor) - log_loss)

        p = lmfit.Parameters()
        p.add("a", value=float(np.log(np.median(loss) / 2)))
        p.add("floor", value=float(loss.min() / 2), min=0.0)
        p.add("kappa", value=0.1)
        result = lmfit.minimize(residual, p, method="least_squares", loss="huber", f_scale=DELTA)
        found = [float(result.params[name].value) for name in ("floor", "kappa")]
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "above_mb": peak - held, "floor": found[0], "kappa": found[1]}


def lengths(largest: int) -> None:
    """Print what one floor fit costs by rows, and lmfit at the longest."""
    print(f"\n{'one floor fit, rows':<26}{'CPU s':>9}{'ns a row':>10}{'MB above the data':>20}{'E':>10}{'kappa':>10}")
    sizes = [size for size in (10**k for k in range(3, 8)) if size < largest] + [largest]
    for size, fitter in [(size, "ours") for size in sizes] + [(largest, "lmfit")]:
        command = [sys.executable, __file__, "--one", str(size), fitter]
        text = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        item = json.loads(text)
        if fitter == "ours":
            own = item["seconds"]
        ratio = "" if fitter == "ours" else f"  {item['seconds'] / own:,.1f}x (goal 10x at 1e7 rows)"
        label = f"{size:,}" + ("" if fitter == "ours" else ", lmfit")
        print(
            f"{label:<26}{item['seconds']:>9.3f}{item['seconds'] / size * 1e9:>10.0f}{item['above_mb']:>20.0f}"
            f"{item['floor']:>10.5f}{item['kappa']:>10.6f}{ratio}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=4000)
    parser.add_argument("--lmfit", type=int, default=40, help="replicates lmfit is timed on")
    parser.add_argument("--bfgs", type=int, default=6, help="replicates the published procedure is timed on")
    parser.add_argument("--largest", type=float, default=1e6, help="rows of the longest table; 1e7 takes minutes")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one_length(int(options.one[0]), options.one[1])))
        return
    refits(options.replicates, options.lmfit, options.bfgs)
    fresh(options.replicates)
    lengths(int(options.largest))


if __name__ == "__main__":
    for library in ("OMP", "OPENBLAS", "MKL"):
        if f"{library}_NUM_THREADS" not in os.environ:
            os.environ[f"{library}_NUM_THREADS"] = "1"
            os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 the libraries read it when they are loaded
    main()
