"""What is wrong with a message on the wire."""


class ProtocolError(Exception):
    """A message that is refused. `status` is what a client gets; the connection is closed afterwards."""

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.hint = hint
