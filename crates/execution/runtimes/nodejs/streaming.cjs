// Responses that a handler writes piece by piece: `awslambda.streamifyResponse` and `awslambda.HttpResponseStream`, as AWS's client
// has them.

"use strict";

const { Writable } = require("stream");

/** Marks a handler that writes its response. */
const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
/** How much such a handler wants waiting for the network, bytes. */
const HIGH_WATER_MARK = Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark");

const ERROR_TYPE = "Lambda-Runtime-Function-Error-Type";
const ERROR_BODY = "Lambda-Runtime-Function-Error-Body";
/** Content type of a response that begins with status and headers. */
const HTTP_INTEGRATION = "application/vnd.awslambda.http-integration-response";
/** Between these and the body. */
const DELIMITER = new Uint8Array(8);

class InvalidStreamingOperation extends Error {
  constructor(message) {
    super(message);
    this.name = "InvalidStreamingOperation";
  }
}

/** The response of one invocation: a chunked body on the connection to the Runtime API. */
class ResponseStream extends Writable {
  #api;
  #path;
  #contentType = "application/octet-stream";
  #answer;
  #failure;

  constructor(api, path, highWaterMark) {
    super(highWaterMark === undefined ? {} : { highWaterMark });
    this.#api = api;
    this.#path = path;
    /** Resolves when the Runtime API has taken the whole response. */
    this.isSent = new Promise((sent) => this.once("close", sent)).then(() => this.#answer);
  }

  setContentType(contentType) {
    if (this.#answer) throw new InvalidStreamingOperation("Cannot set content-type, too late.");
    this.#contentType = contentType;
  }

  /** What is neither text nor bytes goes as JSON. */
  write(chunk, ...rest) {
    const isBytes = typeof chunk === "string" || Buffer.isBuffer(chunk) || chunk?.constructor === Uint8Array;
    return super.write(isBytes ? chunk : JSON.stringify(chunk), ...rest);
  }

  _write(chunk, _encoding, done) {
    this.#begin();
    if (chunk.length === 0) return done();
    this.#send([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n")], done);
  }

  _final(done) {
    this.#begin();
    const error = this.#failure;
    const body = error && Buffer.from(JSON.stringify(error)).toString("base64");
    const type = error && String(error.errorType).replace(/[^\x20-\x7e]/g, "?");
    const trailers = error ? `${ERROR_TYPE}: ${type}\r\n${ERROR_BODY}: ${body}\r\n` : "";
    this.#send([Buffer.from(`0\r\n${trailers}\r\n`)], done);
  }

  /** Ends the response with an error: the caller gets it after what was written. */
  fail(error) {
    if (this.writableEnded) return;
    this.#failure = error;
    this.end();
  }

  #begin() {
    if (this.#answer) return;
    const head =
      `POST ${this.#path} HTTP/1.1\r\nHost: ${this.#api.address}\r\nContent-Type: ${this.#contentType}\r\n` +
      `Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n` +
      `Trailer: ${ERROR_TYPE}, ${ERROR_BODY}\r\n\r\n`;
    this.#answer = this.#api.call("post", head);
    if (typeof this._onBeforeFirstWrite === "function") {
      this._onBeforeFirstWrite((chunk) => {
        const bytes = Buffer.from(chunk);
        this.#send([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
      });
    }
  }

  #send(parts, done) {
    this.#api.socket.write(Buffer.concat(parts), done);
  }
}

/** Status, headers and cookies before the body, for function URLs. */
class HttpResponseStream {
  static from(underlyingStream, prelude) {
    underlyingStream.setContentType(HTTP_INTEGRATION);
    const text = JSON.stringify(prelude);
    underlyingStream._onBeforeFirstWrite = (write) => {
      write(text);
      write(DELIMITER);
    };
    return underlyingStream;
  }
}

function streamifyResponse(handler, options) {
  handler[STREAMING] = "response";
  if (options?.highWaterMark !== undefined) handler[HIGH_WATER_MARK] = parseInt(options.highWaterMark);
  return handler;
}

/** What handlers find at `awslambda`. */
const awslambda = { streamifyResponse, HttpResponseStream };

/** Whether a handler writes its response. */
const isStreaming = (handler) => handler[STREAMING] === "response";

/** The response of an invocation by `handler`. */
const responseStreamFor = (handler, api, path) => new ResponseStream(api, path, handler[HIGH_WATER_MARK]);

module.exports = { awslambda, isStreaming, responseStreamFor };
