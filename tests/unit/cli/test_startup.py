import subprocess
import sys

import pytest

_HEAVY = ("aiohttp", "asyncio", "grpc", "pydantic", "rich", "sqlalchemy", "structlog", "tenacity", "yaml")


@pytest.mark.parametrize("module", ["homeport.cli.main", "homeport.client"])
def test_importing_loads_no_heavy_library(module: str) -> None:
    """Help, completion and usage errors must be instant."""
    probe = f"import sys, {module}; print(' '.join(name for name in {_HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []


def test_help_loads_no_heavy_library() -> None:
    probe = (
        "import sys; sys.argv = ['homeport', '--help']\n"
        "from homeport.cli.main import main\n"
        "try: main()\n"
        f"except SystemExit: print(*[name for name in {_HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    assert "Start here" in done.stdout
    assert done.stderr.split() == []
