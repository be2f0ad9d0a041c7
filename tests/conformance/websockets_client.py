"""The echo as Python's `websockets` sees it: websockets_client.py URL."""

import asyncio
import sys

from websockets.asyncio.client import connect

MIB = 1 << 20


async def echoes(socket, message):
    await socket.send(message)
    answer = await socket.recv()
    assert answer == message, f"{len(answer)} came back for {len(message)}"


async def check(url, compression):
    socket = await connect(url, compression=compression, max_size=2 * MIB, ping_interval=None)
    agreed = socket.response.headers.get("Sec-WebSocket-Extensions", "")
    assert ("permessage-deflate" in agreed) == (compression is not None), agreed
    await echoes(socket, "")
    await echoes(socket, "Grüße, 世界 ⚓")
    await echoes(socket, bytes([0, 1, 254, 255]))
    await echoes(socket, "plimsoll " * (MIB // 9))
    await echoes(socket, bytes((at * 2654435761 >> 24) & 255 for at in range(MIB)))

    await (await socket.ping(b"are you there"))

    # Fragments.
    await socket.send(["one ", "", "message"])
    assert await socket.recv() == "one message"

    # Many at once come back in order.
    for at in range(500):
        await socket.send(str(at))
    assert [await socket.recv() for _ in range(500)] == [str(at) for at in range(500)]

    # The server's heartbeats are answered, so silence is no reason to be cut.
    await asyncio.sleep(7)
    await echoes(socket, "still here")

    await socket.close(4001, "bye")
    assert socket.close_code == 4001, socket.close_code
    assert socket.protocol.close_rcvd is not None and socket.protocol.close_rcvd.code == 4001


async def main():
    async with asyncio.timeout(30):
        await asyncio.gather(check(sys.argv[1], None), check(sys.argv[1], "deflate"))


asyncio.run(main())
