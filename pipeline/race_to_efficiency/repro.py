"""``dvc repro`` as `race run` starts it: a process that ends with its owner and runs the stages itself.

Libraries are then loaded, and ledgers read, once a run and not once a stage. DVC started by hand makes a process for
each stage, as dvc.yaml says; the stages write the same.
"""

from __future__ import annotations

import gc
import shlex
import sys
from typing import Any

from race_to_efficiency import children
from race_to_efficiency.commands import dvc_shortcuts
from race_to_efficiency.library_defaults import set_library_defaults

STAGE = ["race", "stage"]
"""The words before the name of a stage, as dvc.yaml writes its command."""


def stages_here() -> None:
    """Let DVC run stages in this process; any other command of a dvc.yaml is started as DVC starts it."""
    from dvc.stage import run
    from dvc.stage.exceptions import StageCmdFailedError

    start = run._run  # noqa: SLF001 - DVC has no option for this; the tests hold that it calls it so

    def run_here(executable: str | None, command: str, **options: Any) -> None:
        from race_to_efficiency.cli import main

        words = shlex.split(command)
        if words[:-1] != STAGE:
            start(executable, command, **options)
            return
        code = main(words[1:])
        gc.freeze()  # what lives by now lives as long as the run, and need not be looked through again
        if code:
            raise StageCmdFailedError(command, code)

    run._run = run_here  # noqa: SLF001


def run_dvc() -> int:
    """Run ``dvc repro`` in the current folder with the words given, and return DVC's exit code."""
    children.follow_owner()
    set_library_defaults()
    from dvc.cli import main as dvc

    stages_here()
    dvc_shortcuts.take()
    code: int = dvc(["repro", *sys.argv[1:]])
    return code


if __name__ == "__main__":
    sys.exit(run_dvc())
