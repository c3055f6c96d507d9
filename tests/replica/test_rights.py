"""Without the right to look, discovery says which one is lacking, and finds what it may."""

from __future__ import annotations

from typing import Any

from tests.replica.apart import as_nobody, needs_root
from tests.replica.little import Little
from tests.standin import StandIn

pytestmark = needs_root

LOOK = """
from pomhealth.replica.changes import Changes
from pomhealth.replica.discover import discover
from pomhealth.settings import Settings
settings = Settings(pid={pid})
found = discover(settings)
print(json.dumps({{
    "missing": dict(found.missing),
    "path": found.options.path,
    "admin": found.admin.kind if found.admin else None,
    "addresses": {{one.role: [one.port, one.origin] for one in found.endpoints}},
    "storage": found.storage.kind if found.storage else None,
    "health": found.health.where if found.health else None,
    "envoys": [one.pid for one in found.envoys],
    "version": found.version.value if found.version else None,
    "changed": Changes().since(found, settings),
    "again": discover(settings, found) == found,
}}))
"""

RIGHT = "run as the replica's user (uid 0) or with CAP_SYS_PTRACE"


def look(pid: int) -> Any:
    return as_nobody(LOOK.format(pid=pid))


def test_another_users_replica_is_found_by_what_everybody_may_see(standin: StandIn) -> None:
    """Envoy's abstract admin socket answers any user, and the kernel tells whose it is."""
    running = standin("v0.33.1")
    found = look(running.pid)
    for what in ("environment", "working directory", "config", "options", "storage"):
        assert RIGHT in found["missing"][what], what
    assert found["admin"] == "abstract"
    assert found["addresses"]["address"] == [running.address[1], "Envoy's listeners"]
    assert found["envoys"] == [running.envoy_pid()]
    assert found["version"] == "0.33.1", "its gRPC listener tells it"
    assert found["storage"] is None
    assert found["changed"] is False
    assert found["again"] is True


def test_an_older_replicas_path_socket_is_out_of_reach(standin: StandIn) -> None:
    found = look(standin("v0.32.9").pid)
    assert found["admin"] is None
    assert RIGHT in found["missing"]["admin"]


def test_a_health_address_is_not_guessed_where_nobody_of_the_replicas_user_listens(little: Little) -> None:
    found = look(little.replica(user=12345, group=12345).pid)
    assert found["health"] is None
    assert "uid 12345" in found["missing"]["health"]


def test_a_readable_file_counts_where_the_environment_is_hidden(little: Little) -> None:
    config = little.directory / "c.yaml"
    config.write_text("address: 127.0.0.1:1\n")
    found = look(little.replica("--config", str(config)).pid)
    assert found["path"] == str(config)
    assert found["addresses"] == {"address": [1, f"{config}:1"]}
    assert RIGHT in found["missing"]["environment"]
    assert RIGHT in found["missing"]["storage"], "the environment may say otherwise than the default"


def test_an_unreadable_file_is_not_called_rejected(little: Little) -> None:
    config = little.directory / "c.yaml"
    config.write_text("address: 127.0.0.1:1\n")
    config.chmod(0o600)
    found = look(little.replica("--config", str(config)).pid)
    assert found["missing"]["config"] == f"this user may not read {config}"
    assert found["path"] == ""


def test_a_file_that_is_not_here_is_not_called_missing_where_the_replica_may_see_another(
    little: Little,
) -> None:
    """It may have a mount namespace of its own, as in a container, and that cannot be looked into either."""
    found = look(little.replica("--config", str(little.directory / "not-here.yaml")).pid)
    assert RIGHT in found["missing"]["config"]
    assert found["path"] == ""


def test_sockets_of_another_user_name_the_right(little: Little) -> None:
    said = as_nobody(f"""
from pomhealth.replica import processes, sockets
from pomhealth.status import Unobservable
try:
    sockets.SocketTable().held_by(processes.process({little.replica().pid}))
except Unobservable as unobservable:
    print(json.dumps(str(unobservable)))
""")
    assert RIGHT in said


def test_the_config_command_shows_what_is_not_seen(little: Little) -> None:
    status = as_nobody(f"""
import contextlib, io
from pomhealth.cli.main import run
text = io.StringIO()
with contextlib.redirect_stdout(text):
    status = run(["config", "--pid", "{little.replica().pid}"])
print(json.dumps([status, text.getvalue()]))
""")
    assert status[0] == 0
    assert "not seen" in status[1]
    assert RIGHT in status[1]
