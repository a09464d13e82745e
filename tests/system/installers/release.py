"""Another release of what a wheelhouse holds."""

import hashlib
import re
import shutil
import zipfile
from pathlib import Path


def changed(wheelhouse: Path, folder: Path, modules: dict[str, str], units: dict[str, str]) -> Path:
    """A copy in `folder`, with other source texts of modules (by path in the wheel) and lines added to units, signed
    anew as wheelhouse.sh does.
    """
    shutil.copytree(wheelhouse, folder)
    wheel = next(folder.glob("homeport-*.whl"))
    _rewrite(wheel, modules)
    for lock in (folder / "agent.txt", folder / "server.txt"):
        lock.write_text(re.sub(r"(homeport==.*sha256:)\w+", rf"\g<1>{_sha256(wheel)}", lock.read_text()))
    for name, line in units.items():
        with open(folder / name, "a") as unit:
            unit.write(f"{line}\n")
    sums = folder / "SHA256SUMS"
    names = [line.split(maxsplit=1)[1] for line in sums.read_text().splitlines()]
    sums.write_text("".join(f"{_sha256(folder / name)}  {name}\n" for name in names))
    script = folder / "install.sh"
    script.write_text(re.sub(r"(?m)^sums=.*$", f"sums={_sha256(sums)}", script.read_text()))
    return folder


def _rewrite(wheel: Path, modules: dict[str, str]) -> None:
    before = wheel.rename(wheel.with_suffix(".before"))
    with zipfile.ZipFile(before) as old, zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            new.writestr(item, modules.get(item.filename, old.read(item)))
    before.unlink()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
