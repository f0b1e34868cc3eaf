"""Routes: sets of components that may be added because no layer of progress is counted twice."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.gamma.components import (
    ANY_BASIS,
    LAYERS,
    Component,
    Fitted,
    Inputs,
    from_draws,
    refused,
)
from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.settings.gamma import RouteParams

# What turns a rate on one basis into another: growth to add (+1) or to subtract (-1), for doublings a year.
# gamma_time = gamma_joule + growth of watts a chip; gamma_dollar = gamma_time - growth of dollars a chip.
_CONVERSIONS: dict[tuple[str, str], tuple[tuple[str, int], ...]] = {
    ("accelerator_hour", "joule"): (("watts", -1),),
    ("joule", "accelerator_hour"): (("watts", 1),),
    ("accelerator_hour", "dollar"): (("growth.price", -1),),
    ("dollar", "accelerator_hour"): (("growth.price", 1),),
    ("joule", "dollar"): (("watts", 1), ("growth.price", -1)),
    ("dollar", "joule"): (("growth.price", 1), ("watts", -1)),
}


@dataclass(frozen=True)
class Route:
    """A set of components with disjoint coverage and one basis; anything else cannot be built.

    Parameters
    ----------
    id : str
    components : tuple of Component
    basis : str
        Basis of the sum; converted when the components' own differs.

    Raises
    ------
    UsageError
        When two components cover the same layer, or stand on different bases; both are named.
    """

    id: str
    components: tuple[Component, ...]
    basis: str = "joule"

    def __post_init__(self) -> None:
        for first, second in combinations(self.components, 2):
            shared = [layer for layer in LAYERS if layer in first.coverage and layer in second.coverage]
            if shared:
                raise UsageError(
                    f"route {self.id} is refused: {first.key} and {second.key} both cover {' and '.join(shared)}",
                    where=f"params.yaml: fit_gamma.routes, id {self.id}",
                    why="a layer of progress counted twice inflates gamma",
                    remedy=f"leave out one of {first.key} and {second.key}",
                )
        empty = [component.key for component in self.components if not component.coverage]
        if empty:
            raise UsageError(
                f"route {self.id} is refused: {empty[0]} is growth of an input, not of efficiency",
                where=f"params.yaml: fit_gamma.routes, id {self.id}",
                remedy="use it as growth of the fleet instead",
            )
        own = sorted({component.basis for component in self.components} - {ANY_BASIS})
        if len(own) > 1:
            raise UsageError(
                f"route {self.id} is refused: its components stand on different bases, {' and '.join(own)}",
                where=f"params.yaml: fit_gamma.routes, id {self.id}",
                why="a rate per joule and a rate per accelerator-hour do not add up",
                remedy="choose components of one basis; the route's basis is then converted as a whole",
            )

    @property
    def native_basis(self) -> str:
        """Basis the components share (the route's own when all are on fixed hardware)."""
        own = {component.basis for component in self.components} - {ANY_BASIS}
        return own.pop() if own else self.basis

    @property
    def coverage(self) -> tuple[str, ...]:
        """Layers covered."""
        return tuple(layer for layer in LAYERS if any(layer in part.coverage for part in self.components))

    @property
    def omits(self) -> tuple[str, ...]:
        """Layers left out: progress there is taken as none."""
        return tuple(layer for layer in LAYERS if layer not in self.coverage)

    @property
    def conversion(self) -> tuple[tuple[str, int], ...]:
        """Growth terms (name, sign) that turn the native basis into the route's."""
        if self.native_basis == self.basis:
            return ()
        uses_system = any(part.name == "mlperf_system" for part in self.components)
        watts = "growth.winners_tdp" if uses_system else "growth.tdp"
        terms = _CONVERSIONS[self.native_basis, self.basis]
        return tuple((watts if name == "watts" else name, sign) for name, sign in terms)


def build_route(settings: RouteParams, fits: Mapping[str, Fitted]) -> Route:
    """Return the route a setting names.

    Raises
    ------
    UsageError
        When a component is unknown, or the set overlaps or mixes bases.
    """
    parts = [fits[_resolve(settings.id, name, fits)].component for name in settings.components]
    return Route(settings.id, tuple(parts), settings.basis or "joule")


def _resolve(route: str, name: str, fits: Mapping[str, Fitted]) -> str:
    """Return the full key of a component named with or without its estimator (then: its first)."""
    if name in fits:
        return name
    same = [key for key in fits if key.split(".")[0] == name]
    if same:
        return same[0]
    raise UsageError(
        f"route {route} names an unknown component: {name}",
        where=f"params.yaml: fit_gamma.routes, id {route}",
        remedy=f"use one of {', '.join(key for key, fit in fits.items() if fit.component.coverage)}",
    )


def fit_route(inputs: Inputs, route: Route, fits: Mapping[str, Fitted]) -> tuple[Fitted, dict[str, Any]]:
    """Return a route's rate from its components' draws, and its row of the routes table.

    Draws are added index by index: components that share rows share draws, so their covariance is in the sum. A sum is
    graded by the worst of its parts; what other routes say is not known here: see `graded_routes`.
    """
    shown = Component("route", route.id, route.coverage, route.basis, " + ".join(part.key for part in route.components))
    terms = [(part.key, 1) for part in route.components] + list(route.conversion)
    parts = [fits.get(key) for key, _ in terms]
    row: dict[str, Any] = {
        "route": route.id,
        "components": [part.key for part in route.components],
        "coverage": list(route.coverage),
        "omits": list(route.omits),
        "basis": route.basis,
        "native_basis": route.native_basis,
        "conversion": [{"term": name, "sign": sign} for name, sign in route.conversion],
        "caps": {part.key: part.cap_doublings for part in route.components if part.cap_doublings is not None},
    }
    failed = [key for (key, _), part in zip(terms, parts, strict=True) if part is None or part.draws is None]
    if failed:
        fit = refused(shown, f"{failed[0]} could not be estimated by this date")
        return fit, row | {"status": "refused", "reasons": list(fit.estimate.reasons), "value": None, "quantiles": None}
    columns = {key: sign * _draws(part) for (key, sign), part in zip(terms, parts, strict=True)}
    total = np.sum(list(columns.values()), axis=0)
    point = sum(sign * float(part.estimate.value or 0.0) for (_, sign), part in zip(terms, parts, strict=True) if part)
    weak = [
        f"{key} fails a check"
        for (key, _), part in zip(terms, parts, strict=True)
        if part is not None and part.estimate.status == "weak"
    ]
    rows_used = tuple(dict.fromkeys(name for part in parts if part for name in part.estimate.rows_used))
    fit = from_draws(
        inputs,
        shown,
        total,
        n_rows=len(rows_used),
        status="weak" if weak else "trusted",
        reasons=weak,
        diagnostics={"sum_of_component_values": point, "mean": float(total.mean())},
        rows_used=rows_used,
    )
    told = [part.estimate.grade for part in parts if part is not None]
    fit = fit.graded(max(item.evidence for item in told), max(item.agreement for item in told))
    levels = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99)
    return fit, row | {
        "value": fit.estimate.value,
        "low": fit.estimate.ends[0],
        "high": fit.estimate.ends[1],
        "quantiles": {
            f"{level:g}": float(found) for level, found in zip(levels, np.quantile(total, levels), strict=True)
        },
        "share_of_variance": variance_shares(columns),
        "status": fit.estimate.status,
        "reasons": weak,
        "estimate": fit.estimate.id,
    }


def graded_routes(routes: Sequence[Fitted]) -> list[Fitted]:
    """Return routes with the grade that those on the same basis leave each.

    One step of agreement where any of them lies outside its 95 % interval, two where most do.
    """
    found = []
    for route in routes:
        others = [item for item in routes if item is not route and item.component.basis == route.component.basis]
        grade = route.estimate.grade
        found.append(route.graded(grade.evidence, max(grade.agreement, _spread(route, others))))
    return found


def _spread(route: Fitted, others: Sequence[Fitted]) -> int:
    values = [item.estimate.value for item in others if item.estimate.value is not None]
    outside = sum(map(route.estimate.lies_outside, values))
    return (outside > 0) + (2 * outside > len(values))


def _draws(part: Fitted | None) -> Floats:
    if part is None or part.draws is None:
        raise ValueError("a route's component must have draws")
    return part.draws


def variance_shares(columns: Mapping[str, Floats]) -> dict[str, float]:
    """Return each term's share of the variance of the sum: cov(term, sum)/var(sum); the shares sum to 1."""
    total = np.sum(list(columns.values()), axis=0)
    variance = float(np.var(total))
    if variance == 0:
        return dict.fromkeys(columns, 0.0)
    centred = total - total.mean()
    return {name: float(np.mean((values - values.mean()) * centred) / variance) for name, values in columns.items()}
