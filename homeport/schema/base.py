"""The base of all API objects, and what a change of a field means."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from homeport.core.names import ID_RULE, is_valid_id


class Change(StrEnum):
    """What an edit of the field does: applies at once, makes a new revision, or is refused."""

    LIVE = "live"
    ROLLOUT = "rollout"
    IMMUTABLE = "immutable"


class ApiModel(BaseModel):
    """Unknown keys are errors: a typing mistake must not pass as a default."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, use_attribute_docstrings=True)


def live(*args: Any, **kwargs: Any) -> Any:
    return _tagged(Change.LIVE, *args, **kwargs)


def rollout(*args: Any, **kwargs: Any) -> Any:
    return _tagged(Change.ROLLOUT, *args, **kwargs)


def immutable(*args: Any, **kwargs: Any) -> Any:
    return _tagged(Change.IMMUTABLE, *args, **kwargs)


def _tagged(change: Change, *args: Any, **kwargs: Any) -> Any:
    return Field(*args, json_schema_extra={"x-change": change.value}, **kwargs)


def _check_id(text: str) -> str:
    if not is_valid_id(text):
        raise ValueError(f"must be {ID_RULE}")
    return text


Id = Annotated[str, AfterValidator(_check_id)]
