"""One replay in a process of its own, for its memory; prints the seconds that it took."""

import asyncio
import sys
from time import perf_counter

from tests.benchmarks import product


async def _replay(dsn: str, processes: int) -> float:
    async with product.pool_on(dsn) as pool:
        began = perf_counter()
        await product.replay_once(pool, processes)
        return perf_counter() - began


def main() -> None:
    """Address of the database, number of processes."""
    dsn, processes = sys.argv[1:]
    sys.stdout.write(f"{asyncio.run(_replay(dsn, int(processes)))}\n")


if __name__ == "__main__":
    main()
