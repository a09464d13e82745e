import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.cli.dev.preflight import check_ports, only_one
from homeport.cli.dev.sample import find_sample
from homeport.cli.dev.settings import Ports, default_data_dir
from homeport.core.errors import ErrorCode, HomeportError


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def test_free_ports_pass() -> None:
    check_ports(Ports(*_free_ports(5)))


@pytest.mark.parametrize("name", ["api", "gateway", "enroll", "session", "tunnel"])
def test_a_taken_port_is_named_with_the_option_that_changes_it(taken: int, name: str) -> None:
    names = ["api", "gateway", "enroll", "session", "tunnel"]
    ports = dict(zip(names, _free_ports(5), strict=True)) | {name: taken}
    with pytest.raises(HomeportError) as caught:
        check_ports(Ports(**ports))
    assert caught.value.code is ErrorCode.IN_USE
    assert f"port {taken} is taken" in str(caught.value)
    assert f"--{name}-port" in str(caught.value)


def test_one_port_for_two_things() -> None:
    a, b, c, d = _free_ports(4)
    with pytest.raises(HomeportError, match=f"--session-port and --api-port are both {a}"):
        check_ports(Ports(api=a, gateway=b, enroll=c, session=a, tunnel=d))


def test_a_data_directory_has_one_user_at_a_time(tmp_path: Path) -> None:
    data_dir = tmp_path / "new" / "dir"
    with (
        only_one(data_dir),
        pytest.raises(HomeportError, match=f"process {os.getpid()}") as caught,
        only_one(data_dir),
    ):
        pass
    assert caught.value.code is ErrorCode.IN_USE
    with only_one(data_dir):
        pass


def test_a_data_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeportError, match="--data-dir"), only_one(tmp_path / "file" / "dir"):
        pass


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/home/ada"}, "/home/ada/.local/share/homeport/dev"),
        ({"HOME": "/home/ada", "XDG_DATA_HOME": "/data"}, "/data/homeport/dev"),
    ],
)
def test_where_data_goes(environ: dict[str, str], expected: str) -> None:
    assert default_data_dir(environ) == Path(expected)


def test_without_a_checkout_or_without_the_models_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homeport.__file__", str(tmp_path / "homeport" / "__init__.py"))
    with pytest.raises(HomeportError, match="make run"):
        find_sample()
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "deployment.yaml").write_text("")
    with pytest.raises(HomeportError, match=f"make -C {tmp_path} setup"):
        find_sample()
    (tmp_path / ".models" / "smollm2" / "bin").mkdir(parents=True)
    with pytest.raises(HomeportError, match="half made"):
        find_sample()
    (tmp_path / ".models" / "smollm2" / "homeport-sample").write_text("1 2")
    assert find_sample().root == tmp_path
