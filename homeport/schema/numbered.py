"""Enumerations that the seeds' files write as numbers, and people as names. Kept and shown as names."""

from collections.abc import Mapping
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class Numbered:
    """Beside a `Literal` of the names: reads a number, or a name in any case, as the name."""

    def __init__(self, words: Mapping[int, str]) -> None:
        self._words = words
        self._names = {name.upper(): name for name in words.values()}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"enum": [*self._words.values(), *self._words]}

    def _read(self, value: Any) -> str:
        found = None
        if isinstance(value, str):
            found = self._names.get(value.upper())
        elif isinstance(value, int) and not isinstance(value, bool):
            found = self._words.get(value)
        if found is None:
            raise ValueError(f"must be {', '.join(f'{number} ({name})' for number, name in self._words.items())}")
        return found
