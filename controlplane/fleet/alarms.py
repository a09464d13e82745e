"""What a person should look at now. Derived, so that an alarm is over when its cause is."""

from typing import Any

from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Store


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
    return found
