"""What a host says of itself, read from a copy of its files."""

from pathlib import Path

from agent.fingerprint.hardware import probe_hardware
from homeport.core.hardware import Hardware


def host(root: Path, machine_id: str = "4c4c", board: str = "0001") -> Path:
    for path, text in [("etc/machine-id", machine_id), ("sys/class/dmi/id/product_uuid", board)]:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{text}\n")
    return root


def card(root: Path, name: str, address: str, *, given: int = 0, device: bool = True) -> None:
    folder = root / "sys/class/net" / name
    folder.mkdir(parents=True)
    (folder / "address").write_text(f"{address}\n")
    (folder / "addr_assign_type").write_text(f"{given}\n")
    if device:
        (folder / "device").mkdir()


def test_cards_count_and_what_the_engine_makes_up_does_not(tmp_path: Path) -> None:
    host(tmp_path)
    card(tmp_path, "eth1", "52:54:00:00:00:02")
    card(tmp_path, "eth0", "52:54:00:00:00:01")
    card(tmp_path, "docker0", "02:42:00:00:00:01", given=3, device=False)
    card(tmp_path, "veth1", "02:42:00:00:00:02", device=False)
    card(tmp_path, "wlan0", "02:42:00:00:00:03", given=1)
    assert probe_hardware(tmp_path).addresses == ("52:54:00:00:00:01", "52:54:00:00:00:02")


def test_the_numbers_themselves_stay_on_the_host(tmp_path: Path) -> None:
    found = probe_hardware(host(tmp_path, "4c4c4544", "b0a4d"))
    assert found == probe_hardware(tmp_path)
    assert "4c4c4544" not in str(found)
    assert "b0a4d" not in str(found)
    again = probe_hardware(host(tmp_path, "4c4c4545", "b0a4d"))
    assert again.machine_id != found.machine_id
    assert again.product_uuid == found.product_uuid


def test_what_cannot_be_read_is_not_known(tmp_path: Path) -> None:
    assert probe_hardware(tmp_path) == Hardware()
    host(tmp_path, machine_id="")
    (tmp_path / "sys/class/dmi/id/product_uuid").write_bytes(b"\xff\xfe")
    assert probe_hardware(tmp_path) == Hardware()
