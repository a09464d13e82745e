"""Which secrets model versions and deployments are given, and what that comes to for a replica."""

from collections.abc import Iterator, Sequence
from typing import Any

from controlplane.fleet.references import parent
from controlplane.store.store import Kind, Record, Store, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.secrets import SecretFiles, SecretValue
from homeport.schema.deployment import DeploymentSpec
from homeport.schema.model_version import ModelVersionSpec
from homeport.schema.secret import SecretUse

_USERS = (Kind.MODEL_VERSION, Kind.DEPLOYMENT)


def environment_of(tx: Transaction, version: ModelVersionSpec, deployment: DeploymentSpec) -> dict[str, Any]:
    """The fields env, secret_env and secret_files of a workload. What the deployment says wins.

    Raises what `check_uses` raises, and CONFLICT for a secret of another project than the deployment's.
    """
    env: dict[str, str] = {}
    values: dict[str, SecretValue] = {}
    files: dict[str, SecretFiles] = {}
    for root, spec in (("model_version", version), ("deployment", deployment)):
        check_uses(tx, spec.secrets, version.driver, f"{root}.secrets")
        own = {use.env_var for use in spec.secrets if use.type == "env"}
        env = {name: value for name, value in {**env, **spec.env}.items() if name not in own}
        values = {name: value for name, value in values.items() if name not in spec.env}
        for index, use in enumerate(spec.secrets):
            secret = parent(tx, Kind.SECRET, use.id, f"{root}.secrets.{index}.id")
            _check_project(secret, deployment, f"{root}.secrets.{index}.id")
            if use.type == "env":
                key = keys_of(use, secret)[0]
                values[use.env_var] = SecretValue(use.id, key, secret.spec["data"][key])
            else:
                versions = {key: secret.spec["data"][key] for key in keys_of(use, secret)}
                files[use.target] = SecretFiles(use.id, versions, use.target, use.env_var, use.key)
    return {"env": env, "secret_env": values, "secret_files": tuple(files.values())}


def check_uses(tx: Transaction, uses: Sequence[SecretUse], driver: str, root: str) -> None:
    """Raises NOT_FOUND for an unknown secret, INVALID_ARGUMENT for a key that it has not, for a variable or folder that
    is given twice, and for files that this driver has no place for."""
    seen: set[str] = set()
    for index, use in enumerate(uses):
        path = f"{root}.{index}"
        secret = parent(tx, Kind.SECRET, use.id, f"{path}.id")
        known = secret.spec["data"]
        if use.key and use.key not in known:
            raise _invalid(f"secret {use.id} has no key {use.key}", f"it has {', '.join(sorted(known))}", f"{path}.key")
        if use.type == "env" and not use.key and len(known) > 1:
            raise _invalid(f"secret {use.id} has {len(known)} keys", f"say which: {', '.join(sorted(known))}", path)
        if use.type == "file" and driver != "docker" and (use.mount_path or not use.env_var):
            hint = "leave `mount_path` out, and give `env_var`: that variable gets the path of the files"
            raise _invalid(f"driver {driver} cannot mount a folder", hint, path)
        for place in filter(None, (use.env_var, use.target if use.type == "file" and driver == "docker" else "")):
            if place in seen:
                raise _invalid(f"{place} is given twice", "give each variable and each folder once", path)
            seen.add(place)


def users_of(objects: Store | Transaction, secret_id: str) -> list[Record]:
    """The model versions and deployments that name it."""
    return [each for kind in _USERS for each in objects.all(kind) if any(_uses(each, secret_id))]


def keys_used(user: Record, secret: Record) -> set[str]:
    """By a model version or a deployment."""
    return {key for use in _uses(user, secret.id) for key in keys_of(use, secret)}


def takes_the_only_key(user: Record, secret: Record) -> bool:
    """Without naming it."""
    return any(use.type == "env" and not use.key for use in _uses(user, secret.id))


def keys_of(use: SecretUse, secret: Record) -> list[str]:
    return [use.key] if use.key else sorted(secret.spec["data"])


def _uses(user: Record, secret_id: str) -> Iterator[SecretUse]:
    """Records of older releases have no `secrets`."""
    return (SecretUse.model_validate(each) for each in user.spec.get("secrets", ()) if each["id"] == secret_id)


def _check_project(secret: Record, deployment: DeploymentSpec, path: str) -> None:
    owner = secret.spec["project"]
    if owner and owner != deployment.project:
        raise HomeportError(
            ErrorCode.CONFLICT,
            f"secret {secret.id} is of project {owner}, and the deployment of {deployment.project or 'none'}",
            hint=f"deploy in project {owner}, or make a secret for the deployment's own project",
            path=path,
        )


def _invalid(message: str, hint: str, path: str) -> HomeportError:
    return HomeportError(ErrorCode.INVALID_ARGUMENT, message, hint=hint, path=path)
