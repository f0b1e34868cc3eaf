"""Refits that start from the point: each ends as it would alone, and a law known already is not fitted again."""

import numpy as np
import pytest
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, FLOOR, POWER_LAW, Coordinates
from race_to_efficiency.calibration.kappa.multistart import Search
from race_to_efficiency.calibration.kappa.near_point import EXACT, ONE_STEP_ROWS, TRIED, fit_near_point
from race_to_efficiency.calibration.kappa.robust import fit_batch
from race_to_efficiency.own_tables.refusals import first_law
from race_to_efficiency.own_tables.shared_models import shared_models
from race_to_efficiency.recovery.attempts import table_of

DELTA = 1e-3


def simulated(n, seed, sizes=None, noise=0.003):
    """Return sizes, tokens and losses of runs whose true law is a chinchilla form."""
    rng = np.random.default_rng(seed)
    params = 10 ** (rng.uniform(7.5, 10.0, n) if sizes is None else rng.uniform(7.5, 10.0, sizes)[np.arange(n) % sizes])
    tokens = params * 10 ** rng.uniform(0.5, 2.0, n)
    loss = (1.7 + 400 * params**-0.34 + 410 * tokens**-0.28) * np.exp(rng.normal(0.0, noise, n))
    return params, tokens, loss


@pytest.mark.parametrize("form", [CHINCHILLA, FLOOR, POWER_LAW])
@pytest.mark.parametrize("n", [60, ONE_STEP_ROWS + 20])
def test_every_refit_stands_in_the_place_of_its_weights_and_ends_as_alone(form, n):
    params, tokens, loss = simulated(n, 3)
    inputs = (params, tokens) if form is CHINCHILLA else (6 * params * tokens,)
    rng = np.random.default_rng(4)
    resampled = rng.multinomial(n, np.full(n, 1 / n), size=TRIED + 10).astype(float)
    lower = (loss > np.median(loss)).astype(float)[None]
    weights = np.concatenate([np.ones((1, n)), 1.0 - np.eye(n), lower, resampled])
    fits = fit_near_point(form, inputs, loss, weights, delta=DELTA, left_out=n, refits=len(resampled), units=n)
    assert len(fits.theta) == len(weights)
    alone = fit_batch(form, inputs, loss, weights, starts=fits.theta[:1], delta=DELTA)
    exact = np.ones(len(weights), dtype=bool)
    if n > ONE_STEP_ROWS:
        exact[1 : 1 + n] = fits.objective[1 : 1 + n] != fits.objective[0]  # the others are a step from the point
        assert exact[1 : 1 + n].sum() == EXACT
        left = np.abs(form.kappa(alone.theta[1 : 1 + n]) / form.kappa(alone.theta[0]) - 1.0)
        assert left[exact[1 : 1 + n]].max() == left.max()
    assert fits.converged[exact].all()
    assert fits.objective[exact] == pytest.approx(alone.objective[exact], rel=1e-9)
    assert form.kappa(fits.theta[exact]) == pytest.approx(form.kappa(alone.theta[exact]), rel=1e-5)
    assert form.kappa(fits.theta) == pytest.approx(form.kappa(alone.theta), rel=0.02)


def test_resamples_that_leave_slow_starts_reach_the_optimum_of_a_whole_search():
    for seed in (1, 5):
        params, tokens, loss = simulated(30, seed, noise=0.01)
        weights = np.random.default_rng(seed).multinomial(30, np.full(30, 1 / 30), size=10).astype(float)
        whole, hurried = (
            fit_batch(CHINCHILLA, (params, tokens), loss, weights, delta=DELTA, thorough=each) for each in (True, False)
        )
        assert hurried.objective == pytest.approx(whole.objective, rel=1e-9)
        assert hurried.n_starts.sum() < 0.7 * whole.n_starts.sum()
        assert hurried.n_starts_agreeing.sum() > 0.95 * hurried.n_starts.sum()  # those followed to their end


def test_many_resamples_that_leave_slow_starts_end_with_the_whole_search_but_for_a_few():
    """Optima compete in tables as short and noisy as this; a search that leaves its slow starts misses a few."""
    params, tokens, loss = simulated(30, 7, noise=0.03)
    drawn = np.random.default_rng(7).multinomial(30, np.full(30, 1 / 30), size=150).astype(float)
    weights = np.concatenate([np.ones((1, 30)), drawn])
    whole, hurried = (
        fit_batch(CHINCHILLA, (params, tokens), loss, weights, delta=DELTA, thorough=each) for each in (True, False)
    )
    assert hurried.objective[0] == pytest.approx(whole.objective[0], rel=1e-9)
    assert hurried.converged[0]
    assert hurried.converged.sum() >= 0.98 * whole.converged.sum()
    both = whole.converged & hurried.converged
    assert (hurried.objective[both] > whole.objective[both] * (1.0 + 1e-7)).mean() <= 0.02
    assert hurried.n_starts.sum() < 0.7 * whole.n_starts.sum()


@pytest.mark.parametrize("slope", [-0.1, 0.1])
@pytest.mark.parametrize("thorough", [True, False])
def test_contested_refits_are_left_where_loss_rises_with_the_size_in_most(slope, thorough, monkeypatch):
    """Such a fit is refused whatever the refits end as that its starts do not agree on, here all."""
    rng = np.random.default_rng(3)
    params, tokens = 10 ** rng.uniform(7, 10, 30), 10 ** rng.uniform(9, 11, 30)
    loss = (2.0 + 40 * tokens**-0.2 + 2.0 * (params / 1e8) ** slope) * np.exp(rng.normal(0, 0.03, 30))
    weights = rng.multinomial(30, np.full(30, 1 / 30), size=60).astype(float)
    space = Coordinates.of(CHINCHILLA, (params, tokens), loss)
    search = Search(space.rows, space.grid(), weights, DELTA, thorough=thorough)
    kicks = []
    kick = search.kick
    monkeypatch.setattr(search, "agreed", lambda: np.zeros(60, dtype=bool))
    monkeypatch.setattr(
        search, "kick", lambda who, usable, size, times=1: kicks.append(times) or kick(who, usable, size)
    )
    search.run(np.arange(60), None)
    share = search.rising().mean()
    assert share > 0.9 if slope > 0 else share < 0.1
    alpha_and_beta = space.natural(search.best)[search.settled(), 3:]
    assert ((alpha_and_beta <= 0.0).any(axis=1) == search.rising()[search.settled()]).all()
    assert (max(kicks) > 3) == (thorough or slope < 0)


def test_no_resample_is_told_better_by_the_fit_of_another():
    params, tokens, loss = simulated(70, 1, noise=0.1)
    weights = np.random.default_rng(1).multinomial(70, np.full(70, 1 / 70), size=150).astype(float)
    fits = fit_batch(CHINCHILLA, (params, tokens), loss, weights, delta=DELTA, thorough=False)
    predicted = np.array([CHINCHILLA.log_loss(theta, [params, tokens]) for theta in fits.theta])
    size = np.abs(np.log(loss) - predicted)
    lost = np.where(size <= DELTA, 0.5 * size**2, DELTA * (size - 0.5 * DELTA))
    scores = weights @ lost.T
    assert np.diag(scores) == pytest.approx(fits.objective, rel=1e-9)
    assert (scores.min(axis=1) >= fits.objective * (1.0 - 1e-7)).all()
    assert (fits.n_starts_agreeing[fits.converged] > 1).mean() > 0.95
    assert np.median(fits.n_starts) <= 4  # a start from where one stands is none


@pytest.mark.parametrize("thorough", [True, False])
def test_no_start_ends_below_the_best_fit_of_its_own_replicate(thorough):
    params, tokens, loss = simulated(40, 1, noise=0.03)
    weights = np.random.default_rng(1).multinomial(40, np.full(40, 1 / 40), size=10).astype(float)
    weights *= np.geomspace(1.0, 1e3, 10)[:, None]  # no replicate's objective can be taken for another's
    space = Coordinates.of(CHINCHILLA, (params, tokens), loss)
    search = Search(space.rows, space.grid(), weights, DELTA, thorough=thorough)
    search.run(np.arange(10), None)
    assert not search.pending
    ratios = np.concatenate([values / search.value[replicates] for replicates, values in search.ends])
    ratios = ratios[np.isfinite(ratios)]  # the others were left on their way
    assert ratios.min() > 1.0 - 1e-9
    assert ratios.max() < 30.0
    assert (ratios < 1.0 + 1e-9).mean() > 0.5


@pytest.mark.parametrize("shared", [0.0, 0.02])
def test_runs_of_one_size_are_told_alike_by_a_law_that_is_known(shared):
    params, tokens, loss = simulated(72, 2, sizes=12)
    errors = dict(zip(np.unique(params), shared * np.random.default_rng(1).standard_normal(12), strict=True))
    loss = loss * np.exp([errors[size] for size in params])
    order = np.random.default_rng(7).permutation(72)
    table = table_of(loss[order], params=params[order], tokens=tokens[order])
    asked = []

    def law():
        asked.append(1)
        return first_law(table, DELTA)

    clusters, words = shared_models(table, delta=DELTA)
    told, same = shared_models(table, delta=DELTA, law=law)
    assert asked == [1]
    assert same == words
    assert (clusters is None) == (told is None) == (shared == 0.0)
    assert clusters is None or (clusters == table.quantities["params"]).all()
