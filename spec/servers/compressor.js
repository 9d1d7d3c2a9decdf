// As compressor.py, by Node's `ws`; one update is not compressed.
const { WebSocketServer } = require("ws");

const terms = JSON.parse(process.argv[2]);
const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  perMessageDeflate: {
    threshold: 0,
    serverNoContextTakeover: !!terms.server_no_context_takeover,
    clientNoContextTakeover: !!terms.client_no_context_takeover,
    serverMaxWindowBits: terms.server_max_window_bits,
    clientMaxWindowBits: terms.client_max_window_bits,
  },
});

const TEXT = Array.from({ length: 400 }, (_, i) => `word ${i * i} `).join("");
const update = (text) => JSON.stringify({ event: "thread-message-text-content-updated", data: { text } });
let count = 0;

server.on("connection", (socket) => {
  socket.on("message", () => {
    for (let n = 100; n < TEXT.length; n += 100) {
      socket.send(update(TEXT.slice(0, n)), { compress: n !== 500 });
    }
    const sender = { id: "compressor", type: "agent" };
    const final = JSON.stringify({ id: `message-${++count}`, sender, text: TEXT, extensions: socket.extensions });
    for (let at = 0; at < final.length; at += 1000) {
      socket.send(final.slice(at, at + 1000), { fin: at + 1000 >= final.length });
      if (at === 0) socket.ping("between");
    }
  });
});

server.on("listening", () => console.log(`listening on ws://127.0.0.1:${server.address().port}/`));
process.stdin.on("end", () => process.exit(0)).resume();
