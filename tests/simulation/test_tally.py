"""What a run says of itself, and when too little happened for it to mean anything."""

from ringrift.node.sim.checkers.tally import Tally, floors, report

RICH = Tally(
    acknowledged=300,
    leader_changes=3,
    snapshot_installs=2,
    truncations=2,
    changes_in_partition=2,
    torn_tails=2,
    lease_expiries=2,
    retries_across_failover=2,
    full_disk_recoveries=2,
)
POOR = Tally()


def test_a_rich_run_is_above_every_floor() -> None:
    assert floors([RICH] * 2_000) == []
    assert floors([RICH] * 150) == []
    assert floors([RICH]) == []


def test_an_empty_run_says_everything_that_is_missing() -> None:
    missing = floors([POOR] * 2_000)
    assert len(missing) == 9
    assert "acknowledged commands: 0 in the median seed, 200 are the least." in missing
    assert "full-disk recoveries: 0 over 2000 seeds, 100 are the least." in missing


def test_medians_do_not_scale_and_sums_do_with_one_as_the_least() -> None:
    assert len(floors([RICH] * 10 + [POOR] * 9)) == 0
    assert len(floors([RICH] * 9 + [POOR] * 11)) == 2
    assert floors([POOR] * 11 + [RICH] * 9)[1].startswith("leader changes: 0")
    scarce = [Tally(300, 3, 9, 9, 9, 9, 9, 9, 0)] * 149 + [Tally(300, 3, 9, 9, 9, 9, 9, 9, 7)]
    assert floors(scarce) == ["full-disk recoveries: 7 over 150 seeds, 8 are the least."]
    assert floors([Tally(300, 3, 1, 1, 1, 1, 1, 1, 0)]) == [
        "full-disk recoveries: 0 over 1 seed, 1 is the least."
    ]
    plenty = [Tally(300, 3, 9, 9, 9, 9, 9, 9, 0)] * 3_999 + [Tally(300, 3, 9, 9, 9, 9, 9, 9, 99)]
    assert floors(plenty) == ["full-disk recoveries: 99 over 4000 seeds, 100 are the least."]


def test_no_seed_at_all_is_below_every_floor() -> None:
    assert len(floors([])) == 9


def test_the_report_has_a_line_for_each_count() -> None:
    lines = report([RICH, POOR, RICH])
    assert len(lines) == 9
    assert lines[0].split() == ["acknowledged", "commands", "600", "median", "300"]
    assert lines[-1].split() == ["full-disk", "recoveries", "4", "median", "2"]
