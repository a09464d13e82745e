"""host:port texts."""

from ipaddress import ip_address

from homeport.core.errors import ErrorCode, HomeportError


def split_target(target: str, default_port: int) -> tuple[str, int]:
    """`host`, `host:port` or `[v6]:port`. Raises HomeportError(INVALID_ARGUMENT)."""
    host, colon, port = target.rpartition(":")
    if not colon or target.endswith("]"):
        host, port = target, str(default_port)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT, f"{target!r} is not an address", hint="write HOST:PORT, such as homeport:8442"
        )
    return host, int(port)


def listening_target(target: str) -> tuple[str, int]:
    """An IP address and a port to listen at; 0 = any. Raises HomeportError(INVALID_ARGUMENT)."""
    host, port = split_target(target, 0) if not target.endswith(":0") else (target[:-2].strip("[]"), 0)
    try:
        ip_address(host)
    except ValueError:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"{host!r} is no address to listen at",
            hint="write an IP address and a port: 0.0.0.0:8000",
        ) from None
    return host, port


def join_target(host: str, port: int | str) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def resolve_target(target: str, dialled: str) -> str:
    """An empty host means the one that was dialled: `:8444` seen from `homeport:8443` is `homeport:8444`."""
    host, _, port = target.rpartition(":")
    return target if host else join_target(split_target(dialled, 1)[0], port)
