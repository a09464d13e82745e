"""What a person should look at now. Derived, so that an alarm is over when its cause is."""

from typing import Any

from controlplane.fleet.node_approval import WAITS_SINCE, waits
from controlplane.fleet.node_quarantine import Quarantine, quarantine_of
from controlplane.fleet.upkeep_alarms import upkeep_alarms
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Kind, Record, Store
from homeport.core.likeness import WHY

_NAMED = 5


def alarms(store: Store, registry: NodeRegistry) -> list[dict[str, Any]]:
    """The form is homeport.schema.resources.Alarm."""
    found = []
    if store.problem is not None:
        found.append(
            {
                "name": "storage",
                "message": store.problem.error.message,
                "hint": store.problem.error.hint,
                "since": store.problem.since,
            }
        )
    brake = registry.brake
    if brake.engaged_at is not None:
        found.append(
            {
                "name": "mass-disappearance",
                "message": f"{brake.vanished} of {brake.nodes} nodes vanished at once: nobody is given up meanwhile",
                "hint": "check this control plane's own network first; if they are really gone, `homeport node "
                "release-brake` lets others take over, and `homeport node delete NODE` gives up one",
                "since": registry.wall_of(brake.engaged_at),
            }
        )
    nodes = sorted(store.all(Kind.NODE), key=lambda node: str(node.spec["name"]))
    found += [_of_copy(node, quarantine) for node in nodes if (quarantine := quarantine_of(node)) is not None]
    waiting = [node for node in nodes if waits(node)]
    if waiting:
        found.append(_of_waiting(waiting))
    return [*found, *upkeep_alarms(store, registry)]


def _of_copy(node: Record, quarantine: Quarantine) -> dict[str, Any]:
    name, where = node.spec["name"], f" from {quarantine.address}" if quarantine.address else ""
    return {
        "name": "clone",
        "message": f"what looks like a copy of node {name} was turned away{where}: {WHY[quarantine.why]}",
        "hint": f"if that is the right host, mended or set back to an older state: homeport node approve {name}; if it "
        f"is a copy, stop its agent, join it with a token of its own, and: homeport node reject {name}",
        "since": quarantine.since,
    }


def _of_waiting(nodes: list[Record]) -> dict[str, Any]:
    names = ", ".join(node.spec["name"] for node in nodes[:_NAMED])
    more = f" and {len(nodes) - _NAMED} more" if len(nodes) > _NAMED else ""
    return {
        "name": "approval",
        "message": f"waiting to be let in: {names}{more}",
        "hint": "homeport node approve NODE lets it in, homeport node reject NODE forgets it",
        "since": min(node.spec[WAITS_SINCE] for node in nodes),
    }
