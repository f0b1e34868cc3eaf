"""``race show scores`` for a person: the record first, then skill and coverage, then the misses, on one screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.commands import terminal
from race_to_efficiency.commands.screens import MOST_LINES, fitted
from race_to_efficiency.commands.tables import digits_text
from race_to_efficiency.evaluation.horizons import HEADLINE_HORIZON, SHOWN_HORIZONS
from race_to_efficiency.visible import SCREEN_WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MISSES = 3
_WORSE = 4
_TARGETS = 12
_LEVELS = (50, 80, 95)


def print_scores(document: dict[str, Any], foot: Sequence[str], *, details: bool, picked: bool) -> None:
    """Print the scores of a quarter, or those picked, on one screen, or everything with ``details``."""
    whole = list(picked_lines(document) if picked else lines(document))
    fits = [] if len(whole) + len(foot) > MOST_LINES else foot
    terminal.lines((*whole, *fits))
    if not details:
        return
    terminal.table("Every target, horizon and vintage", SCORE_COLUMNS, [score_cells(row) for row in document["scores"]])
    settled = [record_cells(row) for row in document["published"] if row["status"] == "resolved"]
    terminal.table("Statements that have settled, as they were made", RECORD_COLUMNS, settled)
    late = [late_cells(item) for item in document["lateness"]]
    graded = [grade_cells(item) for item in document["grades"]]
    terminal.table("Losses of larger runs, settled, by the grade of their forecast", GRADE_COLUMNS, graded)
    terminal.table("How optimistic pseudo views are: rows of two years that a snapshot lacked", LATE_COLUMNS, late)
    terminal.table("Bounds of physics", BOUND_COLUMNS, [bound_cells(item) for item in document["bounds"]])


def lines(document: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the screen, none wider than 80 characters."""
    yield f"Scores of {document['quarter']}, as of {document['as_of']}"
    titles = f"{'due':>4}{'settled':>8}{'overdue':>8}{'void':>5}{'by hand':>8}{'in 80 %':>8}{'better':>7}{'events':>8}"
    yield f"{'Statements':<24}{titles}"
    yield from (totals_line(row) for row in document["totals"])
    yield "(better: than doing nothing; events: how many, and their Brier score)"
    pooled = [row for row in document["scores"] if row["target"] == "all" and row["horizon_quarters"] in SHOWN_HORIZONS]
    yield f"{'All targets':<30}{'n':>4}{'n_eff':>6}{'WIS':>7}{'skill':>7}{'50/80/95 %':>12}  verdict"
    yield from (score_line(f"{ahead(row['horizon_quarters'])} ahead", row) for row in pooled)
    yield f"Each target, {HEADLINE_HORIZON} quarters ahead"
    yield from (score_line(row["target"], row) for row in headline(document["scores"])[:_TARGETS])
    for item in document["predecessors"]:
        yield from predecessor_lines(item)
    if document["misses"]:
        yield "Worst misses: said, came; what today's forecaster says for the same question"
        yield from (miss_line(row) for row in document["misses"][:_MISSES])
    yield "All of it: race show scores --details, or --json; ages of the ledgers: --json"


def picked_lines(document: dict[str, Any]) -> Iterator[str]:
    """Yield the scores of some targets, every horizon and vintage."""
    yield f"Scores of {document['quarter']}, as of {document['as_of']}: quarters ahead, vintage"
    yield f"{'Target':<44}{'n':>4}{'n_eff':>6}{'WIS':>7}{'skill':>7}  verdict"
    named = [(f"{row['target']} {row['horizon_quarters']} {row['vintage']}", row) for row in document["scores"]]
    rows = [[f"{name:<44}{figures(row)}  {verdict(row)}"] for name, row in named]
    yield from fitted(rows, MOST_LINES - 2, "--details or --json")


def ahead(quarters: int) -> str:
    """Return a horizon in words."""
    return f"{quarters} quarter{'s' if quarters > 1 else ''}"


def covered(shares: Iterable[float | None]) -> str:
    """Return the shares inside intervals of rising level, in per cent."""
    return "/".join("-" if value is None else f"{100 * value:.0f}" for value in shares)


def share(value: float | None) -> str:
    """Return a share as per cent; a dash for none."""
    return "-" if value is None else f"{value:.0%}"


def totals_line(row: dict[str, Any]) -> str:
    """Return one row of the totals."""
    inside, better = f"{row['inside_80']}/{row['in_80_of']}", f"{row['better']}/{row['with_baseline']}"
    events = f"{row['events']}: {row['brier']:.2f}" if row["events"] else "0"
    counts = f"{row['due']:>4}{row['settled']:>8}{row['overdue']:>8}{row['void']:>5}{row['by_hand']:>8}"
    return f"{row['name']:<24}{counts}{inside:>8}{better:>7}{events:>8}"


def headline(scores: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row a target at the headline's horizon: both vintages together where there are both."""
    rows = [row for row in scores if row["horizon_quarters"] == HEADLINE_HORIZON and row["target"] != "all"]
    rows = [row for row in rows if not row["target"].startswith("loss.") or row["target"] == "loss.all"]
    mixed = {row["target"] for row in rows if row["vintage"] == "mixed"}
    return [row for row in rows if row["vintage"] == "mixed" or row["target"] not in mixed]


def score_line(name: str, row: dict[str, Any]) -> str:
    """Return one row of the scorecard."""
    cover = covered(row[f"interval_coverage_{level}"] for level in _LEVELS)
    return f"{name:<30}{figures(row)}{cover:>12}  {verdict(row)}"


def figures(row: dict[str, Any]) -> str:
    """Return the number of cells, of independent ones, the score and the skill of a row."""
    return f"{row['n']:>4}{digits_text(row['n_eff'], 2):>6}{digits_text(row['wis'], 2):>7}{share(row['skill']):>7}"


def verdict(row: dict[str, Any]) -> str:
    """Return what is said of a row, in few words."""
    return str(row["verdict"]).replace(" to judge", "")


def predecessor_lines(item: dict[str, Any]) -> Iterator[str]:
    """Yield how an earlier forecaster did on the same cells, and where it or doing nothing was clearly better."""
    rivals = {"earlier": item["model"], "last_value": "doing nothing"}
    worse = [(row, rivals[name]) for row in item["targets"] for name in row["worse_than"]]
    inside = f"inside {covered(item['coverage'].values())} % (its {covered(item['coverage_earlier'].values())})"
    yield f"Beside {item['model']} since {item['first_origin']}: score x {digits_text(item['ratio'], 2)}; {inside}"
    cells = f"{item['below_last_value']} of {item['cells']} cells beat no change"
    yield f"{cells} (its {item['below_last_value_earlier']}){'; over 10 % worse:' if worse else ''}"
    for row, rival in worse[:_WORSE]:
        yield f"  {row['target']} than {rival}: {row['because']}"[:SCREEN_WIDTH]


def miss_line(row: dict[str, Any]) -> str:
    """Return one miss: what was said, what came, what today's forecaster says."""
    unit = "" if row["unit"] == "1" else f" {row['unit']}"
    said, came, today = (digits_text(row[key], 3) for key in ("median", "observed", "median_today"))
    return f"  {row['id']}: {said}, {came}{unit}; today {today}"[:SCREEN_WIDTH]


SCORE_COLUMNS = ("target", "quarters", "vintage", "n", "n eff", "WIS", "baseline", "skill", "50/80/95 %", "verdict")


def score_cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of one score; skill is against the best simple baseline by then."""
    return (
        row["target"],
        str(row["horizon_quarters"]),
        row["vintage"],
        str(row["n"]),
        digits_text(row["n_eff"], 3),
        digits_text(row["wis"], 3),
        row["baseline"] or "-",
        share(row["skill"]),
        "/".join(digits_text(row[f"interval_coverage_{level}"], 2) for level in _LEVELS),
        row["verdict"],
    )


RECORD_COLUMNS = ("statement", "stated, came out, at maturity", "score, doing nothing's, today's")


def record_cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of a settled statement; scores are smaller the better: Brier, or weighted interval score."""
    return (
        f"{row['publication']}: {row['what']}",
        ", ".join(digits_text(row[key], 3) for key in ("median", "observed", "matured")),
        ", ".join(digits_text(row[key], 2) for key in ("score", "score_baseline", "score_today")),
    )


BOUND_COLUMNS = ("target", "bound", "mass moved to it", "source")


def bound_cells(item: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of one bound, with the power a compute forecast implies where it is one."""
    implied = item.get("power_implied_above_cap")
    said = "" if implied is None else f"; P(power implied above the cap) {implied:.2%}"
    bound = f"{digits_text(item['bound'][0], 3)} {item['unit']}"
    return (item["target"], bound, f"{item['moved_mean']:.1%}", item["source"] + said)


GRADE_COLUMNS = ("grade", "settled", "groups", "in 80 %", "in 95 %", "WIS", "worse than the grade above")


def grade_cells(item: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of one grade's record."""
    ratio = "no record" if item["wis_ratio"] is None else f"{item['wis_ratio']:.2f} times"
    covered = ("no record" if item[name] is None else share(item[name]) for name in ("coverage_80", "coverage_95"))
    return (item["grade"], str(item["n"]), str(item["targets"]), *covered, digits_text(item["wis"], 2), ratio)


LATE_COLUMNS = ("target", "rows", "entered later", "median lag, days")


def late_cells(item: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of one target's late rows."""
    lag = digits_text(item["median_lag_days"], 3)
    return (item["target"], str(item["rows"]), share(item["late_share"]), lag)
