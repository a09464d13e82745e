"""The drivers that the host's administrator allows."""

from collections.abc import Callable, Mapping

from agent.drivers.driver import Driver
from agent.drivers.process.driver import ProcessDriver
from agent.drivers.simulated import SimulatedDriver
from agent.policy import HostPolicy
from agent.state.directory import StateDirectory


def allowed_drivers(policy: HostPolicy, directory: StateDirectory, node_id: str) -> Mapping[str, Driver]:
    """By name."""
    makers: dict[str, Callable[[], Driver]] = {
        "process": lambda: ProcessDriver(directory.replicas, node_id),
        "docker": lambda: _docker(directory, node_id, policy),
        "simulated": SimulatedDriver,
    }
    return {name: makers[name]() for name in policy.drivers}


def _docker(directory: StateDirectory, node_id: str, policy: HostPolicy) -> Driver:
    # The engine's client takes 9 MB: loaded only where there is an engine to drive.
    from agent.drivers.docker.driver import DockerDriver

    return DockerDriver(directory.containers, node_id, policy)
