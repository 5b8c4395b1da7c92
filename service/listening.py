"""The addresses of a service: taken first, so that what is taken already is said at once."""

import contextlib
import errno
import socket
import sys
from collections.abc import Iterator, Sequence

if sys.platform != "win32":
    import resource

FIRST_QUESTION = "/v1/labs/DeepMind?at=2024-06-01"
BACKLOG = 2048
FILES_MAX = 65_536
"""Open at once, of one process: each connection is one."""


class CannotListen(Exception):
    """An address that is taken, or none of this machine."""

    def __init__(self, host: str, port: int, fault: OSError) -> None:
        reason = fault.strerror or str(fault)
        super().__init__(
            f"Nothing can listen on '{host}' port {port}: {reason}. Choose another --port or --host."
        )


def bound(host: str, port: int) -> list[socket.socket]:
    """
    A socket on each address that *host* names, all on one port; none of them listens yet.

    Raises:
        CannotListen: the address is taken, or is none of this machine.
    """
    sockets: list[socket.socket] = []
    try:
        for family, address in _addresses(host, port):
            # Port 0 is any free one, and for all the same.
            taken = sockets[0].getsockname()[1] if sockets else port
            sockets.append(_bound(family, (address[0], taken, *address[2:])))
    except OSError as fault:
        # A machine without IPv6 may still call itself ::1.
        if fault.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT} or not sockets:
            for one in sockets:
                one.close()
            raise CannotListen(host, port, fault) from fault
    return sockets


@contextlib.contextmanager
def closed_at_end(sockets: Sequence[socket.socket]) -> Iterator[Sequence[socket.socket]]:
    """*sockets*, until the block ends."""
    try:
        yield sockets
    finally:
        for one in sockets:
            one.close()


def listen(sockets: Sequence[socket.socket]) -> None:
    """
    Let clients come; they wait until somebody accepts them.

    Raises:
        CannotListen: another process was faster.
    """
    for one in sockets:
        try:
            one.listen(BACKLOG)
        except OSError as fault:
            host, port = one.getsockname()[:2]
            raise CannotListen(host, port, fault) from fault


def tell_address(sockets: Sequence[socket.socket]) -> None:
    """Print where the service listens, and what it can be asked first."""
    host, port = sockets[0].getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    sys.stdout.write(f"Listening on {address}\nFirst question: {address}{FIRST_QUESTION}\n")
    sys.stdout.flush()


def _addresses(host: str, port: int) -> dict[tuple[int, tuple[object, ...]], None]:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return dict.fromkeys((int(family), address) for family, _, _, _, address in found)


def _bound(family: int, address: tuple[object, ...]) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A port that was left a moment ago is free; one that is listened on is not.
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
        one.setblocking(False)
    except BaseException:
        one.close()
        raise
    return one


def open_more_files() -> None:
    """Let this process have as many connections as the system lets it."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
