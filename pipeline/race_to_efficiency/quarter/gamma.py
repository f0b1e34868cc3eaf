"""Nodes of gamma: every part fitted on the rows it reads, checked, mixed, and added up along the routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from race_to_efficiency.calibration.common.estimates import Estimate
from race_to_efficiency.calibration.gamma.components import Component, Fitted, Inputs
from race_to_efficiency.errors import UsageError
from race_to_efficiency.quarter.node import Computed, Node, Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    import pandas as pd

    from race_to_efficiency.quarter.node import NodeResult
    from race_to_efficiency.quarter.reading import Reading

ROW_DRAWS = 100
"""Draws of the refits that find which row mattered: a fitted rate does not depend on their number."""

COMPOSING = ("mixture", "routes", "default_route", "roadmap")
"""Settings of what is made from the parts: no part reads them."""

CHECKING = ("slope_changes",)
"""Settings of the checks alone: no fit reads them."""


@dataclass(frozen=True)
class RecordedInputs(Inputs):
    """What a component function reads, each table through a node's reading, and the day only where it is asked for."""

    as_of: date = field(init=False, repr=False)
    reading: Reading

    def __getattr__(self, name: str) -> date:
        if name != "as_of":
            raise AttributeError(name)
        return self.reading.as_of

    def rows(self, table: str, *, stating: str = "") -> pd.DataFrame:
        """Return the used, dated rows of a table that state a figure."""
        return self.reading.rows(table, used=True, stating=stating)


def inputs_of(
    reading: Reading, *, without: Sequence[str] = (*COMPOSING, *CHECKING), draws: int | None = None
) -> Inputs:
    """Return the inputs of component functions, as a node reads them; with ``draws`` for values alone."""
    params = reading.settings("fit_gamma", without=(*without, *(("draws",) if draws else ())))
    if draws:
        # few clusters cost trust and move no value: what their intervals are worth need not be simulated
        gate = params.gate.model_copy(update={"min_clusters": 0})
        params = params.model_copy(update={"draws": draws, "gate": gate})
    return RecordedInputs({}, params, reading.seed, reading)


def fit_part(reading: Reading, part: str) -> Computed:
    """Fit the components of one part, whatever the day: how old their rows are is judged by `check_part`."""
    from race_to_efficiency.calibration.gamma.composition import PARTS

    return component_outcome(list(PARTS[part](inputs_of(reading))))


def fit_part_quickly(reading: Reading, part: str) -> Computed:
    """Fit the components of one part with few draws: for values, never for spreads."""
    from race_to_efficiency.calibration.gamma.composition import PARTS

    fits = PARTS[part](inputs_of(reading, draws=ROW_DRAWS))
    estimates = [fit.estimate for fit in fits]
    return Computed(
        {item.id: item.value for item in estimates}, origins={item.id: estimate_origin(item) for item in estimates}
    )


def check_part(reading: Reading, part: str) -> Computed:
    """Judge a part's components by their fragility, and test those whose slope may have changed."""
    from race_to_efficiency.calibration.gamma.composition import judged_one
    from race_to_efficiency.calibration.gamma.slope_change import slope_change
    from race_to_efficiency.calibration.gamma.trend_fit import aged

    inputs = inputs_of(reading, without=COMPOSING)
    own: list[Fitted] = [aged(inputs, fit) for fit in reading.live(FIT, part)]
    others = Fits(reading, FIT, {fit.component.key: fit for fit in own}, finish=lambda fit: aged(inputs, fit))
    found = [judged_one(inputs, fit, others) for fit in own]
    fits = {fit.component.key: fit for fit, _ in found}
    changes = [
        {"place": place, **slope_change(inputs, change, fits)}
        for place, change in enumerate(inputs.params.slope_changes)
        if change.component in fits
    ]
    extra = {"fragility": [row for _, rows in found for row in rows], "slope_change": changes}
    return component_outcome(list(fits.values()), extra)


def mix(reading: Reading) -> Computed:
    """Mix the parts of algorithmic progress."""
    from race_to_efficiency.calibration.gamma.composition import MIXED
    from race_to_efficiency.calibration.gamma.fragility import mixture_rows
    from race_to_efficiency.calibration.gamma.judging import mixed

    fits = Fits(reading, CHECKED)
    inputs, blend = _mixture(reading, fits)
    parts = {key: fits[key] for key in MIXED.values()}
    beside = mixture_rows(inputs, blend, parts)
    blend = mixed(blend, {name: parts[key] for name, key in MIXED.items()}, beside)
    return component_outcome([blend], {"fragility": beside}, _mixed_of(blend, fits))


def mix_fitted(reading: Reading) -> Computed:
    """Mix the parts as they were fitted: value and draws of `mix`, its trust unjudged."""
    fits = Fits(reading, FIT)
    _, blend = _mixture(reading, fits)
    return component_outcome([blend], origins=_mixed_of(blend, fits))


def _mixture(reading: Reading, fits: Fits) -> tuple[Inputs, Fitted]:
    from race_to_efficiency.calibration.gamma.components_algorithm import mixture
    from race_to_efficiency.calibration.gamma.composition import MIXED

    inputs = inputs_of(reading, without=tuple(name for name in (*COMPOSING, *CHECKING) if name != "mixture"))
    return inputs, mixture(inputs, {name: fits[key] for name, key in MIXED.items()})


def _mixed_of(blend: Fitted, fits: Fits) -> dict[str, Origin]:
    from race_to_efficiency.calibration.gamma.composition import MIXED

    weights = blend.estimate.diagnostics.get("weights", {})
    return {blend.estimate.id: Origin(outputs=tuple(fits.output(MIXED[name]) for name in weights))}


def add_route(reading: Reading, route: str) -> Computed:
    """Add the components of one route; the document also holds its row of the table of routes."""
    return _route(reading, route, Fits(reading, CHECKED))


def add_fitted(reading: Reading, route: str) -> Computed:
    """Add the components of one route as they were fitted: value and draws of `add_route`, its trust unjudged.

    The draws are with the live object alone.
    """
    return replace(_route(reading, route, Fits(reading, FIT)), tables={})  # drawn anew in less than they are read


def _route(reading: Reading, route: str, fits: Fits) -> Computed:
    from race_to_efficiency.calibration.gamma.routes import build_route, fit_route

    spec = reading.item("fit_gamma", "routes", "id", route)
    if spec is None:
        raise UsageError(f"there is no route '{route}'", where="params.yaml: fit_gamma.routes")
    built = build_route(spec, fits)
    fit, row = fit_route(inputs_of(reading), built, fits)
    terms = [*(part.key for part in built.components), *(name for name, _ in built.conversion)]
    origins = {fit.estimate.id: Origin(outputs=tuple(fits.output(key) for key in terms if key in fits))}
    signs = {part.key: 1 for part in built.components} | dict(built.conversion)
    return component_outcome([fit], {"row": {**row, "title": spec.title or ""}, "terms": signs}, origins)


class Fits(Mapping[str, Fitted]):
    """Components by ``component.estimator``, each asked for when it is looked up.

    Parameters
    ----------
    reading : Reading
    node : Node
        The node of a part: `FIT` or `CHECKED`. The mixture is that of the same parts.
    own : mapping of str to Fitted, optional
        Those at hand.
    finish : callable, optional
        What is done to each that is looked up.
    """

    def __init__(
        self,
        reading: Reading,
        node: Node,
        own: Mapping[str, Fitted] | None = None,
        *,
        finish: Callable[[Fitted], Fitted] | None = None,
    ) -> None:
        self._reading, self._node, self._finish = reading, node, finish
        self._mixture = MIXTURE if node is CHECKED else FITTED_MIXTURE
        self._found = dict(own or {})
        self._places: dict[str, str] = {}

    def __getitem__(self, key: str) -> Fitted:
        if key not in self._found:
            for name in self._candidates(key):
                self.take(self._reading.ask(self._node, name))
                if key in self._found:
                    break
            else:
                if key.partition(".")[0] == BLEND:
                    self.take(self._reading.ask(self._mixture))
        return self._found[key]

    def __iter__(self) -> Iterator[str]:
        from race_to_efficiency.calibration.gamma.composition import PARTS

        for name in PARTS:
            self.take(self._reading.ask(self._node, name))
        return iter(dict(self._found))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def output(self, key: str) -> str:
        """Return the output that a component is."""
        return f"{self._places[key]}#{self._found[key].estimate.id}"

    @property
    def at_hand(self) -> tuple[str, ...]:
        """Keys of what was asked for so far."""
        return tuple(self._found)

    def take(self, result: NodeResult, fits: Sequence[Fitted] | None = None) -> None:
        """Add the components that a node found; ``fits`` where its live ones are at hand."""
        for fit in fits_of(result) if fits is None else fits:
            self._found.setdefault(fit.component.key, self._finish(fit) if self._finish else fit)
            self._places.setdefault(fit.component.key, result.node)

    def _candidates(self, key: str) -> list[str]:
        """Return the parts that may hold a component: the one of its name, or those named otherwise."""
        from race_to_efficiency.calibration.gamma.composition import PARTS

        name = key.partition(".")[0]
        if name in PARTS:
            return [name]
        return [] if name == BLEND else [part for end in GROWTH for part in PARTS if part.endswith(end)]


BLEND = "algorithmic"
"""Component of the mixture."""

GROWTH = ("growth", "duration", "system")
"""Ends of the names of parts whose components have names of their own."""


def component_outcome(
    fits: list[Fitted], extra: Mapping[str, Any] | None = None, origins: Mapping[str, Origin] | None = None
) -> Computed:
    """Return fitted components as a node's finding: records and draws; the fits themselves stay in this process."""
    import pandas as pd

    draws = pd.DataFrame({fit.component.key: fit.draws for fit in fits if fit.draws is not None})
    own = {fit.estimate.id: estimate_origin(fit.estimate) for fit in fits}
    return Computed(
        {"fits": [record_of(fit) for fit in fits], **(extra or {})},
        {"draws": draws},
        {**own, **(origins or {})},
        live=fits,
    )


def record_of(fit: Fitted) -> dict[str, Any]:
    """Return a component and its estimate as JSON."""
    return {"component": asdict(fit.component), "estimate": fit.estimate.to_json()}


def estimate_origin(estimate: Estimate) -> Origin:
    """Return what an estimate rests on, as the function that used the rows wrote it."""
    return Origin(rows=estimate.rows_used, left_out=estimate.rows_excluded)


def fits_of(result: NodeResult) -> list[Fitted]:
    """Return the components a node found, with their draws; their series stay with the node."""
    draws: Mapping[str, Any] = dict(result.tables["draws"]) if "draws" in result.parquet else {}
    found = []
    for record in result.document["fits"]:
        fields = record["component"]
        component = Component(**{**fields, "coverage": tuple(fields["coverage"])})
        own = draws[component.key].to_numpy() if component.key in draws else None
        found.append(Fitted(component, Estimate.from_json(record["estimate"]), own))
    return found


FIT = Node("gamma.fit", fit_part)
QUICK = Node("gamma.quick", fit_part_quickly)
CHECKED = Node("gamma.checked", check_part)
MIXTURE = Node("gamma.mixture", mix)
ROUTE_NODE = Node("gamma.route", add_route)
FITTED_MIXTURE = Node("gamma.fit_mixture", mix_fitted)
FITTED_ROUTE = Node("gamma.fit_route", add_fitted)
