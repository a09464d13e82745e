from agent.reconcile.liveness import Liveness
from homeport.core.workload import Probe

PROBE = Probe(failure_threshold=3)


def test_failures_in_a_row_end_a_life_and_say_why() -> None:
    liveness = Liveness()
    for verdict in ("", "", "not alive: no answer within 2 s, 3 times in a row"):
        liveness = liveness.after("no answer within 2 s")
        assert liveness.verdict(PROBE) == verdict


def test_a_success_between_failures_counts_anew() -> None:
    liveness = Liveness()
    for problem in ("slow", "slow", "", "slow", "slow"):
        liveness = liveness.after(problem)
    assert liveness.verdict(PROBE) == ""


def test_a_threshold_of_one() -> None:
    assert Liveness().after("slow").verdict(Probe(failure_threshold=1)) == "not alive: slow"
