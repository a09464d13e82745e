"""What one replica is given of secrets, in clear: it exists while the replica is being started, and goes nowhere but
to its driver. No part of it is in a repr, and so in no log."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from homeport.core.secrets import Values
from homeport.core.workload import Workload


class SecretsMissing(Exception):
    """The message is a reason for people."""


@dataclass(frozen=True, slots=True)
class SecretFolder:
    """`files`: name -> content. `target` is where the folder is in a container; `env_var`, where it is not empty, gets
    the path of the folder, or of the file `key` in it."""

    target: str
    env_var: str
    key: str
    files: Mapping[str, str] = field(repr=False)

    def told(self, folder: str) -> dict[str, str]:
        """The variable that says where it is, if one does."""
        return {self.env_var: f"{folder}/{self.key}" if self.key else folder} if self.env_var else {}


@dataclass(frozen=True, slots=True)
class ReplicaSecrets:
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    folders: tuple[SecretFolder, ...] = ()


NO_SECRETS = ReplicaSecrets()


def replica_secrets(workload: Workload, values: Values) -> ReplicaSecrets:
    """Raises SecretsMissing."""
    try:
        return ReplicaSecrets(
            {name: values[each.secret][each.key] for name, each in workload.secret_env.items()},
            tuple(
                SecretFolder(
                    each.target, each.env_var, each.key, {key: values[each.secret][key] for key in each.versions}
                )
                for each in workload.secret_files
            ),
        )
    except KeyError as error:
        raise SecretsMissing(f"the control plane has not sent {error.args[0]} of its secrets") from None
