"""`ringrift engine bench` measures, and refuses what it cannot."""

import pytest

from ringrift.cli.engine import bench


def test_it_prints_a_line_a_config(capsys: pytest.CaptureFixture[str]) -> None:
    bench("hex8_2p", "square8_3p", seconds=0.05)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[3:]] == ["hex8_2p", "square8_3p"]
    assert all(" us " in line and " x " in line for line in lines[3:])


@pytest.mark.parametrize(("configs", "seconds", "word"), [(("hex9",), 1, "hex9"), ((), 0, "0")])
def test_nonsense_is_one_sentence(
    configs: tuple[str, ...], seconds: float, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        bench(*configs, seconds=seconds)
    told = capsys.readouterr().err
    assert ended.value.code == 2 and word in told and len(told.splitlines()) == 1
