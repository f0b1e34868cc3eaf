"""The modules of docs/ are at hand."""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
sys.path.append(str(DOCS))
