"""The local gateway of this very node, where its administrator wants one. Most agents have none, and are as small as
if it did not exist."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.link.link import Link
from agent.link.messages import DENIALS, LEASES, Welcome
from agent.local_gateway.options import LocalGatewayOptions
from agent.state.directory import StateDirectory
from agent.state.identity import Identity

if TYPE_CHECKING:  # loaded where there is one
    from agent.local_gateway.local_gateway import LocalGateway


def own_gateway(
    options: LocalGatewayOptions | None,
    directory: StateDirectory,
    identity: Callable[[], Identity],
    link: Callable[[], Link],
    welcome: Callable[[], Welcome | None],
) -> "LocalGateway | None":
    """`link` and `welcome` are asked once it runs. Raises HomeportError when its part of the disk cannot be opened."""
    if options is None:
        return None
    from agent.local_gateway.denials import SiteDenials
    from agent.local_gateway.local_gateway import LocalGateway

    return LocalGateway(
        options,
        directory,
        identity,
        lambda: link().heard_ago,
        lambda: _session_with(LEASES, link(), welcome()),
        lambda report_json: link().tell_leases(report_json),
        SiteDenials(
            lambda: _session_with(DENIALS, link(), welcome()) > 0, lambda denials: link().tell_denials(denials)
        ),
    )


def _session_with(feature: str, link: Link, welcome: Welcome | None) -> int:
    """Its epoch; 0 while there is none, or none with a control plane that has it."""
    has = welcome is not None and feature in welcome.features and link.state.connected
    return link.epoch if has else 0
