"""Forecast and milestone rows as numbers on the page: each carries the id of the row it is, and its curve's output."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from race_to_efficiency.calibration.common.grades import confidence_of
from race_to_efficiency.quarter.forecast_lineage import output_of_row
from race_to_efficiency.report.content import Badge, Fact, Label, Num, Rich, Text, join
from race_to_efficiency.report.inputs import Missing, QuarterFiles
from race_to_efficiency.report.numbers import NumberRegistry, decimals, id_part

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

GRADE_RECORD = "#grades"
"""Where the record of every grade stands: the annex's table of what a grade is worth."""

SHOWN_POINT = -1.0
"""Stands for a level where the equation at the printed inputs is meant."""

LIMIT_WORDS = {
    "kappa_weak": "kappa fails a check",
    "gamma_weak": "gamma fails a check",
    "anchor_beyond_range": "the start lies beyond the fitted compute",
    "range": "compute has left the fitted range by more than its width",
    "near_floor": "the loss is close to its floor",
    "curvature": "the floor is barely identified",
    "series_length": "the horizon is longer than the series behind gamma",
    "hardware_headroom": "chips would have used up their physical headroom",
}
"""What each reason code of the forecast means."""


class CurveKey(NamedTuple):
    """What a forecast curve is of: the columns that pick it out of the table."""

    target: str
    form: str
    scenario: str
    anchor: str
    group: str = "pooled"

    @property
    def symbol(self) -> str:
        """R (total), r (reducible), L_over_L0 (whole loss with a floor) or L (nats per token of a group)."""
        if self.target == "relative_loss":
            return "R" if self.form == "total" else "L_over_L0"
        return {"reducible_loss": "r", "loss": f"L.{self.group}"}.get(self.target, self.target)

    @property
    def key(self) -> str:
        """Start of the ids of this curve's numbers."""
        return f"{id_part(self.symbol)}.{id_part(self.scenario)}.{id_part(self.anchor)}"

    @property
    def columns(self) -> dict[str, object]:
        """The columns that pick the curve out of the table."""
        names = ("target", "form", "scenario_id", "anchor", "group")
        return dict(zip(names, self, strict=True))

    def row_id(self, years: float, level: float) -> str:
        """Return the id of a forecast row, in the words `race audit trace` selects it by."""
        columns = self.columns | {"horizon": f"{years:g}"}
        columns |= (
            {"output_type": "point"}
            if level == SHOWN_POINT
            else {"output_type": "quantile", "output_type_id": f"{level:g}"}
        )
        return "forecast:" + ",".join(f"{name}={value}" for name, value in columns.items())


class Cell(NamedTuple):
    """One quantile at one horizon."""

    value: float
    unit: str
    status: str
    reasons: str
    grade: str


SHOWN_READINGS = (
    ("total", "relative_loss", "Total loss, R", "the paper's reading: no floor"),
    ("reducible", "reducible_loss", "Reducible loss, r", "loss above its floor"),
    ("reducible", "relative_loss", "Whole loss, L/L₀", "floor and reducible part together"),
)
"""Form, target, name and meaning of the readings, in the order they are shown."""


class Forecasts:
    """The forecast table, ready to be asked for one number at a time.

    Parameters
    ----------
    inputs : Inputs
    numbers : Numbers
    """

    def __init__(self, inputs: QuarterFiles, numbers: NumberRegistry) -> None:
        self._numbers = numbers
        self._documents = inputs.documents
        table = inputs.table("forecast")
        keys = ["target", "form", "scenario_id", "anchor", "group"]
        self._rows = {CurveKey(*(str(part) for part in key)): rows for key, rows in table.groupby(keys, sort=False)}
        self._cells: dict[CurveKey, dict[tuple[float, float], Cell]] = {}

    def curves(self) -> list[CurveKey]:
        """Return every curve of the table."""
        return list(self._rows)

    def find(self, form: str, target: str, scenario: str, anchor: str) -> CurveKey:
        """Return a pooled (or given) curve; raise `Missing` when the table holds none."""
        for group in ("pooled", "given"):
            curve = CurveKey(target, form, scenario, anchor, group)
            if curve in self._rows:
                return curve
        raise Missing(f"the forecast holds no {form} {target} of scenario {scenario} at anchor {anchor}")

    def cells(self, curve: CurveKey) -> dict[tuple[float, float], Cell]:
        """Return a curve's quantiles by (years, level), its point under the level `SHOWN_POINT`."""
        if curve not in self._cells:
            if curve not in self._rows:
                raise Missing(f"the forecast holds no curve {curve}")
            rows = self._rows[curve]
            rows = rows[rows["output_type"].isin(["quantile", "point"])]
            rows = rows.assign(output_type_id=rows["output_type_id"].mask(rows["output_type"] == "point", SHOWN_POINT))
            if "grade" not in rows:
                rows = rows.assign(grade="")
            columns = ("horizon", "output_type_id", "value", "unit", "status", "reasons", "grade")
            self._cells[curve] = {
                (round(float(years), 6), round(float(level), 6)): Cell(float(value), *map(str, told))
                for years, level, value, *told in zip(*(rows[name].to_list() for name in columns), strict=True)
            }
        return self._cells[curve]

    def horizons(self, curve: CurveKey) -> list[float]:
        """Return a curve's horizons in years, ascending."""
        return sorted({years for years, _ in self.cells(curve)})

    def cell(self, curve: CurveKey, years: float, level: float) -> Cell:
        """Return one quantile at one horizon; raise `Missing` when the table does not hold it."""
        found = self.cells(curve).get((round(years, 6), round(level, 6)))
        if found is None:
            raise Missing(f"the forecast holds no quantile {level:g} of {curve.symbol} at {years:g} years")
        return found

    def point(self, curve: CurveKey, years: float) -> Num:
        """Return the equation at the printed inputs; the median of the draws where a curve has no single equation."""
        return self.number(curve, years, SHOWN_POINT if (round(years, 6), SHOWN_POINT) in self.cells(curve) else 0.5)

    def number(self, curve: CurveKey, years: float, level: float = 0.5) -> Num:
        """Return one quantile at one horizon as a number."""
        cell = self.cell(curve, years, level)
        return self._numbers.add(
            f"{curve.key}.{years:g}y.{'point' if level == SHOWN_POINT else f'q{level:g}'}",
            cell.value,
            cell.unit,
            decimals(3),
            nodes=(output_of_row(curve.columns),),
            forecast_rows=(curve.row_id(years, level),),
            status=cell.status,
        )

    def interval(self, curve: CurveKey, years: float, level: float) -> tuple[Num, Num]:
        """Return the two ends of a central interval at a horizon."""
        ends = (0.5 - level / 2, 0.5 + level / 2)
        return self.number(curve, years, round(ends[0], 6)), self.number(curve, years, round(ends[1], 6))

    def grade(self, curve: CurveKey, years: float) -> str:
        """Return the confidence in a curve at a horizon, in the words of its grade; empty where none was given."""
        return self.cell(curve, years, 0.5).grade

    def badge(self, curve: CurveKey, years: float, *, short: bool = False) -> Badge:
        """Return the grade of a curve at a horizon, with the reasons in words; a short one leads to its record."""
        cell = self.cell(curve, years, 0.5)
        reasons = tuple(reason_words(cell.reasons))
        if short:
            return self.recorded_badge(cell.grade, cell.status, reasons)
        return Badge(confidence_of({"grade": cell.grade, "status": cell.status}), reasons)

    def recorded_badge(self, grade: str, status: str, reasons: tuple[str, ...] = ()) -> Badge:
        """Return the grade of a forecast for a column of grades, with the link to the grade's record where it has one.

        What is not told by a grade (*refused*, *not graded*) has no record, nor has any grade before the first one
        of them has settled.
        """
        confidence = confidence_of({"grade": grade, "status": status})
        return Badge(confidence, reasons, short=True, record=GRADE_RECORD if confidence in self._recorded else "")

    @cached_property
    def _recorded(self) -> frozenset[str]:
        """The grades that the table of records holds, once any of them has settled."""
        return recorded_grades(self._documents)

    def point_with_interval(self, curve: CurveKey, years: float, level: float = 0.95) -> Rich:
        """Return ``point [low, high]``; the point alone where nothing is uncertain."""
        low, high = (self.cell(curve, years, round(end, 6)).value for end in (0.5 - level / 2, 0.5 + level / 2))
        if low == high:
            return (self.point(curve, years),)
        ends = self._numbers.bracket(*self.interval(curve, years, level))
        return (self.point(curve, years), Text(" "), *ends)


def recorded_grades(documents: Mapping[str, dict[str, Any]]) -> frozenset[str]:
    """Return the grades in the table of what a grade is worth; none where there is no such table."""
    told = documents.get("scores", {}).get("grades") or ()
    return frozenset(str(item["grade"]) for item in told) if any(item["n"] for item in told) else frozenset()


def milestone_row_id(row: pd.Series) -> str:
    """Return the id of a milestone row: the columns that select it."""
    names = ("target", "form", "scenario_id", "anchor", "group", "threshold", "output_type_id")
    return "milestones:" + ",".join(f"{name}={row[name]}" for name in names)


def reason_words(reasons: str) -> list[str]:
    """Return the reason codes of a forecast row in words."""
    return [LIMIT_WORDS.get(code, code.replace("_", " ")) for code in reasons.split(";") if code]


def scenario_title(record: dict[str, object]) -> Rich:
    """Return a scenario's own title, which may come from a user's file."""
    return (Fact(str(record.get("title") or record["name"])),)


def years_words(years: float) -> str:
    """Return a horizon in words."""
    return f"{years:g} {'year' if years == 1 else 'years'}"


def years_label(years: float) -> Rich:
    """Return a horizon as a label."""
    return (Label(years_words(years)),)


def listed(reasons: tuple[str, ...] | list[str]) -> Rich:
    """Return reasons one after another."""
    return join([Fact(text) for text in reasons], "; ")
