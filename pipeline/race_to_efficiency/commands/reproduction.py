"""What `race run` sees to before it starts ``dvc repro``: folders that are the user's alone, no locks of the dead."""

from __future__ import annotations

import contextlib
import os
import shutil
from itertools import chain
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import RaceError

if TYPE_CHECKING:
    from pathlib import Path

CACHES = (".dvc/tmp", ".dvc/cache")
"""DVC's folders under the checkout. Its index is read with pickle (diskcache, CVE-2025-69872): who may write there may
run code as the user, so nobody else may."""

SITE_CACHE = ".dvc/tmp/site"

MODULE = "race_to_efficiency.repro"
"""Runs ``dvc repro`` when it is the main module of a process."""


def own_caches(root: Path) -> None:
    """Make DVC's folders the user's own before it starts; an index that others could write is thrown away unread."""
    site = root / SITE_CACHE
    if site.is_symlink():
        site.unlink()
    elif site.is_dir() and (site.stat().st_mode & 0o077 or site.stat().st_uid != os.getuid()):
        shutil.rmtree(site)
    for name in (*CACHES, SITE_CACHE):
        place = root / name
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.chmod(0o700)


def outside_git(root: Path) -> None:
    """Tell DVC, in the settings of this machine alone, that a checkout which is no repository of git has no history."""
    local = root / ".dvc" / "config.local"
    if not local.exists() and not any((folder / ".git").exists() for folder in (root, *root.parents)):
        storage.write_text(local, "[core]\n    no_scm = true\n")


def forget_the_dead(root: Path) -> None:
    """Remove DVC's list of files in use when it is torn or names no process of DVC that is alive.

    DVC itself looks only whether the number of a process is in use, and asks for a repair by hand when it is.
    """
    import psutil

    path = root / ".dvc" / "tmp" / "rwlock"
    try:
        held: dict[str, dict[str, Any]] = storage.read_json(path)
        users = [*held.get("write", {}).values(), *chain.from_iterable(held.get("read", {}).values())]
        pids = {int(user["pid"]) for user in users}
    except (RaceError, ValueError, TypeError, KeyError, AttributeError):
        pids = set()
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            if any("dvc" in word or "reproduction" in word for word in psutil.Process(pid).cmdline()):
                return
    path.unlink(missing_ok=True)


def drop_torn_lock_file(root: Path) -> bool:
    """Remove dvc.lock when a run that was cut off left it torn (DVC writes it in place); return whether it was.

    Nothing is lost: DVC finds in its cache, or computes again, what the file listed.
    """
    from dvc.dvcfile import Lockfile
    from dvc.exceptions import DvcException
    from dvc.utils.serialize import load_yaml

    path = root / "dvc.lock"
    if not path.is_file():
        return False
    try:
        Lockfile.validate(load_yaml(str(path)), path.name)
    except (DvcException, ValueError):
        path.unlink()
        return True
    return False
