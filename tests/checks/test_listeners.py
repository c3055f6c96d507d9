"""Whose is each listening socket: the judgement, on constructed grounds."""

from __future__ import annotations

from dataclasses import replace

from pomhealth.checks.listeners import Ground, judge
from pomhealth.checks.xds import Rejection
from pomhealth.replica.model import Endpoint, Holder
from pomhealth.replica.sockets import ListeningSocket
from pomhealth.status import Outcome

MAIN = Endpoint("address", "", 443, Holder.ENVOY, "default")
REDIRECT = Endpoint("http_redirect_addr", "", 80, Holder.POMERIUM, "config.yaml:4")
OURS, OUR_REDIRECT, THEIRS = 11, 12, 99


def listening(port: int, inode: int, host: str = "0.0.0.0") -> ListeningSocket:
    return ListeningSocket(host, port, inode, uid=0, backlog=0, udp=False)


def ground(*table: ListeningSocket) -> Ground:
    return Ground(
        asked=(MAIN, REDIRECT),
        table=table,
        held=frozenset({OURS, OUR_REDIRECT}),
        active={"https-ingress": "*:443"},
        rejected=(),
        owner=lambda socket: f"process with inode {socket.inode}",
    )


HEALTHY = (listening(443, OURS, "::"), listening(80, OUR_REDIRECT))


def test_every_address_held_by_the_replica_passes() -> None:
    assert judge(ground(*HEALTHY)).outcome is Outcome.PASS


def test_a_second_process_on_the_same_address_shares_it() -> None:
    finding = judge(ground(*HEALTHY, listening(443, THEIRS)))
    assert (finding.cause, "process with inode 99" in finding.summary) == ("shared-port", True)


def test_an_address_held_by_somebody_else_is_taken_and_says_by_whom() -> None:
    finding = judge(replace(ground(listening(443, THEIRS), HEALTHY[1]), active={}))
    assert (finding.cause, "process with inode 99" in finding.summary) == ("port-taken", True)


def test_an_address_nobody_listens_on_is_not_listening() -> None:
    assert judge(replace(ground(HEALTHY[1]), active={})).cause == "not-listening"


def test_a_listener_that_envoy_serves_elsewhere_is_a_configuration_not_taken_over_yet() -> None:
    moved = replace(ground(listening(8443, OURS), HEALTHY[1]), active={"https-ingress": "*:8443"})
    assert judge(moved).outcome is Outcome.PASS


def test_a_missing_redirect_is_only_a_warning() -> None:
    finding = judge(ground(HEALTHY[0]))
    assert (finding.outcome, finding.cause) == (Outcome.WARN, "redirect-not-listening")


def test_a_redirect_that_another_process_holds_names_it() -> None:
    finding = judge(ground(HEALTHY[0], listening(80, THEIRS)))
    assert (finding.cause, "process with inode 99" in finding.summary) == ("redirect-not-listening", True)


def test_a_rejected_move_says_who_holds_the_port_and_that_the_old_address_still_serves() -> None:
    rejected = Rejection("https-ingress", "cannot bind '0.0.0.0:8444': Address already in use")
    finding = judge(replace(ground(*HEALTHY, listening(8444, THEIRS)), rejected=(rejected,)))
    assert finding.cause == "port-taken"
    assert "taken by process with inode 99" in finding.summary
    assert "*:443 still serves" in finding.summary


def test_a_port_free_again_says_that_envoy_does_not_retry() -> None:
    rejected = Rejection("https-ingress", "cannot bind '0.0.0.0:8444': Address already in use")
    finding = judge(replace(ground(*HEALTHY), rejected=(rejected,)))
    assert "free by now" in finding.summary


def test_a_refused_low_port_names_the_missing_capability() -> None:
    rejected = Rejection("https-ingress", "cannot bind '0.0.0.0:443': Permission denied")
    finding = judge(replace(ground(), active={}, rejected=(rejected,), can_bind_low=False))
    assert (finding.cause, "CAP_NET_BIND_SERVICE" in finding.summary) == ("permission-denied", True)


def test_any_other_rejection_is_told_in_envoys_words() -> None:
    rejected = Rejection("https-ingress", "Failed to load certificate chain from <inline>")
    finding = judge(replace(ground(*HEALTHY), rejected=(rejected,)))
    assert (finding.cause, "Failed to load certificate chain" in finding.summary) == ("rejected", True)


def test_without_the_right_to_read_sockets_nothing_is_said_of_whose_they_are() -> None:
    finding = judge(replace(ground(listening(443, THEIRS), HEALTHY[1]), held=None))
    assert (finding.outcome, "may not be read" in finding.summary) == (Outcome.PASS, True)
