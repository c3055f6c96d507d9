"""Our units in a real systemd while they run: what systemd is told, what ends and restarts, and what a stop waits for."""

from __future__ import annotations

import re

import pytest

from tests.systemd.box import needs_systemd
from tests.systemd.machine import HOST, PYTHON, SETTINGS, UNITS, Machine

# Answers /slow when /run/test/finish is there; sends /long line by line, and ends it then.
UPSTREAM = """
import pathlib, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
TEST = pathlib.Path("/run/test")
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/long":
            self.send_response(200)
            self.end_headers()
        (TEST / self.path[1:]).touch()
        while not (TEST / "finish").exists():
            if self.path == "/long":
                self.wfile.write(b"more ")
            time.sleep(0.05)
        if self.path == "/slow":
            self.send_response(200)
            self.end_headers()
        self.wfile.write(b"the end")
server = ThreadingHTTPServer(("127.0.0.1", 9000), Handler)
(TEST / "upstream").touch()
server.serve_forever()
"""
# Asks every 50 ms until /run/test/enough is there; then says how often, and which answers were not 200.
PROBER = """
import http.client, pathlib, time
TEST = pathlib.Path("/run/test")
asked, bad = 0, []
while not (TEST / "enough").exists():
    asked += 1
    try:
        connection = http.client.HTTPConnection("127.0.0.1", 28081, timeout=10)
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            bad.append((asked, answer.status, said[:300]))
    except (OSError, http.client.HTTPException) as error:
        bad.append((asked, repr(error)))
    (TEST / "probed").touch()
    time.sleep(0.05)
print(asked, bad)
"""

# Ends all three in one transaction, as shutdown.target does.
DOWN = """\
[Unit]
Conflicts=pomhealth.socket pomhealth.service pomerium.service
"""

BY_FILES = {
    "certificates_current",
    "certificates_match_hostnames",
    "config.databroker.build",
    "persistent_backend",
    "zero.bootstrap-config.save",
}

pytestmark = needs_systemd


def test_systemctl_status_says_that_envoy_hangs_until_it_does_not(running: Machine) -> None:
    (envoy,) = (str(pid) for pid in running.status()["replica"]["envoy_pids"])
    before = running.shown("pomhealth", "StatusText")
    running.run("kill", "-STOP", envoy)
    try:
        running.until(
            lambda: "envoy.server: stopped" in running.shown("pomhealth", "StatusText"), "it is told"
        )
    finally:
        running.run("kill", "-CONT", envoy)

    running.until(lambda: running.shown("pomhealth", "StatusText") == before, "it is taken back")
    assert before == "ready"


def test_an_agent_that_does_not_go_on_is_started_anew(
    running: Machine, request: pytest.FixtureRequest
) -> None:
    running.add("pomhealth", "WatchdogSec=3\n")
    request.addfinalizer(lambda: running.add("pomhealth", ""))
    running.run("systemctl", "restart", "pomhealth")
    before = running.shown("pomhealth", "MainPID")

    running.run("kill", "-STOP", before)

    running.until(lambda: running.shown("pomhealth", "MainPID") not in (before, "0"), "another agent runs")
    running.until(lambda: running.ready() == 200, "it says what is so")
    assert "Watchdog timeout" in running.journal("pomhealth")
    assert "Fatal Python error: Aborted" in running.journal("pomhealth")  # and where it stood
    assert running.shown("pomerium", "NRestarts") == "0"


def test_settings_are_reloaded(running: Machine) -> None:
    before = running.shown("pomhealth", "MainPID")
    running.box.write(SETTINGS, '[gates]\n"persistent_backend" = "ready"\n')

    running.run("systemctl", "reload", "pomhealth")

    running.until(lambda: "persistent_backend" in running.status()["checks"], "they are in force")
    assert running.shown("pomhealth", "MainPID") == before


def test_a_reload_of_wrong_settings_fails_with_the_line_and_changes_nothing(running: Machine) -> None:
    before = running.shown("pomhealth", "MainPID")
    running.box.write(SETTINGS, "fall = 2\nlisten = 28081\n")

    done = running.run("systemctl", "reload", "pomhealth", check=False)

    assert done.returncode != 0
    assert f"{SETTINGS}: listen: 28081: it is not text" in running.journal("pomhealth")
    assert (running.ready(), running.shown("pomhealth", "MainPID")) == (200, before)


def test_a_restart_of_the_agent_fails_no_probe(running: Machine) -> None:
    prober = running.box.start(PYTHON, "-c", PROBER)
    running.until(lambda: there(running, "probed"), "it probes")
    for _ in range(3):
        running.run("systemctl", "restart", "pomhealth")
    running.run("touch", "/run/test/enough")
    said, _ = prober.communicate(timeout=30)

    asked, _, failed = said.strip().partition(" ")
    assert failed == "[]"
    assert int(asked) > 3


def test_what_happened_survives_a_restart_of_the_agent(running: Machine) -> None:
    def turns() -> list[tuple[str, str, str]]:
        told = [(one["at"], one["id"], one["is"]) for one in running.status()["history"]]
        return [one for one in told if one[1] == "envoy.server"]

    (envoy,) = (str(pid) for pid in running.status()["replica"]["envoy_pids"])
    running.run("kill", "-STOP", envoy)
    running.until(lambda: running.ready() == 503, "it hangs")
    running.run("kill", "-CONT", envoy)
    running.until(lambda: running.ready() == 200, "it goes on")
    before = turns()

    running.run("systemctl", "restart", "pomhealth")
    running.until(lambda: running.ready() == 200, "the next one says what is so")

    assert len(before) >= 2
    assert turns() == before
    held = running.run(
        "stat", "-c", "%U %a", "/var/lib/pomhealth", "/var/lib/pomhealth/history-127.0.0.1-28081.sqlite3"
    )
    assert held.stdout.split("\n")[:2] == ["pomerium 700", "pomerium 600"]


@pytest.mark.parametrize("how", [("stop", "pomerium"), ("start", "down.target")], ids=["stop", "shutdown"])
def test_a_stop_lets_open_requests_come_to_their_end(running: Machine, how: tuple[str, str]) -> None:
    """At a shutdown everything is to stop, and the agent has to stay until the replica is drained."""
    running.box.write(f"{UNITS}/down.target", DOWN)
    running.run("systemd-run", "--unit=upstream", PYTHON, "-c", UPSTREAM)
    running.until(lambda: there(running, "upstream"), "there is something to ask")
    ask = ("curl", "-sSkN", "--resolve", f"{HOST}:443:127.0.0.1")
    asks = {path: running.box.start(*ask, f"https://{HOST}/{path}") for path in ("slow", "long")}
    for path in asks:
        running.until(lambda path=path: there(running, path), f"{path} is under way")  # type: ignore[misc]

    stopping = running.box.start("systemctl", *how)
    running.until(lambda: running.ready() == 503, "it is out of rotation")
    entry = running.status()["statuses"]["replica.drain"]
    held = [one.poll() for one in asks.values()]
    running.run("touch", "/run/test/finish")
    said = {path: one.communicate(timeout=30)[0] for path, one in asks.items()}
    stopping.communicate(timeout=30)
    running.until(lambda: running.shown("pomerium", "ActiveState") == "inactive", "it has stopped")
    running.run("systemctl", "stop", "upstream")

    assert (entry["status"], held) == ("TERMINATING", [None, None])
    assert said["slow"] == "the end"
    assert (said["long"][:5], said["long"][-7:]) == ("more ", "the end")
    assert "drained after" in running.journal("pomerium")
    assert running.shown("pomerium", "Result") == "success"


def there(machine: Machine, name: str) -> bool:
    return machine.run("test", "-e", f"/run/test/{name}", check=False).returncode == 0


def test_a_replica_that_crashed_is_back_at_once(running: Machine) -> None:
    """What systemd runs at a stop runs here too, with nothing left to drain. Its files, which are seen
    through its process, are not taken for lost with it.
    """
    running.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "pomerium")

    running.until(lambda: running.shown("pomerium", "NRestarts") == "1", "it is started again")
    running.until(lambda: running.ready() == 200, "it serves")
    assert "status=9/KILL" in running.journal("pomerium")
    told = set(re.findall('"check": "([^"]*)", "outcome": "(?:fail|warn)"', running.journal("pomhealth")))
    assert "pomerium.process" in told
    assert not told & BY_FILES


def test_the_port_is_held_also_while_no_agent_runs(machine: Machine) -> None:
    """The first to ask starts it."""
    machine.run("systemctl", "start", "pomhealth.socket")
    assert machine.shown("pomhealth", "ActiveState") == "inactive"

    assert machine.ready() == 503
    assert machine.shown("pomhealth", "ActiveState") == "active"
