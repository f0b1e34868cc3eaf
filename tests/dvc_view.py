"""DVC's own view of a checkout, in this process."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def dvc_repo(root: Path) -> Iterator[Any]:
    """DVC's own view of a checkout."""
    from dvc.repo import Repo

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_NO_ANALYTICS", "1")
        patch.setenv("DVC_SITE_CACHE_DIR", str(root / ".dvc" / "site"))
        patch.setenv("PATH", os.defpath)
        with Repo(str(root)) as repo:
            yield repo
