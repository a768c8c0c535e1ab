"""How a listening socket stops: nothing is accepted any more, and what was accepted just now is still taken.

``asyncio.Server.close()`` before Python 3.13 forgets a connection that was accepted in the very turn of the event loop
in which it is called: nobody answers it and nobody closes it (CPython issue 109564).
"""

import asyncio

from aiohttp import web


def stop_accepting(server: asyncio.Server) -> None:
    """Accept nothing from now on; the listening socket is closed a turn later, when all that was accepted is taken."""
    _deafen(server)
    asyncio.get_running_loop().call_soon(server.close)


class Site(web.TCPSite):
    """An address of a runner that stops like this."""

    async def stop(self) -> None:
        if isinstance(self._server, asyncio.Server):
            _deafen(self._server)
            await asyncio.sleep(0)
        await super().stop()


def _deafen(server: asyncio.Server) -> None:
    loop = asyncio.get_running_loop()
    for listener in server.sockets:
        loop.remove_reader(listener)
