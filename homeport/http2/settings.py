"""SETTINGS (RFC 9113 section 6.5): what we announce, and what the other end has."""

import functools
import struct
from dataclasses import dataclass

from homeport.http2.errors import FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, PROTOCOL_ERROR, Http2Error
from homeport.http2.terms import Terms

_ENABLE_PUSH = 2
_MAX_CONCURRENT_STREAMS = 3
_INITIAL_WINDOW_SIZE = 4
_MAX_FRAME_SIZE = 5
_MAX_HEADER_LIST_SIZE = 6
_ENABLE_CONNECT_PROTOCOL = 8

MAX_WINDOW = 2**31 - 1
# What HTTP/2 begins with, before any SETTINGS.
DEFAULT_WINDOW = 65_535
DEFAULT_FRAME_SIZE = 16_384

MAX_HEADER_LIST = 16 * 1024

_SETTING = struct.Struct("!HI")


@dataclass(slots=True)
class PeerSettings:
    """The other end's, as far as they bind us."""

    max_streams: int = MAX_WINDOW
    initial_window: int = DEFAULT_WINDOW
    max_frame_size: int = DEFAULT_FRAME_SIZE

    def apply(self, payload: bytes) -> None:
        """Raises Http2Error."""
        if len(payload) % _SETTING.size:
            raise Http2Error(FRAME_SIZE_ERROR, "SETTINGS are cut off")
        for key, value in _SETTING.iter_unpack(payload):
            if key == _ENABLE_PUSH and value > 1:
                raise Http2Error(PROTOCOL_ERROR, "ENABLE_PUSH is neither 0 nor 1")
            if key == _MAX_CONCURRENT_STREAMS:
                self.max_streams = value
            elif key == _INITIAL_WINDOW_SIZE:
                if value > MAX_WINDOW:
                    raise Http2Error(FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE is over 2^31-1")
                self.initial_window = value
            elif key == _MAX_FRAME_SIZE:
                if not DEFAULT_FRAME_SIZE <= value < 1 << 24:
                    raise Http2Error(PROTOCOL_ERROR, "MAX_FRAME_SIZE is out of range")
                self.max_frame_size = value
            # Others need nothing of us.


@functools.cache
def own_settings(terms: Terms, is_client: bool) -> bytes:
    """The payload of our SETTINGS."""
    settings = {
        _MAX_CONCURRENT_STREAMS: 0 if is_client else terms.streams,
        _INITIAL_WINDOW_SIZE: terms.window,
        _MAX_FRAME_SIZE: terms.frame_size,
        _MAX_HEADER_LIST_SIZE: MAX_HEADER_LIST,
    }
    if is_client:
        settings[_ENABLE_PUSH] = 0
    elif terms.extended_connect:
        settings[_ENABLE_CONNECT_PROTOCOL] = 1
    return b"".join(_SETTING.pack(key, value) for key, value in settings.items())
