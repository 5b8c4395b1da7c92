"""Pictures that were drawn lately, as many as some bytes hold, and one drawn at a time."""

import asyncio
from collections import OrderedDict

from service.web.pictures.drawing import Picture, to_png

BYTES_MAX = 8 * 2**20


class Pictures:
    """What was drawn, by what it shows: the same facts are the same picture, for ever."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._drawn: OrderedDict[Picture, bytes] = OrderedDict()
        self._size = 0
        self._turn = asyncio.Lock()

    async def drawn(self, picture: Picture) -> bytes:
        """The file of *picture*, drawn beside the event loop if it is not held."""
        # Whoever asks for many waits, and no more than one core draws for them.
        async with self._turn:
            held = self._drawn.get(picture)
            if held is None:
                held = await asyncio.to_thread(to_png, picture)
                self._hold(picture, held)
            self._drawn.move_to_end(picture)
        return held

    def _hold(self, picture: Picture, file: bytes) -> None:
        self._drawn[picture] = file
        self._size += len(file)
        while self._size > self._bytes_max and len(self._drawn) > 1:
            _, gone = self._drawn.popitem(last=False)
            self._size -= len(gone)
