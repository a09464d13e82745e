"""Reading a log that somebody else writes and that is cut now and then."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.drivers.output import Output


@pytest.fixture
def output(tmp_path: Path) -> Output:
    return Output(tmp_path, max_bytes=100)


def _write(output: Output, text: str) -> None:
    descriptor = output.open_for_append()
    os.write(descriptor, text.encode())
    os.close(descriptor)


async def _read(output: Output, tail: int) -> bytes:
    return b"".join([chunk async for chunk in output.lines(tail, False)])


async def test_the_last_lines_and_no_more(output: Output) -> None:
    _write(output, "1\n2\n3\n")
    assert await _read(output, 2) == b"2\n3\n"
    assert await _read(output, 9) == b"1\n2\n3\n"
    assert await _read(output, 0) == b""


async def test_an_unfinished_line_is_finished_for_a_reader_who_leaves(output: Output) -> None:
    _write(output, "1\n2")
    assert await _read(output, 2) == b"1\n2\n"


async def test_no_log_yet_is_no_lines(output: Output) -> None:
    assert await _read(output, 5) == b""
    assert output.last_line() == ""


async def test_carriage_returns_do_not_end_a_line(output: Output) -> None:
    _write(output, "10%\r20%\rdone\nnext\n")
    assert await _read(output, 2) == b"10%\r20%\rdone\nnext\n"


async def test_a_follower_gets_whole_lines_across_a_rotation(output: Output) -> None:
    _write(output, "first\nhal")
    follower = output.lines(10, True)
    async with asyncio.timeout(60):
        assert await anext(follower) == b"first\n"
        _write(output, "f\n")
        assert await anext(follower) == b"half\n"
        _write(output, "x" * 200 + "\n")
        assert await anext(follower) == b"x" * 200 + b"\n"
        assert output.rotate_if_large()
        _write(output, "after\n")
        assert await anext(follower) == b"after\n"
    assert await _read(output, 3) == b"half\n" + b"x" * 200 + b"\nafter\n"
    await _close(follower)


async def test_a_follower_ends_with_the_file(output: Output, tmp_path: Path) -> None:
    _write(output, "1\n")
    follower = output.lines(1, True)
    async with asyncio.timeout(60):
        assert await anext(follower) == b"1\n"
        (tmp_path / "output.log").unlink()
        with pytest.raises(StopAsyncIteration):
            await anext(follower)


async def test_the_last_line_is_the_newest_that_says_something(output: Output) -> None:
    _write(output, "boom\n   \n\n")
    assert output.last_line() == "boom"


async def test_a_small_log_is_not_rotated(output: Output) -> None:
    _write(output, "1\n")
    assert not output.rotate_if_large()


async def _close(iterator: AsyncIterator[bytes]) -> None:
    await iterator.aclose()  # type: ignore[attr-defined]
