"""What every answer of the API has in common."""

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)


class Resource(Answer):
    """One object at one moment."""

    kind: str
    id: str
    generation: int
    """Counts accepted changes of the spec."""
    seq: int
    """The store's transaction that wrote it last."""
    created_at: float
    """Unix seconds."""
    updated_at: float
    """Unix seconds."""
