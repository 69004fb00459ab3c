// Lambent's runtime for Node.js: asks the Runtime API for events and answers them, one at a time.
//
// What users see of it is what AWS's own client shows: the context object, error JSON, log lines, how a handler is found and
// when a callback counts. Runs on Node.js 16 and later.

import { existsSync, readFileSync, writeSync } from "node:fs";
import Module, { createRequire } from "node:module";
import { connect } from "node:net";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "node:util";

const API = "/2018-06-01/runtime";
const MAJOR = Number(process.versions.node.split(".")[0]);
/** From this version on handlers with a callback are refused, as on Lambda. */
const FIRST_WITHOUT_CALLBACKS = 24;

/** One connection to the Runtime API, kept open: HTTP/1.1 as far as that server speaks it. */
class RuntimeApi {
  constructor(address) {
    const at = address.lastIndexOf(":");
    this.address = address;
    this.chunks = [];
    this.size = 0;
    this.answered = null;
    this.socket = connect({ host: address.slice(0, at), port: Number(address.slice(at + 1)), noDelay: true });
    this.socket.setNoDelay(true);
    this.socket.on("data", (chunk) => this.receive(chunk));
    // Its end is the end of the environment.
    this.socket.on("error", () => process.exit(0));
    this.socket.on("close", () => process.exit(0));
  }

  next() {
    return this.call(`GET ${API}/invocation/next HTTP/1.1\r\nHost: ${this.address}\r\n\r\n`);
  }

  post(path, text, errorType) {
    const body = Buffer.from(text);
    const kind = errorType ? `Lambda-Runtime-Function-Error-Type: ${errorType.replace(/[^\x20-\x7e]/g, "?")}\r\n` : "";
    const head =
      `POST ${API}${path} HTTP/1.1\r\nHost: ${this.address}\r\nContent-Type: application/json\r\n${kind}` +
      `Content-Length: ${body.length}\r\n\r\n`;
    return this.call(Buffer.concat([Buffer.from(head), body]));
  }

  call(message) {
    // Only while an answer is awaited does the connection keep the process alive: see `beforeExit`.
    this.socket.ref();
    return new Promise((answered) => {
      this.answered = answered;
      this.socket.write(message);
    });
  }

  receive(chunk) {
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.wanted === undefined) {
      const data = this.joined();
      const end = data.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.headers = headersOf(data.toString("latin1", 0, end));
      this.start = end + 4;
      this.wanted = this.start + Number(this.headers["content-length"] ?? 0);
    }
    if (this.size < this.wanted) return;
    const data = this.joined();
    const answer = { headers: this.headers, body: data.subarray(this.start, this.wanted) };
    const rest = data.subarray(this.wanted);
    [this.chunks, this.size, this.wanted] = [rest.length ? [rest] : [], rest.length, undefined];
    this.socket.unref();
    this.answered(answer);
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

// --- The log --------------------------------------------------------------------------------------------------

let currentRequestId;

/** Whole lines, written at once and in order, also when the process ends right after. */
function write(text) {
  let bytes = Buffer.from(text);
  while (bytes.length) {
    try {
      bytes = bytes.subarray(writeSync(1, bytes));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

function log(level, text) {
  write(`${new Date().toISOString()}\t${currentRequestId}\t${level}\t${text.replace(/\n/g, "\r")}\n`);
}

function setUpConsole() {
  const levels = { log: "INFO", info: "INFO", debug: "DEBUG", warn: "WARN", error: "ERROR", fatal: "FATAL" };
  for (const [name, level] of Object.entries(levels)) {
    console[name] = (...values) => log(level, format(...values));
  }
  console.trace = (...values) => {
    const { stack } = { stack: new Error(format(...values)).stack };
    log("TRACE", stack.replace(/^Error/, "Trace"));
  };
}

// --- Errors ---------------------------------------------------------------------------------------------------

/** An error with a name of the platform's. */
class RuntimeFault extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

const isError = (value) => value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";

/** The error as AWS's client words it. */
function errorJson(error) {
  if (!isError(error)) {
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  }
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? "").split("\n") };
}

function logError(what, error) {
  const { errorType, errorMessage, trace } = errorJson(error);
  const own = isError(error) ? Object.fromEntries(Object.entries(error).filter(([name]) => name !== "name")) : {};
  log("ERROR", `${what} \t${JSON.stringify({ errorType, errorMessage, ...own, stack: trace })}`);
}

// --- The function ---------------------------------------------------------------------------------------------

/** The function that `name` (`folder/module.export.export`) means. */
async function loadHandler(root, name) {
  const slash = name.lastIndexOf("/");
  const [folder, base] = [name.slice(0, slash + 1), name.slice(slash + 1)];
  const parts = /^([^.]*)\.(.*)$/.exec(base);
  if (name.includes("..") || !parts) {
    throw new RuntimeFault("Runtime.MalformedHandlerName", name.includes("..")
      ? `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`
      : "Bad handler");
  }
  const module = await loadModule(root, folder, parts[1]);
  const handler = parts[2].split(".").reduce((value, key) => value?.[key], module);
  if (handler === undefined || handler === null) {
    throw new RuntimeFault("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  }
  if (typeof handler !== "function") {
    throw new RuntimeFault("Runtime.HandlerNotFound", `${name} is not a function`);
  }
  if (MAJOR >= FIRST_WITHOUT_CALLBACKS && handler.length >= 3) {
    throw new RuntimeFault(
      "Runtime.CallbackHandlerDeprecated",
      "ERROR: AWS Lambda does not support callback-based function handlers when using Node.js 24 or later. " +
        "To use Node.js 24 or later, modify this function to use a supported handler signature " +
        "(see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html).",
    );
  }
  return handler;
}

async function loadModule(root, folder, name) {
  const path = resolve(root, folder, name);
  const require = createRequire(join(root, "index.js"));
  try {
    if (existsSync(`${path}.js`)) {
      return isOfModulePackage(path) ? await import(pathToFileURL(`${path}.js`)) : require(`${path}.js`);
    }
    if (existsSync(`${path}.mjs`)) return await import(pathToFileURL(`${path}.mjs`));
    if (existsSync(`${path}.cjs`)) return require(`${path}.cjs`);
    return require(require.resolve(name, { paths: [root, join(root, folder)] }));
  } catch (error) {
    if (error instanceof SyntaxError) throw named(error, "Runtime.UserCodeSyntaxError");
    if (error?.code === "MODULE_NOT_FOUND" || error?.code === "ERR_MODULE_NOT_FOUND") {
      throw named(error, "Runtime.ImportModuleError");
    }
    throw error;
  }
}

/** The same error under a name of the platform's; its message says what it was. */
function named(error, name) {
  const fault = new RuntimeFault(name, `${error.name}: ${error.message}`.replace(/^SyntaxError: /, "SyntaxError: "));
  fault.stack = `${name}: ${error.stack}`;
  return fault;
}

/** Whether the nearest package.json above says `"type": "module"`. */
function isOfModulePackage(path) {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest)) {
      try {
        return JSON.parse(readFileSync(manifest, "utf8")).type === "module";
      } catch {
        return false;
      }
    }
    if (folder === dirname(folder)) return false;
  }
}

/** Version 2 of the SDK, which Node.js 16 carries, does not know AWS_ENDPOINT_URL. */
function setUpSdkV2() {
  const load = Module._load;
  Module._load = function (request, ...rest) {
    const loaded = load.call(this, request, ...rest);
    if (request === "aws-sdk" && process.env.AWS_ENDPOINT_URL && !loaded.config.lambentEndpoint) {
      loaded.config.update({ endpoint: process.env.AWS_ENDPOINT_URL, s3ForcePathStyle: true });
      loaded.config.lambentEndpoint = true;
    }
    return loaded;
  };
}

// --- One invocation -------------------------------------------------------------------------------------------

/** Called when the event loop is empty; the process would end if nobody did anything. */
let whenLoopIsEmpty = null;
process.on("beforeExit", () => {
  const act = whenLoopIsEmpty;
  whenLoopIsEmpty = null;
  act?.();
});

/** Runs the handler: resolves with its answer, rejects with its error. */
function call(handler, event, headers) {
  return new Promise((succeed, fail) => {
    let waits = true;
    let settled = false;
    const settle = (act) => {
      if (settled) return;
      settled = true;
      // A callback's answer is sent when nothing is left to do, unless the function says otherwise.
      if (waits) whenLoopIsEmpty = act;
      else act();
    };
    const callback = (error, answer) => settle(() => (error ? fail(error) : succeed(answer)));
    const context = contextOf(headers, callback, () => waits, (value) => (waits = value));
    whenLoopIsEmpty = () => succeed(null);
    const answer = MAJOR < FIRST_WITHOUT_CALLBACKS ? handler(event, context, callback) : handler(event, context);
    if (typeof answer?.then === "function") {
      answer.then(
        (value) => !settled && succeed(value),
        (error) => !settled && fail(error),
      );
    } else if (MAJOR >= FIRST_WITHOUT_CALLBACKS) {
      succeed(answer);
    }
  }).finally(() => (whenLoopIsEmpty = null));
}

function contextOf(headers, callback, waits, setWaits) {
  const parsed = (name) => (headers[name] ? JSON.parse(headers[name]) : undefined);
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const context = {
    get callbackWaitsForEmptyEventLoop() {
      return waits();
    },
    set callbackWaitsForEmptyEventLoop(value) {
      setWaits(value);
    },
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsed("lambda-runtime-client-context"),
    identity: parsed("lambda-runtime-cognito-identity"),
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    tenantId: headers["lambda-runtime-aws-tenant-id"],
    getRemainingTimeInMillis: () => Math.max(deadline - Date.now(), 0),
  };
  if (MAJOR < FIRST_WITHOUT_CALLBACKS) {
    context.done = callback;
    context.succeed = (answer) => callback(null, answer);
    context.fail = (error) => callback(error === undefined ? new Error("handled error") : error);
  }
  return context;
}

// --- The process ----------------------------------------------------------------------------------------------

/** Ends the process after an error that no handler caught; the caller hears of it first. */
function dieOf(api, what, error, status) {
  logError(what, error);
  const path = currentRequestId === undefined ? "/init/error" : `/invocation/${currentRequestId}/error`;
  const json = errorJson(error);
  const dead = () => process.exit(status);
  api.post(path, JSON.stringify(json), json.errorType).then(dead, dead);
}

async function main() {
  setUpConsole();
  if (MAJOR < 18) setUpSdkV2();
  const api = new RuntimeApi(process.env.AWS_LAMBDA_RUNTIME_API);
  process.on("uncaughtException", (error) => dieOf(api, "Uncaught Exception", error, 129));
  process.on("unhandledRejection", (reason) => {
    const fault = new RuntimeFault("Runtime.UnhandledPromiseRejection", String(reason));
    dieOf(api, "Unhandled Promise Rejection", Object.assign(fault, { reason }), 128);
  });
  let handler;
  try {
    handler = await loadHandler(process.env.LAMBDA_TASK_ROOT ?? "/var/task", process.env._HANDLER ?? "");
  } catch (error) {
    return dieOf(api, "Uncaught Exception", error, 1);
  }
  for (;;) {
    const { headers, body } = await api.next();
    await serve(api, handler, headers, body);
  }
}

async function serve(api, handler, headers, body) {
  currentRequestId = headers["lambda-runtime-aws-request-id"];
  if (headers["lambda-runtime-trace-id"]) process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"];
  try {
    const answer = await call(handler, JSON.parse(body.toString()), headers);
    await api.post(`/invocation/${currentRequestId}/response`, toJson(answer));
  } catch (error) {
    logError("Invoke Error", error);
    const json = errorJson(error);
    await api.post(`/invocation/${currentRequestId}/error`, JSON.stringify(json), json.errorType);
  }
}

function toJson(answer) {
  try {
    return JSON.stringify(answer === undefined ? null : answer) ?? "null";
  } catch (error) {
    throw new RuntimeFault("Runtime.MarshalError", `Unable to stringify response body: ${error.message}`);
  }
}

await main();
