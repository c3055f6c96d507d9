"""The agent's /readyz beside Envoy's admin /ready, by the same load generator, in turns."""

from __future__ import annotations

from statistics import median

from bench.load.crowd import crowded
from bench.load.requests import Outcome, load
from bench.spent import cpu, held
from bench.stage import Demo, bare_envoy, coming_and_going
from bench.table import milliseconds, percentile, table

CONNECTIONS = 16
STEADY = 1000.0  # requests a second
CROWD = 10_000  # connections that want nothing
_FLAP = 0.5  # seconds between a fault and its end


def run(demo: Demo, *, turns: int) -> str:
    """Both as fast as they can, `turns` seconds each; then the agent alone at a steady rate, well and broken."""
    agent, envoy = Outcome(), Outcome()
    with bare_envoy() as (address, pid):
        before = cpu(demo.agent_pid), cpu(pid)
        for _ in range(turns):
            agent.add(load(demo.agent, "/readyz", connections=CONNECTIONS, seconds=1))
            envoy.add(load(address, "/ready", connections=CONNECTIONS, seconds=1))
        spent = cpu(demo.agent_pid) - before[0], cpu(pid) - before[1]
        steady_envoy = load(address, "/ready", connections=CONNECTIONS, seconds=turns, rate=STEADY)
    steady = load(demo.agent, "/readyz", connections=CONNECTIONS, seconds=turns, rate=STEADY)
    demo.fault("--break", "postgres-hang")
    try:
        broken = load(demo.agent, "/readyz", connections=CONNECTIONS, seconds=turns, rate=STEADY)
    finally:
        demo.fault("--heal", "postgres-hang")
    with coming_and_going(demo, ("postgres-stop",), pause=_FLAP):
        flapping = load(demo.agent, "/readyz", connections=CONNECTIONS, seconds=max(turns, 3), rate=STEADY)
    before_crowd = held(demo.agent_pid).memory
    with crowded(demo.agent, CROWD, again=0):
        waited = load(demo.agent, "/readyz", connections=1, seconds=0.001).latencies[0]
        idle = load(demo.agent, "/readyz", connections=CONNECTIONS, seconds=turns, rate=STEADY)
        among = held(demo.agent_pid).memory
    with crowded(demo.agent, CROWD):
        load(demo.agent, "/readyz", connections=1, seconds=0.001)  # who came first goes first
        pressing = load(demo.agent, "/readyz", connections=CONNECTIONS, seconds=turns, rate=STEADY)
        among = max(among, held(demo.agent_pid).memory)
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
            ("agent /readyz, PostgreSQL stopped and started each second", *_row(flapping)),
            (f"agent /readyz, {CROWD:,} idle, slow and deaf connections", *_row(idle)),
            ("agent /readyz, the same coming back when dropped, 500/s", *_row(pressing)),
            ("Envoy /ready", *_row(steady_envoy)),
        ],
    )
    return (
        f"As fast as they can, {CONNECTIONS} keep-alive connections over TCP, {turns} turns of 1 s each, medians"
        f" (budget: ratio over 1):\n{fast}\n\n"
        f"At {STEADY:.0f} requests a second (budget: p99 under 2 ms while probes fail):\n{slow}\n"
        f"  The agent's resident memory before those connections and with them: {before_crowd:.1f} and {among:.1f} MiB;\n"
        f"  who came right behind them all had an answer after {milliseconds(waited)}."
    )


def _row(outcome: Outcome) -> tuple[str, str, str, str]:
    return (
        ", ".join(sorted(outcome.codes)),
        f"{outcome.rate:,.0f}",
        milliseconds(percentile(outcome.latencies, 0.5)),
        milliseconds(percentile(outcome.latencies, 0.99)),
    )
