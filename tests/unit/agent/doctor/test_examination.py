"""The doctor at work: on sockets, files, and checks that hang."""

import json
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.doctor.dns import check_dns
from agent.doctor.engine import check_engine
from agent.doctor.examine import examine
from agent.doctor.finding import Finding, Host, Verdict, ok
from agent.doctor.gpu import check_gpu
from agent.doctor.reachability import problem_with
from agent.doctor.report import render, to_plain
from agent.doctor.server import Server, server_of
from agent.doctor.state import check_state
from agent.main import main
from agent.state.identity import Identity, IdentityStore, received_now
from tests.fakes.certs import authority, issue, make_ca
from tests.fakes.nvml import build_library


def _host(folder: Path, server: str = "") -> Host:
    return Host(folder / "state", folder / "agent.toml", server)


def _identity(port: int = 8443) -> Identity:
    ca = authority().ca
    key, certificate = issue(ca, san_uri="homeport://node/n1")
    return Identity("n1", "home", "default", f"127.0.0.1:{port}", key, certificate, ca.pem, 86400, **received_now())


def test_one_that_hangs_and_one_that_fails_leave_the_others_alone(tmp_path: Path) -> None:
    let_go = threading.Event()

    def hangs(_: Host) -> list[Finding]:
        let_go.wait(60)
        return []

    def fails(_: Host) -> list[Finding]:
        raise ZeroDivisionError

    def works(_: Host) -> list[Finding]:
        return [ok("works", "yes")]

    checks = {"hangs": hangs, "fails": fails, "works": works}
    hung, failed, worked = examine(_host(tmp_path), checks, deadline=0.3)
    let_go.set()
    assert (hung.check, hung.verdict) == ("hangs", Verdict.FAIL)
    assert "no answer within 0.3 s" in hung.message
    assert (failed.check, failed.verdict) == ("fails", Verdict.FAIL)
    assert worked == ok("works", "yes")


def test_a_host_that_has_not_joined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "agent.toml").write_text('drivers = ["process"]')
    arguments = ["--state-dir", str(tmp_path / "state"), "--policy", str(tmp_path / "agent.toml")]
    main(["doctor", "--output", "json", *arguments])
    answer = json.loads(capsys.readouterr().out)
    assert answer["healthy"]
    verdicts = {finding["check"]: finding["verdict"] for finding in answer["findings"]}
    assert (verdicts["state"], verdicts["dns"], verdicts["engine"]) == ("warn", "warn", "ok")


def test_a_failure_is_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "agent.toml").write_text("drivers = process")
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--state-dir", str(tmp_path / "state"), "--policy", str(tmp_path / "agent.toml")])
    assert ended.value.code == 1
    out = capsys.readouterr().out
    assert "fail  policy" in out
    assert "-> lines look like" in out


def test_the_report_counts() -> None:
    findings = [ok("a", "well"), Finding("b", Verdict.FAIL, "ill", "a fix")]
    assert render(findings).splitlines()[-1] == "1 ok, 0 warn, 1 fail"
    assert to_plain(findings)["healthy"] is False


def test_a_damaged_identity_is_found(tmp_path: Path) -> None:
    host = _host(tmp_path)
    host.state_dir.mkdir(mode=0o700)
    IdentityStore(host.state_dir / "identity").save(_identity())
    assert [finding.verdict for finding in check_state(host)] == [Verdict.OK, Verdict.OK]


def test_where_the_control_plane_is(tmp_path: Path) -> None:
    host = _host(tmp_path)
    assert server_of(host) is None
    named = server_of(_host(tmp_path, "hub.example:9442"))
    assert named == Server("hub.example", {"enrollment": 9442, "session": 8443, "tunnel": 8444}, None)
    host.state_dir.mkdir(mode=0o700)
    identity = _identity(port=9443)
    IdentityStore(host.state_dir / "identity").save(identity)
    told = Host(host.state_dir, host.policy_file, status={"link": {"gateways": ["127.0.0.1:9444"]}})
    assert server_of(told) == Server("127.0.0.1", {"enrollment": 8442, "session": 9443, "tunnel": 9444}, identity)


def test_a_name_that_nobody_knows(tmp_path: Path) -> None:
    (finding,) = check_dns(_host(tmp_path, "no-such-host.invalid"))
    assert finding.verdict is Verdict.FAIL
    assert "/etc/hosts" in finding.fix


@contextmanager
def _listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a server that does so with one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


def _tls_server(context: ssl.SSLContext) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(24)
                secure.sendall(b"\0\0\0\4\0\0\0\0\0")
        except ssl.SSLError:
            pass

    return serve


def test_a_port_where_the_control_plane_answers() -> None:
    with _listening(_tls_server(authority().server_tls())) as port:
        assert problem_with(Server("127.0.0.1", {}, _identity()), port) == ""


def test_a_port_where_somebody_else_answers() -> None:
    stranger = make_ca("stranger")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    key, certificate = issue(stranger, san_dns="homeport-control-plane")
    pem = Path(f"/proc/self/fd/{_in_memory(key + certificate)}")
    context.load_cert_chain(pem)
    with _listening(_tls_server(context)) as port:
        assert "certificate" in problem_with(Server("127.0.0.1", {}, _identity()), port)


def test_a_port_that_speaks_no_tls_and_one_that_is_closed() -> None:
    with _listening(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        assert "TLS failed" in problem_with(Server("127.0.0.1", {}, None), port)
    assert "refused" in problem_with(Server("127.0.0.1", {}, None), port)


def _in_memory(content: bytes) -> int:
    file = os.memfd_create("pem")
    os.write(file, content)
    return file


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ({"Version": "28.1.0", "ApiVersion": "1.49"}, Verdict.OK),
        ({"Version": "18.1.0", "ApiVersion": "1.37"}, Verdict.FAIL),
        ({"what": "is this"}, Verdict.FAIL),
    ],
)
def test_an_engine(tmp_path: Path, answer: dict[str, str], verdict: Verdict) -> None:
    path = tmp_path / "engine.sock"
    body = json.dumps(answer).encode()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

        threading.Thread(target=serve, daemon=True).start()
        (tmp_path / "agent.toml").write_text(f'engine_socket = "{path}"')
        (finding,) = check_engine(_host(tmp_path))
    assert finding.verdict is verdict


def test_gpus_are_looked_at_in_a_thread(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(build_library(tmp_path_factory.mktemp("nvml"))))
    monkeypatch.setenv("FAKE_NVML_GPUS", "2")
    (finding,) = examine(_host(tmp_path), {"gpu": check_gpu}, deadline=60)
    assert (finding.verdict, finding.message) == (Verdict.OK, "2 GPUs, driver 570.00.01")


def test_an_engine_that_does_not_run(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text(f'engine_socket = "{tmp_path}/nothing"')
    (finding,) = check_engine(_host(tmp_path))
    assert finding.verdict is Verdict.FAIL
    assert "systemctl start docker" in finding.fix
