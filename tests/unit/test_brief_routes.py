"""Routes of gamma on the brief: those an early quarter has no rows for are left out, not stumbled over."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from race_to_efficiency.report.annex.gamma import HEADLINE_ROUTE, PER_JOULE, estimated_routes, other_routes
from race_to_efficiency.report.inputs import Missing

VALUES = {HEADLINE_ROUTE: 1.9, "gamma.route.A": 1.4, "gamma.route.B": 0.6, "gamma.route.C": None}


def page(*names: str) -> Any:
    routes: list[dict[str, object]] = [{"estimate": name, "basis": PER_JOULE} for name in names]
    routes.insert(1, {"route": "E", "basis": PER_JOULE, "reason": "no rows by this date"})
    inputs = SimpleNamespace(part=lambda *_: routes, estimate=lambda name: SimpleNamespace(id=name, value=VALUES[name]))
    return cast("Any", SimpleNamespace(inputs=inputs))


def test_a_route_without_an_estimate_is_left_out() -> None:
    whole = page(*VALUES)
    assert [item["estimate"] for item in estimated_routes(whole)] == list(VALUES)
    assert [item.id for item in other_routes(whole)] == ["gamma.route.B", "gamma.route.A"]  # the slowest first


def test_where_only_the_headline_has_a_rate_none_stands_beside_it() -> None:
    with pytest.raises(Missing):
        other_routes(page(HEADLINE_ROUTE, "gamma.route.C"))
