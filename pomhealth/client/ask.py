"""One GET /status over one plain socket, all of it within a deadline.

Part of the start-up path of `pomhealth health`: built-in modules only.
"""

import _socket  # the C module below `socket`, whose wrapper imports enum, selectors and more
from time import monotonic

from pomhealth.client.answer import ELSEWHERE, Answer, AskError, read

LARGEST = 4 * 1024 * 1024  # bytes of a /status; a real one has a few thousand
_PIECE = 65536
_START = "start the agent (pomhealth run), or give its address with -a"

Target = tuple[int, str | tuple[str | bytes | int, ...]]


class AddressError(ValueError):
    """An address in a form that is not understood. The text says which, and what would be."""


class Address:
    """Where to ask. `path` is a Unix socket's (with a leading NUL for an abstract one), else `host` and `port`."""

    __slots__ = ("host", "path", "port", "where")

    def __init__(self, text: str) -> None:
        """Reads HOST:PORT, :PORT, [IPv6]:PORT, http://HOST:PORT/…, unix:PATH and unix:@NAME. Raises AddressError.

        What a server calls every address ("0.0.0.0", "::") is asked on loopback.
        """
        self.host, self.port, self.path = "localhost", 0, ""
        if text.startswith("unix:"):
            self.path = text[5:].removeprefix("//")
            self.where = f"unix:{self.path}"
            if self.path.startswith("@"):
                self.path = "\0" + self.path[1:]
            if len(self.path) < 2:
                raise AddressError(f"address {text!r} names no socket; write unix:/path/to/socket")
            return
        rest = text
        if text.lower().startswith("https://"):
            raise AddressError(f"address {text!r}: health is served as plain HTTP; write http://HOST:PORT")
        if text.lower().startswith("http://"):
            rest = text[7:].partition("/")[0].rpartition("@")[2]
            if not rest.rpartition(":")[2].isdigit():
                rest += ":80"
        host, _, port = rest.rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        if (":" in bare) != (f"[{bare}]" == host) or not bare.isprintable() or " " in bare:
            port = ""
        if not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536):
            raise AddressError(f"address {text!r} is not HOST:PORT, such as 127.0.0.1:28081 or [::1]:28081")
        every = {"": "127.0.0.1", "*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
        self.host = every.get(bare, bare)
        self.port = int(port)
        self.where = f"[{self.host}]:{port}" if ":" in self.host else f"{self.host}:{port}"


def ask(address: Address, timeout: float) -> Answer:
    """What /status at `address` says, within `timeout` seconds in all. Raises AskError."""
    return read(fetch(address, timeout))


def fetch(
    address: Address,
    timeout: float,
    accept: str = "text/tab-separated-values",
    path: str = "/status",
    largest: int = LARGEST,
) -> bytes:
    """The body of `path` at `address`, of `largest` bytes at most, within `timeout` seconds in all. Raises AskError."""
    until = monotonic() + timeout
    try:
        connection = _connect(address, until)
        try:
            connection.sendall(_request(address, accept, path))
            return _receive(connection, until, path, largest)
        finally:
            connection.close()
    except TimeoutError:
        raise AskError(
            f"no answer within {timeout:g} s",
            "see whether that process hangs: ps -o pid,stat,wchan,args -C pomhealth,pomerium",
        ) from None
    except ConnectionRefusedError:
        raise AskError("connection refused, nothing listens there", _START) from None
    except FileNotFoundError:
        raise AskError("there is no such socket", _START) from None
    except ConnectionResetError:
        raise AskError("the connection was reset before the answer was complete", ELSEWHERE) from None
    except OSError as error:
        raise AskError(
            error.strerror or str(error), "give an address that can be reached from here with -a"
        ) from None


def _request(address: Address, accept: str, path: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: {address.where if address.port else 'localhost'}\r\n"
        f"Accept: {accept}\r\nUser-Agent: pomhealth\r\nConnection: close\r\n\r\n"
    ).encode("ascii", "replace")


def _left(until: float) -> float:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _connect(address: Address, until: float) -> _socket.socket:
    failure: OSError | None = None
    for family, target in _targets(address, until):
        connection = _socket.socket(family, _socket.SOCK_STREAM)
        try:
            connection.settimeout(_left(until))
            connection.connect(target)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure or OSError("the name has no address")


def _targets(address: Address, until: float) -> list[Target]:
    if address.path:
        return [(_socket.AF_UNIX, address.path)]
    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            _socket.inet_pton(family, address.host)
        except OSError:
            continue
        return [(family, (address.host, address.port))]
    return _resolve(address, until)


def _resolve(address: Address, until: float) -> list[Target]:
    """The addresses of a name. In a thread: a resolver takes no deadline, and a thread can be left behind."""
    import _thread  # noqa: PLC0415

    try:  # as bytes, since a str makes getaddrinfo load the idna codec
        name = address.host.encode("ascii" if address.host.isascii() else "idna")
    except UnicodeError:
        name = b""
    found: list[Target] = []
    done = _thread.allocate_lock()
    done.acquire()

    def work() -> None:
        try:
            answers = _socket.getaddrinfo(name, address.port, 0, _socket.SOCK_STREAM)
            found.extend((family, target) for family, _, _, _, target in answers)
        except OSError:
            pass
        finally:
            done.release()

    _thread.start_new_thread(work, ())
    if not done.acquire(timeout=_left(until)):
        raise TimeoutError
    if not found:
        raise AskError(f"the name {address.host} does not resolve", "give an address that does with -a")
    return found


def _receive(connection: _socket.socket, until: float, path: str, largest: int) -> bytes:
    """The body of one HTTP answer with status 200. Raises AskError, OSError."""
    buffer = b""
    while True:
        connection.settimeout(_left(until))
        piece = connection.recv(_PIECE)
        buffer += piece
        body = _body(buffer, path, closed=not piece)
        if body is not None:
            return body
        if not piece:
            raise AskError("the connection was closed before the answer was complete", ELSEWHERE)
        if len(buffer) > largest:
            raise AskError(f"the answer is larger than {largest >> 20} MiB", ELSEWHERE)


def _body(buffer: bytes, path: str, *, closed: bool) -> bytes | None:
    """The body of an HTTP answer, None while more of it is to come. Raises AskError for anything else."""
    if not buffer.startswith(b"HTTP/1."[: len(buffer)]):
        raise AskError("the answer is not HTTP", ELSEWHERE)
    head, blank, rest = buffer.partition(b"\r\n\r\n")
    if not blank:
        return None
    status, *lines = head.split(b"\r\n")
    code = b"".join(status.split(b" ")[1:2])
    if code != b"200":
        said = code[:3].decode("ascii", "replace")
        raise AskError(f"HTTP {said} in answer to {path}", ELSEWHERE, said)
    fields = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)
    }
    if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        return _unchunk(rest)
    length = fields.get(b"content-length", b"")[:12]
    if length.isdigit():
        return rest[: int(length)] if len(rest) >= int(length) else None
    return rest if closed else None


def _unchunk(rest: bytes) -> bytes | None:
    """The content of a chunked body, None while it is not complete. Raises AskError."""
    parts: list[bytes] = []
    while True:
        size, line_end, rest = rest.partition(b"\r\n")
        if not line_end:
            return None
        digits = size.partition(b";")[0].strip()
        if not digits or digits.strip(b"0123456789abcdefABCDEF"):
            raise AskError("the answer is not HTTP: a chunk without its length", ELSEWHERE)
        length = int(digits[-12:], 16)
        if length == 0:
            return b"".join(parts)
        if len(rest) < length + 2:
            return None
        parts.append(rest[:length])
        rest = rest[length + 2 :]
