"""A host from its installation to its end, in a container that systemd runs in: real units, real processes, no network
but loopback, so everything comes from the wheelhouse.
"""

import re
from pathlib import Path

import pytest

from tests.system.installers.machine import Machine
from tests.system.installers.release import changed

pytestmark = [pytest.mark.system, pytest.mark.timeout(600), pytest.mark.xdist_group("installers")]

SITE = """
compute_cluster: {id: home}
---
nodepool: {id: default, compute_cluster: {id: home}}
---
model: {id: files}
---
model_version:
  id: v1
  model: {id: files}
  driver: process
  command: [python3, -m, http.server, "{port}", --bind, 127.0.0.1, --directory, /etc]
  readiness: {path: /hostname, interval_seconds: 0.2}
---
deployment:
  id: files
  worker: {model: {id: files}}
  nodepools: [{id: default, compute_cluster: {id: home}}]
  autoscale_config: {min_replicas: 1, max_replicas: 1}
"""
_DROP_IN = "/etc/systemd/system/homeport-agent.service.d"
_WITH_TOKEN = "export HOMEPORT_TOKEN=$(cat /var/lib/homeport-server/admin-token); "
_ASK = 'curl -fsS -H "Authorization: Bearer $HOMEPORT_TOKEN" http://127.0.0.1:8000/d/files/hostname'


class House:
    """Server and agent on one machine, as a person with a shell on it sees them."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def homeport(self, arguments: str, stdin: str = "") -> str:
        return self.machine.sh(f"{_WITH_TOKEN} homeport {arguments}", stdin).stdout

    def model_pid(self) -> int:
        """Of the one replica, once it is ready."""

        def ready() -> int:
            status = self.machine.sh("homeport-agent status --json", check=False)
            if status.returncode or '"status": "ready"' not in status.stdout:
                return 0
            return int(self.machine.sh("pgrep -f http.server.*/etc").stdout)

        return int(self.machine.until(ready, "the replica is ready"))

    def serves(self) -> None:
        def answer() -> bool:
            return self.machine.sh(_WITH_TOKEN + _ASK, check=False).stdout.strip() == "rack7"

        self.machine.until(answer, "the model answers through the gateway")

    def has_its_host(self) -> bool:
        """Not while the control plane starts."""
        return "ready" in self.machine.sh(f"{_WITH_TOKEN} homeport node list", check=False).stdout

    def gateway_pid(self) -> int:
        return int(self.machine.sh("pgrep -f controlplane.gateway.worker").stdout)

    def main_pid(self, unit: str) -> int:
        return int(self.machine.sh(f"systemctl show {unit} -p MainPID --value").stdout)

    def is_active(self, unit: str) -> bool:
        return self.machine.sh(f"systemctl is-active '{unit}'", check=False).stdout.strip() == "active"


@pytest.fixture
def house(machine: Machine, wheelhouse: Path) -> House:
    """With a control plane, a site described, and no agent yet. The agent's watchdog will be impatient."""
    machine.sh(f"mkdir {_DROP_IN} && printf '[Service]\\nWatchdogSec=5\\n' >{_DROP_IN}/watchdog.conf")
    machine.copy(wheelhouse, "/root/wheelhouse")
    machine.sh("sh /root/wheelhouse/install.sh server --advertise 127.0.0.1")
    house = House(machine)
    house.homeport("apply -f -", SITE)
    return house


def test_the_life_of_a_host(house: House, wheelhouse: Path, tmp_path: Path) -> None:
    machine = house.machine

    # A line that was copied badly: the program is there by then, and nothing runs.
    command = next(line for line in house.homeport("node add").splitlines() if "mktemp" in line)
    token = re.search(r"--token (\S+)", command)[1]  # type: ignore[index]
    refused = machine.sh(command.replace(token, f"{token[:-64]}{'0' * 64}") + " --drivers process", check=False)
    assert refused.returncode == 1
    assert "cannot join: homeport-agent: " in refused.stderr.splitlines()[-1]
    assert machine.sh("ls /etc/systemd/system/homeport-agent.service", check=False).stdout == ""

    # install -> join -> deploy: the line as it is.
    assert "runs and is connected" in machine.sh(command).stdout
    assert house.has_its_host()
    pid = house.model_pid()
    house.serves()

    # Where the model runs, and as whom.
    (unit,) = machine.sh(
        "systemctl list-units --plain --no-legend 'homeport-replica@*' | cut -d ' ' -f 1"
    ).stdout.split()
    assert house.main_pid(unit) == pid
    assert f"/{unit}" in machine.sh(f"cat /proc/{pid}/cgroup").stdout
    assert machine.sh(f"stat -c %U /proc/{pid}").stdout.strip() == "homeport-agent"
    assert machine.sh("stat -c '%U %a' /var/lib/homeport-agent /var/lib/homeport-server").stdout.split("\n")[:2] == [
        "homeport-agent 700",
        "homeport-server 700",
    ]

    # The doctor finds it healthy; what it warns of is what was asked for.
    report = machine.json("homeport-agent doctor --output json")
    assert report["healthy"]
    assert [f["check"] for f in report["findings"] if f["verdict"] != "ok"] == ["policy"]

    # Frozen, killed, restarted: another agent, the same model. A frozen one does not feed the watchdog.
    for signal in ("systemctl kill --signal=STOP", "systemctl kill --signal=KILL", "systemctl restart"):
        blow = f"{signal} homeport-agent"
        before = house.main_pid("homeport-agent")
        machine.sh(blow)
        machine.until(lambda b=before: house.main_pid("homeport-agent") not in (0, b), "another agent runs")  # type: ignore[misc]
        assert house.model_pid() == pid, blow
        house.serves()

    # The gateway outlives its control plane when that is killed or restarted.
    gateway = house.gateway_pid()
    for blow in ("systemctl kill --kill-who=main --signal=KILL homeport-server", "systemctl restart homeport-server"):
        before = house.main_pid("homeport-server")
        machine.sh(blow)
        house.serves()
        machine.until(lambda b=before: house.main_pid("homeport-server") not in (0, b), "another control plane runs")  # type: ignore[misc]
        machine.until(house.has_its_host, "the host is back")
        assert house.gateway_pid() == gateway, blow
        assert house.model_pid() == pid, blow

    # Stopped, it takes the gateway with it, and the model runs on.
    machine.sh("systemctl stop homeport-server")
    assert machine.sh(f"ls -d /proc/{gateway}", check=False).stdout == ""
    assert house.model_pid() == pid
    machine.sh("systemctl start homeport-server")
    house.serves()

    # A control plane that is dead when it is stopped leaves a gateway, for `systemctl kill`.
    gateway = house.gateway_pid()
    machine.sh("systemctl kill --kill-who=main --signal=KILL homeport-server; systemctl stop homeport-server")
    machine.sh("systemctl kill homeport-server")
    machine.until(lambda: machine.sh(f"ls -d /proc/{gateway}", check=False).stdout == "", "the gateway ends")
    machine.sh("systemctl start homeport-server")
    house.serves()

    # A model that dies is started again, and why it died is known although it was no child of the agent.
    machine.sh(f"kill -9 {pid}")
    machine.until(lambda: house.model_pid() != pid, "another model runs")
    assert "killed by SIGKILL" in machine.sh("journalctl -u homeport-agent --output cat").stdout
    house.serves()

    # Installing again changes nothing that runs.
    pid = house.model_pid()
    assert "installed already" in machine.sh("sh /root/wheelhouse/install.sh agent").stdout
    assert house.model_pid() == pid

    # Another release takes over, with a unit that systemd has to read anew; one that does not start gives way.
    newer = changed(wheelhouse, tmp_path / "newer", {}, {"homeport-agent.service": "# newer"})
    machine.copy(newer, "/root/newer")
    machine.sh("sh /root/newer/install.sh agent")
    assert "# newer" in machine.sh("systemctl cat homeport-agent").stdout
    assert house.model_pid() == pid
    running = machine.sh("readlink /opt/homeport/agent/current").stdout
    broken = changed(wheelhouse, tmp_path / "broken", {"agent/daemon.py": "raise SystemExit('broken release')"}, {})
    machine.copy(broken, "/root/broken")
    refused = machine.sh("sh /root/broken/install.sh agent", check=False)
    assert refused.returncode == 1
    assert "runs again: broken release" in refused.stderr
    assert machine.sh("readlink /opt/homeport/agent/current").stdout == running
    assert "# newer" in machine.sh("systemctl cat homeport-agent").stdout
    assert house.model_pid() == pid
    house.serves()

    # Reboot: everything is back by itself.
    machine.reboot()
    house.model_pid()
    house.serves()

    # Remove: the models stop, the state stays; install again and it is the same node; purge leaves nothing.
    node = machine.json("homeport-agent status --json")["node_id"]
    machine.sh("sh /root/wheelhouse/install.sh agent --uninstall")
    assert machine.sh("pgrep -f http.server", check=False).returncode == 1
    assert not house.is_active("homeport-agent")
    machine.sh("sh /root/wheelhouse/install.sh agent")
    assert machine.json("homeport-agent status --json")["node_id"] == node
    house.model_pid()
    refused = machine.sh("sh /root/wheelhouse/install.sh agent --purge", check=False)
    assert refused.returncode == 1
    assert "nothing was removed" in refused.stderr
    machine.sh(f"sh /root/wheelhouse/install.sh agent --purge --yes; rm -r {_DROP_IN}")
    machine.sh("sh /root/wheelhouse/install.sh server --purge --yes")
    left = machine.sh(
        "ls -d /opt/homeport /etc/homeport /var/lib/homeport* /etc/systemd/system/homeport* /usr/local/bin/homeport*;"
        "getent passwd homeport-agent homeport-server; systemctl list-units --no-legend 'homeport*.service'",
        check=False,
    )
    assert left.stdout == ""
