"""Settings: what a profile may say, and the sentence for what it may not."""

import typing
from pathlib import Path

import msgspec
import pytest

from ringrift.node.cluster.commands import AddWork
from ringrift.node.cluster.work import Kind
from ringrift.node.control.timeouts import timeout_s
from ringrift.node.runtime.settings import SECTIONS, SettingsError, load_settings
from ringrift.node.runtime.settings_page import settings_page

ROOT = Path(__file__).resolve().parents[3]


def profile(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(text)
    return path


def refusal(path: Path | str, env: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(path, env or {})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_shipped_profile_loads() -> None:
    settings = load_settings("laptop", {})
    assert settings.profile == "laptop"
    assert settings.pipeline.configs == ("hex8_2p",)


def test_variables_win_over_the_profile(tmp_path: Path) -> None:
    path = profile(tmp_path, "[http]\nport = 1111\nsentinel_port = 2222\n")
    env = {"RINGRIFT_HTTP_PORT": "3333", "RINGRIFT_PIPELINE_CONFIGS": "hex8_2p, square8_3p"}
    settings = load_settings(path, env)
    assert settings.http.port == 3333
    assert settings.http.sentinel_port == 2222
    assert settings.pipeline.configs == ("hex8_2p", "square8_3p")


def test_other_programs_variables_are_none_of_our_business() -> None:
    assert load_settings("laptop", {"PATH": "/bin", "RING": "x"}).http.port == 8770


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("[pipeline]\n\nbatchsize = 3\n", "own.toml:3", "'batch_size'"),
        ("[pipelin]\nbatch_size = 3\n", "own.toml:1", "'pipeline'"),
        ("[pipeline]\nbatch_size = 'many'\n", "own.toml:2", "batch_size: Expected `int`"),
        ("[http]\nport = 0\n", "own.toml:2", "port: Expected `int` >= 1"),
        ("[http]\nport = 8790\n", "own.toml", "sentinel_port"),
        ("pipeline = 3\n", "own.toml:1", "write [pipeline]"),
        ("[pipeline]\nconfigs = ['hex9_2p']\n", "own.toml:2", "configs"),
        ("[pipeline]\nfull_considered = 65\n", "own.toml", "full_considered"),
        ("[node]\nmemory_tiers = [60, 60, 80, 90]\n", "own.toml", "memory_tiers"),
        ("[pipeline\n", "own.toml", "not TOML"),
        ("x = " + "[" * 10_000, "own.toml", "nested too deeply"),
        ("[pipeline]\nconfigs = ['hex8_2p', 'hex8_2p']\n", "own.toml:2", "hex8_2p more than once"),
        ("[pipeline]\ntimeout_factor = 0.0\n", "own.toml:2", "timeout_factor"),
        ("[node]\nlog_level = 'loud'\n", "own.toml:2", "valid are debug, info, warning, error"),
    ],
)
def test_a_wrong_profile_is_refused_with_place_and_fix(
    tmp_path: Path, text: str, place: str, hint: str
) -> None:
    sentence = refusal(profile(tmp_path, text))
    assert place in sentence
    assert hint.replace("`", "") in sentence


@pytest.mark.parametrize(
    ("variable", "value", "hint"),
    [
        ("RINGRIFT_PIPELINE_BATCHSIZE", "3", "RINGRIFT_PIPELINE_BATCH_SIZE"),
        ("RINGRIFT_HTTP_PORT", "none", "[http] port"),
        ("RINGRIFT_WORKER_KINDS", "selfplay,dreaming", "selfplay, training, evaluation"),
        ("RINGRIFT_WORKER_KINDS", "selfplay,selfplay", "[worker] kinds"),
        ("RINGRIFT_PIPELINE_TIMEOUT_FACTOR", "1e7", "timeout_factor"),
        ("RINGRIFT_PIPELINE_FULL_CONSIDERED", "65", "must not exceed full_simulations"),
        ("RINGRIFT_HTTP_PORT", "8790", "sentinel_port: must differ from port"),
        ("RINGRIFT_COLOUR", "red", "docs/settings.md"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(variable: str, value: str, hint: str) -> None:
    sentence = refusal("laptop", {variable: value})
    assert variable in sentence
    assert hint in sentence


def test_what_a_variable_spoils_is_not_blamed_on_the_profile() -> None:
    for name, value in (("FULL_CONSIDERED", "65"), ("CHEAP_SIMULATIONS", "2")):
        sentence = refusal("laptop", {f"RINGRIFT_PIPELINE_{name}": value})
        assert sentence.startswith(f"variable RINGRIFT_PIPELINE_{name}: ")


def test_every_timeout_that_settings_allow_fits_a_work_item() -> None:
    hints = typing.get_type_hints(AddWork, include_extras=True)
    for kind in typing.get_args(Kind):
        for factor in ("1e-9", "1", "100"):
            env = {"RINGRIFT_PIPELINE_TIMEOUT_FACTOR": factor}
            allowed = load_settings("laptop", env).pipeline.timeout_factor
            for config in ("hex8_2p", "square19_4p", "hexagonal_3p"):
                seconds = timeout_s(kind, config, allowed)
                assert msgspec.convert(seconds, hints["timeout_s"]) == seconds


def test_unknown_profiles_name_the_known_ones() -> None:
    assert "laptop" in refusal("desktop")
    assert "missing.toml" in refusal("missing.toml")


def test_the_page_of_settings_is_true_and_says_what_every_field_means() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == settings_page()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) == sum(len(kind.__struct_fields__) for kind in SECTIONS.values())
    assert all(row.split("|")[4].strip() for row in rows)


def test_every_field_is_read_by_somebody() -> None:
    package = ROOT / "ringrift" / "node"
    source = "".join(
        path.read_text() for path in package.rglob("*.py") if not path.name.startswith("settings")
    )
    fields = [field for kind in SECTIONS.values() for field in kind.__struct_fields__]
    assert [field for field in fields if f".{field}" not in source] == []
