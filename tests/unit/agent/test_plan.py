"""The plan of one node, as tables and as properties over whole histories."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.placement import Placement
from agent.reconcile.plan import Observed, Restart, Retire, Start, Target, plan
from homeport.core.refusal import Refusal, RefusalCode
from homeport.core.resources import ComputeNeeds, DeviceShare
from homeport.core.status import ReplicaStatus
from homeport.core.workload import Workload

S = ReplicaStatus


def _placement(
    placement_id: str = "p", revision: int = 1, spec: str = "v1", most: int = 2, gpus: int = 0, devices: int = 0
) -> Placement:
    workload = Workload("process", ("serve",), needs=ComputeNeeds(accelerators=gpus))
    shares = tuple(DeviceShare(f"gpu-{n}", 1) for n in range(devices))
    return Placement(placement_id, "chat", revision, 0, 0, most, workload, spec, devices=shares)


def _replica(replica_id: str, status: S = S.READY, placement: str = "p", spec: str = "v1", number: int = 0) -> Observed:
    return Observed(replica_id, placement, "chat", spec, status, number)


START = Start("p")


@pytest.mark.parametrize(
    ("wanted", "surge", "replicas", "actions"),
    [
        pytest.param(2, False, [], [START, START], id="from nothing"),
        pytest.param(5, False, [], [START, START], id="never over the maximum"),
        pytest.param(1, False, [_replica("a")], [], id="nothing to do"),
        pytest.param(0, False, [_replica("a")], ["a"], id="scale to zero"),
        pytest.param(1, False, [_replica("a", number=1), _replica("b", number=2)], ["b"], id="the youngest goes"),
        pytest.param(
            1,
            False,
            [replace(_replica("a", number=1), in_flight=1), replace(_replica("b", number=2), in_flight=2)],
            ["a"],
            id="the least busy goes",
        ),
        pytest.param(
            1, False, [_replica("a"), _replica("b", S.PENDING)], ["b"], id="one that serves nobody yet goes first"
        ),
        pytest.param(1, False, [_replica("a"), _replica("b", S.FAILED)], ["b"], id="the unhealthy goes first"),
        pytest.param(1, False, [_replica("a", S.STARTING)], [], id="one that starts counts"),
        pytest.param(1, False, [_replica("a", S.UNKNOWN)], [], id="one that nobody can tell about counts"),
        pytest.param(1, False, [_replica("a", S.FENCED)], [START], id="an unkillable one is replaced"),
        pytest.param(
            2, False, [_replica("a"), _replica("b", S.DRAINING)], [], id="one on its way out still takes its place"
        ),
        pytest.param(1, True, [_replica("a", spec="v0")], [START], id="new revision: new one first"),
        pytest.param(
            1, True, [_replica("a", spec="v0"), _replica("b", S.STARTING)], [], id="new revision: wait until ready"
        ),
        pytest.param(1, True, [_replica("a", spec="v0"), _replica("b")], ["a"], id="new revision: then the old goes"),
        pytest.param(
            2,
            False,
            [_replica("a", spec="v0"), _replica("b", spec="v0")],
            ["a"],
            id="new revision without room: one old makes room",
        ),
        pytest.param(
            2, False, [_replica("a", spec="v0"), _replica("b", S.STARTING)], [], id="without room: one at a time"
        ),
        pytest.param(
            1, True, [_replica("a", spec="v0"), _replica("b", S.FAILED)], [], id="a bad revision takes nothing"
        ),
        pytest.param(0, True, [_replica("a", spec="v0")], ["a"], id="nothing wanted: the old go without a successor"),
    ],
)
def test_one_placement(wanted: int, surge: bool, replicas: list[Observed], actions: list[Start | str]) -> None:
    decided = plan([Target(_placement(), wanted, surge)], frozenset(), replicas, now=0.0)
    assert [action.replica_id if isinstance(action, Retire) else action for action in decided.actions] == actions


def test_those_that_are_told_to_go_first_do_and_say_why() -> None:
    replicas = [_replica("a", number=1), _replica("b", number=2), _replica("c", S.FAILED)]
    target = Target(_placement(most=3), 2, first=frozenset("a"))
    (action,) = plan([target], frozenset(), replicas, now=0.0).actions
    assert action == Retire("a", "another deployment has more need of what it holds")


def test_an_unnamed_placement_is_kept() -> None:
    assert plan([], frozenset(), [_replica("a"), _replica("b", S.FAILED)], now=0.0).actions == ()


def test_a_removed_placement_is_retired() -> None:
    (action,) = plan([], frozenset({"p"}), [_replica("a")], now=0.0).actions
    assert action == Retire("a", "its placement was removed")


def test_a_removed_placement_waits_for_its_successor() -> None:
    successor = Target(_placement("q", revision=2, spec="v2"), 1, surge=True)
    removed = frozenset({"p"})
    assert plan([successor], removed, [_replica("a")], now=0.0).actions == (Start("q"),)
    ready = _replica("b", placement="q", spec="v2")
    assert plan([successor], removed, [_replica("a"), ready], now=0.0).actions == (
        Retire("a", "replaced by revision 2"),
    )


def test_two_live_revisions_run_side_by_side() -> None:
    targets = [Target(_placement("p"), 1), Target(_placement("q", revision=2, spec="v2"), 1)]
    assert set(plan(targets, frozenset(), [], now=0.0).actions) == {Start("p"), Start("q")}


def test_failed_replicas_are_restarted_when_they_are_due() -> None:
    due, later = replace(_replica("a", S.FAILED), restart_at=5.0), replace(_replica("b", S.FAILED), restart_at=9.0)
    targets = [Target(_placement(), 2)]
    assert plan(targets, frozenset(), [due, later], now=4.0).look_again_at == 5.0
    decided = plan(targets, frozenset(), [due, later], now=5.0)
    assert decided.actions == (Restart("a"),)
    assert decided.look_again_at == 9.0


def test_one_that_is_retired_is_not_restarted() -> None:
    failed = replace(_replica("a", S.FAILED), restart_at=5.0)
    decided = plan([Target(_placement(), 0)], frozenset(), [failed], now=6.0)
    assert [type(action) for action in decided.actions] == [Retire]


def test_each_replica_gets_devices_of_its_own() -> None:
    target = Target(_placement(gpus=2, devices=4), 2)
    starts = plan([target], frozenset(), [], now=0.0).actions
    assert starts == (Start("p", ("gpu-0", "gpu-1")), Start("p", ("gpu-2", "gpu-3")))


def test_nothing_starts_on_a_gpu_in_quarantine_and_what_failed_there_starts_on_another() -> None:
    target = Target(_placement(gpus=1, devices=2), 1)
    bad = frozenset({"gpu-0"})
    assert plan([target], frozenset(), [], 0.0, bad).actions == (Start("p", ("gpu-1",)),)
    failed = replace(_replica("a", S.FAILED), gpu_uuids=("gpu-0",), restart_at=5.0)
    decided = plan([target], frozenset(), [failed], 0.0, bad)
    assert decided.actions == (Retire("a", "its GPU is in quarantine"), Start("p", ("gpu-1",)))
    serving = replace(_replica("a"), gpu_uuids=("gpu-0",))
    assert plan([target], frozenset(), [serving], 0.0, bad).actions == ()


def test_shares_of_a_device_are_used_as_they_were_given() -> None:
    quarter = DeviceShare("gpu-0", 1, 250)
    placement = replace(_placement(most=3, gpus=1), devices=(quarter, quarter, DeviceShare("gpu-1", 1, 250)))
    starts = plan([Target(placement, 3)], frozenset(), [], now=0.0).actions
    assert starts == (Start("p", ("gpu-0",), 250), Start("p", ("gpu-0",), 250), Start("p", ("gpu-1",), 250))


def test_a_share_of_a_device_that_others_have_filled_is_not_started() -> None:
    placement = replace(
        _placement(most=2, gpus=1), devices=(DeviceShare("gpu-0", 1, 300), DeviceShare("gpu-1", 1, 300))
    )
    others = replace(_replica("x"), placement_id="q", gpu_uuids=("gpu-0",), gpu_milli=701)
    assert plan([Target(placement, 2)], frozenset(), [others], now=0.0).actions == (Start("p", ("gpu-1",), 300),)


def test_what_others_hold_is_refused_with_the_numbers() -> None:
    target = Target(_placement(gpus=1, devices=1), 1)
    other = replace(_replica("x", placement="q"), gpu_uuids=("gpu-0",), gpu_milli=400)
    decided = plan([target], frozenset(), [other], 0.0)
    assert decided.actions == ()
    have = "60 % of it left, by the agent's account"
    assert decided.refused == (Refusal("chat", RefusalCode.DEVICES_HELD, "100 % of gpu-0", have),)


def test_a_gpu_in_quarantine_is_refused() -> None:
    target = Target(_placement(gpus=1, devices=1), 1)
    (refusal,) = plan([target], frozenset(), [], 0.0, frozenset({"gpu-0"})).refused
    assert (refusal.code, refusal.have) == (RefusalCode.DEVICES_UNUSABLE, "in quarantine")


@pytest.mark.parametrize("status", [S.READY, S.STARTING, S.DRAINING])
def test_nothing_is_refused_where_some_of_it_runs_or_leaves(status: S) -> None:
    target = Target(_placement(gpus=1, devices=2), 2)
    own = replace(_replica("a", status), gpu_uuids=("gpu-0",))
    other = replace(_replica("x", placement="q"), gpu_uuids=("gpu-1",))
    assert plan([target], frozenset(), [own, other], 0.0).refused == ()


def test_who_is_on_the_way_out_is_waited_for() -> None:
    target = Target(_placement(gpus=1, devices=1), 1)
    leaving = replace(_replica("x", S.DRAINING, placement="q"), gpu_uuids=("gpu-0",))
    assert plan([target], frozenset(), [leaving], 0.0).refused == ()
    removed = replace(_replica("x", placement="q"), deployment_id="other", gpu_uuids=("gpu-0",))
    decided = plan([target], frozenset({"q"}), [removed], 0.0)
    assert decided.actions == (Retire("x", "its placement was removed"),)
    assert decided.refused == ()


def test_nothing_is_refused_that_nobody_wants_now() -> None:
    other = replace(_replica("x", placement="q"), gpu_uuids=("gpu-0",))
    assert plan([Target(_placement(gpus=1, devices=1), 0)], frozenset(), [other], 0.0).refused == ()


def test_devices_in_use_are_waited_for() -> None:
    """The surge would fit the budget, not the GPU: the old one goes first."""
    target = Target(_placement(most=1, gpus=1, devices=1), 1, surge=True)
    old = replace(_replica("a", spec="v0"), gpu_uuids=("gpu-0",))
    assert plan([target], frozenset(), [old], now=0.0).actions == (Retire("a", "makes room for revision 1"),)
    leaving = replace(old, status=S.DRAINING)
    assert plan([target], frozenset(), [leaving], now=0.0).actions == ()
    assert plan([target], frozenset(), [], now=0.0).actions == (Start("p", ("gpu-0",)),)


@dataclass
class Host:
    """Runs plans to their end: what starts gets ready or fails, what retires drains and is gone."""

    target: Target
    removed: frozenset[str]
    replicas: dict[str, Observed]
    healthy: bool = True
    now: float = 0.0
    started: int = field(default=0)

    def step(self) -> bool:
        """False when the plan is empty and nothing is on its way."""
        before = len(self.replicas)
        limit = self.target.placement.max_replicas + 1
        decided = plan([self.target], self.removed, list(self.replicas.values()), self.now)
        for action in decided.actions:
            if isinstance(action, Start):
                self.started += 1
                key = f"new-{self.started}"
                self.replicas[key] = Observed(
                    key, "p", "chat", self.target.placement.spec_hash, S.STARTING, self.started, action.gpu_uuids
                )
            elif isinstance(action, Restart):
                self.replicas[action.replica_id] = replace(
                    self.replicas[action.replica_id], status=S.STARTING, restart_at=None
                )
            else:
                assert self.replicas[action.replica_id].status is not S.DRAINING
                self.replicas[action.replica_id] = replace(
                    self.replicas[action.replica_id], status=S.DRAINING, restart_at=None
                )
        mine = [r for r in self.replicas.values() if r.placement_id == "p" or r.placement_id in self.removed]
        grown = len(self.replicas) > before
        assert not grown or len(mine) <= limit, "started beyond the budget and its surge"
        used = [uuid for r in self.replicas.values() for uuid in r.gpu_uuids]
        assert len(used) == len(set(used)), "a device was given twice"
        moved = self._pass_time()
        return bool(decided.actions) or moved

    def _pass_time(self) -> bool:
        moved = False
        self.now += 10
        for key, replica in list(self.replicas.items()):
            if replica.status is S.DRAINING:
                del self.replicas[key]
                moved = True
            elif replica.status in (S.STARTING, S.PENDING):
                good = self.healthy or replica.spec_hash != self.target.placement.spec_hash
                status = S.READY if good else S.FAILED
                self.replicas[key] = replace(replica, status=status, restart_at=None if good else self.now + 5)
                moved = True
        return moved


_statuses = st.sampled_from([S.PENDING, S.STARTING, S.READY, S.FAILED, S.DRAINING])


@st.composite
def _hosts(draw: st.DrawFn) -> Host:
    most = draw(st.integers(0, 4))
    gpus = draw(st.integers(0, 1))
    placement = _placement(most=most, gpus=gpus, devices=most * gpus)
    target = Target(placement, draw(st.integers(0, most)), draw(st.booleans()))
    removed = frozenset({"old"}) if draw(st.booleans()) else frozenset()
    replicas = {}
    for number in range(draw(st.integers(0, most))):
        status = draw(_statuses)
        replica = Observed(
            f"r{number}",
            draw(st.sampled_from(["p", "old"])),
            "chat",
            draw(st.sampled_from(["v0", "v1"])),
            status,
            number,
            (f"gpu-{number}",) if gpus else (),
            restart_at=0.0 if status is S.FAILED else None,
        )
        replicas[replica.replica_id] = replica
    return Host(target, removed, replicas)


@settings(max_examples=300)
@given(_hosts())
def test_it_converges_on_what_is_wanted_and_keeps_what_nobody_named(host: Host) -> None:
    unnamed = {
        key
        for key, replica in host.replicas.items()
        if replica.placement_id == "old" and not host.removed and replica.status is not S.DRAINING
    }
    for _ in range(60):
        if not host.step():
            break
    else:
        pytest.fail("the plan never comes to rest")
    assert unnamed <= host.replicas.keys()
    current = [r for r in host.replicas.values() if r.placement_id == "p"]
    blocked = bool(unnamed) and bool(host.target.placement.workload.needs.accelerators)
    if not blocked:
        assert [r.status for r in current] == [S.READY] * host.target.wanted
        assert {r.spec_hash for r in current} <= {"v1"}
    assert len(host.replicas) == len(current) + len(unnamed)


@settings(max_examples=200)
@given(_hosts())
def test_a_revision_that_never_gets_ready_takes_no_serving_replica_away(host: Host) -> None:
    host.healthy = False
    host.target = replace(host.target, surge=True)
    placement = host.target.placement
    if placement.workload.needs.accelerators or host.target.wanted == 0:
        return
    host.replicas = {
        f"r{n}": Observed(f"r{n}", "p", "chat", "v0", S.READY, n)
        for n in range(min(len(host.replicas), placement.max_replicas))
    }
    before = min(len(host.replicas), host.target.wanted)
    for _ in range(10):
        host.step()
    serving = [r for r in host.replicas.values() if r.spec_hash == "v0" and r.status is S.READY]
    assert len(serving) >= before
