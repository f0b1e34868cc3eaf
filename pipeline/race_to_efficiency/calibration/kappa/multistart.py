"""Multi-start search over all replicates of a batch; where the starts disagree the whole grid decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.best_fits import AGREE, BestFits, are_settled
from race_to_efficiency.calibration.kappa.newton import NOT_FINISHED, minimise, minimise_at_zero_floor
from race_to_efficiency.calibration.kappa.objective import Objective

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.rows import Rows

    _Starts = tuple[Floats, NDArray[np.intp]]
    _Ends = tuple[Floats, Floats, NDArray[np.int8]]

_COLD, _ON_THE_WAY, _LEGS = 20, 10, 6
"""The start of the grid with a high floor, a gentle first and a steep second term (with one term: the last), followed
on the average weighting ten steps at a time until ten more would end it (there it has joined the average's optimum). So
1,001 replicates of the Chinchilla runs end as from the start itself, the hard one among them, at half the cost."""
_SCHEDULE = (300.0, 30.0, 5.0)
_CANDIDATES = 2048
_EXPLORED = 8
_KICK = 1.0
_HARD_KICK = 2.0
_KICKS = 3
_SHORT = 60
"""With fewer runs optima compete in almost every replicate, and more starts of everyone cost little."""
_MORE_KICKS = 8
_LEAST_KICK = 1e-3
_UNEVEN = 0.001
_DETERMINED = 0.8
_MANY = 1000
_ROUNDS = 3
_PATIENCE = 50
_HASTE, _FEW = 20, 100
"""Steps that most starts need, after which few replicates' slow ones may be left; of many, looking twice costs more."""
_LAST_PATIENCE = 300
_STRAGGLERS = 20
_CANDIDATE_CELLS = 4_000_000
_SUBSAMPLE = 16_384


class Search(BestFits):
    """Multi-start search over all replicates; keeps the best fit of each and counts who agrees.

    Parameters
    ----------
    rows : Rows
    grid : (s, p) float
        Cold starts.
    mass : (B, n) float
        Row weights of each replicate.
    delta : float
        Huber threshold on log-loss residuals.
    thorough : bool
        Whether every start is followed to its end; else a slow one is left where a third of the starts agree already.
    """

    def __init__(self, rows: Rows, grid: Floats, mass: Floats, delta: float, *, thorough: bool = True) -> None:
        self.rows, self.grid, self.mass, self.delta = rows, grid, mass, delta
        super().__init__(len(mass), rows.n_parameters, len(rows.features), thorough=thorough)
        self.sets = 0
        self.patience = _PATIENCE if thorough or len(mass) > _FEW else _HASTE
        self.convex = not rows.floor and len(rows.features) == 1
        self.scouts = self.best[:0]
        stride = 1 + len(rows.log_loss) // _SUBSAMPLE
        some = slice(stride // 2, None, stride)  # another systematic subsample than `base` takes; all of short tables
        smooth = [(rows.taken(some), mass[:, some], factor * delta) for factor in _SCHEDULE if factor * delta <= 1.0]
        self.objectives = [Objective(*parts) for parts in (*smooth, (rows, mass, delta))]

    def run(self, usable: NDArray[np.intp], starts: Floats | None) -> None:
        """Fit the ``usable`` replicates from the given starts, or from starts of its own choice."""
        if starts is not None:
            near = np.repeat(starts, len(usable), axis=0), np.tile(usable, len(starts))
            self.direct(self.lowered(near, near=True))
        elif len(usable) == 1 and len(self.rows.log_loss) <= _SUBSAMPLE:
            everywhere = self.grid, np.repeat(usable, len(self.grid))
            if self.objectives[-1].straight:
                self.direct(everywhere)
            else:
                self.direct(self.lowered(everywhere), everywhere)
        elif self.convex:
            _, smooth, _ = self.base(usable)
            self.direct(self.lowered((np.tile(smooth, (len(usable), 1)), usable)))
        else:
            self._several(usable)
        self.catch_up()

    def _several(self, usable: NDArray[np.intp]) -> None:
        """Run the average's optima, a cold start and a kick; where they disagree somewhere, kick everyone harder.

        The cold start descends at the final threshold at once: lowering it in steps funnels every start into one basin,
        so that their agreement proves nothing. A few replicates are searched from the whole grid of cold starts, both
        ways: what they find, `exchange` offers to the rest. Where many replicates settle nowhere the search ends early.
        A search that leaves its slow starts takes one way, but of few runs: of 400 tables of 60 runs and more 17 showed
        a better optimum one way and 17 both ways, at two thirds of the cost. It kicks everyone harder once, and again
        only those on which fewer than a third of the starts agree: what one replicate finds `exchange` offers to the
        rest. Of 72,106 fits of the ledger 31 end above those of a search that leaves none and 17 below, no point among
        them, at two fifths of the cost.
        """
        optima, smooth, cold = self.base(usable)
        sets: list[_Starts] = [(np.repeat(optima, len(usable), axis=0), np.tile(usable, len(optima)))]
        sets.append((np.tile(cold, (len(usable), 1)), usable))
        short = len(self.rows.log_loss) < _SHORT
        if short:
            sets.append(self.lowered((np.tile(smooth, (len(usable), 1)), usable)))
        explored = usable[:: 1 + len(usable) // _EXPLORED] if len(usable) > 1 else usable[:0]
        if len(explored):
            each = np.tile(self.grid, (len(explored), 1)), np.repeat(explored, len(self.grid))
            sets += [self.lowered(each), each] if self.thorough or short else [self.lowered(each)]
        self.direct(*sets)
        self.scouts = self.best[explored]
        if len(usable) > 1:
            self.kick(usable, usable, _KICK)
            self.catch_up()
            if self.settled()[usable].mean() < _DETERMINED:
                return  # these rows do not determine the form: a longer search finds nothing to agree on
            uneven = len(np.setdiff1d(self.contested(usable), explored)) > _UNEVEN * len(usable)
            if uneven or short:
                self.kick(usable, usable, _HARD_KICK, times=_KICKS if self.thorough else 1)
            self.exchange_all(usable)
            if not self.thorough and self.rising()[usable].mean() > 1.0 - _DETERMINED:
                return  # nor do rows by which loss rises in so many: the form is refused whatever the others say
        contested = np.setdiff1d(self.contested(usable), explored)
        if len(contested) and len(usable) > 1:
            self.direct(self.lowered((np.tile(smooth, (len(contested), 1)), contested)))
            self.kick(contested, usable, _HARD_KICK, times=_MORE_KICKS)
            self.catch_up()
        lost = usable[~self.settled()[usable]]
        if len(lost):
            self.direct(self.lowered((np.tile(self.grid, (len(lost), 1)), np.repeat(lost, len(self.grid)))))
        self.exchange_all(usable)

    def base(self, usable: NDArray[np.intp]) -> tuple[list[Floats], Floats, Floats]:
        """Search the average weighting (of a systematic subsample of long tables) from the whole grid of starts.

        Returns
        -------
        list of (p,) float, (p,) float, (p,) float
            Up to three distinct optima, best first, the optimum at the widest threshold, and a cold start on its way.
        """
        thin = slice(None, None, 1 + len(self.rows.log_loss) // _SUBSAMPLE)
        search = Search(
            self.rows.taken(thin), self.grid, self.mass[usable, thin].mean(axis=0, keepdims=True), self.delta
        )
        only = np.zeros(len(self.grid), dtype=np.intp)
        smooth, smooth_value, _ = minimise(search.objectives[0], self.grid, only, tolerance=1e-9)
        ends, values = search.direct(search.lowered((smooth, only)))
        optima: list[Floats] = []
        for k in np.argsort(values, kind="stable"):
            near = values[k] <= values.min() * 1.05
            if near and len(optima) < 3 and all(np.abs(ends[k] - other).max() > 1e-4 for other in optima):
                optima.append(ends[k])
        start = self.grid[min(_COLD, len(self.grid) - 1)][None]
        for _ in range(_LEGS):
            further, _, state = minimise(search.objectives[-1], start, only[:1], max_iterations=_ON_THE_WAY)
            if state[0] != NOT_FINISHED:
                break
            start = further
        return optima, smooth[smooth_value.argmin()], start[0]

    def direct(self, *sets: _Starts) -> tuple[Floats, Floats]:
        """Descend at the final threshold from all sets of starts in one computation and keep what is best.

        Who is slow waits for `catch_up`.
        """
        start, replicates = (np.concatenate(part) for part in zip(*sets, strict=True))
        ends, values, states = self._descend(start, replicates, self.patience)
        slow = np.flatnonzero(states == NOT_FINISHED)
        if len(slow) and self.patience < _LAST_PATIENCE:
            self.pending.append((len(self.ends), slow, ends[slow]))
        self.ends.append((replicates, values))
        self.sets += len(sets)
        return ends, values

    def catch_up(self) -> None:
        """Finish the slow descents of all starts in one computation.

        Where slow ones may be left this is looked at again after every stage, unless there is but one replicate, of
        which it is asked whether all starts agree.
        """
        waiting, started = sum(len(slow) for _, slow, _ in self.pending), sum(len(values) for _, values in self.ends)
        patience = 2 * _PATIENCE if waiting > max(_MANY, 0.25 * started) else _LAST_PATIENCE  # patience is for the few
        stage = patience if self.thorough or len(self.mass) == 1 else _PATIENCE
        for _ in range(0, patience, stage):
            if not self.thorough:
                self.leave_agreed()
            if self.pending:
                self._follow(stage)
        self.pending.clear()

    def _follow(self, steps: int) -> None:
        """Take the slow descents some steps further."""
        owners = [self.ends[record][0][slow] for record, slow, _ in self.pending]
        starts = np.concatenate([ends for *_, ends in self.pending])
        ends, values, states = self._descend(starts, np.concatenate(owners), steps)
        begins = np.cumsum([0, *map(len, owners)])
        left = []
        for (record, slow, _), begin in zip(self.pending, begins, strict=False):
            some = slice(begin, begin + len(slow))
            self.ends[record][1][slow] = values[some]
            still = states[some] == NOT_FINISHED
            if still.any():
                left.append((record, slow[still], ends[some][still]))
        self.pending = left

    def _descend(self, start: Floats, replicates: NDArray[np.intp], patience: int) -> _Ends:
        waiting = len(start) // _STRAGGLERS if patience <= _PATIENCE else 0
        found = minimise(self.objectives[-1], start, replicates, max_iterations=patience, stragglers=waiting)
        ends, values, states = self._settle_floor(replicates, found, patience) if self.rows.floor else found
        settled = are_settled(states)
        for kind in (settled, ~settled):
            self.keep(replicates[kind], ends[kind], values[kind], states[kind])
        return ends, values, states

    def _settle_floor(self, replicates: NDArray[np.intp], found: _Ends, patience: int) -> _Ends:
        """Where the floor went below zero, take the optimum without a floor."""
        low = np.flatnonzero(found[0][:, len(self.rows.features)] <= 0)
        if len(low):
            results = minimise_at_zero_floor(
                self.objectives[-1], found[0][low], replicates[low], max_iterations=patience
            )
            for held, better in zip(found, results, strict=True):
                held[low] = better  # type: ignore[index]
        return found

    def lowered(self, starts: _Starts, *, near: bool = False) -> _Starts:
        """Return where starts lead as the threshold is lowered in steps (on a subsample of long tables).

        From ``near`` an optimum one step is enough: of 12,000 refits three end higher than after all and three lower.
        """
        ladder = self.objectives[-2 if near else 0 : -1]
        if self.objectives[-1].straight:
            ladder = []  # a straight line has one optimum
        start, replicates = starts
        for objective in ladder:
            start, _, _ = minimise(
                objective, start, replicates, tolerance=1e-2, max_iterations=100, stragglers=len(start) // _STRAGGLERS
            )
        return start, replicates

    def kick(self, who: NDArray[np.intp], usable: NDArray[np.intp], size: float, *, times: int = 1) -> None:
        """Descend again from the best fits of ``who``, moved at random by ``size`` spreads of all replicates' fits.

        Where optima compete they lie one to three spreads apart: a third to a half of such kicks end in another one.
        """
        fits = self.best[usable]
        low, high = np.quantile(fits, [0.05, 0.95], axis=0)
        spread = np.cov(np.clip(fits, low, high), rowvar=False) + np.diag(np.full(fits.shape[1], _LEAST_KICK**2))
        random = np.random.default_rng(np.random.SeedSequence(self.sets))
        moves = random.standard_normal((times * len(who), fits.shape[1])) @ np.linalg.cholesky(spread).T
        self.direct((self._inside(np.tile(self.best[who], (times, 1)) + size * moves), np.tile(who, times)))

    def exchange_all(self, usable: NDArray[np.intp]) -> None:
        """Finish the slow descents and `exchange`, until nobody gains by it."""
        for _ in range(_ROUNDS):
            self.catch_up()
            if not self.exchange(usable):
                return

    def exchange(self, usable: NDArray[np.intp]) -> bool:
        """Score other replicates' optima on every replicate (one matrix product); descend from those that are better.

        Returns
        -------
        bool
            Whether another's optimum was better anywhere.
        """
        own = self.plain_value()[usable]
        count = min(_CANDIDATES, max(1, _CANDIDATE_CELLS // len(self.rows.log_loss)))
        lent = usable[:: 1 + len(usable) // count]
        pool = np.concatenate([self.scouts, self.best[lent]])
        residual = self.rows.log_loss - self.rows.log_prediction(pool)
        psi = np.clip(residual, -self.delta, self.delta)
        scores = self.mass[usable] @ (psi * (residual - 0.5 * psi)).T
        choice = scores.argmin(axis=1)
        better = scores[np.arange(len(usable)), choice] < own * (1 - AGREE)
        if better.any():
            self.direct((pool[choice[better]], usable[better]))
        return bool(better.any())

    def _inside(self, start: Floats) -> Floats:
        """Return starts with the floor moved into the open interval from zero to the lowest loss."""
        if self.rows.floor:
            terms, lowest = len(self.rows.features), float(np.exp(self.rows.log_loss.min()))
            start[:, terms] = np.clip(start[:, terms], 0.05 * lowest, 0.98 * lowest)
        return start

    def plain_value(self) -> Floats:
        """Return the Huber sum at the best fits, without the ridge that makes them unique, (B,)."""
        value = np.full(len(self.value), np.nan)
        known = np.flatnonzero(~np.isnan(self.value))
        value[known] = Objective(self.rows, self.mass, self.delta, ridge=0.0)(self.best[known], known)[0]
        return value
