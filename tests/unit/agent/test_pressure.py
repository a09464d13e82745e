from agent.link.pressure import PressureTeller


def test_what_changes_is_told_at_once_and_what_lasts_every_ten_seconds() -> None:
    teller = PressureTeller()
    told = [
        (at, teller.due(pressure, at))
        for at, pressure in [
            (0.0, {}),
            (2.0, {"a": 1}),
            (4.0, {"a": 1}),
            (6.0, {"a": 2, "b": 1}),
            (14.0, {"a": 2, "b": 1}),
            (16.0, {"a": 2, "b": 1}),
            (18.0, {"b": 1}),
            (20.0, {"b": 1}),
            (26.0, {}),
            (28.0, {}),
        ]
    ]
    assert [each for each in told if each[1]] == [
        (2.0, {"a": 1}),
        (6.0, {"a": 2, "b": 1}),
        (16.0, {"a": 2, "b": 1}),
        (18.0, {"a": 0}),
        (26.0, {"b": 0}),
    ]
