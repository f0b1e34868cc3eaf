"""What ``race publish``, ``report``, ``cache`` and ``dictionary`` print with ``--json``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from typing_extensions import TypedDict

from race_to_efficiency.commands.report import FORMATS
from race_to_efficiency.json_fields import AtLeast1, Count, Means, QuarterName, Sha256, Written

Link = Annotated[dict[str, Any], Written("provenance.registry:Published")]
Git = Annotated[str, Means("Command that adds it to git.")]


class Links(TypedDict):
    """The links of several quarters."""

    quarters: Annotated[list[Link], Means("With --quarters: the link of each quarter, in order.")]


class ClosedChain(TypedDict):
    """A chain that was moved aside, unchanged."""

    chain: Annotated[str, Means("Folder under reports/ and data/published/.")]
    head: Annotated[Sha256, Means("Digest of its newest manifest.")]
    why: str
    git: Git


Published = Annotated[
    Link | Links | ClosedChain,
    Means(
        "The link that was added to the chain of published quarters, or with --close-chain the chain that was closed."
    ),
]


class Rendered(TypedDict):
    """Where a quarter's report is."""

    quarter: QuarterName
    format: Annotated[str, Means(enum=[*FORMATS])]
    path: Annotated[str, Means("From the checkout's root.")]
    bytes: Annotated[Count, Means("Size of the file.")]
    index: Annotated[str | None, Means("Page of all published quarters; null when none is.")]
    note: Annotated[str, Means("Empty when nothing is to be said.")]


class Remembered(TypedDict):
    """What is remembered of one quantity."""

    node: Annotated[str, Means("Room and quantity, e.g. kappa.group.")]
    entries: AtLeast1
    bytes: Count


class Cache(TypedDict):
    """What the checkout remembers of the numbers it has computed."""

    nodes: list[Remembered]
    bytes: Count
    limit_bytes: Annotated[Count, Means("Beyond it the entries unused for longest go.")]
    removed: Annotated[Count, Means("Bytes removed now, with --clear.")]


class Dictionary(TypedDict):
    """Whether the data dictionary was current, and what it describes."""

    path: Literal["data/raw/README.md"]
    tables: Count
    columns: Count
    changed: Annotated[bool, Means("Whether it was written anew.")]
