import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.http2.status import UNKNOWN, Status, status_of_trailers, trailers


@given(st.integers(0, 16), st.text(max_size=100))
def test_statuses_come_back(code: int, message: str) -> None:
    message = message.encode(errors="replace").decode()
    sent = trailers(Status(code, message))
    assert all(0x20 <= byte <= 0x7E for _, value in sent for byte in value)
    assert status_of_trailers(sent) == Status(code, message)


@pytest.mark.parametrize("headers", [[], [(b"grpc-status", b"x")], [(b"grpc-status", b"-1")]])
def test_trailers_without_a_status_are_an_error(headers: list[tuple[bytes, bytes]]) -> None:
    assert status_of_trailers(headers).code == UNKNOWN
