"""A way to a server that can be cut, blocked and mended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Literal, Self

HOST = "127.0.0.1"
PIECE = 64 * 1024

State = Literal["open", "cut", "blackhole", "mute"]


class CuttableProxy:
    """Forwards connections to a server on this machine, for as long as the way is open.

    Args:
        target: port of the server.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._state: State = "open"
        self._writers: set[asyncio.StreamWriter] = set()
        self._listener: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen)
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._run(self._finish)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url_of(self, database: str, options: str = "") -> str:
        """Return the URL of a database behind the proxy; the server's own address is not used."""
        return f"mongodb://{HOST}:{self.port}/{database}?directConnection=true{options}"

    def cut(self) -> None:
        """Close all connections, and refuse new ones."""
        self._state = "cut"
        self._run(self._close)

    def blackhole(self) -> None:
        """Keep the connections and accept new ones, but let nothing through."""
        self._state = "blackhole"

    def mute(self) -> None:
        """Let requests through, but no answers."""
        self._state = "mute"

    def mend(self) -> None:
        """Open the way again; connections whose bytes were lost are closed."""
        if self._state in {"blackhole", "mute"}:
            self._run(self._close)
        self._state = "open"  # before anybody can connect: what the first is answered would be lost, and it would wait
        self._run(self._listen)

    def _run(self, do: Callable[[], Awaitable[Any]]) -> None:
        async def run() -> None:
            await do()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(timeout=30)

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._serve, HOST, self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _finish(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection(HOST, self._target)
        except OSError:  # the server is down: so is the way to it
            writer.transport.abort()
            return
        both = {writer, there_writer}
        self._writers |= both
        try:
            await asyncio.gather(
                self._forward(reader, there_writer, {"open", "mute"}), self._forward(there_reader, writer, {"open"})
            )
        finally:
            self._writers -= both
            for one in both:
                one.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, through: set[State]) -> None:
        with suppress(OSError):
            while data := await reader.read(PIECE):
                if self._state in through:
                    writer.write(data)
                    await writer.drain()
        if self._state not in {"blackhole", "mute"}:
            writer.transport.abort()
