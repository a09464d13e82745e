"""What a list may be asked for, and which objects are meant."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, field_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from controlplane.api.paging import Getter, Matches
from controlplane.api.routing import Query


def field(path: str) -> Getter:
    """`spec.project`; None where something on the way is missing."""
    names = path.split(".")

    def get(value: Any) -> Any:
        for name in names:
            if not isinstance(value, Mapping):
                return None
            value = value.get(name)
        return value

    return get


def _check_labels(text: str) -> str:
    for part in text.split(","):
        key, found, _ = part.partition("=")
        if not key or not found:
            raise ValueError("must be KEY=VALUE, several of them separated by commas")
    return text


class ListQuery(Query):
    """`sorts`: what each word of `sort` stands for. `filters`: what must be equal to the parameter of that name."""

    sorts: ClassVar[dict[str, Getter]] = {
        "id": field("id"),
        "created_at": field("created_at"),
        "updated_at": field("updated_at"),
    }
    filters: ClassVar[dict[str, Getter]] = {}
    searched: ClassVar[tuple[Getter, ...]] = (field("id"), field("spec.description"))

    limit: int = Field(default=100, ge=1, le=1000)
    """The most objects in one page."""
    cursor: str | None = Field(default=None, max_length=2000)
    """`next_cursor` of the page before, for the page after it."""
    sort: str = "id"
    """A field; `-` before it turns the order round."""
    q: str | None = Field(default=None, max_length=200)
    """Only those with this text in their id, name or description; letters of either case."""

    @field_validator("sort")
    @classmethod
    def _is_sortable(cls, text: str) -> str:
        if text.removeprefix("-") not in cls.sorts:
            raise ValueError(f"must be one of {', '.join(cls.sorts)}, with or without `-` before it")
        return text

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = handler(schema)
        described["properties"]["sort"]["enum"] = [f"{sign}{name}" for name in cls.sorts for sign in ("", "-")]
        return described

    def question(self) -> dict[str, Any]:
        return self.model_dump(exclude={"limit", "cursor"}, mode="json")

    def matches(self) -> Matches:
        tests = list(self.tests())
        if not tests:
            return _anything
        return tests[0] if len(tests) == 1 else lambda each: all(test(each) for test in tests)

    def tests(self) -> Iterator[Matches]:
        """One for each parameter that narrows the list."""
        for name, getter in self.filters.items():
            wanted = getattr(self, name)
            if wanted is not None:
                yield _equal(getter, wanted)
        if self.q:
            yield _contains(self.searched, self.q.casefold())


class LabelQuery(ListQuery):
    """Of objects that carry labels."""

    repeatable = frozenset({"label"})

    label: Annotated[str, AfterValidator(_check_labels), Field(max_length=1000)] | None = None
    """`KEY=VALUE`: only those that carry it. Several, with commas or in parameters of their own: those with all."""

    def tests(self) -> Iterator[Matches]:
        yield from super().tests()
        if self.label is not None:
            pairs = (part.partition("=") for part in self.label.split(","))
            yield _carries({key: value for key, _, value in pairs}.items())


def _anything(_: Mapping[str, Any]) -> bool:
    return True


def _equal(getter: Getter, wanted: Any) -> Matches:
    return lambda each: bool(getter(each) == wanted)


def _contains(getters: tuple[Getter, ...], wanted: str) -> Matches:
    return lambda each: any(wanted in str(getter(each) or "").casefold() for getter in getters)


def _carries(wanted: Any) -> Matches:
    return lambda each: bool(wanted <= each["spec"].get("labels", {}).items())
