"""Whether the control plane's ports answer, and whether it is the control plane that does."""

import socket
import ssl

from agent.doctor.finding import Finding, Host, fail, ok, warn
from agent.doctor.server import Server, server_of
from agent.state.identity import Identity
from homeport.http2.tls import client_tls
from homeport.identity import GATEWAY_NAME, SERVER_NAME
from homeport.target import join_target

_CHECK = "reachability"
_SECONDS = 5.0
# How HTTP/2 begins: the preface, and settings that are all default.
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"


def check_enrollment_port(host: Host) -> list[Finding]:
    return _check_port(host, "enrollment")


def check_session_port(host: Host) -> list[Finding]:
    return _check_port(host, "session")


def check_tunnel_port(host: Host) -> list[Finding]:
    return _check_port(host, "tunnel")


def _check_port(host: Host, name: str) -> list[Finding]:
    server = server_of(host)
    if server is None:
        return []  # the name's check says so
    port = server.ports[name]
    problem = problem_with(server, port, GATEWAY_NAME if name == "tunnel" else SERVER_NAME)
    return [judge_port(name, join_target(server.host, port), problem, server.identity is not None)]


def judge_port(name: str, target: str, problem: str, joined: bool) -> Finding:
    if not problem:
        return ok(_CHECK, f"{name} port {target} answers")
    message = f"{name} port {target}: {problem}"
    if name == "enrollment" and joined:
        return warn(_CHECK, message, "nothing to do: it is needed for joining only, and this host has joined")
    if "certificate" in problem:
        return fail(_CHECK, message, "something between here and there opens TLS, or it is another control plane")
    return fail(_CHECK, message, f"let this host open TCP connections to {target}, and see that homeport-server runs")


def problem_with(server: Server, port: int, server_name: str = SERVER_NAME) -> str:
    """Empty when the control plane itself answers there. Before the host has joined nobody's name can be checked."""
    try:
        with (
            socket.create_connection((server.host, port), timeout=_SECONDS) as plain,
            _context(server.identity).wrap_socket(plain, server_hostname=server_name) as connection,
        ):
            # A server that refuses our certificate says so only now; one that takes it answers with its settings.
            connection.sendall(_HELLO)
            return "" if connection.recv(1) else "it closes the connection: it does not know this node's certificate"
    except ssl.SSLCertVerificationError as error:
        return f"not this control plane's certificate: {error.verify_message}"
    except ssl.SSLError as error:
        return f"TLS failed: {error.reason or error}"
    except TimeoutError:
        return f"no answer within {_SECONDS:g} s"
    except OSError as error:
        return error.strerror or str(error)


def _context(identity: Identity | None) -> ssl.SSLContext:
    if identity is not None:
        return client_tls(identity.key, identity.certificate, identity.ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["h2"])
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
