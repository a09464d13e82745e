"""Damaged files and folders are kept aside: somebody may want to know, nothing may read them again."""

import shutil
import time
from pathlib import Path

_KEPT = 3


def quarantine(path: Path, *companions: Path) -> Path:
    """Renames `path`, and those of `companions` that exist, to `NAME.damaged-TIME`. Returns the new path.

    Renames only: it works on a full disk. Of each name the newest three are kept.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    moved = _free(path, stamp)
    for each in (path, *companions):
        if each.exists():
            each.rename(_free(each, stamp))
            _forget_the_oldest(each)
    return moved


def _free(path: Path, stamp: str) -> Path:
    name, number = f"{path.name}.damaged-{stamp}", 1
    while path.with_name(name).exists():
        number += 1
        name = f"{path.name}.damaged-{stamp}-{number}"
    return path.with_name(name)


def _forget_the_oldest(path: Path) -> None:
    aside = sorted(path.parent.glob(f"{path.name}.damaged-*"), key=lambda each: each.stat().st_mtime)
    for each in aside[:-_KEPT]:
        if each.is_dir():
            shutil.rmtree(each, ignore_errors=True)
        else:
            each.unlink(missing_ok=True)
