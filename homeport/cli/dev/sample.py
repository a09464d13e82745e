"""The sample model that `homeport dev` deploys: examples/deployment.yaml and its environment, in the checkout."""

from dataclasses import dataclass
from pathlib import Path

import homeport
from homeport.core.errors import ErrorCode, HomeportError

DEPLOYMENT = "smollm2-chat"
NODEPOOL = "dev/laptop"


@dataclass(frozen=True, slots=True)
class Sample:
    """`root` is the checkout: the agent runs there, since the sample's command is relative to it."""

    root: Path

    @property
    def documents(self) -> Path:
        return self.root / "examples" / "deployment.yaml"

    @property
    def chat_example(self) -> Path:
        return self.root / "examples" / "chat.py"

    @property
    def stamp(self) -> Path:
        """Written by `make setup` once the model's environment is complete."""
        return self.root / ".models" / "smollm2" / "homeport-sample"


def find_sample() -> Sample:
    """Raises HomeportError when there is no checkout, or when the model's environment was not made."""
    sample = Sample(Path(homeport.__file__).resolve().parent.parent)
    if not sample.documents.exists():
        raise HomeportError(
            ErrorCode.NOT_FOUND,
            f"the sample model is not part of this installation ({sample.documents} is missing)",
            hint="run `make run` in a checkout of the project",
        )
    if not sample.stamp.exists():
        raise HomeportError(
            ErrorCode.NOT_FOUND,
            f"the sample model's environment {sample.stamp.parent} is missing or half made",
            hint=f"run: make -C {sample.root} setup",
        )
    return sample
