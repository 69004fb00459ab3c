// A start before the function is known: loads what functions use of Node.js, and waits for the rest on standard input.
//
// What comes is the environment and the directory that the process would have been started with. When nothing comes any more, nobody
// wants it.

"use strict";

const { closeSync, openSync, readFileSync } = require("fs");

/** Parts of Node.js that packages load first. They cannot be replaced by modules of a package. */
const LOADED_AHEAD = ["assert", "async_hooks", "buffer", "child_process", "crypto", "dns", "events", "http", "http2", "https", "net", "os", "path", "process", "querystring", "stream", "string_decoder", "timers", "tls", "tty", "url", "util", "worker_threads", "zlib"];

/** Returns when there is a function, in its environment: the connection `api` stands by then. */
async function wait(api) {
  for (const name of LOADED_AHEAD) require(name);
  await api.isConnected;
  // The first `import` sets up the loader of ECMAScript modules.
  await import("node:fs");
  const text = readFileSync(0, "utf8");
  if (text === "") process.exit(0);
  // Whoever asks finds an empty standard input, as after any start.
  closeSync(0);
  openSync("/dev/null", "r");
  const { environment, directory } = JSON.parse(text);
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
  for (const [name, value] of Object.entries(environment)) if (process.env[name] !== value) process.env[name] = value;
  process.chdir(directory);
  delete require.cache[__filename];
}

module.exports = { wait };
