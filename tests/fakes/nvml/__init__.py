"""Builds the stand-in for libnvidia-ml.so.1."""

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("nvml.c")


def build_library(folder: Path) -> Path:
    """Compiles it into `folder` and returns that: put it on LD_LIBRARY_PATH. Raises when there is no C compiler."""
    compiler = shutil.which("cc")
    assert compiler, "the NVML tests need a C compiler: apt-get install gcc"
    target = folder / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(target), str(SOURCE)], check=True)
    return folder
