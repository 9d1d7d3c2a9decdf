// What every contender in Node measures and reports, whatever it talks through.
"use strict";

const fs = require("fs");
const { env } = process;

const number = (name) => Number(env[`BENCH_${name}`]);

// The workload, see bench/README.md.
const work = {
  chats: number("CHATS"),
  atOnce: number("AT_ONCE"),
  warmUp: number("WARM_UP"),
  replies: number("REPLIES"),
  url: env.BENCH_URL,
  streams: env.BENCH_CARRIER === "stream",
  compressed: env.BENCH_COMPRESSION === "true",
  ca: env.BENCH_TLS_DIR ? fs.readFileSync(`${env.BENCH_TLS_DIR}/ca.pem`) : undefined,
};

// Takes no part, and says why.
function skip(why) {
  console.log(why);
  process.exit(77);
}

// kB, by its name in /proc/self/status.
function memory(name) {
  return Number(fs.readFileSync("/proc/self/status", "utf8").match(`${name}:\\s+(\\d+)`)[1]);
}

// fn(0 .. n - 1), so many of them at the same time as the workload says.
async function each(n, fn) {
  let next = 0;
  async function worker() {
    while (next < n) await fn(next++);
  }
  await Promise.all(Array.from({ length: Math.min(work.atOnce, n) }, worker));
}

// What came of one reply: its deltas, then the final message's text.
class Sum {
  replies = 0;
  deltas = 0;
  delta_bytes = 0;
  text_bytes = 0;
  firsts = [];

  // `isFirst`: of its reply.
  delta(text, isFirst) {
    if (isFirst) this.firsts.push((performance.timeOrigin + performance.now()) / 1000);
    this.deltas++;
    this.delta_bytes += Buffer.byteLength(text);
  }

  message(text) {
    this.replies++;
    this.text_bytes += Buffer.byteLength(text);
  }
}

async function streamAll(stream, chats, replies) {
  const sum = new Sum();
  await each(chats.length, async (index) => {
    for (let i = 0; i < replies; i++) await stream(chats[index], sum);
  });
  return sum;
}

// Seconds of the wall and of CPU.
async function timed(fn) {
  const wall = performance.now();
  const cpu = process.cpuUsage();
  await fn();
  const used = process.cpuUsage(cpu);
  return [(performance.now() - wall) / 1000, (used.user + used.system) / 1e6];
}

// Runs the workload and prints the report. open() connects and gives a chat; stream(chat, sum) asks, and tells `sum` of
// each delta and of the final message. Both are waited for.
async function run(open, stream) {
  const chats = [];
  global.gc();
  const resident = memory("VmRSS");
  const connect = await timed(() =>
    each(work.chats, async (index) => {
      chats[index] = await open();
    }),
  );
  await streamAll(stream, chats, work.warmUp);
  let sum;
  const streaming = await timed(async () => {
    sum = await streamAll(stream, chats, work.replies);
  });
  global.gc();
  const [connect_wall, connect_cpu] = connect;
  const [wall, cpu] = streaming;
  const memories = { resident: memory("VmRSS") - resident, peak: memory("VmHWM") };
  console.log(JSON.stringify({ ...sum, ...memories, connect_wall, connect_cpu, wall, cpu, folds: false }));
  process.exit(0);
}

module.exports = { work, skip, run };
