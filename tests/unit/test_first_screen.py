"""What the first screen says: every card with its range, how forms and readings disagree, and the furthest route."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import report_quarter
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.relative_loss import relative_loss
from race_to_efficiency.report.annex import energy, forms
from race_to_efficiency.report.annex.headline import SENTENCE_YEARS, headline_section
from race_to_efficiency.report.brief.finding import finding_section
from race_to_efficiency.report.content import Badge, Card, Num
from race_to_efficiency.report.document import walk_blocks
from race_to_efficiency.report.forecasts import GRADE_RECORD, recorded_grades
from race_to_efficiency.report.inputs import Missing, QuarterFiles, read_inputs
from race_to_efficiency.report.numbers import NumberRegistry
from race_to_efficiency.report.page import Page
from race_to_efficiency.report.words.plain import plain_text

if TYPE_CHECKING:
    import pandas as pd
    from race_to_efficiency.report.content import Section

R, WHOLE = ("total", "relative_loss"), ("reducible", "relative_loss")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> QuarterFiles:
    root = tmp_path_factory.mktemp("first_screen")
    report_quarter.write_quarter(root / "data" / "processed")
    space = report_quarter.workspace(root)
    return read_inputs(space.processed, report_quarter.QUARTER, report_quarter.AS_OF, space.params)


def with_gamma(inputs: QuarterFiles, values: dict[str, float]) -> Page:
    """Return a page on which some routes of gamma have other values."""
    gamma = inputs.documents["gamma"]
    changed = [item | {"value": values.get(item["id"], item["value"])} for item in gamma["estimates"]]
    return Page(replace(inputs, documents=inputs.documents | {"gamma": gamma | {"estimates": changed}}), "0", "t")


def with_forecast(inputs: QuarterFiles, reading: tuple[str, str], factor: float) -> Page:
    """Return a page whose forecast of one reading is another by a factor."""
    table: pd.DataFrame = inputs.tables["forecast"].copy()
    table.loc[(table["form"] == reading[0]) & (table["target"] == reading[1]), "value"] *= factor
    return Page(replace(inputs, tables=inputs.tables | {"forecast": table}), "0", "t")


def said(page: Page, section: Section, start: str) -> str:
    """Return the one paragraph or line that begins so."""
    texts = [
        plain_text(rich, page.numbers)
        for item in walk_blocks(section.blocks)
        for rich in (*getattr(item, "lines", ()), getattr(item, "parts", ()))
    ]
    (found,) = [text for text in texts if text.startswith(start)]
    return found


def test_every_card_has_the_range_of_its_value(inputs: QuarterFiles) -> None:
    page = Page(inputs, "0", "t")
    cards = [item for item in walk_blocks(finding_section(page).blocks) if isinstance(item, Card)]
    assert len(cards) == 3
    for card in cards:
        (value,) = (page.numbers[item.id].value for item in card.value if isinstance(item, Num))
        low, high = (page.numbers[item.id].value for item in card.lines[0] if isinstance(item, Num))
        assert plain_text(card.lines[0], page.numbers).startswith("8 in 10: ")
        assert low < value < high  # type: ignore[operator]
    ids = [item.id for item in cards[2].lines[0] if isinstance(item, Num)]
    table = inputs.tables["forecast"]
    mine = table[(table["form"] == "total") & (table["scenario_id"] == "constant_power")]
    mine = mine[mine["horizon"] == SENTENCE_YEARS].set_index("output_type_id")["value"]
    assert [page.numbers[name].value for name in ids] == [mine[0.1], mine[0.9]]


@pytest.mark.parametrize(("factor", "words"), [(1.0, ", above R’s range."), (0.74, "."), (0.6, ", below R’s range.")])
def test_the_whole_loss_says_where_it_lies_to_the_range_of_r(inputs: QuarterFiles, factor: float, words: str) -> None:
    page = with_forecast(inputs, WHOLE, factor)
    text = said(page, finding_section(page), "With its floor")
    start = r"With its floor, the whole loss hardly moves: to 0\.\d+ of today’s"
    assert re.fullmatch(rf"{start}{re.escape(words)} Nearly all is a floor compute cannot lower\.", text)


@pytest.mark.parametrize(("factor", "words"), [(1.0, "inside"), (0.1, "above"), (10.0, "below")])
def test_the_card_says_where_the_other_form_lies_and_the_annex_its_number(
    inputs: QuarterFiles, factor: float, words: str
) -> None:
    page = with_forecast(inputs, ("reducible", "reducible_loss"), factor)
    assert said(page, finding_section(page), "The law’s other form") == f"The law’s other form: {words} this range"
    text = said(page, headline_section(page), "The form of the law.")
    assert text.endswith(f"The other form lies {words} that range.")
    kappa = (0.16 + 0.13) / 2  # of the two families, each with one group
    assert page.numbers["brief.r.other_form"].value == pytest.approx(relative_loss(5.0, kappa, 1.85), rel=1e-12)
    assert f"gives {page.numbers['brief.r.other_form'].text} after 5 years" in text


def test_without_the_other_form_the_card_is_silent_and_the_annex_says_why(inputs: QuarterFiles) -> None:
    scenarios = inputs.documents["scenarios"]
    pools = {name: pool | {"groups": []} for name, pool in scenarios["pools"].items()}
    documents = inputs.documents | {"scenarios": scenarios | {"pools": pools}}
    page = Page(replace(inputs, documents=documents), "0", "t")
    with pytest.raises(ValueError, match="not enough values"):
        said(page, finding_section(page), "The law’s other form")
    assert said(page, headline_section(page), "The form of the law: no group that speaks")


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(-2, 2))
def test_a_number_lies_inside_below_or_above_a_range(value: float, one: float, other: float) -> None:
    page: Any = Page(QuarterFiles("q", report_quarter.AS_OF, None), "0", "t")  # type: ignore[arg-type]
    low, high = sorted((one, other))
    number, *ends = (
        page.numbers.add(f"n{place}", item, "1", nodes=("x",)) for place, item in enumerate((value, low, high))
    )
    assert forms.place_of(page, number, ends) == (
        "inside" if low <= value <= high else "below" if value < low else "above"
    )


def test_what_is_open_has_no_place(inputs: QuarterFiles) -> None:
    page: Any = Page(inputs, "0", "t")
    number, low = (page.numbers.add(f"n{item}", item, "1", nodes=("x",)) for item in (1.0, 0.5))
    with pytest.raises(Missing):
        forms.place_of(page, number, (low, page.numbers.add("open", None, "1", nodes=("x",))))


ROUTES = {"gamma.route.A": 1.36, "gamma.route.D": 1.85}


@pytest.mark.parametrize(
    ("values", "words", "far"),
    [
        (ROUTES, "takes the fastest of our ways", 1.36),
        ({"gamma.route.A": 3.0}, "of our other ways to measure the pace, the furthest off gives", 3.0),
    ],
)
def test_the_doubt_names_the_route_furthest_from_the_headline(
    inputs: QuarterFiles, values: dict[str, float], words: str, far: float
) -> None:
    page = with_gamma(inputs, values)
    text = said(page, finding_section(page), "Each number below")
    assert words in text
    assert text.endswith(f"{energy.one_in(2 ** (-5 * far))}.")


def test_of_several_routes_the_furthest_counts_on_either_side(inputs: QuarterFiles) -> None:
    gamma = inputs.documents["gamma"]
    extra = next(item for item in gamma["estimates"] if item["id"] == "gamma.route.A") | {"id": "gamma.route.Z"}
    route = next(item for item in gamma["routes"] if item["route"] == "A") | {"route": "Z", "estimate": "gamma.route.Z"}
    for value, far in ((2.0, 1.36), (2.9, 2.9)):  # D is 1.85
        changed = gamma | {
            "estimates": [*gamma["estimates"], extra | {"value": value}], "routes": [*gamma["routes"], route]
        }  # fmt: skip
        page = Page(replace(inputs, documents=inputs.documents | {"gamma": changed}), "0", "t")
        assert said(page, finding_section(page), "Each number below").endswith(f"{energy.one_in(2 ** (-5 * far))}.")


def test_the_annex_has_the_energy_at_both_levels_and_numbers_json_its_ends(inputs: QuarterFiles) -> None:
    page = Page(inputs, "0", "t")
    text = said(page, headline_section(page), "The energy of today's best run.")
    route = page.inputs.estimate("gamma.route.D")
    ends = page.numbers.to_json()["energy.gamma.route.D.5y.value"]["ends"]
    assert [item["level"] for item in ends] == [0.8, 0.95]
    for item in ends:
        interval = route.interval(item["level"])
        assert interval is not None
        assert item["method"] == interval.method
        assert page.numbers[item["low"]].value == pytest.approx(2.0 ** (-5 * float(interval.high or 0.0)), rel=1e-12)
        assert page.numbers[item["high"]].value == pytest.approx(2.0 ** (-5 * float(interval.low or 0.0)), rel=1e-12)
        assert f"{page.numbers[item['low']].text} to {page.numbers[item['high']].text}" in text


def test_a_number_has_one_interval_a_level() -> None:
    numbers = NumberRegistry()
    middle, low, high = (numbers.add(f"n{item}", item, "1", nodes=("x",)) for item in (1.0, 0.5, 2.0))
    numbers.enclose(middle, low, high, level=0.8, method="draws")
    numbers.enclose(middle, low, high, level=0.8, method="draws")
    with pytest.raises(ValueError, match="another 80 % interval"):
        numbers.enclose(middle, low, middle, level=0.8, method="draws")
    assert numbers.to_json()["n1.0"]["ends"] == [{"level": 0.8, "method": "draws", "low": "n0.5", "high": "n2.0"}]
    assert "ends" not in numbers.to_json()["n0.5"]


@pytest.mark.parametrize(
    ("counts", "grades"), [({"low": 0, "high": 3}, {"low", "high"}), ({"low": 0}, set()), ({}, set())]
)
def test_a_grade_has_a_record_once_one_of_them_has_settled(counts: dict[str, int], grades: set[str]) -> None:
    told = [{"grade": name, "n": n} for name, n in counts.items()]
    assert recorded_grades({"scores": {"grades": told}}) == grades
    assert recorded_grades({}) == set()


@pytest.mark.parametrize(
    ("grade", "status", "link"),
    [("high", "weak", GRADE_RECORD), ("medium", "weak", ""), ("", "refused", ""), ("", "weak", "")],
)
def test_a_badge_in_a_column_leads_to_the_record_its_grade_has(
    inputs: QuarterFiles, grade: str, status: str, link: str
) -> None:
    badge = Page(inputs, "0", "t").forecasts.recorded_badge(grade, status)
    assert isinstance(badge, Badge)
    assert (badge.short, badge.record) == (True, link)
