from typing import Annotated

from pydantic import AfterValidator, Field

from homeport.core.labels import KEY, MOST_LABELS, VALUE, label_problem


def _check(labels: dict[str, str]) -> dict[str, str]:
    problem = label_problem(labels)
    if problem:
        raise ValueError(problem)
    return labels


def _check_key(key: str) -> str:
    _check({key: ""})
    return key


def _check_value(value: str) -> str:
    _check({"label": value})
    return value


LabelKey = Annotated[str, AfterValidator(_check_key), Field(json_schema_extra={"pattern": KEY})]
LabelValue = Annotated[str, AfterValidator(_check_value), Field(json_schema_extra={"pattern": VALUE})]
_SCHEMA = {"propertyNames": {"pattern": KEY}, "additionalProperties": {"type": "string", "pattern": VALUE}}
Labels = Annotated[dict[str, str], AfterValidator(_check), Field(max_length=MOST_LABELS, json_schema_extra=_SCHEMA)]
