"""A resolver that does not answer: in a network of our own, real packets to a name server that never reads them."""

from __future__ import annotations

from typing import Any

from tests.replica.apart import needs_root, unshared

pytestmark = needs_root

# Nothing here ends the process by force: it ends by itself, while lookups that take minutes are under way.
DEAF = """
import asyncio, json, pathlib, socket, subprocess, tempfile, threading
from pomhealth.replica.connect import tcp_socket
from pomhealth.storage.session import PostgresSession
from pomhealth.storage.wire import Failed

subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
deaf.bind(("127.0.0.1", 53))
resolv = pathlib.Path(tempfile.mkdtemp()) / "resolv.conf"
resolv.write_text("nameserver 127.0.0.1\\noptions timeout:30 attempts:5\\n")
subprocess.run(["mount", "--bind", resolv, "/etc/resolv.conf"], check=True)

async def ask(name, port, seconds=0.05):
    try:
        (await asyncio.wait_for(tcp_socket(name, port), seconds)).close()
    except asyncio.TimeoutError:
        return "silent"
    return "connected"
"""


def deaf(body: str) -> Any:
    return unshared(f"{DEAF}{body}", "-n", "-m")


def test_a_name_that_is_not_resolved_holds_one_thread_however_often_it_is_asked_for() -> None:
    seen = deaf("""
async def main():
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    hung = [await ask("health.example", port) for _ in range(12)]
    others = [await ask("localhost", port, 20), await ask("127.0.0.1", port, 20)]
    return {"hung": hung, "others": others, "threads": threading.active_count()}
print(json.dumps(asyncio.run(main())))
""")
    assert set(seen["hung"]) == {"silent"}
    assert seen["others"] == ["connected", "connected"]
    assert seen["threads"] <= 3  # the program itself, the name, and what else was asked for


def test_a_storage_server_whose_name_is_not_resolved_is_silent_and_the_reason_is_said() -> None:
    seen = deaf("""
async def main():
    session = PostgresSession("postgres://u@one.example,two.example/x", {"HOME": "/"}, "", "/")
    said = []
    for _ in range(3):
        try:
            await session.look(deadline=0.5)
        except Failed as failed:
            said.append([failed.trouble.cause, failed.trouble.silent, failed.trouble.why])
    await session.close()
    return {"said": said, "threads": threading.active_count()}
print(json.dumps(asyncio.run(main())))
""")
    assert [(cause, silent) for cause, silent, _ in seen["said"]] == [("timeout", True)] * 3
    assert all(
        why.endswith("the resolver does not answer for one.example, two.example")
        for _, _, why in seen["said"]
    )
    assert seen["threads"] <= 4  # the program itself, the connection string, and one a name
