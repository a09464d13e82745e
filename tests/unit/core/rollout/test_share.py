from collections import Counter
from random import Random

from homeport.core.rollout.share import Share, pick_share, with_share
from homeport.core.rollout.track import deployment_of, free_track


def test_each_share_is_as_often_as_it_says() -> None:
    rng, shares = Random(1), [Share(3, 90), Share(4, 10), Share(5, 0)]
    picked = Counter(share.revision for _ in range(10_000) if (share := pick_share(shares, rng.random())))
    # 10,000 x 0.1: a standard deviation is 30.
    assert picked.total() == 10_000
    assert 5 not in picked
    assert abs(picked[4] - 1000) <= 150


def test_what_is_missing_of_100_is_made_up_by_those_that_are_left() -> None:
    assert pick_share([Share(4, 10)], 0.999) == Share(4, 10)
    assert pick_share([Share(4, 10), Share(5, 30)], 0.5) == Share(5, 30)
    assert pick_share([Share(4, 0)], 0.5) is None
    assert pick_share([], 0.5) is None


def test_others_keep_what_they_had_among_them() -> None:
    assert with_share([Share(3, 100)], 4, 10) == (Share(3, 90), Share(4, 10))
    assert with_share([Share(3, 90), Share(4, 10)], 4, 50) == (Share(3, 50), Share(4, 50))
    assert with_share([Share(3, 90), Share(4, 10)], 4, 0) == (Share(3, 100), Share(4, 0))
    assert with_share([Share(1, 60), Share(2, 30), Share(3, 10)], 3, 0) == (Share(1, 67), Share(2, 33), Share(3, 0))
    assert with_share([Share(4, 100)], 4, 10) is None, "nobody is there for the rest"
    assert with_share([Share(4, 100)], 4, 100) == (Share(4, 100),)


def test_a_track_says_whose_it_is() -> None:
    assert free_track("chat", set()) == "chat"
    assert free_track("chat", {"chat", "chat@2"}) == "chat@1"
    assert {deployment_of(id) for id in ("chat", "chat@1", "chat@12")} == {"chat"}
