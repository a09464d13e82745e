"""Wrong tokens, one after the other."""

from tests.fakes.control_api import ControlApi


async def test_after_ten_wrong_tokens_the_address_waits_and_who_was_in_before_does_not(api: ControlApi) -> None:
    assert (await api.call("GET", "/clusters")).status == 200
    answers = []
    for number in range(200):
        headers = {"Authorization": f"Bearer hp1.none.{number}"}
        answers.append(await api.call("GET", "/clusters", headers=headers))
    assert [answer.status for answer in answers] == [401] * 10 + [429] * 190
    assert answers[-1].error["code"] == "too_many_requests"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert (await api.call("GET", "/clusters")).status == 200
    denied = (await api.call("GET", "/audit?result=denied&limit=1000")).body["items"]
    assert len(denied) == 10

    api.clock.advance(61)
    answered = await api.call("GET", "/clusters", headers={"Authorization": "Bearer hp1.none.again"})
    assert answered.status == 401


async def test_no_token_is_no_guess(api: ControlApi) -> None:
    for _ in range(20):
        assert (await api.call("GET", "/clusters", headers={"Authorization": None})).status == 401
