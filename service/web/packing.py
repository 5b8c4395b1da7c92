"""Compression, for those who take it."""

import gzip
from collections.abc import Mapping

BYTES_MIN = 1024
"""What is smaller fits in a packet as it is."""
_LEVEL = 3
"""Beyond that a long page takes half as much time again for an eighth of its size."""


def takes_gzip(headers: Mapping[str, str]) -> bool:
    """
    Whether whoever sent these headers takes gzip.

    >>> takes_gzip({"accept-encoding": "br, gzip;q=0.5"}), takes_gzip({"accept-encoding": "gzip;q=0"})
    (True, False)
    """
    for one in headers.get("accept-encoding", "").lower().split(","):
        coding, _, weight = one.partition(";")
        if coding.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def packed(body: bytes) -> bytes:
    """*body* as gzip, the same bytes each time."""
    return gzip.compress(body, _LEVEL, mtime=0)
