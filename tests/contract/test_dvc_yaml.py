"""dvc.yaml against what the stages read: settings, files and code.

What a stage reads is recorded while the suite's small quarter is made; the code it reaches is worked out twice.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from import_statements import reached_by
from race_to_efficiency import cli
from race_to_efficiency.settings import params as settings
from race_to_efficiency.settings.corridor import declared
from race_to_efficiency.settings.params import Workspace, read_params
from race_to_efficiency.stages import declared as module
from reads import recorded
from small_settings import DOCUMENT, PARAMS
from typer.testing import CliRunner
from what_stages_read import brought_up_to_date

ROOT = Path(__file__).resolve().parents[2]
STAGES = declared(ROOT)
Reads = dict[str, dict[str, list[str]]]


def test_dvc_yaml_declares_what_the_stages_read(reads: Reads) -> None:
    assert (ROOT / "dvc.yaml").read_text(encoding="utf-8") == brought_up_to_date(reads), "run `make dvc-yaml`"


def test_each_setting_is_read_by_somebody(
    readers: dict[str, set[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a stage, or by `race fit`, which has a section of its own."""
    chips = "\n".join(f"{2010 + year},{2.0**year * (1 + year % 3 / 10)}" for year in range(12))
    (tmp_path / "chips.csv").write_text("released,speed\n" + chips, encoding="utf-8")
    runs = "\n".join(f"{10.0 ** (18 + k / 4)},{3.0 * 0.9 ** (k + k % 2 / 9)}" for k in range(16))
    (tmp_path / "runs.csv").write_text("compute_flop,loss\n" + runs, encoding="utf-8")
    params = read_params(PARAMS)
    monkeypatch.setattr(settings, "read_params", lambda path: params)
    monkeypatch.chdir(tmp_path)
    with recorded(params) as found:
        for words in ("fit gamma chips.csv --date released --value speed", "fit kappa runs.csv --form power_law"):
            result = CliRunner().invoke(cli.application(), [*words.split(), "--json"])
            assert result.exit_code == 0, result.output
    unread = {leaf for leaf, stages in readers.items() if not stages and leaf not in found.settings}
    assert unread == set(), "a setting nobody reads is no setting"
    assert {leaf for leaf, stages in readers.items() if not stages} == {leaf for leaf in readers if "own_" in leaf}


def test_lint_fails_where_the_list_of_code_is_not_what_is_reached(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    path = tmp_path / "dvc.yaml"
    path.write_text(text, encoding="utf-8")
    assert module.check_declared([], tmp_path) == 0
    gates, command = (f"pipeline/race_to_efficiency/{name}.py" for name in ("calibration/kappa/trust", "cli"))
    listed, extra = f"      - {gates}\n", f"      - {command}\n"
    for wrong, file, what in (
        (text.replace(listed, "", 1), gates, "reached, not listed"),
        (text.replace(listed, listed + extra, 1), command, "listed, not reached"),
    ):
        path.write_text(wrong, encoding="utf-8")
        assert module.check_declared([], tmp_path) == 1
        assert f"dvc.yaml: fit_kappa: {file}: {what}\n" in capsys.readouterr().err
        assert module.check_declared(["--write"], tmp_path) == 0
        assert path.read_text(encoding="utf-8") == text


def test_a_stage_sees_the_sections_it_declares_and_no_other() -> None:
    space = Workspace(ROOT, read_params(PARAMS), ROOT, ROOT).showing(STAGES["forecast"].settings)
    assert space.params.forecast.draws == DOCUMENT["forecast"]["draws"]
    assert space.seed == DOCUMENT["seed"]
    with pytest.raises(AttributeError, match="cost"):
        _ = space.params.cost


def test_the_two_readings_of_the_code_agree() -> None:
    for name, stage in STAGES.items():
        assert set(stage.code) == reached_by(name), name


def test_yaml_of_dvc_is_block_style() -> None:
    document = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    entries = document["stages"].values()
    assert all({"desc", "cmd", "params", "deps", "outs"} == set(entry) - {"metrics"} for entry in entries)
    written = [item for entry in entries for item in (*entry["outs"], *entry.get("metrics", ()))]
    assert all(item[next(iter(item))] == {"persist": True} for item in written)
