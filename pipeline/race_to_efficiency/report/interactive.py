"""The one interactive chart: an Altair chart compiled to Vega here, bundled into the page with Vega's AST interpreter.

Vega usually turns its expressions into functions, which a strict Content-Security-Policy forbids; its interpreter walks
the parsed expression instead. The sliders and the equation are our own script (templates/explorer.js): native range
inputs a keyboard can move, and the stable form of the equation, which agrees with `race_to_efficiency.relative_loss`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.report.figures.style import BLUE, MUTED
from race_to_efficiency.report.html import TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INTERPRETER = "/npm/vega-interpreter@2.0.0/+esm"
"""Module of Vega's expression interpreter as vl-convert carries it; requirements.lock pins the version."""

SLIDERS = (
    {"name": "kappa", "label": "κ, loss exponent", "unit": "", "low": 0.005, "high": 0.3, "step": 0.005, "log": False},
    {"name": "gamma", "label": "γ, doublings a year", "unit": "/yr", "low": -1, "high": 4, "step": 0.05, "log": False},
    {
        "name": "fleet",
        "label": "Fleet, multiple of today's power",
        "unit": "×",
        "low": -4,
        "high": 10,
        "step": 0.5,
        "log": True,
    },
    {
        "name": "floor",
        "label": "Floor, irreducible share of today's loss",
        "unit": "",
        "low": 0,
        "high": 0.98,
        "step": 0.01,
        "log": False,
    },
)
"""Sliders of the chart; a logarithmic one moves in doublings."""


def vega_bundle() -> str:
    """Return Vega's view, parser and interpreter as one script without imports, from vl-convert's own copy."""
    import vl_convert

    core = f"/npm/vega@{vl_convert.get_vega_version()}/+esm"
    snippet = (
        f'import {{View, parse, Warn}} from "{core}"; import {{expressionInterpreter}} from "{INTERPRETER}"; '
        "window.raceVega = {View, parse, Warn, expressionInterpreter};"
    )
    script: str = vl_convert.javascript_bundle(snippet)
    return script.replace("</script", "<\\/script").replace("</SCRIPT", "<\\/SCRIPT")


def vega_specification(horizon_years: float) -> dict[str, Any]:
    """Return the Vega specification of the chart: the reader's curve over the scenarios' curves.

    Parameters
    ----------
    horizon_years : float
        Right end of the time axis, in years.
    """
    import altair as alt
    import vl_convert

    x = alt.X("t:Q", title="years after the data date", scale=alt.Scale(domain=[0, horizon_years], nice=False))
    y = alt.Y("r:Q", title="loss relative to today, L/L₀", scale=alt.Scale(zero=False, nice=True))
    presets = (
        alt.Chart(alt.NamedData(name="presets"))
        .mark_line(strokeWidth=1, stroke=MUTED, opacity=0.55)
        .encode(x=x, y=y, detail="id:N")
    )
    names = (
        alt.Chart(alt.NamedData(name="ends"))
        .mark_text(align="left", dx=5, fontSize=11, fill="currentColor")
        .encode(x=x, y=y, text="id:N")
    )
    curve = alt.Chart(alt.NamedData(name="curve")).mark_line(strokeWidth=3, stroke=BLUE).encode(x=x, y=y)
    points = alt.Chart(alt.NamedData(name="points")).mark_point(filled=True, size=70, color=BLUE).encode(x=x, y=y)
    axis = alt.AxisConfig(
        labelColor="currentColor",
        titleColor="currentColor",
        tickColor=MUTED,
        domainColor=MUTED,
        gridColor=MUTED,
        gridOpacity=0.25,
        labelFontSize=12,
        titleFontSize=12,
        titleFontWeight="normal",
    )
    room_for_names = {"left": 5, "right": 130, "top": 8, "bottom": 5}
    chart = (
        alt.layer(presets, names, curve, points)
        .properties(width=540, height=300, background="transparent", padding=room_for_names)
        .configure(font="system-ui, sans-serif", view=alt.ViewConfig(stroke=None), axis=axis)
    )
    specification: dict[str, Any] = vl_convert.vegalite_to_vega(chart.to_dict())
    specification.pop("$schema", None)
    return specification


def own_script() -> str:
    """Return our own script: the chart's sliders and the tables' CSV buttons."""
    return storage.read_text(TEMPLATES / "explorer.js")


def scripts() -> list[str]:
    """Return the page's scripts in order: the bundle, then ours."""
    return [vega_bundle(), own_script()]


def payload(presets: Sequence[Mapping[str, Any]], years: Sequence[float], horizon_years: float) -> dict[str, Any]:
    """Return the data of the chart.

    Parameters
    ----------
    presets : sequence of mapping
        id, title, kappa, gamma, fleet, floor, convention ("cumulative" or "run"), baseline_years; the first is shown.
    years : sequence of float
        Times whose R is written out.
    horizon_years : float
    """
    return {
        "specification": vega_specification(horizon_years),
        "presets": [dict(item) for item in presets],
        "years": list(years),
        "horizon": horizon_years,
        "sliders": [dict(item) for item in SLIDERS],
    }
