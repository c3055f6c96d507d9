"""Settings: defaults, then the file, then the environment, then options; every mistake is one line that helps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pomhealth.settings import DEFAULT_LISTEN, KEYS, Settings, SettingsError
from pomhealth.settings_file import load
from pomhealth.status import Gate


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pomhealth.toml"


def wrong(overrides: Mapping[str, Any] = {}, environ: Mapping[str, str] = {}, path: str | None = None) -> str:
    """The one line that is said of a mistake."""
    with pytest.raises(SettingsError) as caught:
        load(overrides, environ, path)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_without_any_settings_everything_has_its_default(tmp_path: Path) -> None:
    (tmp_path / "empty.toml").touch()
    settings = load({}, {}, str(tmp_path / "empty.toml"))
    assert settings == Settings()
    assert settings.origin("listen") == "default"


def test_each_source_outranks_the_one_before_and_is_named(file: Path) -> None:
    file.write_text('listen = "127.0.0.1:1001"\npid = 1\nfall = 3\nrise = 3\n')
    environ = {"POMHEALTH_LISTEN": "127.0.0.1:1002", "POMHEALTH_PID": "2"}
    settings = load({"listen": "127.0.0.1:1003", "pid": None}, environ, str(file))
    assert (settings.listen, settings.pid, settings.fall) == ("127.0.0.1:1003", 2, 3)
    assert settings.origin("listen") == "option --listen"
    assert settings.origin("pid") == "environment POMHEALTH_PID"
    assert settings.origin("fall") == str(file)
    assert settings.origin("log_level") == "default"


def test_the_file_is_the_one_named_then_the_one_of_the_environment(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    file.write_text("pid = 1")
    other.write_text("pid = 2")
    assert load({}, {"POMHEALTH_SETTINGS": str(other)}, str(file)).pid == 1
    assert load({}, {"POMHEALTH_SETTINGS": str(other)}).pid == 2


def test_tables_say_what_a_check_stops_and_how_often_it_is_looked_at(file: Path) -> None:
    file.write_text('[gates]\n"xds.other" = "alert"\n[intervals]\nxds.listener = 2\n')
    settings = load({}, {"POMHEALTH_GATES": "proxy.service=live, xds.cluster=alert"}, str(file))
    assert settings.gates == {
        "xds.other": Gate.ALERT,
        "proxy.service": Gate.LIVE,
        "xds.cluster": Gate.ALERT,
    }
    assert settings.intervals == {"xds.listener": 2.0}
    assert settings.origin("gates.xds.other") == str(file)
    assert settings.origin("gates.proxy.service") == "environment POMHEALTH_GATES"


def test_an_id_that_only_some_replica_reports_may_be_gated(file: Path) -> None:
    file.write_text('[gates]\n"recording.handler" = "alert"\n')
    assert load({}, {}, str(file)).gates == {"recording.handler": Gate.ALERT}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('listne = "127.0.0.1:1"', ["listne", "no such setting", "did you mean listen"]),
        ("listen = 28081", ["listen", "not text", "HOST:PORT"]),
        ('listen = "28081"', ["listen", "no port", "HOST:PORT"]),
        ('listen = ":28081"', ["listen", "no host", "0.0.0.0"]),
        ('listen = "::1:28081"', ["listen", "brackets"]),
        ('listen = "127.0.0.1:70000"', ["listen", "70000"]),
        ('pid = "x"', ["pid", "not a number", "process id"]),
        ("pid = true", ["pid", "not a number"]),
        ("fall = 0", ["fall", "out of range", "from 1 to 10"]),
        ("rise = 1.5", ["rise", "whole number"]),
        ('envoy_admin = "nonsense"', ["envoy_admin", "@NAME"]),
        ('log_level = "loud"', ["log_level", "debug, info, warning, error"]),
        ('drain_on_stop = "perhaps"', ["drain_on_stop", "neither true nor false", "true or false"]),
        ("drain_notice = -1", ["drain_notice", "out of range", "from 0 to 600"]),
        ("drain_limit = 0", ["drain_limit", "out of range", "from 1 to 86400"]),
        ('gates = "ready"', ["gates", "not a table", "[gates]"]),
        ('[gates]\n"xds.listener" = "red"', ['gates."xds.listener"', "live, ready or alert"]),
        ('[gates]\n"xds.listner" = "alert"', ["xds.listner", "did you mean xds.listener"]),
        ('[intervals]\n"xds.listener" = 0', ["xds.listener", "out of range", "0.2"]),
        ('[intervals]\n"xds.listner" = 5', ["no such check", "did you mean xds.listener"]),
        ('[gates]\nlisten = "127.0.0.1:1"', ["gates.listen", "not a check", "above the line [gates]"]),
    ],
)
def test_a_mistake_in_the_file_names_file_key_what_is_wrong_and_what_is_allowed(
    file: Path, text: str, expected: list[str]
) -> None:
    file.write_text(text)
    line = wrong(path=str(file))
    assert line.startswith(str(file))
    assert [part for part in expected if part not in line] == []


@pytest.mark.parametrize(
    ("text", "number"), [("pid = 1\nlisten = \n", 2), ("a = 1\nb = 2\n\n[gates\n", 4), ('x = "', 1)]
)
def test_text_that_is_not_toml_is_told_with_its_line(file: Path, text: str, number: int) -> None:
    file.write_text(text)
    assert wrong(path=str(file)).startswith(f"{file}:{number}: this is not TOML")


def test_bytes_that_are_no_text_are_told_with_their_line(file: Path) -> None:
    file.write_bytes(b"pid = 1\n\xff\xfe\n")
    assert wrong(path=str(file)).startswith(f"{file}:2: it is not UTF-8")


def test_a_file_that_is_not_there_or_is_a_directory_is_told(file: Path, tmp_path: Path) -> None:
    assert "No such file" in wrong(path=str(file))
    assert "directory" in wrong(environ={"POMHEALTH_SETTINGS": str(tmp_path)})


def test_a_file_of_absurd_size_is_not_read(file: Path) -> None:
    file.write_bytes(b"#" * (2 * 1024 * 1024))
    assert "larger than" in wrong(path=str(file))


@pytest.mark.parametrize(
    ("text", "expected"), [("true", True), ("1", True), ("On", True), ("false", False), ("0", False)]
)
def test_a_switch_may_be_written_in_any_usual_way(file: Path, text: str, *, expected: bool) -> None:
    file.touch()
    assert load({}, {"POMHEALTH_DRAIN_ON_STOP": text}, str(file)).drain_on_stop is expected


def test_a_switch_in_the_file_is_true_or_false(file: Path) -> None:
    file.write_text("drain_on_stop = true\ndrain_notice = 2.5\ndrain_limit = 30\n")
    settings = load({}, {}, str(file))
    assert (settings.drain_on_stop, settings.drain_notice, settings.drain_limit) == (True, 2.5, 30.0)


def test_a_mistyped_variable_is_told_with_the_right_name() -> None:
    line = wrong(environ={"POMHEALTH_LISTNE": "127.0.0.1:1"})
    assert "POMHEALTH_LISTNE" in line
    assert "did you mean POMHEALTH_LISTEN?" in line


def test_a_wrong_value_in_the_environment_names_the_variable() -> None:
    assert wrong(environ={"POMHEALTH_FALL": "many"}).startswith("environment: POMHEALTH_FALL: 'many'")
    assert "ID=VALUE" in wrong(environ={"POMHEALTH_GATES": "xds.listener"})
    assert "xds.listener" in wrong(environ={"POMHEALTH_INTERVALS": "xds.listener=soon"})


def test_variables_that_kubernetes_sets_for_a_service_of_this_name_are_none_of_ours(file: Path) -> None:
    file.touch()
    environ = {
        "POMHEALTH_SERVICE_HOST": "10.0.0.1",
        "POMHEALTH_PORT": "tcp://10.0.0.1:28081",
        "POMHEALTH_PORT_28081_TCP_ADDR": "10.0.0.1",
    }
    assert load({}, environ, str(file)) == Settings()


def test_an_empty_variable_says_nothing(file: Path) -> None:
    file.touch()
    assert load({}, {"POMHEALTH_LISTEN": ""}, str(file)).listen == DEFAULT_LISTEN


def test_a_wrong_option_is_named_as_it_was_written() -> None:
    assert wrong({"listen": "nowhere"}).startswith("option --listen: 'nowhere'")
    assert wrong({"pomerium_config": " "}).startswith("option --pomerium-config")


@pytest.mark.parametrize("listen", ["127.0.0.1:28080", "0.0.0.0:28080", "[::]:28080"])
def test_pomeriums_own_port_is_refused_with_the_reason(listen: str) -> None:
    assert "SO_REUSEPORT" in wrong({"listen": listen})


def test_every_setting_has_its_key_its_variable_and_its_words() -> None:
    fields = set(Settings.__dataclass_fields__) - {"gates", "intervals", "origins"}
    assert {key.name for key in KEYS} == fields
    assert all(key.says and key.allowed for key in KEYS)
