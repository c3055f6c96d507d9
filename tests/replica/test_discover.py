"""The replica as discovery finds it: stand-ins with a real Envoy, and little processes."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pomhealth.replica import paths
from pomhealth.replica.changes import Changes
from pomhealth.replica.discover import Ambiguous, ReplicaError, discover
from pomhealth.replica.model import Holder, Replica
from pomhealth.settings import Settings
from tests.replica.little import Little, home_of, program_that_says
from tests.standin import StandIn


@pytest.fixture
def of(little: Little) -> Callable[..., Replica]:
    """Discovers a little replica started with these arguments."""

    def find(*arguments: str, **more: object) -> Replica:
        return discover(Settings(pid=little.replica(*arguments, **more).pid))  # type: ignore[arg-type]

    return find


@pytest.mark.parametrize("release", ["v0.33.1", "v0.32.9", "v0.30.8"])
def test_everything_about_a_stand_in(release: str, standin: StandIn) -> None:
    changes = Changes()
    running = standin(release, storage="file")
    found = discover(Settings(pid=running.pid))
    assert found.missing == {} or release == "v0.30.8"
    assert found.main is not None
    assert found.envoy is not None
    assert (running.pid, running.envoy_pid()) == (found.main.pid, found.envoy.pid)
    assert str(running.config_path) == found.options.path
    main = found.endpoint("address")
    assert main is not None
    assert (running.address[1], Holder.ENVOY, f"{running.config_path}:1") == (
        main.port,
        main.holder,
        main.origin,
    )
    assert found.version is not None
    assert release == f"v{found.version.value}"
    assert found.storage is not None
    assert found.storage.kind == "file"
    assert found.cache_dir is not None
    assert str(running.cache_dir) == found.cache_dir.value
    assert found.admin is not None
    assert ("abstract" if release == "v0.33.1" else "path") == found.admin.kind
    assert (release == "v0.30.8") == (found.health is None)
    assert found.same_network
    assert found.root == ""
    assert not changes.since(found, Settings())


def test_a_second_look_at_the_same_replica_finds_the_same(standin: StandIn) -> None:
    changes = Changes()
    settings = Settings(pid=standin().pid)
    found = discover(settings)
    assert not any(changes.since(found, settings) for _ in range(20))
    assert discover(settings, found) == found


def test_a_rewritten_file_a_new_envoy_and_an_end_are_changes(standin: StandIn) -> None:
    changes = Changes()
    running = standin()
    settings = Settings(pid=running.pid)
    found = discover(settings)
    running.rewrite(services="all")
    assert changes.since(found, settings)
    found = discover(settings, found)
    assert not changes.since(found, settings)
    running.stop()
    assert changes.since(found, settings)
    gone = discover(settings, found)
    assert gone.awaited is True
    assert None is gone.main
    assert found.options == gone.options
    assert not changes.since(gone, Settings(pid=running.pid))


def test_of_many_files_each_is_looked_at_in_turn_though_the_kernel_kept_its_change_to_itself(
    little: Little, tmp_path: Path
) -> None:
    files = [tmp_path / str(number) for number in range(250)]
    for file in files:
        file.write_text("x")
    child = little.replica("--config", "pomerium.yaml", config="address: 127.0.0.1:8443\n")
    settings = Settings(pid=child.pid)
    found = discover(settings)
    stamps = {**found.stamps, **{str(file): paths.stamp(str(file)) for file in files}}
    for file in (files[0], files[123], files[-1]):
        changes, now = Changes(), replace(found, stamps=stamps)
        assert not any(changes.since(now, settings, watched=True) for _ in range(20))
        file.write_text("changed")
        assert any(changes.since(now, settings, watched=True) for _ in range(20))
        stamps = {**stamps, str(file): paths.stamp(str(file))}


def test_a_rejected_file_keeps_the_options_of_the_one_before(little: Little) -> None:
    changes = Changes()
    child = little.replica("--config", "pomerium.yaml", config="address: 127.0.0.1:8443\n")
    settings = Settings(pid=child.pid)
    found = discover(settings)
    for text, line in (
        ("address: [\n", 2),
        ("address: 127.0.0.1:1\nroutes: [{from: nowhere, to: http://a}]\n", 2),
        ("address: 127.0.0.1:1\nservices: sorcery\n", 2),
    ):
        (home_of(child) / "pomerium.yaml").write_text(text)
        assert changes.since(found, settings)
        found = discover(settings, found)
        (problem,) = found.options.problems
        assert (str(home_of(child) / "pomerium.yaml"), line) == (problem.path, problem.line)
        assert found.options.get("address") == "127.0.0.1:8443"
        assert [one.where for one in found.endpoints if one.role == "address"] == ["127.0.0.1:8443"]
    (home_of(child) / "pomerium.yaml").write_text("address: 127.0.0.1:2\n")
    found = discover(settings, found)
    assert found.options.problems == ()
    assert found.options.get("address") == "127.0.0.1:2"


def test_a_file_that_is_broken_from_the_first_look_leaves_the_options_unknown(
    of: Callable[..., Replica],
) -> None:
    found = of("--config", "pomerium.yaml", config="address: [")
    assert found.options.problems
    assert "rejected now" in found.missing["options"]
    assert found.endpoints == ()
    assert None is found.storage


def test_the_addresses_of_a_broken_configuration_are_learnt_from_envoy(standin: StandIn) -> None:
    running = standin()
    running.write_config("address: [")
    found = discover(Settings(pid=running.pid))
    main = found.endpoint("address")
    assert main is not None
    assert (running.address[1], "Envoy's listeners") == (main.port, main.origin)


def test_without_a_file_the_environment_and_the_defaults_count(of: Callable[..., Replica]) -> None:
    found = of(
        env={"ADDRESS": "127.0.0.1:1", "DATABROKER_STORAGE_TYPE": "memory", "SERVICES": "proxy,databroker"}
    )
    assert frozenset({"proxy", "databroker"}) == found.services
    assert {("address", "127.0.0.1:1", "environment ADDRESS"), ("grpc_address", "*:443", "default")} == {
        (one.role, one.where, one.origin) for one in found.endpoints
    }
    assert found.storage is not None
    assert found.storage.origin == "environment DATABROKER_STORAGE_TYPE"
    assert found.health is not None
    assert found.health.where == "127.0.0.1:28080"


def test_a_relative_file_is_relative_to_the_replicas_directory(little: Little, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.yaml").write_text("address: 127.0.0.1:7\n")
    found = discover(Settings(pid=little.replica("--config=sub/c.yaml", cwd=tmp_path).pid))
    assert str(tmp_path / "sub" / "c.yaml") == found.options.path
    assert found.options.get("address") == "127.0.0.1:7"
    assert str(tmp_path) == found.cwd
    assert str(tmp_path / "x") == paths.resolve(found, "x")


def test_a_swapped_link_is_a_change(little: Little, tmp_path: Path) -> None:
    """As Kubernetes replaces a mounted secret: `..data` leads to another directory."""
    changes = Changes()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "c.yaml").write_text("address: 127.0.0.1:7\n")
    (tmp_path / "data").symlink_to("one")
    settings = Settings(pid=little.replica("--config", str(tmp_path / "data" / "c.yaml")).pid)
    found = discover(settings)
    assert not changes.since(found, settings)
    (tmp_path / "new").symlink_to("two")
    (tmp_path / "new").replace(tmp_path / "data")
    assert changes.since(found, settings)


def test_in_zero_mode_addresses_are_learnt_from_envoy_and_the_process(standin: StandIn) -> None:
    running = standin(env={"POMERIUM_ZERO_TOKEN": "planted-token"})
    found = discover(Settings(pid=running.pid))
    assert found.options.zero
    main = found.endpoint("address")
    assert main is not None
    assert (running.address[1], "Envoy's listeners") == (main.port, main.origin)
    assert found.health is not None
    assert found.health.where == "127.0.0.1:28080"
    assert None is found.storage
    assert "encrypted bootstrap file" in found.missing["storage"]
    assert found.bootstrap_file is not None
    assert f"{running.cache_dir}/bootstrap.dat" == found.bootstrap_file.value
    assert "planted-token" not in repr(found)
    assert "POMERIUM_ZERO_TOKEN" not in found.environment


def test_several_replicas_are_named_and_the_operator_is_asked(little: Little) -> None:
    one = little.replica("--config", "pomerium.yaml", config="address: 127.0.0.1:8001\n")
    two = little.replica("--config", "pomerium.yaml", config="address: 127.0.0.1:8002\n")
    with pytest.raises(Ambiguous) as caught:
        discover(Settings())
    message = str(caught.value)
    for child, port in ((one, 8001), (two, 8002)):
        assert f"pid {child.pid} (config pomerium.yaml, main address 127.0.0.1:{port})" in message
    assert "--pid N or --pomerium-config FILE" in message
    assert "\n" not in message
    by_file = discover(Settings(pomerium_config=str(home_of(two) / "pomerium.yaml")))
    assert by_file.main is not None
    assert two.pid == by_file.main.pid
    still = discover(Settings(), by_file)
    assert by_file.main == still.main, "the one that was chosen stays chosen while it lives"


def test_a_wrong_pid_is_told_in_one_line() -> None:
    with pytest.raises(ReplicaError, match=r"--pid 4194305: there is no such process"):
        discover(Settings(pid=2**22 + 1))
    with pytest.raises(ReplicaError, match=rf"--pid {os.getpid()}: .* is not a Pomerium replica"):
        discover(Settings(pid=os.getpid()))


def test_a_configuration_that_nobody_runs_is_awaited_and_an_unreadable_one_is_an_error(
    tmp_path: Path,
) -> None:
    changes = Changes()
    config = tmp_path / "c.yaml"
    with pytest.raises(ReplicaError, match="No such file or directory, and no replica runs with it"):
        discover(Settings(pomerium_config=str(config)))
    config.write_text("address: 127.0.0.1:1\n")
    before = Replica(awaited=True)
    found = discover(Settings(pomerium_config=str(config)), before)
    assert found.awaited is True
    assert found.options.get("address") == "127.0.0.1:1"
    assert not changes.since(found, Settings(pomerium_config=str(config)))
    config.write_text("address: 127.0.0.1:22\n")
    assert changes.since(found, Settings(pomerium_config=str(config)))


def test_a_replica_that_appears_is_a_change(little: Little) -> None:
    changes = Changes()
    awaited = Replica(awaited=True)
    settings = Settings(pid=little.replica().pid)
    assert changes.since(awaited, settings)
    assert changes.since(awaited, Settings())


def test_the_operators_addresses_go_before_what_is_found(little: Little) -> None:
    settings = Settings(
        pid=little.replica().pid,
        health_address="127.0.0.1:1",
        envoy_admin="@name",
        origins={"health_address": "pomhealth.toml", "envoy_admin": "environment POMHEALTH_ENVOY_ADMIN"},
    )
    found = discover(settings)
    assert found.health is not None
    assert (found.health.where, found.health.origin) == ("127.0.0.1:1", "pomhealth.toml")
    assert found.admin is not None
    assert (found.admin.where, found.admin.origin) == ("@name", "environment POMHEALTH_ENVOY_ADMIN")


def test_the_program_is_asked_for_its_version_once(little: Little) -> None:
    child = little.replica(program=program_that_says())
    found = discover(Settings(pid=child.pid))
    assert found.version is not None
    assert found.version.value == "0.33.1+abc"
    assert found.release == (0, 33)
    assert found.main is not None
    (home_of(child) / "pomerium").unlink()
    again = discover(Settings(pid=child.pid), replace(found, version=replace(found.version, value="0.1.2")))
    assert again.version is not None
    assert again.version.value == "0.1.2"


def test_why_the_version_is_not_known(of: Callable[..., Replica]) -> None:
    found = of()
    assert None is found.version
    assert "not Pomerium's own program" in found.missing["version"]


def test_a_data_source_name_may_stand_in_a_file(little: Little) -> None:
    changes = Changes()
    text = "databroker_storage_type: postgres\ndatabroker_storage_connection_string_file: dsn\n"
    child = little.replica("--config", "pomerium.yaml", config=text)
    home = home_of(child)
    (home / "dsn").write_text("postgres://u:planted@h/db\n")
    settings = Settings(pid=child.pid)
    found = discover(settings)
    assert found.storage is not None
    assert found.storage.dsn == "postgres://u:planted@h/db"
    assert "planted" not in repr(found)
    shutil.copy(home / "dsn", home / "dsn.new")
    (home / "dsn.new").replace(home / "dsn")
    assert changes.since(found, settings)


def test_addresses_that_were_learnt_stay_while_envoy_does_not_answer(standin: StandIn) -> None:
    changes = Changes()
    running = standin(env={"POMERIUM_ZERO_TOKEN": "token"})
    settings = Settings(pid=running.pid)
    found = discover(settings)
    os.kill(running.envoy_pid(), signal.SIGSTOP)
    try:
        assert discover(settings, found).endpoints == found.endpoints
        assert not changes.since(found, settings)
    finally:
        os.kill(running.envoy_pid(), signal.SIGCONT)


def test_another_address_of_envoys_is_a_change_where_addresses_are_learnt(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = Changes()
    monkeypatch.setattr("pomhealth.replica.changes._ASK_EVERY", 0.0)
    settings = Settings(pid=standin(env={"POMERIUM_ZERO_TOKEN": "token"}).pid)
    found = discover(settings)
    assert not changes.since(found, settings)
    assert changes.since(replace(found, endpoints=found.endpoints[1:]), settings)


def test_of_very_many_files_some_are_looked_at_in_turn(little: Little, tmp_path: Path) -> None:
    """A thousand certificates are not looked at twice a second; the configuration file is."""
    changes = Changes()
    names = [tmp_path / f"{number}.pem" for number in range(300)]
    listed = "".join(f"  - {{cert: {cert}, key: {cert}}}\n" for cert in names)
    child = little.replica("--config", "pomerium.yaml", config=f"certificates:\n{listed}")
    settings = Settings(pid=child.pid)
    found = discover(settings)
    assert len(found.stamps) == 301
    assert not any(changes.since(found, settings) for _ in range(5))
    names[250].write_text("")
    assert any(changes.since(found, settings) for _ in range(4))
    found = discover(settings, found)
    (home_of(child) / "pomerium.yaml").write_text("")
    assert changes.since(found, settings)
