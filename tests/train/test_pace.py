from ringrift.train.pace import Pace
from ringrift.train.world import World
from ringrift.wire.job import Progress


def test_rates_count_from_the_first_reading():
    now, lines = [0.0], []
    pace = Pace(World(lambda: now[0], lines.append, lambda: False), unit="games", total=9)
    readings = ((30.0, 0, 100), (30.5, 0, 200), (31.5, 2, 400), (32.0, 3, 500), (34.0, 8, 900))
    for at, done, evaluations in readings:
        now[0] = at
        pace.tell(done, {"evaluations": evaluations})
    assert lines == [
        Progress(0, 9, "games", None, {}),  # the first reading: a line, but no speed yet
        Progress(2, 9, "games", 2 / 1.5, {"evaluations_per_s": 200.0}),
        Progress(8, 9, "games", 2.0, {"evaluations_per_s": 200.0}),
    ]


def test_no_rate_without_anything_done():
    now, lines = [0.0], []
    pace = Pace(World(lambda: now[0], lines.append, lambda: False), unit="games", total=9)
    pace.tell(0, {"decisions": 0})
    now[0] = 4.0
    pace.tell(0, {"decisions": 8})
    assert lines == [Progress(0, 9, "games", None, {"decisions_per_s": 2.0})]
