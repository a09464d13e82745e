"""Ending the quarantine of a GPU: a wish in its node's spec, which the agent hears of now or when it is back."""

from controlplane.fleet.nodes import stored_node
from controlplane.store.store import Kind, Record, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.names import did_you_mean
from homeport.core.resources import Inventory


def cleared_gpus(node: Record) -> dict[str, float]:
    """GPU uuid to when the quarantine began that is to end."""
    found: dict[str, float] = node.spec.get("cleared_gpus", {})
    return found


def clear_gpu(tx: Transaction, node_id: str, uuid: str, inventory: Inventory) -> Record:
    """`inventory` is what the node says that it has. Raises NOT_FOUND, CONFLICT for a GPU that is not in quarantine."""
    node = stored_node(tx, node_id)
    gpu = next((gpu for gpu in inventory.gpus if gpu.uuid == uuid), None)
    if gpu is None:
        known = [each.uuid for each in inventory.gpus]
        hint = did_you_mean(uuid, known, f"it has {', '.join(known)}" if known else "it has none")
        raise HomeportError(ErrorCode.NOT_FOUND, f"node {node.spec['name']} has no GPU {uuid}", hint=hint)
    if not gpu.quarantine:
        raise HomeportError(ErrorCode.CONFLICT, f"GPU {uuid} of node {node.spec['name']} is not in quarantine")
    held = {each.uuid for each in inventory.gpus}
    cleared = {key: since for key, since in cleared_gpus(node).items() if key in held}
    return tx.put_spec(Kind.NODE, node_id, {**node.spec, "cleared_gpus": {**cleared, uuid: gpu.quarantined_at}})
