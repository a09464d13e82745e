"""What a person should look at now. Derived, so that an alarm is over when its cause is."""

from typing import Any

from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Kind, Store


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
                "hint": "check this control plane's own network first; `homeport node delete NODE` gives up one that "
                "is really gone",
                "since": registry.wall_of(brake.engaged_at),
            }
        )
    for node_id, clone in sorted(registry.clones().items()):
        node = store.get(Kind.NODE, node_id)
        if node is not None:
            found.append(
                {
                    "name": "clone",
                    "message": f"a copy of node {node.spec['name']} was turned away, last from {clone.peer}",
                    "hint": "stop that agent and join its host with a token of its own; if it is the right host, and "
                    "was set back to an older state, delete the node first. `homeport node lock` keeps both away",
                    "since": registry.wall_of(clone.since),
                }
            )
    return found
