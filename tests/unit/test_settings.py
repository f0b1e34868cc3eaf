"""params.yaml and its models: one place for each setting, bounds on every number, and old quarters still readable."""

from __future__ import annotations

import inspect
import math
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from annotated_types import Ge, Gt, Le, Lt
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import modify_yaml
from pydantic.fields import FieldInfo
from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.settings import corridor as module
from race_to_efficiency.settings.params import check_params, find_params, read_params
from race_to_efficiency.settings.scenarios import ScenarioParams
from race_to_efficiency.settings.sealed import complete, read_sealed
from race_to_efficiency.settings.section import SettingsSection
from race_to_efficiency.settings.sections import Params
from small_settings import DOCUMENT, PARAMS, document

Leaf = tuple[tuple[str, ...], Any]


def leaves(said: Any, place: tuple[str, ...] = ()) -> list[Leaf]:
    """Every setting of params.yaml: a list or an open mapping is one value."""
    if not isinstance(said, dict) or place == ("backtest", "members", "by_kind"):
        return [(place, said)]
    return [leaf for key, value in said.items() for leaf in leaves(value, (*place, key))]


LEAVES = leaves(DOCUMENT)


def fields_of(kind: type[SettingsSection]) -> list[tuple[str, FieldInfo]]:
    """Every field under a model, those of lists' items too."""
    found = []
    for name, field in kind.model_fields.items():
        found.append((f"{kind.__name__}.{name}", field))
        for inner in sections_in(field.annotation):
            found += fields_of(inner)
    return found


def sections_in(annotation: Any) -> list[type[SettingsSection]]:
    if inspect.isclass(annotation) and issubclass(annotation, SettingsSection):
        return [annotation]
    return [kind for part in get_args(annotation) for kind in sections_in(part)]


FIELDS = dict(fields_of(Params))


def put(place: tuple[str, ...], value: Any) -> dict[str, Any]:
    changes: Any = value
    for key in reversed(place):
        changes = {key: changes}
    return document(**changes)


def test_params_yaml_holds_every_setting_and_none_has_a_default() -> None:
    assert check_params(DOCUMENT, PARAMS).model_dump(mode="json").keys() == DOCUMENT.keys()
    for place, _ in LEAVES:
        without = document()
        inner = without
        for key in place[:-1]:
            inner = inner[key]
        del inner[place[-1]]
        with pytest.raises(DataInvalid, match=r"params\.yaml is not valid: 1 problem") as caught:
            check_params(without, PARAMS)
        assert caught.value.exit_code == 3
        assert ".".join(place) in str(caught.value.why)


def test_an_optional_key_is_none_when_absent_and_says_what_that_means() -> None:
    optional = {name: field for name, field in FIELDS.items() if not field.is_required()}
    assert optional
    for name, field in optional.items():
        assert field.default is None, name
        assert "absent" in (field.description or ""), name
    spoken = {"name": "mine", "gamma": 1.0}
    full = ScenarioParams.model_validate(spoken).model_dump(mode="json")
    assert ScenarioParams.model_validate(full).model_dump(mode="json") == full
    assert ScenarioParams.model_validate(spoken | ScenarioParams.ABSENT).model_dump(mode="json") == full


def test_every_setting_says_what_it_means() -> None:
    silent = [
        name
        for name, field in FIELDS.items()
        if not field.description and not sections_in(field.annotation) and not name.endswith("Fleet.path")
    ]
    assert silent == []


def bounds_of(field: FieldInfo) -> list[Any]:
    found = [item for item in field.metadata if isinstance(item, (Ge, Gt, Le, Lt))]

    def walk(annotation: Any) -> None:
        for item in getattr(annotation, "__metadata__", ()):
            found.extend(part for part in getattr(item, "metadata", [item]) if isinstance(part, (Ge, Gt, Le, Lt)))
        for part in get_args(annotation):
            walk(part)

    walk(field.annotation)
    return found


def is_number(annotation: Any) -> bool:
    return annotation in (int, float) or any(is_number(part) for part in get_args(annotation))


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if is_number(field.annotation)])
def test_every_number_has_two_ends(name: str) -> None:
    found = bounds_of(FIELDS[name])
    assert any(isinstance(item, (Ge, Gt)) for item in found)
    ends = [getattr(item, "le", None) or getattr(item, "lt", None) for item in found if isinstance(item, (Le, Lt))]
    assert ends
    assert all(math.isfinite(end) for end in ends)


NUMBERS = [(place, value) for place, value in LEAVES if isinstance(value, (int, float)) and not isinstance(value, bool)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300, -1e300, True, "many", None, [1]])
def test_no_number_out_of_this_world_gets_in(value: object) -> None:
    for place, _ in NUMBERS:
        everything = {key: dict(held) if isinstance(held, dict) else held for key, held in DOCUMENT.items()}
        inner = everything
        for key in place[:-1]:
            inner[key] = dict(inner[key])
            inner = inner[key]
        inner[place[-1]] = value
        with pytest.raises(DataInvalid) as caught:
            check_params(everything, PARAMS)
        assert ".".join(place) in str(caught.value.why)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("forecast", "horizon_years"), 1_000_000_000),
        (("cost", "values", "accelerator_power_w"), math.nan),
        (("quarter",), "2026Q5"),
        (("fit_kappa", "levels"), [0.95, math.nan]),
        (("forecast", "quantile_levels"), [0.5, 0.4]),
        (("report", "headline_years"), [1, 10**9]),
        (("backtest", "members", "by_kind", "observation"), []),
        (("backtest", "members", "by_kind", "nothing"), ["trend"]),
        (("statements", "reconstruct_from"), "2025"),
        (("report", "titel"), "misspelt"),
    ],
)
def test_wrong_values_are_refused_by_name(place: tuple[str, ...], value: object) -> None:
    with pytest.raises(DataInvalid) as caught:
        check_params(put(place, value), PARAMS)
    assert ".".join(place) in str(caught.value.why)
    assert caught.value.exit_code == 3


def changed(said: Any) -> None:
    """Change every scalar of a YAML document in place, to another of its kind, and lengthen every list of scalars."""
    for key in said if isinstance(said, dict) else range(len(said)):
        value = said[key]
        if isinstance(value, bool):
            said[key] = not value
        elif isinstance(value, (int, float)):
            said[key] = value * 2 + 1 if isinstance(value, int) else float(value) * 2 + 1
        elif isinstance(value, str):
            said[key] = "2019-02-02" if value.startswith("20") and "-" in value else "changed"
        elif isinstance(value, (dict, list)):
            changed(value)


def test_dvc_rewrites_only_the_lines_it_changes(tmp_path: Path) -> None:
    """As ``dvc exp run -S`` does: block style, order and comments are what its writer leaves."""
    file = tmp_path / "params.yaml"
    text = PARAMS.read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    with modify_yaml(file) as held:
        held["fit_kappa"]["delta"] = 0.002
    before, after = text.splitlines(), file.read_text(encoding="utf-8").splitlines()
    assert [(old, new) for old, new in zip(before, after, strict=True) if old != new] == [
        (line, line.replace("0.001", "0.002")) for line in before if " delta: " in line
    ]
    file.write_text(text, encoding="utf-8")
    apply_overrides(file, ["fit_kappa.delta=0.002"])  # what the command itself calls: it makes every list anew
    assert file.read_text(encoding="utf-8").splitlines() == after
    with modify_yaml(file) as held:
        changed(held)
    folded = next(number for number, line in enumerate(before) if line.strip() == "duration may go")
    before.pop(folded)  # the one text of two lines
    for old, new in zip(before, file.read_text(encoding="utf-8").splitlines(), strict=True):
        key, _, _ = old.partition(": ")
        assert new.startswith(key if ": " in old or old.lstrip().startswith("#") else old.partition("- ")[0])
        assert old.partition("#")[2] == new.partition("#")[2]


def test_the_file_found_is_the_checkout_s_and_else_the_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_params(PARAMS.parent / "tests") == PARAMS
    assert find_params(tmp_path) == find_params() == PARAMS
    storage.write_text(tmp_path / "mine" / "params.yaml", "")
    (tmp_path / "mine" / "data" / "raw").mkdir(parents=True)
    assert find_params(tmp_path / "mine" / "data") == tmp_path / "mine" / "params.yaml"
    installed = tmp_path / "site-packages" / "race_to_efficiency" / "settings"
    storage.write_bytes(installed / "params.yaml", PARAMS.read_bytes())
    monkeypatch.setattr(module, "__file__", str(installed / "corridor.py"))
    assert find_params(tmp_path) == installed / "params.yaml"
    assert read_params(find_params()).quarter == DOCUMENT["quarter"]


# --- published settings, older than some of today's ------------------------------------------------------------------

PUBLISHED = sorted((PARAMS.parent / "reports" / "race-0.1").glob("*Q*/params.yaml"))


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.parent.name)
def test_published_settings_are_read_as_the_code_of_their_time_did(path: Path) -> None:
    """0.1 wrote no setting down that it left at a default; params.yaml of today holds the same values."""
    with pytest.raises(DataInvalid):
        read_params(path)
    sealed = storage.read_yaml(path)
    whole, born_later = complete(sealed)
    assert set(born_later) == {".".join(place) for place, _ in LEAVES if not said(sealed, place)}
    for name, value in born_later.items():
        assert value == at(whole, name.split(".")), name
    today = {place for place, _ in LEAVES}
    for place, value in leaves(sealed):
        # what no code reads any more is left out, all else is as it was published
        assert at(whole, place) == value if said(whole, place) else place not in today
    assert not said(whole, ("backtest", "choose_by"))
    assert read_sealed(path) == check_params(whole, path)


def test_a_setting_s_before_is_what_0_1_did() -> None:
    """Held against values of 0.1's own documents, which say what they were computed with."""
    values = complete({})[1]
    kappa = storage.read_json(PARAMS.parent / "reports" / "race-0.1" / "2025Q1" / "kappa.json")
    intervals = [item for estimate in kappa["estimates"] for item in estimate["intervals"]]
    assert {item["level"] for item in intervals if "bootstrap" in item["method"]} == set(values["fit_kappa.levels"])
    forecast = storage.read_parquet(PARAMS.parent / "reports" / "race-0.1" / "2025Q1" / "forecast.parquet")
    assert sorted(forecast["output_type_id"].dropna().unique()) == values["forecast.quantile_levels"]
    changes = storage.read_json(PARAMS.parent / "reports" / "race-0.1" / "2025Q1" / "gamma.json")["slope_change"]
    assert [item["component"] for item in changes] == [item["component"] for item in values["fit_gamma.slope_changes"]]
    assert {"chinchilla", "floor", "power_law"} == {row["form"] for row in kappa["estimates"] if row["form"]}


def test_a_live_file_never_takes_a_before() -> None:
    for name in complete({})[1]:
        without = document()
        inner = without
        *way, last = name.split(".")
        for key in way:
            inner = inner[key]
        del inner[last]
        with pytest.raises(DataInvalid, match="not valid"):
            check_params(without, PARAMS)


def said(document: Any, place: tuple[str, ...]) -> bool:
    for key in place:
        if not isinstance(document, dict) or key not in document:
            return False
        document = document[key]
    return True


def at(document: Any, place: Any) -> Any:
    for key in place:
        document = document[key]
    return document


def test_yaml_and_the_checked_settings_say_the_same() -> None:
    dumped = check_params(yaml.safe_load(PARAMS.read_text(encoding="utf-8")), PARAMS).model_dump(mode="json")
    for place, value in LEAVES:
        if not (isinstance(value, list) and value and isinstance(value[0], dict)):
            assert at(dumped, place) == value, place
