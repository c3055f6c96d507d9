"""A connection string means to the agent what it means to Pomerium's driver (Go, pgx v5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from pomhealth.status import Unobservable
from pomhealth.storage.connstring import BadDsn
from pomhealth.storage.dsn import NOWHERE, conninfo
from pomhealth.storage.target import Host, Target


def read(dsn: str, root: str = "", cwd: str = "/", **environment: str) -> Target:
    return conninfo(dsn, environment, root, cwd)


def test_a_url_is_read() -> None:
    target = read("postgres://ann:p%40ss%2Fw@db.example.com:5433/pom?sslmode=require")

    assert (Host("db.example.com", 5433),) == target.hosts
    assert (target.user, target.database) == ("ann", "pom")
    assert target.parameters["password"] == "p@ss/w"
    assert target.parameters["sslmode"] == "require"
    assert target.where == "db.example.com:5433/pom as ann"


def test_both_schemes_are_one() -> None:
    assert read("postgresql://a@h/d") == read("postgres://a@h/d")


def test_the_keyword_form_is_read_with_its_quotes_and_escapes() -> None:
    target = read(r"user = ann  password='it\'s a \\ secret' host=h dbname=pom port=6000 ")

    assert target.parameters["password"] == r"it's a \ secret"
    assert target.where == "h:6000/pom as ann"


@pytest.mark.parametrize(
    ("dsn", "hosts"),
    [
        ("postgres://u@a:1,b:2,[2001:db8::1]:3/d", [("a", 1), ("b", 2), ("2001:db8::1", 3)]),
        ("postgres://u@a,b:6432/d", [("a", 6432), ("b", 6432)]),
        ("postgres://u@[::1]/d", [("::1", 5432)]),
        ("host=a,b port=1,2 user=u", [("a", 1), ("b", 2)]),
        ("host=a,b,c port=7 user=u", [("a", 7), ("b", 7), ("c", 7)]),
        ("postgres://u@/d?host=a&port=9", [("a", 9)]),
    ],
)
def test_several_hosts_have_their_ports(dsn: str, hosts: list[tuple[str, int]]) -> None:
    assert hosts == [(host.name, host.port) for host in read(dsn).hosts]


@pytest.mark.parametrize(
    "dsn", ["host=/run/pg user=u dbname=d", "postgres://u@/d?host=/run/pg", "postgres://u@%2Frun%2Fpg/d"]
)
def test_a_socket_is_reached_in_the_replicas_files(dsn: str) -> None:
    target = read(dsn, root="/proc/7/root")

    assert (Host("/run/pg", 5432, "/proc/7/root/run/pg"),) == target.hosts


def test_the_pools_and_the_drivers_parameters_do_not_reach_the_server() -> None:
    pool = "&".join(
        f"{name}=1"
        for name in (
            "pool_max_conns",
            "pool_min_conns",
            "pool_min_idle_conns",
            "pool_max_conn_lifetime",
            "pool_max_conn_lifetime_jitter",
            "pool_max_conn_idle_time",
            "pool_health_check_period",
            "pool_ping_timeout",
            "default_query_exec_mode",
            "statement_cache_capacity",
            "description_cache_capacity",
            "krbsrvname",
            "krbspn",
            "application_name",
        )
    )

    assert "options" not in read(f"postgres://u@h/d?{pool}").parameters


def test_what_the_driver_does_not_know_is_a_parameter_of_the_server() -> None:
    target = read("postgres://u@h/d?search_path=a%20b&statement_timeout=5s&options=-c%20geqo=off")

    assert target.parameters["options"] == r"-c geqo=off -c search_path=a\ b -c statement_timeout=5s"


def test_the_replicas_environment_fills_in_and_the_string_wins() -> None:
    target = read(
        "postgres://h/", PGUSER="eve", PGPASSWORD="pw", PGPORT="7", PGDATABASE="x", PGSSLMODE="disable"
    )
    assert target.where == "h:7/x as eve"
    assert (target.parameters["password"], target.parameters["sslmode"]) == ("pw", "disable")

    target = read(
        "postgres://ann@h:8/d?sslmode=require", PGUSER="eve", PGPORT="7", PGDATABASE="x", PGSSLMODE="disable"
    )
    assert target.where == "h:8/d as ann"
    assert target.parameters["sslmode"] == "require"


def test_our_own_environment_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGUSER", "ours")
    monkeypatch.setenv("PGPASSWORD", "ours")
    monkeypatch.setenv("HOME", "/ours")

    target = read("postgres://h/d", PGUSER="theirs", HOME="/theirs")

    assert target.user == "theirs"
    assert "password" not in target.parameters


def test_without_a_user_anywhere_the_agent_says_what_it_lacks() -> None:
    with pytest.raises(Unobservable, match="user="):
        read("postgres://h/d")


def test_the_password_file_is_the_replicas(tmp_path: Path) -> None:
    """Whatever its mode: libpq minds it, the driver does not."""
    home = tmp_path / "home" / "pomerium"
    home.mkdir(parents=True)
    (home / ".pgpass").write_text("# mine\nother:*:*:*:no\nh:5432:d:ann:pa\\:ss\\\\w\n*:*:*:*:any\n")
    (home / ".pgpass").chmod(0o644)

    assert (
        read("postgres://ann@h/d", str(tmp_path), HOME="/home/pomerium").parameters["password"] == r"pa:ss\w"
    )
    assert read("postgres://bob@h/d", str(tmp_path), HOME="/home/pomerium").parameters["password"] == "any"
    named = read("postgres://ann@h/d?passfile=.pgpass", str(tmp_path), "/home/pomerium")
    assert named.parameters["password"] == r"pa:ss\w"


def test_a_service_stands_between_environment_and_string(tmp_path: Path) -> None:
    file = tmp_path / "services.conf"
    file.write_text(
        "[a]\nhost=wrong\n[pom]\n# ours\nhost = h1\nport=9\ndbname=d1\nuser=ann\n[b]\nhost=wrong\n"
    )

    target = read(f"postgres:///d2?service=pom&servicefile={file}", PGHOST="h0", PGUSER="eve")

    assert target.where == "h1:9/d2 as ann"


def test_a_service_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "s.conf").write_text("[a]\nhost=x\n")

    with pytest.raises(BadDsn, match="service pom"):
        read(f"service=pom servicefile={tmp_path}/s.conf user=u")
    with pytest.raises(BadDsn, match="not there"):
        read(f"service=pom servicefile={tmp_path}/none user=u")


@pytest.mark.parametrize(
    ("options", "mode", "verifies"),
    [
        ("", "prefer", False),
        ("sslmode=disable", "disable", False),
        ("sslmode=require", "require", False),
        ("sslmode=require&sslrootcert=/ca.pem", "verify-ca", True),
        ("sslmode=prefer&sslrootcert=/ca.pem", "prefer", False),
        ("sslmode=verify-full&sslrootcert=/ca.pem", "verify-full", True),
        ("sslmode=verify-full", "verify-full", True),
        ("sslrootcert=system", "verify-full", True),
        ("sslnegotiation=direct", "require", False),
        ("ssl=true", "require", False),
    ],
)
def test_tls_is_verified_where_the_driver_verifies(
    options: str, mode: str, *, verifies: bool, tmp_path: Path
) -> None:
    system = tmp_path / "etc" / "ssl" / "certs" / "ca-certificates.crt"
    system.parent.mkdir(parents=True)
    system.touch()
    told = read(f"postgres://u@h/d?{options}", str(tmp_path)).parameters

    assert told["sslmode"] == mode
    assert verifies == (told["sslrootcert"] != NOWHERE)
    if "/ca.pem" in options and verifies:
        assert told["sslrootcert"] == f"{tmp_path}/ca.pem"
    elif verifies:
        assert told["sslrootcert"] == str(system)


def test_a_clients_certificate_is_the_replicas(tmp_path: Path) -> None:
    target = read("postgres://u@h/d?sslcert=c.pem&sslkey=k.pem", str(tmp_path), "/etc/pomerium")

    assert target.parameters["sslcert"] == f"{tmp_path}/etc/pomerium/c.pem"
    assert target.key == f"{tmp_path}/etc/pomerium/k.pem"
    assert read("postgres://u@h/d").parameters["sslcertmode"] == "disable"


@pytest.mark.parametrize(
    "dsn",
    [
        "not a dsn Hunter2",
        "postgres://ann:Hunter2/x@h/d",
        "postgres://ann:12/Hunter2@h/d",
        "postgres://ann:12?Hunter2@h/d",
        "postgres://ann:Hunter2%zz@h/d",
        "postgres://ann:Hunter2@h:port/d",
        "postgres://ann:Hunter2@h:70000/d",
        "postgres://ann:Hunter2@h/d\n",
        "postgres://ann:Hunter2@2001:db8::1/d",
        "user=ann password='Hunter2",
        "user=ann password=Hunter2 host",
        "user=ann password=Hunter2 port=x",
        "user=ann password=Hunter2 sslmode=perhaps",
        "user=ann password=Hunter2 target_session_attrs=nice",
        "user=ann password=Hunter2 connect_timeout=1s",
        "user=ann password=Hunter2 sslcert=x",
        "user=ann password=Hunter2\\",
    ],
)
def test_a_malformed_string_gives_one_line_without_the_secret(dsn: str) -> None:
    with pytest.raises(BadDsn) as caught:
        read(dsn)

    assert "Hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_neither_what_is_shown_nor_the_repr_has_a_secret() -> None:
    target = read("postgres://ann:Hunter2@h/d?sslpassword=Hunter3")

    for shown in (repr(target), target.where, target.psql(target.hosts[0])):
        assert "Hunter" not in shown
