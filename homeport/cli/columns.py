"""What a table shows of each kind."""

import time
from collections.abc import Callable
from typing import Any

from homeport.cli.text import cores, duration, ready_of, size
from homeport.client.resource import Resource

Column = tuple[str, Callable[[Resource], str]]


def _spec(key: str) -> Callable[[Resource], str]:
    return lambda resource: _cell(resource.spec.get(key))


def _status(key: str) -> Callable[[Resource], str]:
    return lambda resource: _cell(resource.status.get(key))


def _compute(key: str) -> Callable[[Resource], str]:
    """Quantities are text, as in YAML; "0" = has none."""

    def cell(resource: Resource) -> str:
        quantity = (resource.spec.get("compute_info") or {}).get(key)
        return "-" if quantity == "0" else _cell(quantity)

    return cell


def _accelerators(resource: Resource) -> str:
    has = resource.spec.get("compute_info") or {}
    types = ", ".join(has.get("accelerator_type", []))
    return f"{has['num_accelerators']}x {types}".strip() if has.get("num_accelerators") else "-"


def _price(resource: Resource) -> str:
    price = resource.spec.get("price_per_hour")
    return "-" if price is None else f"{price:.2f}"


def _tenancy(resource: Resource) -> str:
    project = resource.spec.get("project")
    return f"dedicated to {project}" if project else str(resource.spec.get("tenancy", "shared"))


def _age(resource: Resource) -> str:
    return duration(time.time() - resource.created_at) if resource.created_at else "-"


def _cell(value: Any) -> str:
    if value in (None, "", [], {}):
        return "-"
    if isinstance(value, dict):
        return ",".join(f"{key}={item}" for key, item in value.items())
    return str(value)


def _pool(plain: dict[str, Any]) -> str:
    return f"{plain['compute_cluster']['id']}/{plain['id']}"


def _inventory(resource: Resource) -> dict[str, Any]:
    found: dict[str, Any] = resource.status.get("inventory") or {}
    return found


def _gpus(resource: Resource) -> str:
    names = [gpu["name"] for gpu in _inventory(resource).get("gpus", [])]
    text = ", ".join(f"{names.count(name)}x {name}" for name in dict.fromkeys(names)) or "-"
    confined = sum(bool(gpu.get("quarantine")) for gpu in _inventory(resource).get("gpus", []))
    return f"{text} ({confined} in quarantine)" if confined else text


def _served(resource: Resource) -> str:
    worker = resource.spec["worker"]["model"]
    version = resource.status.get("model_version") or (worker.get("model_version") or {}).get("id", "")
    return f"{worker['id']}/{version.split('/')[-1]}" if version else str(worker["id"])


def with_reason(state: str, reason: str) -> str:
    return f"{state} ({reason})" if reason else state


def _phase(resource: Resource) -> str:
    return with_reason(resource.status.get("phase", "unknown"), resource.status.get("reason", ""))


def _node_status(resource: Resource) -> str:
    status = with_reason(resource.status.get("status", "unknown"), resource.status.get("reason", ""))
    return ", ".join([status, *_wishes(resource)])


def _wishes(node: Resource) -> list[str]:
    """What was asked of it, beside how it stands."""
    drain, cordon = node.spec.get("drain"), node.spec.get("cordon")
    if drain:
        return [with_reason("drained" if node.status.get("drained") else "draining", drain["reason"])]
    return [with_reason("cordoned", cordon["reason"])] if cordon else []


def _since(resource: Resource) -> str:
    since = resource.status.get("since")
    return duration(time.time() - since) if since else "-"


def _runs_on(resource: Resource) -> str:
    placements = resource.status.get("placements", [])
    return ", ".join(each["node_name"] for each in placements if each.get("status") != "replaced") or "-"


def _how(resource: Resource) -> str:
    return str(resource.spec.get("image") or " ".join(resource.spec.get("command", [])))


def _expires(resource: Resource) -> str:
    expires = resource.spec.get("expires_at") or resource.status.get("expires_at")
    if not expires:
        return "-"
    left = float(expires) - time.time()
    return f"in {duration(left)}" if left > 0 else "expired"


def _enabled(resource: Resource) -> str:
    return "disabled" if resource.spec.get("disabled") else "enabled"


def _limit(names: list[str] | None) -> str:
    return "all" if names is None else ", ".join(names)


def _ago(at: float | None) -> str:
    return f"{duration(time.time() - at)} ago" if at else "never"


COLUMNS: dict[str, list[Column]] = {
    "cluster": [
        ("ID", lambda r: r.id),
        ("KIND", _spec("kind")),
        ("PROVIDER", lambda r: _cell((r.spec.get("cloud_provider") or {}).get("id"))),
        ("REGION", _spec("region")),
        ("LABELS", _spec("labels")),
        ("AGE", _age),
    ],
    "nodepool": [
        ("ID", lambda r: r.id),
        ("MIN", _spec("min_instances")),
        ("MAX", _spec("max_instances")),
        ("TENANCY", _tenancy),
        ("INSTANCE TYPES", lambda r: ", ".join(each["id"] for each in r.spec.get("instance_types", [])) or "-"),
        ("LABELS", _spec("labels")),
        ("AGE", _age),
    ],
    "instance_type": [
        ("ID", lambda r: r.id),
        ("SOURCE", _status("source")),
        ("CPU", _compute("cpu_limit")),
        ("MEMORY", _compute("cpu_memory")),
        ("ACCELERATORS", _accelerators),
        ("EACH", _compute("accelerator_memory")),
        ("$/HOUR", _price),
        ("PROVIDER", lambda r: _cell((r.spec.get("cloud_provider") or {}).get("id"))),
        ("REGION", _spec("region")),
    ],
    "node": [
        ("NAME", _spec("name")),
        ("NODEPOOL", lambda r: f"{r.spec['cluster']}/{r.spec['nodepool']}"),
        ("STATUS", _node_status),
        ("SINCE", _since),
        ("REPLICAS", lambda r: str(r.status.get("replicas", 0))),
        ("CPU", lambda r: cores(_inventory(r).get("cpu_milli", 0))),
        ("MEMORY", lambda r: size(_inventory(r).get("memory_bytes", 0))),
        ("GPUS", _gpus),
        ("ID", lambda r: r.id),
    ],
    "model": [
        ("ID", lambda r: r.id),
        ("DESCRIPTION", _spec("description")),
        ("DEFAULT DEPLOYMENT", _spec("default_deployment")),
        ("PROJECT", _spec("project")),
        ("AGE", _age),
    ],
    "model_version": [
        ("ID", lambda r: r.id),
        ("DRIVER", _spec("driver")),
        ("RUNS", _how),
        ("CONCURRENCY", _spec("concurrency")),
        ("AGE", _age),
    ],
    "deployment": [
        ("ID", lambda r: r.id),
        ("SERVES", _served),
        ("PHASE", _phase),
        ("REPLICAS", lambda r: ready_of(r.status.get("replicas", {}))),
        ("NODES", _runs_on),
        ("NODEPOOLS", lambda r: ", ".join(_pool(pool) for pool in r.spec["nodepools"])),
        ("ENVIRONMENT", _spec("environment")),
        ("AGE", _age),
    ],
    "project": [
        ("ID", lambda r: r.id),
        ("DESCRIPTION", _spec("description")),
        ("LABELS", _spec("labels")),
        ("AGE", _age),
    ],
    "secret": [
        ("ID", lambda r: r.id),
        ("KEYS", lambda r: ", ".join(sorted(r.spec.get("data", {})))),
        ("PROJECT", _spec("project")),
        ("VERSION", _status("version")),
        ("CHANGED", lambda r: _ago(r.status.get("changed_at"))),
        ("DESCRIPTION", _spec("description")),
    ],
    "user": [
        ("ID", lambda r: r.id),
        ("NAME", _spec("name")),
        ("EMAIL", _spec("email")),
        ("STATE", _enabled),
        ("AGE", _age),
    ],
    "service_account": [
        ("ID", lambda r: r.id),
        ("DESCRIPTION", _spec("description")),
        ("STATE", _enabled),
        ("AGE", _age),
    ],
    "team": [
        ("ID", lambda r: r.id),
        ("MEMBERS", lambda r: ", ".join(r.spec.get("members", [])) or "-"),
        ("DESCRIPTION", _spec("description")),
        ("AGE", _age),
    ],
    "role_binding": [
        ("ID", lambda r: r.id),
        ("SUBJECT", _spec("subject")),
        ("ROLE", _spec("role")),
        ("SCOPE", _spec("scope")),
        ("AGE", _age),
    ],
    "access_token": [
        ("ID", lambda r: r.id),
        ("NAME", _spec("name")),
        ("OWNER", _spec("owner")),
        ("PERMISSIONS", lambda r: _limit(r.spec.get("permissions"))),
        ("MODELS", lambda r: _limit(r.spec.get("models"))),
        ("LAST USED", lambda r: _ago(r.status.get("last_used_at"))),
        ("SESSION", lambda r: r.spec.get("session") or ""),
        ("EXPIRES", lambda r: _expires(r) if r.spec.get("expires_at") else "never"),
    ],
    "join_token": [
        ("ID", lambda r: r.id),
        ("NODEPOOL", lambda r: nodepool_of_token(r.spec)),
        ("EXPIRES", _expires),
        ("USED", lambda r: "yes" if r.status.get("used_at") else "no"),
    ],
}


def nodepool_of_token(spec: dict[str, Any]) -> str:
    pool = spec.get("nodepool", "-")
    return _pool(pool) if isinstance(pool, dict) else str(pool)
