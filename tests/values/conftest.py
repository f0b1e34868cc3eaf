"""What the small quarter printed, for the queries to hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from plain import document

if TYPE_CHECKING:
    from race_to_efficiency.settings.params import Workspace


@pytest.fixture(scope="session")
def numbers(small_quarter: Workspace) -> dict[str, Any]:
    """Every number of the small quarter's report by its id."""
    return document(small_quarter.processed / "report", "numbers.json")
