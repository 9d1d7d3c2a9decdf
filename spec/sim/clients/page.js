// A client as the published page shows one for Node.js: the key in the query, updates with `event`, and whatever else
// comes taken for the final message. Prints each text after a carriage return, the rest as lines of JSON. Argument: the
// URL.
const WebSocket = require("ws");

const socket = new WebSocket(process.argv[2]);

socket.on("open", () => {
  socket.send(JSON.stringify({
    task_id: "68e78d0dc5a4b19a030d03d6",
    text: "Which built-in microwaves with at least 20 liters do you have?",
  }));
});

socket.on("message", (frame) => {
  const event = JSON.parse(frame);
  if (event.event === "thread-message-text-content-updated") {
    process.stdout.write(`\r${event.data.text}`);
  } else {
    console.log(`\n${JSON.stringify(event)}`);
  }
});

socket.on("close", (code, reason) => console.log(`closed: ${code} ${reason}`));
socket.on("error", (error) => console.error(`failed: ${error.message}`));
