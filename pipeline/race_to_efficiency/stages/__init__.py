"""The stages, each a file that reads, calls and writes.

`run(workspace)` returns what was written, in a few numbers, and under ``told`` what else the line needs that is shown
as progress; `commands.stage_lines` makes that line.
"""
