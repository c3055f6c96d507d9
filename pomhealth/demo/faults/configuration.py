"""Faults of the configuration: addresses that others hold, and files that Pomerium rejects."""

from __future__ import annotations

from pomhealth.demo.faults.fault import Fault
from pomhealth.demo.ports import free_ports
from pomhealth.demo.stage import Stage


def _hold_port(stage: Stage) -> None:
    stage.home["port-taken"] = _squat(stage, "port-taken")


def _take_port(stage: Stage) -> str:
    taken, pid = stage.home.pop("port-taken")
    stage.home.setdefault("address", stage.replica.options["address"])
    stage.replica.rewrite(address=f"127.0.0.1:{taken}")
    return f"moved address to 127.0.0.1:{taken}, which another program (port-squatter, pid {pid}) holds"


def _give_port_back(stage: Stage) -> str:
    stage.leave("port-taken")
    stage.replica.rewrite(address=stage.home.pop("address", stage.replica.options["address"]))
    return f"moved address back to {stage.replica.options['address']}"


def _hold_redirect_port(stage: Stage) -> None:
    stage.home["redirect-port-taken"] = _squat(stage, "redirect-port-taken")


def _take_redirect_port(stage: Stage) -> str:
    taken, pid = stage.home.pop("redirect-port-taken")
    stage.home.setdefault("http_redirect_addr", stage.replica.options["http_redirect_addr"])
    stage.replica.rewrite(http_redirect_addr=f"127.0.0.1:{taken}")
    return f"moved http_redirect_addr to 127.0.0.1:{taken}, which another program (port-squatter, pid {pid}) holds"


def _give_redirect_port_back(stage: Stage) -> str:
    stage.leave("redirect-port-taken")
    home = stage.home.pop("http_redirect_addr", stage.replica.options["http_redirect_addr"])
    stage.replica.rewrite(http_redirect_addr=home)
    return f"moved http_redirect_addr back to {home}"


def _bad_yaml(stage: Stage) -> str:
    text = stage.replica.config_path.read_text()
    stage.replica.write_config(text + "routes: [\n")
    return f"added an unfinished line to {stage.replica.config_path}: the replica keeps the last good configuration"


def _bad_route(stage: Stage) -> str:
    route = {"from": "app.demo.localhost", "to": "http://127.0.0.1:1"}
    stage.home.setdefault("routes", list(stage.replica.options["routes"]))
    stage.replica.rewrite(routes=[*stage.home["routes"], route])
    return (
        f"added a route whose from has no https:// to {stage.replica.config_path}: "
        "the replica keeps the last good configuration"
    )


def _removed_option(stage: Stage) -> str:
    stage.replica.rewrite(tracing_provider="jaeger")
    return (
        f"added tracing_provider, which Pomerium has removed, to {stage.replica.config_path}: "
        "the replica keeps the last good configuration, and would not start again"
    )


def _unremoved_option(stage: Stage) -> str:
    stage.replica.rewrite(tracing_provider=None)
    return f"took tracing_provider out of {stage.replica.config_path}"


def _unknown_option(stage: Stage) -> str:
    stage.replica.rewrite(cookie_expires="8h")
    return f"added cookie_expires, which should be cookie_expire, to {stage.replica.config_path}"


def _known_option(stage: Stage) -> str:
    stage.replica.rewrite(cookie_expires=None)
    return f"took cookie_expires out of {stage.replica.config_path}"


def _provider_gone(stage: Stage) -> str:
    provider = f"http://127.0.0.1:{free_ports(1)[0]}"
    stage.replica.rewrite(idp_provider="oidc", idp_provider_url=provider)
    return f"set idp_provider_url to {provider}, where nobody listens: nobody can sign in"


def _provider_back(stage: Stage) -> str:
    stage.replica.rewrite(idp_provider=None, idp_provider_url=None)
    return f"took idp_provider_url out of {stage.replica.config_path}"


def _good_file(stage: Stage) -> str:
    stage.replica.rewrite(routes=stage.home.pop("routes", stage.replica.options["routes"]))
    return f"saved a good {stage.replica.config_path} again"


def _squat(stage: Stage, name: str) -> tuple[int, int]:
    """Has another program hold a free port; gives the port and the program's pid."""
    taken = free_ports(1)[0]
    return taken, stage.squat(name, "127.0.0.1", taken)


FAULTS = (
    Fault(
        "port-taken",
        "the main address is moved to a taken port",
        "xds.listener",
        "port-taken",
        True,
        _take_port,
        _give_port_back,
        file=True,
        prepare=_hold_port,
        seen="look",
    ),
    Fault(
        "redirect-port-taken",
        "the redirect address is moved to a taken port",
        "xds.listener",
        "redirect-not-listening",
        False,
        _take_redirect_port,
        _give_redirect_port_back,
        file=True,
        prepare=_hold_redirect_port,
        seen="look",
    ),
    Fault(
        "bad-config",
        "the configuration saved is not YAML",
        "cluster_config_current",
        "rejected",
        False,
        _bad_yaml,
        _good_file,
        file=True,
        rejected=True,
    ),
    Fault(
        "bad-route",
        "the configuration saved has an invalid route",
        "cluster_config_current",
        "rejected",
        False,
        _bad_route,
        _good_file,
        file=True,
        rejected=True,
    ),
    Fault(
        "removed-option",
        "the configuration saved has an option that was removed",
        "cluster_config_current",
        "rejected",
        False,
        _removed_option,
        _unremoved_option,
        file=True,
        rejected=True,
    ),
    Fault(
        "unknown-option",
        "the configuration saved has a misspelt option",
        "config.databroker.build",
        "unknown-option",
        False,
        _unknown_option,
        _known_option,
        file=True,
    ),
    Fault(
        "identity-provider-gone",
        "the identity provider cannot be reached",
        "authenticate.service",
        "identity-provider",
        False,
        _provider_gone,
        _provider_back,
        file=True,
        seen="look",
    ),
)
