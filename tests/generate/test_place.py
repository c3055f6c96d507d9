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
    directory="/srv/here",
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


def test_the_replicas_own_health_server_is_where_it_can_be_asked() -> None:
    assert placed().values.own == "127.0.0.1:28080"
    moved = Endpoint("health_check_addr", "::", 38080, Holder.POMERIUM, f"{FILE}:7")
    found = placed(replica=replace(REPLICA, health=moved))
    assert (found.values.own, found.origin("own")) == ("[::1]:38080", FILE)


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


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_replica_they_are_the_defaults_but_for_what_the_operator_says(kind: str) -> None:
    found = placed(kind, None, Facts())
    assert (found.values, found.origins) == (DEFAULTS, {})
    assert placed(kind, None, Facts(), drain_limit=30.0).values == replace(DEFAULTS, limit=30.0)


def test_in_a_pod_the_namespace_is_the_pods() -> None:
    in_a_pod = replace(SEEN, namespace="team-1")
    assert (
        placed("kubernetes", replace(REPLICA, platform=Platform("kubernetes")), in_a_pod).values.namespace
        == "team-1"
    )
    assert placed("kubernetes", REPLICA, in_a_pod).values.namespace == DEFAULTS.namespace
    assert placed("kubernetes", None, in_a_pod).values.namespace == DEFAULTS.namespace


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
    assert placed(pomerium_config="conf/b.yaml").values.meant == "/srv/here/conf/b.yaml"
    assert placed(pomerium_config="conf/b.yaml").values.config == "/srv/here/conf/b.yaml"


def test_settings_of_another_file_are_the_agents_too() -> None:
    assert placed(file="/etc/pomhealth/pomhealth.toml").values.settings == ""
    assert placed(file="my.toml").values.settings == "/srv/here/my.toml"


def test_a_replica_that_is_root_is_told_from_others() -> None:
    assert placed(replica=replace(REPLICA, main=Process(812, 1, 0, 0))).values.as_root
    assert not placed().values.as_root


def test_a_unit_listens_on_an_address_and_on_no_name() -> None:
    assert placed(listen="localhost:38081").values.listen == "127.0.0.1:38081"
    assert placed("ecs", listen="replica-1.internal:38081").values.agent_port == 38081
    with pytest.raises(
        Unplaceable, match=r"^listen replica-1\.internal:38081: systemd listens on an IP address"
    ):
        placed(listen="replica-1.internal:38081")


def test_a_port_that_is_not_known_beforehand_is_refused() -> None:
    with pytest.raises(
        Unplaceable, match=r"^listen 127\.0\.0\.1:0: a supervisor has to know the port, and 0 is any$"
    ):
        placed(listen="127.0.0.1:0")
