// The Runtime API as the bootstrap calls it.

"use strict";

const { connect } = require("net");

const API = "/2018-06-01/runtime";
/** A segment of X-Ray has no more. */
const CAUSE_BYTES_MAX = 64 * 1024;

/** One connection to the Runtime API, kept open: HTTP/1.1 as far as that server speaks it. */
class RuntimeApi {
  constructor(address) {
    const at = address.lastIndexOf(":");
    this.address = address;
    this.chunks = [];
    this.size = 0;
    /** What is awaited: `next`, `post`, or nothing. */
    this.awaits = undefined;
    this.isClosed = false;
    this.socket = connect({ host: address.slice(0, at), port: Number(address.slice(at + 1)) });
    this.isConnected = new Promise((connected) => this.socket.once("connect", connected));
    this.socket.setNoDelay(true);
    this.socket.unref();
    this.socket.on("data", (chunk) => this.receive(chunk));
    // Its end is the end of the environment.
    this.socket.on("error", () => process.exit(0));
    this.socket.on("close", () => process.exit(0));
  }

  next() {
    return this.call("next", `GET ${API}/invocation/next HTTP/1.1\r\nHost: ${this.address}\r\n\r\n`);
  }

  /** Posts an answer. The next event, where the platform takes the two calls in one; else nothing. */
  async answer(path, text) {
    const then = await this.send("next", path, text, "Lambent-Runtime-Then: next\r\n");
    return "lambda-runtime-aws-request-id" in then.headers ? then : undefined;
  }

  post(path, text, errorType, cause) {
    let kind = errorType ? `Lambda-Runtime-Function-Error-Type: ${errorType.replace(/[^\x20-\x7e]/g, "?")}\r\n` : "";
    if (cause && cause.length <= CAUSE_BYTES_MAX) kind += `Lambda-Runtime-Function-XRay-Error-Cause: ${cause}\r\n`;
    return this.send("post", path, text, kind);
  }

  send(what, path, text, kind) {
    const body = Buffer.from(text);
    const head =
      `POST ${API}${path} HTTP/1.1\r\nHost: ${this.address}\r\nContent-Type: application/json\r\n${kind}` +
      `Content-Length: ${body.length}\r\n\r\n`;
    return this.call(what, Buffer.concat([Buffer.from(head), body]));
  }

  call(what, message) {
    // The process is about to end: nobody is there for the answer.
    if (this.isClosed) return new Promise(() => {});
    // Only while an answer is awaited does the connection keep the process alive: see `beforeExit`.
    this.socket.ref();
    this.awaits = what;
    this.answered = new Promise((answered) => {
      this.take = answered;
    });
    this.isSent = new Promise((sent) => this.socket.write(message, sent));
    return this.answered;
  }

  /** Tells of an error after which the process ends, unless nobody waits for it. */
  async end(path, error, cause) {
    // An answer that is on its way goes first.
    const told = this.awaits ? this.answered : this.post(path, JSON.stringify(error), error.errorType, cause);
    const isIdle = this.awaits === "next";
    this.isClosed = true;
    await (isIdle ? this.isSent : told);
  }

  receive(chunk) {
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.wanted === undefined) {
      const data = this.joined();
      const end = data.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.headers = headersOf(data.toString("utf8", 0, end));
      this.start = end + 4;
      this.wanted = this.start + Number(this.headers["content-length"] ?? 0);
    }
    if (this.size < this.wanted) return;
    const data = this.joined();
    const answer = { headers: this.headers, body: data.subarray(this.start, this.wanted) };
    const rest = data.subarray(this.wanted);
    [this.chunks, this.size, this.wanted] = [rest.length ? [rest] : [], rest.length, undefined];
    this.socket.unref();
    this.awaits = undefined;
    this.take(answer);
  }

  joined() {
    if (this.chunks.length > 1) this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0];
  }
}

function headersOf(text) {
  const headers = {};
  for (const line of text.split("\r\n").slice(1)) {
    const at = line.indexOf(":");
    headers[line.slice(0, at).toLowerCase()] = line.slice(at + 1).trim();
  }
  return headers;
}

module.exports = { API, RuntimeApi };
