"""The agent's /readyz beside Envoy's admin /ready, by the same load generator, in turns."""

from __future__ import annotations

import os
from pathlib import Path
from statistics import median

from bench.load import Outcome, load
from bench.stage import Demo, bare_envoy
from bench.table import milliseconds, percentile, table

CONNECTIONS = 16
STEADY = 1000.0  # requests a second
_TICKS = os.sysconf("SC_CLK_TCK")


def run(demo: Demo, *, turns: int) -> str:
    """Both as fast as they can, `turns` seconds each; then the agent alone at a steady rate, well and broken."""
    agent, envoy = Outcome(), Outcome()
    with bare_envoy() as (address, pid):
        before = _cpu(demo.agent_pid), _cpu(pid)
        for _ in range(turns):
            agent.add(load(demo.agent, "/readyz", connections=CONNECTIONS, seconds=1))
            envoy.add(load(address, "/ready", connections=CONNECTIONS, seconds=1))
        spent = _cpu(demo.agent_pid) - before[0], _cpu(pid) - before[1]
        steady_envoy = load(address, "/ready", connections=CONNECTIONS, seconds=turns, rate=STEADY)
    steady = load(demo.agent, "/readyz", connections=CONNECTIONS, seconds=turns, rate=STEADY)
    demo.fault("--break", "postgres-hang")
    try:
        broken = load(demo.agent, "/readyz", connections=CONNECTIONS, seconds=turns, rate=STEADY)
    finally:
        demo.fault("--heal", "postgres-hang")
    fast = table(
        ("", "answers", "requests/s", "p50", "p99", "CPU a request"),
        [
            ("agent /readyz", *_row(agent), f"{spent[0] / len(agent.latencies) * 1e6:.0f} µs"),
            ("Envoy /ready", *_row(envoy), f"{spent[1] / len(envoy.latencies) * 1e6:.0f} µs"),
            (
                "ratio",
                "",
                f"{median(one / other for one, other in zip(agent.rates, envoy.rates, strict=True)):.2f}",
                "",
                "",
                "",
            ),
        ],
    )
    slow = table(
        ("", "answers", "requests/s", "p50", "p99"),
        [
            ("agent /readyz", *_row(steady)),
            ("agent /readyz, PostgreSQL hung", *_row(broken)),
            ("Envoy /ready", *_row(steady_envoy)),
        ],
    )
    return (
        f"As fast as they can, {CONNECTIONS} keep-alive connections over TCP, {turns} turns of 1 s each, medians"
        f" (budget: ratio over 1):\n{fast}\n\n"
        f"At {STEADY:.0f} requests a second (budget: p99 under 2 ms while probes fail):\n{slow}"
    )


def _row(outcome: Outcome) -> tuple[str, str, str, str]:
    return (
        ", ".join(sorted(outcome.codes)),
        f"{outcome.rate:,.0f}",
        milliseconds(percentile(outcome.latencies, 0.5)),
        milliseconds(percentile(outcome.latencies, 0.99)),
    )


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
