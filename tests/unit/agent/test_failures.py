"""Kept failures: which ones, for how long, and how they are read."""

from pathlib import Path

from agent.replica_logs.failure import Failure
from agent.replica_logs.failures import TAIL_BYTES, Failures
from agent.replica_logs.retention import Kept, superfluous

DAY = 24 * 3600.0


def _kept(replica_id: str, number: int, at: float, size: int = 100) -> Kept:
    return Kept(Failure("chat", replica_id, number, at, "exit code 1"), size)


def _numbers(dropped: list[Failure]) -> list[int]:
    return [failure.number for failure in dropped]


def test_the_first_and_the_last_three_stay() -> None:
    kept = [_kept("a", number, number) for number in range(1, 8)]
    assert _numbers(superfluous(kept, frozenset({"a"}), now=10)) == [2, 3, 4]


def test_those_of_a_replica_that_is_gone_stay_for_a_day() -> None:
    kept = [_kept("a", 1, 0), _kept("a", 2, 100)]
    assert superfluous(kept, frozenset(), now=100 + DAY) == []
    assert _numbers(superfluous(kept, frozenset(), now=101 + DAY)) == [1, 2]
    assert superfluous(kept, frozenset({"a"}), now=10 * DAY) == []


def test_number_and_bytes_are_capped_oldest_first() -> None:
    many = [_kept(f"r{n}", 1, n) for n in range(510)]
    alive = frozenset(each.failure.replica_id for each in many)
    assert [failure.at for failure in superfluous(many, alive, now=600)] == list(range(10))
    large = [_kept(f"r{n}", 1, n, size=1 << 20) for n in range(20)]
    assert [failure.at for failure in superfluous(large, alive, now=600)] == [0, 1, 2, 3]


def test_they_are_read_newest_first_and_survive_their_replica(tmp_path: Path) -> None:
    failures = Failures(tmp_path / "failures")
    for number in range(1, 7):
        failures.keep("chat", "aaaa", float(number), f"exit code {number}", f"life {number}\n".encode())
    failures.keep("other", "bbbb", 50.0, "exit code 9", b"not chat")
    read = [failures.previous("chat", "", back) for back in range(1, 6)]
    assert [text and text.splitlines()[-1] for text in read] == [b"life 6", b"life 5", b"life 4", b"life 1", None]
    assert read[0] is not None
    assert read[0].startswith(b"== failure 6 of replica aaaa, 1970-01-01 00:00:06 UTC: exit code 6\n")
    assert failures.previous("chat", "aa", 1) == read[0]
    assert failures.previous("chat", "b", 1) is None
    failures.tidy(frozenset(), now=1000.0)
    assert failures.previous("chat", "", 1) == read[0]
    failures.tidy(frozenset(), now=10.0 + DAY)
    assert failures.previous("chat", "", 1) is None


def test_only_the_end_of_a_long_output_is_kept(tmp_path: Path) -> None:
    failures = Failures(tmp_path)
    failures.keep("chat", "a", 1.0, "killed", b"x" * TAIL_BYTES + b"the end\n")
    text = failures.previous("chat", "a", 1)
    assert text is not None
    assert text.endswith(b"x" * 100 + b"the end\n")
    assert len(text) < TAIL_BYTES + 200


def test_a_torn_file_is_removed_and_disturbs_nobody(tmp_path: Path) -> None:
    failures = Failures(tmp_path)
    failures.keep("chat", "a", 1.0, "killed", b"one\n")
    (tmp_path / "b.1.log").write_bytes(b'{"deployment_id": "ch')
    assert failures.previous("chat", "", 1) is not None
    assert [path.name for path in tmp_path.iterdir()] == ["a.1.log"]


def test_a_disk_that_takes_nothing_costs_nothing_else(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    Failures(blocked / "failures").keep("chat", "a", 1.0, "killed", b"lost")
