"""From what is known of a replica to the values in its supervisor's files, and where each is said to come from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pomhealth.generate.facts import Facts
from pomhealth.generate.place import Placed, Unplaceable, place
from pomhealth.generate.render import KINDS
from pomhealth.generate.values import DEFAULTS
from pomhealth.replica.model import Endpoint, Holder, Options, Platform, Process, Replica, Storage, Value
from pomhealth.settings import Settings

CONTAINERS = [kind for kind in KINDS if kind != "systemd"]
FILE = "/etc/pomerium/config.yaml"
REPLICA = Replica(
    main=Process(812, 1, 990, 991),
    options=Options(path="/srv/pomerium.yaml"),
    endpoints=(
        Endpoint("address", "", 8443, Holder.ENVOY, f"{FILE}:3"),
        Endpoint("http_redirect_addr", "", 80, Holder.POMERIUM, f"{FILE}:4"),
    ),
    storage=Storage("file", f"{FILE}:9"),
    version=Value("0.32.9+dirty", "/usr/sbin/pomerium --version"),
    platform=Platform("linux"),
)
SEEN = Facts(
    Value("/srv/pomhealth/bin/pomhealth", "the pomhealth that made this file"),
    directory="/work",
    user="svc",
    group="web",
    unit="other.service",
)


def placed(
    kind: str = "systemd",
    replica: Replica | None = REPLICA,
    seen: Facts = SEEN,
    file: str | None = None,
    **said: object,
) -> Placed:
    origins = {name: f"option --{name}" for name in said}
    return place(kind, replica, Settings(**said, origins=origins), file, seen)  # type: ignore[arg-type]


def test_on_the_machine_every_value_is_the_replicas_own_with_its_origin() -> None:
    found = placed(listen="[::1]:38081", drain_notice=5.0)
    values = found.values
    assert (values.user, values.group, values.unit) == ("svc", "web", "other.service")
    assert values.program == "/srv/pomhealth/bin/pomhealth"
    assert (values.listen, values.agent_port, values.main_port) == ("[::1]:38081", 38081, 8443)
    assert (values.config, values.notice, values.limit) == ("/srv/pomerium.yaml", 5.0, 90.0)
    assert found.origin("unit") == "the control group of the replica's process"
    assert found.origin("config") == "the replica's command line"
    assert found.origin("listen") == "option --listen"
    assert found.origin("limit") == "default"


def test_an_origin_names_the_file_without_the_line_which_the_next_edit_changes() -> None:
    assert placed().origin("main_port") == FILE
    version = replace(REPLICA, version=Value("0.33.1", "x-pomerium-version on 127.0.0.1:5443"))
    assert placed("ecs", version).origin("pomerium_image") == "x-pomerium-version on 127.0.0.1:5443"


@pytest.mark.parametrize("kind", CONTAINERS)
def test_in_containers_programs_and_users_are_the_images(kind: str) -> None:
    values = placed(kind, listen="10.0.0.7:38081").values
    own = replace(
        DEFAULTS,
        agent_port=38081,
        main_port=8443,
        pomerium_image="pomerium/pomerium:v0.32.9",
        postgres=False,
        low_port=False,
    )
    assert replace(values, config=DEFAULTS.config) == own


def test_compose_takes_the_configuration_from_the_machine_and_ecs_names_it_as_the_container_has_it() -> None:
    contained = replace(
        REPLICA, options=Options(path="/pomerium/config.yaml"), platform=Platform("docker", "/.dockerenv")
    )
    assert placed("compose").values.config == "/srv/pomerium.yaml"
    assert placed("ecs").values.config == DEFAULTS.config
    assert placed("compose", contained).values.config == DEFAULTS.config
    assert placed("ecs", contained).values.config == "/pomerium/config.yaml"


def test_units_for_a_replica_in_a_container_are_noted() -> None:
    contained = replace(REPLICA, platform=Platform("docker", "/.dockerenv"))
    (note,) = placed("systemd", contained).notes
    assert note == "the replica runs in a container (/.dockerenv), and these files are for one that does not"


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_replica_they_are_the_defaults_but_for_what_the_operator_says(kind: str) -> None:
    found = placed(kind, None, Facts())
    assert (found.values, found.origins) == (DEFAULTS, {})
    assert placed(kind, None, Facts(), drain_limit=30.0).values == replace(DEFAULTS, limit=30.0)


def test_a_replica_that_no_unit_runs_has_the_packages_unit_and_that_is_said() -> None:
    found = placed(seen=replace(SEEN, unit=""))
    assert found.values.unit == "pomerium.service"
    assert found.origin("unit") == "default: no unit of this systemd runs the replica"


@pytest.mark.parametrize(
    ("uid", "port", "first_free", "needed"),
    [
        (990, 443, 1024, True),
        (990, 8443, 1024, False),
        (0, 443, 1024, False),
        (990, 443, 0, False),
        (990, 443, 444, True),
    ],
)
def test_the_right_to_a_low_port_is_given_where_it_takes_one(
    uid: int, port: int, first_free: int, needed: bool
) -> None:
    replica = replace(
        REPLICA,
        main=Process(812, 1, uid, uid),
        endpoints=(Endpoint("address", "", port, Holder.ENVOY, f"{FILE}:3"),),
    )
    assert placed(replica=replica, seen=replace(SEEN, first_free=first_free)).values.low_port is needed


def test_where_its_addresses_cannot_be_seen_the_right_is_given() -> None:
    assert placed(replica=replace(REPLICA, endpoints=())).values.low_port


def test_the_replica_that_is_meant_stays_the_one_when_others_come() -> None:
    assert placed().values.meant == ""
    assert placed(pid=812).values.meant == "/srv/pomerium.yaml"
    assert placed(pomerium_config="conf/b.yaml").values.meant == "/work/conf/b.yaml"
    assert placed(pomerium_config="conf/b.yaml").values.config == "/work/conf/b.yaml"


def test_settings_of_another_file_are_the_agents_too() -> None:
    assert placed(file="/etc/pomhealth/pomhealth.toml").values.settings == ""
    assert placed(file="my.toml").values.settings == "/work/my.toml"


def test_what_the_files_do_not_carry_is_noted() -> None:
    settings = Settings(
        fall=3,
        drain_limit=30,
        origins={
            "fall": "environment POMHEALTH_FALL",
            "drain_limit": "environment POMHEALTH_DRAIN_LIMIT",
            "rise": "/etc/pomhealth/pomhealth.toml",
            "gates": "/etc/pomhealth/pomhealth.toml",
            "gates.zero.connect": "/etc/pomhealth/pomhealth.toml",
        },
    )
    (on_the_machine,) = place("systemd", REPLICA, settings, "/etc/pomhealth/pomhealth.toml", SEEN).notes
    assert on_the_machine.startswith("POMHEALTH_FALL: set here, and not in these files")
    _, contained = place("ecs", REPLICA, settings, "/etc/pomhealth/pomhealth.toml", SEEN).notes
    assert contained.startswith("/etc/pomhealth/pomhealth.toml holds more than these files say")


@pytest.mark.parametrize("where", ["/home/me/.venv/bin", "/root/venv/bin", "/tmp/venv/bin"])
def test_a_program_where_no_service_sees_it_is_noted(where: str) -> None:
    (note,) = placed(seen=replace(SEEN, program=Value(f"{where}/pomhealth", "the PATH"))).notes
    assert note.startswith(f"{where}/pomhealth lies where a hardened service sees nothing")
    assert not placed("ecs", seen=replace(SEEN, program=Value(f"{where}/pomhealth", "the PATH"))).notes


def test_settings_where_no_service_sees_them_are_noted() -> None:
    (note,) = placed(file="/home/me/pomhealth.toml").notes
    assert note.startswith("/home/me/pomhealth.toml lies where a hardened service sees nothing")
    assert note.endswith("put it at /etc/pomhealth/pomhealth.toml")


def test_a_replica_that_is_root_is_told_from_others() -> None:
    assert placed(replica=replace(REPLICA, main=Process(812, 1, 0, 0))).values.as_root
    assert not placed().values.as_root


def test_a_drain_that_fargate_would_cut_short_is_noted() -> None:
    (note,) = placed("ecs", drain_limit=200.0).notes
    assert note == "Fargate gives a stop 120 s in all, so a drain of 200 s ends there after 90 s"
    assert not placed("ecs").notes
    assert not placed("compose", drain_limit=200.0).notes


def test_options_that_cannot_be_seen_are_noted() -> None:
    lack = "the environment of process 812 cannot be read: run as the replica's user (uid 990) or with CAP_SYS_PTRACE"
    hidden = replace(REPLICA, missing={"environment": lack})
    (note,) = placed(replica=hidden).notes
    assert note == f"not every option of the replica can be seen, and a default may stand for one: {lack}"
    assert not placed(replica=replace(hidden, offline=True)).notes


def test_a_port_that_is_not_known_beforehand_is_refused() -> None:
    with pytest.raises(
        Unplaceable, match=r"^listen 127\.0\.0\.1:0: a supervisor has to know the port, and 0 is any$"
    ):
        placed(listen="127.0.0.1:0")
