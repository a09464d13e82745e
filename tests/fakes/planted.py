"""Values that stand nowhere else, and the forms in which they would be found."""

import base64
import os
import secrets
from collections.abc import Iterable
from pathlib import Path


def planted() -> str:
    return f"planted-{secrets.token_hex(12)}"


def forms_of(value: str) -> set[bytes]:
    """As it is, backwards, in hex, and in base64 wherever it begins in what was encoded."""
    raw = value.encode()
    encoded = {base64.b64encode(b"\0" * lead + raw)[(8 * lead + 5) // 6 : -4] for lead in range(3)}
    return {raw, raw[::-1], raw.hex().encode(), raw.hex().upper().encode(), *encoded}


def found_in(haystacks: Iterable[tuple[str, bytes]], values: Iterable[str]) -> list[str]:
    """Where one of the values is."""
    forms = [form for value in values for form in forms_of(value)]
    return [where for where, content in haystacks if any(form in content for form in forms)]


def files_below(folder: Path) -> list[tuple[str, bytes]]:
    """All files, also those that come and go."""
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file():
                found.append((str(path), path.read_bytes()))
        except OSError:
            continue
    return found


def processes(without: Iterable[int]) -> list[tuple[str, bytes]]:
    """What every process of this machine was started with, but for those."""
    kept = []
    left_out = {*without, os.getpid()}
    for path in Path("/proc").iterdir():
        if not path.name.isdigit() or int(path.name) in left_out:
            continue
        for name in ("environ", "cmdline"):
            try:
                kept.append((f"{path}/{name}", (path / name).read_bytes()))
            except OSError:
                continue
    return kept
