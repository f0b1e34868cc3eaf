"""What every number rests on, written by those who used the rows: the edges a trace walks.

An edge leads from an *output* (the id of one number or of numbers made together) to what took part in it. Stages write
theirs to ``lineage_STAGE.parquet``; a trace reads nothing else. Outputs are named:

==========================  ==============================================================================
an estimate's id            ``kappa_total.pooled.power_law``, ``gamma.route.D`` ...
``discrepancy.FORM``        how far a form may be off beyond the runs
``pool.FORM``               the draws of kappa that a forecast uses, total or reducible
``anchor.NAME``             the compute and the floor a forecast starts from
``scenario.NAME``           the compute under one scenario
``curve.SCENARIO.FORM.GROUP``  relative loss under one scenario, its milestones with it; GROUP is ``pooled``, ``given``
                            or one group by itself
``loss.SCENARIO.ANCHOR.GROUP``  the whole loss under one scenario from one anchor
``crossover.A.B``           when one scenario overtakes another
``ledger.TABLE``            counts of a ledger's rows
``backtest.TARGET``         forecasts of an observable at past origins, and their scores
``statement.ID``            a dated statement
``record.QUARTER``          how an earlier publication's statements did
``change.ID``               an estimate's change since an earlier quarter
``setting.PATH``            a number of params.yaml
``equation.NAME``           what the equation alone gives; no row takes part
``row.TABLE/ID``            a figure of a ledger shown as it is
``page.NAME``               what the report itself works out from other outputs
==========================  ==============================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.quarter.node import NODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pandas as pd

    from race_to_efficiency.quarter.evaluation import Evaluation
    from race_to_efficiency.quarter.node import NodeResult

EDGE_COLUMNS = ("output", "kind", "target", "reason")
"""Kinds are code: module of the function that made the output; row: ``TABLE/ID`` that took part; from: another output
that took part; left_out: a row that could have taken part, with the reason."""


class Lineage:
    """Edges of one stage, each written by the code that used its target."""

    def __init__(self) -> None:
        self._edges: dict[tuple[str, str, str, str], None] = {}

    def add(
        self,
        output: str,
        *,
        code: str,
        rows: Iterable[str] = (),
        sources: Iterable[str] = (),
        left_out: Iterable[Sequence[str]] = (),
    ) -> None:
        """Add an output.

        Parameters
        ----------
        output : str
        code : str
            Dotted module of the function that made it.
        rows : iterable of str
            ``TABLE/ID`` of the rows that took part.
        sources : iterable of str
            Outputs that took part.
        left_out : iterable of (str, str)
            Row and reason.
        """
        self._edges[output, "code", code, ""] = None
        for row in rows:
            self._edges[output, "row", row, ""] = None
        for source in sources:
            self._edges[output, "from", source, ""] = None
        for row, reason in left_out:
            self._edges[output, "left_out", row, reason] = None

    def add_nodes(self, evaluation: Evaluation, *results: NodeResult) -> None:
        """Add every output of some nodes and of those they asked, as the nodes wrote them."""
        seen: set[str] = set()
        waiting = list(results)
        while waiting:
            result = waiting.pop()
            if result.node in seen:
                continue
            seen.add(result.node)
            for output, origin in result.origins.items():
                places = [place.partition("#") for place in origin.outputs]
                targets = [target for _, _, target in places]
                if targets != [output]:  # a document that only gathers says nothing of its own
                    self.add(output, code=result.module, rows=origin.rows, sources=targets, left_out=origin.left_out)
                for node, _, _ in places:
                    if node not in seen:
                        name, *arguments = node.split(":")
                        waiting.append(evaluation.ask(NODES[name], *arguments))

    def frame(self) -> pd.DataFrame:
        """Return the edges, in the order they were added."""
        import pandas as pd

        edges: Any = [dict(zip(EDGE_COLUMNS, edge, strict=True)) for edge in self._edges]
        return pd.DataFrame(edges, columns=list(EDGE_COLUMNS), dtype="str")

    def edges(self) -> Edges:
        """Return the edges as they are asked, before they are written."""
        return Edges(self._edges)

    def write(self, folder: Path, stage: str) -> None:
        """Write the edges of a stage (``lineage_STAGE.parquet``)."""
        storage.write_parquet(folder / file_of(stage), self.frame())


def file_of(stage: str) -> str:
    """Return the name of a stage's file of edges."""
    return f"lineage_{stage}.parquet"


class Edges:
    """The edges of a quarter, to be asked.

    Parameters
    ----------
    told : iterable of (str, str, str, str)
        Of `EDGE_COLUMNS`.
    """

    def __init__(self, told: Iterable[tuple[str, str, str, str]]) -> None:
        self._by_output: dict[str, list[tuple[str, str, str]]] = {}
        for output, kind, target, reason in told:
            self._by_output.setdefault(output, []).append((kind, target, reason))

    @classmethod
    def read(cls, frame: pd.DataFrame) -> Edges:
        """Return the edges of a table with `EDGE_COLUMNS`, as a stage wrote it."""
        return cls(zip(*(frame[name].astype(str).to_list() for name in EDGE_COLUMNS), strict=True))

    def __contains__(self, output: str) -> bool:
        return output in self._by_output

    @property
    def outputs(self) -> tuple[str, ...]:
        """Every output."""
        return tuple(self._by_output)

    def targets(self, output: str, kind: str) -> list[str]:
        """Return what an output directly leads to by edges of one kind."""
        return [target for found, target, _ in self._by_output.get(output, ()) if found == kind]

    def reached(self, outputs: Iterable[str]) -> list[str]:
        """Return some outputs and all they rest on, nearest first."""
        found = dict.fromkeys(outputs)
        waiting = list(found)
        while waiting:
            for target in self.targets(waiting.pop(0), "from"):
                if target not in found:
                    found[target] = None
                    waiting.append(target)
        return list(found)

    def rows(self, outputs: Iterable[str]) -> list[str]:
        """Return the rows that took part in some outputs or in what they rest on, once."""
        return list(dict.fromkeys(row for output in self.reached(outputs) for row in self.targets(output, "row")))

    def left_out(self, outputs: Iterable[str]) -> dict[str, str]:
        """Return the rows that were left out of some outputs or of what they rest on, with the reason."""
        edges = [edge for output in self.reached(outputs) for edge in self._by_output.get(output, ())]
        return {target: reason for kind, target, reason in edges if kind == "left_out"}

    def modules(self, outputs: Iterable[str]) -> list[str]:
        """Return the modules whose functions made some outputs or what they rest on."""
        return sorted({name for output in self.reached(outputs) for name in self.targets(output, "code")})

    def resting_on(self, row: str) -> list[str]:
        """Return the outputs that a row took part in, directly or through others, nearest first."""
        above: dict[str, list[str]] = {}
        found: dict[str, None] = {}
        for output, edges in self._by_output.items():
            for kind, target, _ in edges:
                if kind == "from":
                    above.setdefault(target, []).append(output)
                elif (kind, target) == ("row", row):
                    found[output] = None
        waiting = list(found)
        while waiting:
            for output in above.get(waiting.pop(0), ()):
                if output not in found:
                    found[output] = None
                    waiting.append(output)
        return list(found)


def gathered(folder: Path, *, without: str = "") -> pd.DataFrame:
    """Return the edges that stages wrote in a folder, but for one of them; a stage that has not run has none."""
    import pandas as pd

    paths = (path for path in sorted(folder.glob(file_of("*"))) if path.name != file_of(without))
    frames = [storage.read_parquet(path) for path in paths]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(EDGE_COLUMNS))
