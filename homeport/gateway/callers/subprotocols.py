"""Access tokens among the subprotocols of a WebSocket: a browser can set no other header of one."""

from homeport.http1.head import Fields

SUBPROTOCOL_HEADER = b"sec-websocket-protocol"
# Offered beside the token: what the gateway chooses where the model server chooses nothing, as browsers want an answer.
HOMEPORT = b"homeport"
# As OpenAI's clients in browsers do it, too.
_TOKEN_PREFIXES = (b"homeport.bearer.", b"openai-insecure-api-key.")


def take_token(fields: Fields) -> tuple[bytes | None, bool, Fields]:
    """(value of an Authorization header or None, whether HOMEPORT is offered, the fields without these two)."""
    authorization: bytes | None = None
    offers_homeport = False
    kept: Fields = []
    for field in fields:
        name, value = field
        if name != SUBPROTOCOL_HEADER:
            kept.append(field)
            continue
        others: list[bytes] = []
        for offered in value.split(b","):
            protocol = offered.strip()
            prefix = next((prefix for prefix in _TOKEN_PREFIXES if protocol.startswith(prefix)), None)
            if prefix is not None:
                authorization = b"Bearer " + protocol[len(prefix) :]
            elif protocol == HOMEPORT:
                offers_homeport = True
            elif protocol:
                others.append(protocol)
        if others:
            kept.append((name, b", ".join(others)))
    return authorization, offers_homeport, kept
