"""The rendered page of the small quarter, read as a reader does: sentences, intervals and every number's own digits."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from plain import document

if TYPE_CHECKING:
    from race_to_efficiency.settings.params import Workspace

NUMBER = re.compile(r'<data value="[^"]*" data-id="([^"]*)">(.*?)</data>')
PAIR = re.compile(r"\x01([^\x01\x02]*)\x02(?: to |, )\x01([^\x01\x02]*)\x02")
SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")
WRITTEN = re.compile(r"([-+]?[\d,]*\.?\d+)(?: × 10(-?\d+))?( %)?")


@pytest.fixture(scope="module")
def page(small_quarter: Workspace) -> str:
    """Return the page without its markup, each number as its id between two marks."""
    text = (small_quarter.processed / "report" / "report.html").read_text(encoding="utf-8")
    text = NUMBER.sub(lambda match: f"\x01{match[1]}\x02", text[text.index("<body") :])
    text = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "", re.sub(r"</(?:t[dh]|p|li|h\d)>", "\n", text)))


@pytest.fixture(scope="module")
def forecast(small_quarter: Workspace) -> pd.DataFrame:
    return pd.read_parquet(small_quarter.processed / "forecast.parquet")


def told(forecast: pd.DataFrame, target: str, form: str, years: float, level: float | None = None) -> float:
    """A quantile of the headline's table; without a level, the equation at the printed inputs."""
    rows = forecast[(forecast["scenario_id"] == "constant_power") & (forecast["anchor"] == "frontier_trend")]
    rows = rows[(rows["target"] == target) & (rows["form"] == form) & (rows["horizon"] == years)]
    chosen = rows["output_type"].eq("point") if level is None else (rows["output_type_id"] - level).abs() < 1e-9
    return float(rows[chosen]["value"].item())


def test_the_first_sentence_says_the_whole_loss_in_both_readings(
    page: str, numbers: dict[str, Any], forecast: pd.DataFrame
) -> None:
    """R of the paper, then L/L0 with a floor, which falls less: told from the table, not from the numbers' names."""
    sentence = re.search(
        r"falls in 5 years to \x01(.*?)\x02 of today's in the paper's reading, and to \x01(.*?)\x02 once the irred",
        page,
    )
    assert sentence is not None
    total, whole = (numbers[name]["value"] for name in sentence.groups())
    assert total == told(forecast, "relative_loss", "total", 5)
    assert whole == told(forecast, "relative_loss", "reducible", 5)
    assert whole > total


CARDS = {
    "R, loss relative to today": ("relative_loss", "total"),
    "L/L₀, loss relative to today": ("relative_loss", "reducible"),
    "r, loss above the floor relative to today": ("reducible_loss", "reducible"),
}


@pytest.mark.parametrize("name", CARDS)
def test_a_card_shows_the_point_and_the_ends_its_levels_name(
    page: str, numbers: dict[str, Any], forecast: pd.DataFrame, name: str
) -> None:
    shown = re.search(
        re.escape(name) + r", after 5 years.*?\n\s*\x01(.*?)\x02\s*\n"
        r"\s*80 %: \x01(.*?)\x02 to \x01(.*?)\x02\s*\n\s*95 %: \x01(.*?)\x02 to \x01(.*?)\x02",
        page,
    )
    assert shown is not None
    for printed, level in zip(shown.groups(), (None, 0.1, 0.9, 0.025, 0.975), strict=True):
        assert numbers[printed]["value"] == told(forecast, *CARDS[name], 5, level)


def test_every_interval_runs_from_its_low_to_its_high_end(page: str, numbers: dict[str, Any]) -> None:
    """``[a, b]`` and ``a to b``: two numbers, the first not the larger; an end that is no number is open or never."""
    intervals = [pair for pair in PAIR.findall(page) if ".said" not in pair[0]]
    assert len(intervals) > 300
    for low, high in intervals:
        assert low != high
        ends = numbers[low]["value"], numbers[high]["value"]
        assert None in ends or ends[0] <= ends[1], (low, high)
        if low.endswith(".low"):
            assert high == low.removesuffix("low") + "high"


def test_an_estimates_ends_are_those_of_its_record(small_quarter: Workspace, numbers: dict[str, Any]) -> None:
    checked = 0
    for name in ("kappa.json", "gamma.json"):
        for record in document(small_quarter.processed, name)["estimates"]:
            for item in record["intervals"]:
                for end in ("low", "high"):
                    printed = numbers.get(f"{record['id']}.{item['method']}{100 * item['level']:.4g}.{end}")
                    if printed is not None:
                        assert printed["value"] == item[end]
                        checked += 1
    assert checked > 200


def written(text: str) -> tuple[float, float] | None:
    """Return the value a text states and half of its last digit; None for a word."""
    match = WRITTEN.fullmatch(text.translate(SUPERSCRIPTS))
    if match is None:
        return None
    mantissa, power, share = match.groups()
    scale = 10.0 ** int(power or 0) / (100 if share else 1)
    places = len(mantissa.partition(".")[2])
    return float(mantissa.replace(",", "")) * scale, 0.5 * 10.0**-places * scale


def test_every_number_is_written_as_its_value_to_the_last_digit(numbers: dict[str, Any]) -> None:
    """ "> 99 %" is what would round to certainty and is not certain; a number with fewer digits ends in zeros."""
    checked, words = 0, set()
    for name, entry in numbers.items():
        value, text = entry["value"], entry["text"]
        if text.startswith("1/"):
            value, text = 1.0 / value, text.removeprefix("1/")
        found = written(text)
        if entry["unit"] == "as written":
            continue
        if text == "> 99 %":
            assert 0.995 <= value < 1, name
        elif text == "< 1 %":
            assert 0 < value < 0.005, name
        elif found is None:
            assert value is None or entry["unit"] == "decimal year", name
            words.add(text if value is None else "date")
        else:
            stated, half = found
            zeros = len(re.search(r"0*$", text.replace(",", "").split(" ")[0])[0]) if "." not in text else 0
            assert abs(stated - value) <= half * 10**zeros * (1 + 1e-9), name
            checked += 1
    assert checked > 1500
    assert words <= {"never", "open", "refused", "–", "date", "not identified"}
