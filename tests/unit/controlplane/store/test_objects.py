"""The order of the committed objects, whatever happened to them."""

from hypothesis import given
from hypothesis import strategies as st

from controlplane.store.objects import Objects
from controlplane.store.store import Kind, Record

_ids = st.text("abc", min_size=1, max_size=3)
# True puts an object, False deletes it.
_edits = st.lists(st.dictionaries(_ids, st.booleans(), max_size=3), max_size=12)


def _record(id: str, seq: int) -> Record:
    return Record(Kind.CLUSTER, id, 1, seq, 0.0, 0.0, {}, {})


@given(st.sets(_ids, max_size=39), _edits)
def test_all_are_listed_by_id_as_they_are_now(first: set[str], rounds: list[dict[str, bool]]) -> None:
    expected = {id: _record(id, 0) for id in first}
    objects = Objects(expected.values())
    for seq, edits in enumerate(rounds, 1):
        objects.all(Kind.CLUSTER)
        changed = {id: _record(id, seq) if put else None for id, put in edits.items()}
        objects.apply({Kind.CLUSTER: changed})
        expected = {id: record for id, record in {**expected, **changed}.items() if record is not None}
        assert objects.all(Kind.CLUSTER) == [expected[id] for id in sorted(expected)]
