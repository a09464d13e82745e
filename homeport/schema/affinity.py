"""Which nodes a deployment is drawn to and which it stays away from."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from homeport.core.placement.affinity import Affinity, LabelTerm
from homeport.schema.base import ApiModel, Id, live
from homeport.schema.labels import LabelKey, LabelValue


def _one_or_many(given: Any) -> Any:
    return [given] if isinstance(given, str) else given


_Values = Annotated[list[LabelValue], BeforeValidator(_one_or_many), Field(max_length=64)]
LabelTerms = Annotated[dict[LabelKey, _Values], Field(max_length=64)]


class AffinitySpec(ApiModel):
    """By labels of nodes - their own, their nodepool's and their cluster's - and by who else is there. A label is given
    a value, or several of which one is enough, or an empty list: whichever it has."""

    require: LabelTerms = live(default_factory=dict)
    """Nodes without these labels get no replica."""
    exclude: LabelTerms = live(default_factory=dict)
    """Nodes with any of these get none."""
    prefer: LabelTerms = live(default_factory=dict)
    """In each nodepool, nodes with more of these come first; with `scheduling_choice: RANDOM` no node does."""
    apart_from: list[Id] = live(default_factory=list, max_length=100)
    """Deployments with which it shares no node, whichever of the two says so."""
    spread: Literal["node", "cluster"] = live(default="node")
    """What a minimum of two or more is spread over, as far as there is room."""

    def to_core(self) -> Affinity:
        return Affinity(_terms(self.require), _terms(self.exclude), _terms(self.prefer))


def _terms(given: dict[str, list[str]]) -> tuple[LabelTerm, ...]:
    return tuple(LabelTerm(key, tuple(given[key])) for key in sorted(given))
