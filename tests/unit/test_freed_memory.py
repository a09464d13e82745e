"""Memory of bodies is used again: each new page would cost a fault."""

import platform
import subprocess
import sys

import pytest

_BLOCK = 256 * 1024
_BLOCKS = 4
_PAGE = 4096
_ROUNDS = 100
_PROGRAM = f"""
import resource
from homeport.freed_memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range({_ROUNDS}):
        blocks = [bytearray({_BLOCK}) for _ in range({_BLOCKS})]
        del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

usual = faults()
keep_freed_memory()
print(usual, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_blocks_that_were_freed_are_used_again() -> None:
    told = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    usual, kept = map(int, told.stdout.split())
    at_once = _BLOCKS * _BLOCK // _PAGE
    assert usual > _ROUNDS // 2 * at_once
    assert kept < 4 * at_once
