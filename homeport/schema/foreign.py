"""Words of other systems' files that name something of ours, or that Homeport only keeps.

docs/foreign-words.md is the table of them all.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from homeport.schema.base import ApiModel, inherited
from homeport.schema.numbered import Numbered

_GETTABLE = {10: "PRIVATE", 30: "ORG", 50: "PUBLIC"}
NOT_KEPT = "(not kept)"


class Visibility(ApiModel):
    """Who may see the object. Homeport goes by roles instead: see docs/access.md."""

    gettable: Annotated[Literal["PRIVATE", "ORG", "PUBLIC"], Numbered(_GETTABLE)] = inherited(default="PRIVATE")


# A specification is shown to whoever may read it, so a secret in it would be none.
NotKept = Annotated[str, AfterValidator(lambda text: text and NOT_KEPT)]


def nodepools_by_priority(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """`deployment_nodepools`, each with a priority of which 1 is the highest, as `nodepools`, best first."""
    given = spec.get("deployment_nodepools")
    if not isinstance(given, list) or not all(isinstance(each, Mapping) for each in given):
        return spec
    if "nodepools" in spec:
        raise ValueError("give `nodepools`, best first, or `deployment_nodepools` with priorities, not both")
    priorities = [each.get("priority", each.get("sequence", 0)) for each in given]
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in priorities):
        raise ValueError("`priority` of each of `deployment_nodepools` must be a whole number: 1 is the highest")
    ranked = sorted(zip(priorities, given, strict=True), key=lambda pair: pair[0])
    rest = {name: value for name, value in spec.items() if name != "deployment_nodepools"}
    return {**rest, "nodepools": [_plain_nodepool(each) for _, each in ranked]}


def _plain_nodepool(given: Mapping[str, Any]) -> dict[str, Any]:
    """`{nodepool: {id, compute_cluster}, priority}` and `{id, compute_cluster, priority}` are the same."""
    named = given.get("nodepool")
    outer = {name: value for name, value in given.items() if name not in ("nodepool", "priority", "sequence")}
    return {**outer, **named} if isinstance(named, Mapping) else outer


def packing_switch(scaling: Mapping[str, Any]) -> Mapping[str, Any]:
    """Older files say `enable_packing`, the opposite of `disable_packing`."""
    enabled = scaling.get("enable_packing")
    if not isinstance(enabled, bool):
        return scaling
    if "disable_packing" in scaling:
        raise ValueError("give `disable_packing` or `enable_packing`, not both")
    rest = {name: value for name, value in scaling.items() if name != "enable_packing"}
    return {**rest, "disable_packing": not enabled}


def refuse_other_workers(worker: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in ("workflow", "user"):
        if name in worker:
            raise ValueError(
                f"`worker: {name}` is not supported yet: deploy each of its models with a deployment of its own "
                "(worker: {model: {id: ...}}) and call one after the other from your program"
            )
    return worker
