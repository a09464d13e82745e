"""How one set of gateway workers becomes another, seen as a run of what is decided."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.gateway_workers import Retire, StartOne, WorkerFacts, free_id, next_step


def facts(text: str) -> list[WorkerFacts]:
    """`S` serves, `s` is starting; of another release with a `'` behind it. They are called gateway-0, -1, ..."""
    found: list[WorkerFacts] = []
    for letter in text.replace(" ", ""):
        if letter == "'":
            last = found.pop()
            found.append(WorkerFacts(last.id, False, last.serving))
        else:
            found.append(WorkerFacts(f"gateway-{len(found)}", True, letter == "S"))
    return found


@pytest.mark.parametrize(
    ("workers", "wanted", "step"),
    [
        ("", 1, StartOne()),
        ("", 2, StartOne()),
        ("s", 2, StartOne()),  # nobody serves: all at once
        ("ss", 2, None),
        ("Ss", 2, None),
        ("SS", 2, None),
        ("S", 2, StartOne()),
        ("Ss", 3, None),  # one after the other
        ("SSS", 2, Retire("gateway-2")),
        ("Ss", 1, Retire("gateway-1")),
        ("S'S'", 2, StartOne()),
        ("S'S's", 2, None),
        ("S'S'S", 2, Retire("gateway-1")),
        ("S'S", 2, StartOne()),
        ("S'SS", 2, Retire("gateway-0")),
        ("S'S'S'", 1, Retire("gateway-2")),
        ("S'", 1, StartOne()),
        ("S's", 1, None),
        ("s'", 1, Retire("gateway-0")),
        ("S's'", 1, Retire("gateway-1")),
    ],
)
def test_the_next_step(workers: str, wanted: int, step: object) -> None:
    assert next_step(facts(workers), wanted) == step


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), max_size=6),
    st.integers(1, 5),
    st.data(),
)
def test_it_gets_there_and_serves_all_the_way(
    before: list[tuple[bool, bool]], wanted: int, data: st.DataObject
) -> None:
    workers = [WorkerFacts(f"gateway-{n}", fits, serving) for n, (fits, serving) in enumerate(before)]
    least = min(wanted, sum(worker.serving for worker in workers))
    most = max(wanted + 1, len(workers))
    for _ in range(60):
        step = next_step(workers, wanted)
        starting = [worker for worker in workers if not worker.serving]
        if isinstance(step, StartOne) and not data.draw(st.booleans(), "one gets ready first"):
            workers.append(WorkerFacts(free_id("gateway", [worker.id for worker in workers]), True, False))
        elif isinstance(step, Retire):
            workers = [worker for worker in workers if worker.id != step.id]
        elif starting:
            ready = data.draw(st.sampled_from(starting))
            workers[workers.index(ready)] = WorkerFacts(ready.id, ready.fits, True)
        elif step is None:
            break
        serving = sum(worker.serving for worker in workers)
        assert least <= serving
        least = min(wanted, max(least, serving))
        assert len(workers) <= most
    assert [worker.fits and worker.serving for worker in workers] == [True] * wanted


def test_the_lowest_free_number_is_taken() -> None:
    assert free_id("gateway", []) == "gateway-0"
    assert free_id("gateway", ["gateway-0", "gateway-2"]) == "gateway-1"
