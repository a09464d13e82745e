"""Regenerates the Python code of the wire contract. `make proto` runs it, `make lint` checks that it is fresh."""

import sys
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent


def main() -> int:
    protos = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("homeport_proto/v1/*.proto"))
    well_known = resources.files("grpc_tools") / "_proto"
    return int(
        protoc.main(
            ["protoc", f"-I{ROOT}", f"-I{well_known}"]
            + [f"--{plugin}={ROOT}" for plugin in ("python_out", "grpc_python_out", "mypy_out", "mypy_grpc_out")]
            + protos
        )
    )


if __name__ == "__main__":
    sys.exit(main())
