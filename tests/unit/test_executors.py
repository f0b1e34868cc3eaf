"""Where pieces are computed changes nothing: this process, processes, a cluster; and whom a cluster's work is given."""

from __future__ import annotations

import importlib.util
import math
import pickle
import platform
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import threadpoolctl
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.cli import main
from race_to_efficiency.commands.places import computing
from race_to_efficiency.errors import DataInvalid, IntegrityError, SystemRefused, UsageError
from race_to_efficiency.executors import cluster, identity, place, spread
from race_to_efficiency.executors.place import HERE, Place
from race_to_efficiency.quarter.evaluation import _Task
from race_to_efficiency.quarter.kappa import GROUP
from race_to_efficiency.settings.params import Workspace

NO_DASK = "the extra `cluster` (dask[distributed]) is not installed"


@pytest.fixture(scope="module")
def address():
    """A scheduler and two workers in this process."""
    distributed = pytest.importorskip("distributed", reason=NO_DASK)
    workers = {"n_workers": 2, "threads_per_worker": 1, "processes": False, "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(**workers) as local:
        yield local.scheduler_address


def threaded(_):
    return threading.current_thread().name


def in_the_client():
    return threading.current_thread() is threading.main_thread()


def refuses(number):
    raise DataInvalid("no such row", where=f"runs.csv:{number}", why="it is not there", remedy="look again")


@given(st.lists(st.integers(0, 10**6), max_size=8))
def test_the_order_of_the_work_is_not_the_order_of_the_results(numbers):
    begun = []

    def root(number):
        begun.append(number)
        return math.sqrt(number)

    found = spread.each(root, numbers, place=HERE, size=int)
    assert found == [math.sqrt(number) for number in numbers]
    assert begun == sorted(numbers, reverse=True)


def test_a_cluster_finds_what_this_process_finds(address):
    numbers = [float(number) for number in range(12)]
    far = Place(scheduler=address)
    assert spread.each(math.sqrt, numbers, place=far, size=int) == [math.sqrt(number) for number in numbers]
    powers = spread.each(partial(math.pow, 2.0), [1.0, 3.0], place=far, size=int)
    assert powers == [2.0, 8.0]
    with spread.beside(math.sqrt, 2.0, place=far) as result:
        assert result() == math.sqrt(2.0)
    seen = dict(spread.as_finished(threaded, [1, 2], place=far))
    assert threading.current_thread().name not in seen.values()
    assert dict(spread.as_finished(threaded, [1], place=far)) == {0: threading.current_thread().name}


def test_more_threads_of_linear_algebra_make_another_identity():
    own = identity.own_identity()
    identity.own_identity.cache_clear()
    try:
        with threadpoolctl.threadpool_limits(2):
            assert identity.differences(own, identity.own_identity()) == ["threads of linear algebra 2 (here 1)"]
    finally:
        identity.own_identity.cache_clear()


def test_an_error_of_ours_comes_back_whole(address):
    with pytest.raises(DataInvalid) as raised:
        spread.each(refuses, [1, 2], place=Place(scheduler=address), size=int)
    assert (
        raised.value.parts()
        == DataInvalid("no such row", where=raised.value.where, why="it is not there", remedy="look again").parts()
    )
    assert raised.value.where in ("runs.csv:1", "runs.csv:2")


def test_a_call_is_named_by_what_it_holds_and_by_the_code_that_computes_it(address, monkeypatch):
    with cluster.on_cluster(address) as pool:
        sent = []
        submit = pool._executor.submit
        monkeypatch.setattr(pool._executor, "submit", lambda *words, key: sent.append(key) or submit(*words, key=key))
        results = [pool.submit(math.sqrt, number) for number in (4.0, 4.0, 9.0)]
        assert [one.result() for one in results] == [2.0, 2.0, 3.0]
        assert sent[0] == sent[1] != sent[2]
        assert pool.submit(math.exp, 0.0).result() == 1.0
        assert len({*sent}) == 3
        monkeypatch.setattr(cluster, "own_digest", lambda: "another release")
        assert pool.submit(math.sqrt, 4.0).result() == 2.0
        assert sent[-1] not in sent[:-1]


def test_a_worker_with_another_line_is_refused_before_any_work(address, monkeypatch):
    own = identity.own_identity()
    other = {**own, "code": {**own["code"], "units.py": "0"}, "libraries": {**own["libraries"], "numpy": "1.0"}}
    monkeypatch.setattr(cluster, "own_identity", lambda: other if in_the_client() else own)
    with pytest.raises(IntegrityError) as raised:
        spread.each(math.sqrt, [4.0, 9.0], place=Place(scheduler=address), size=int)
    assert raised.value.exit_code == 5
    assert raised.value.why == f"code: units.py; numpy {np.__version__} (here 1.0)"


def test_a_worker_that_comes_later_with_another_line_is_refused_by_its_first_call(address, monkeypatch):
    asked, own = [], identity.own_digest()
    monkeypatch.setattr(cluster, "require_same", asked.append)
    monkeypatch.setattr(cluster, "own_digest", lambda: "another release" if in_the_client() else own)
    with pytest.raises(IntegrityError, match="other code"):
        spread.each(math.sqrt, [4.0, 9.0], place=Place(scheduler=address), size=int)
    assert len(asked) == 2  # again once a call was refused, to say what differs


def test_nothing_of_a_call_is_read_before_the_worker_knows_that_it_may(monkeypatch):
    monkeypatch.setattr(pickle, "loads", lambda _: pytest.fail("it was read"))
    with pytest.raises(cluster.OtherCode):
        cluster.compute("another", b"call")


@pytest.mark.parametrize(
    ("address", "kind"), [("nowhere", UsageError), ("http://x:1", UsageError), ("tcp://127.0.0.1:9", SystemRefused)]
)
def test_where_no_scheduler_answers(address, kind, monkeypatch):
    pytest.importorskip("distributed", reason=NO_DASK)
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.3)
    with pytest.raises(kind) as raised, cluster.connected(address):
        pass
    assert address in raised.value.what


def test_an_encrypted_cluster_without_certificates_is_refused_before_anything_is_asked():
    pytest.importorskip("distributed", reason=NO_DASK)
    with pytest.raises(UsageError, match="needs certificates"), computing(None, "tls://127.0.0.1:9"):
        pass


names = st.sampled_from(["a.py", "b/c.py", "fit_kappa", "numpy"])
identities = st.fixed_dictionaries(
    {kind: st.dictionaries(names, st.sampled_from(["1", "2"])) for kind in ("code", "settings", "libraries")}
)


@given(identities, identities)
def test_two_processes_differ_where_a_name_or_its_digest_does(here, there):
    found = identity.differences(here, there)
    expected = sum(
        here[kind].get(name) != there[kind].get(name) for kind in here for name in {*here[kind], *there[kind]}
    )
    assert len(found) == min(expected, identity.SHOWN + 1)
    assert (not found) == (identity.identity_digest(here) == identity.identity_digest(there))
    if expected > identity.SHOWN:
        assert found[-1] == f"and {expected - identity.SHOWN} more"


def test_an_identity_holds_every_module_and_section_and_nothing_of_the_machine(root):
    found = identity.own_identity()
    package = root / "pipeline" / "race_to_efficiency"
    assert {path.relative_to(package).as_posix() for path in package.rglob("*.py")} <= found["code"].keys()
    assert {"fit_kappa", "backtest", "seed"} <= found["settings"].keys()
    assert found["libraries"]["numpy"] == np.__version__
    assert found["libraries"]["Python"] == platform.python_version()
    text = repr(found)
    assert str(root) not in text
    assert platform.node() not in text.split("'")


def test_a_call_holds_no_path_of_the_client(small_quarter: Workspace):
    from race_to_efficiency.quarter.here import world_here
    from race_to_efficiency.quarter.world import KAPPA_TABLES

    task = _Task(world_here(small_quarter, KAPPA_TABLES), GROUP, ("gadre2024_c4",))
    sent = pickle.dumps(task)
    assert b"gadre2024_c4" in sent
    for place_of_ours in (small_quarter.root, Path.home(), Path(__file__).parents[2], Path.cwd()):
        assert str(place_of_ours).encode() not in sent


def test_the_command_comes_before_the_environment_and_that_before_the_machine(monkeypatch):
    monkeypatch.delenv(place.WORKERS_VARIABLE, raising=False)
    monkeypatch.delenv(place.SCHEDULER_VARIABLE, raising=False)
    assert place.place_here() == Place(place.WORKERS)
    for told in (Place(3), Place(1, "tls://far:8786")):
        for name, value in told.environment().items():
            monkeypatch.setenv(name, value)
        assert place.place_here() == told
    with place.chosen(Place(7)):
        assert place.place_here() == Place(7)
    assert place.place_here() == told
    for wrong in ("0", "-1", "two", "²"):
        monkeypatch.setenv(place.WORKERS_VARIABLE, wrong)
        with pytest.raises(UsageError, match="RACE_WORKERS"):
            place.place_here()


RECOVERY = ["recovery", "--datasets", "1", "--case", "joint_floor_2y"]


def test_without_the_extra_a_scheduler_is_refused_and_the_extra_named(monkeypatch, capfd):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "race_to_efficiency.commands.extras.find_spec", lambda name: None if name == "distributed" else found(name)
    )
    assert main([*RECOVERY, "--scheduler", "tcp://127.0.0.1:8786"]) == 6
    assert "race-to-efficiency[cluster]" in capfd.readouterr().err


def test_a_cluster_and_local_processes_exclude_each_other(capfd):
    assert main([*RECOVERY, "--scheduler", "tcp://127.0.0.1:8786", "--workers", "2"]) == 2
    assert "exclude each other" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("text", "found"),
    [("2025Q3..2026Q2", ["2025Q3", "2025Q4", "2026Q1", "2026Q2"]), ("2026Q1..2026Q1", ["2026Q1"])],
)
def test_a_range_of_quarters(text, found):
    from race_to_efficiency.commands.run import quarters_between

    assert quarters_between(text) == found


@pytest.mark.parametrize("words", [["--quarters", "2026Q2"], ["--quarters", "2026Q2..2026Q1"]])
def test_no_range_of_quarters(words, capfd):
    assert main(["run", *words]) == 2
    assert "2025Q1..2026Q2" in capfd.readouterr().err
