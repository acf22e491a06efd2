"""A link that takes its time: ``slowlink.py SECONDS PORT HOST PORT``; what it sends on has a mark."""

import asyncio
import socket
import sys

MARK = 77
"""By which rules of nftables know what is under way already."""


async def _pass_on(reader, writer, seconds):
    """Let each piece arrive so much later, in order."""
    loop = asyncio.get_running_loop()
    pieces = asyncio.Queue()

    async def arrive():
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(due - loop.time())
            writer.write(piece)
            await writer.drain()
            if not piece:
                break
        writer.close()

    arriving = asyncio.create_task(arrive())
    piece = b"-"
    while piece:
        piece = await reader.read(1 << 16)
        pieces.put_nowait((loop.time() + seconds, piece))
    await arriving


async def main(seconds, port, host, far):
    async def meet(reader, writer):
        there = socket.socket()
        there.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, MARK)
        there.settimeout(0)
        await asyncio.get_running_loop().sock_connect(there, (host, far))
        back, forth = await asyncio.open_connection(sock=there)
        ways = (_pass_on(reader, forth, seconds), _pass_on(back, writer, seconds))
        await asyncio.gather(*ways, return_exceptions=True)

    server = await asyncio.start_server(meet, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
