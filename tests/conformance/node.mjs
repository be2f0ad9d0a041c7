// The echo as Node's `ws` sees it: node.mjs FOLDER URL, where `ws` is installed in FOLDER.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { once } from "node:events";
import { join } from "node:path";

const [folder, url] = process.argv.slice(2);
const { WebSocket } = createRequire(join(folder, "package.json"))("ws");
const MIB = 1 << 20;
setTimeout(() => assert.fail("no answer within 30 s"), 30_000).unref();

async function echoes(socket, message, binary) {
  const answer = once(socket, "message");
  socket.send(message, { binary });
  const [data, isBinary] = await answer;
  assert.equal(isBinary, binary);
  assert.ok(data.equals(Buffer.from(message)), `${data.length} bytes came back for ${message.length}`);
}

async function check(perMessageDeflate) {
  const socket = new WebSocket(url, { perMessageDeflate });
  let pings = 0;
  socket.on("ping", () => (pings += 1));
  await once(socket, "open");
  assert.equal(socket.extensions.includes("permessage-deflate"), perMessageDeflate);
  await echoes(socket, "", false);
  await echoes(socket, "Grüße, 世界 ⚓", false);
  await echoes(socket, Buffer.from([0, 1, 254, 255]), true);
  await echoes(socket, "plimsoll ".repeat(MIB / 9), false);
  await echoes(socket, Buffer.from(Array.from({ length: MIB }, (_, at) => (at * 2654435761) >>> 24)), true);

  const pong = once(socket, "pong");
  socket.ping("are you there");
  assert.equal((await pong)[0].toString(), "are you there");

  // Fragments, with a ping between them.
  const whole = once(socket, "message");
  socket.send("one ", { fin: false });
  socket.ping();
  socket.send("message", { fin: true });
  assert.equal((await whole)[0].toString(), "one message");

  // Many at once come back in order.
  const order = [];
  const all = new Promise((resolve) =>
    socket.on("message", (data) => order.push(Number(data)) === 500 && resolve()));
  for (let at = 0; at < 500; at += 1) socket.send(String(at));
  await all;
  assert.deepEqual(order, Array.from({ length: 500 }, (_, at) => at));

  // The server's heartbeats are answered, so silence is no reason to be cut.
  await new Promise((resolve) => setTimeout(resolve, 7_000));
  assert.ok(pings >= 2, `${pings} heartbeats`);
  await echoes(socket, "still here", false);

  const closed = once(socket, "close");
  socket.close(4001, "bye");
  assert.equal((await closed)[0], 4001);
}

await Promise.all([check(false), check(true)]);
