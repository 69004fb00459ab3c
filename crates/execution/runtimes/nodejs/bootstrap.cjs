// Lambent's runtime for Node.js: asks the Runtime API for events and answers them, one at a time.
//
// What users see of it is what AWS's own client shows: context object, error JSON, log lines, how a handler is found and when a
// callback counts. Runs on Node.js 16 and later; a CommonJS module, because those start faster.

"use strict";

const { existsSync, readFileSync, writeSync } = require("fs");
const Module = require("module");
const { join, resolve } = require("path");
const { pathToFileURL } = require("url");
const { format, types } = require("util");
const { compileFunction } = require("vm");

const { API, RuntimeApi } = require("./runtime_api.cjs");
const { awslambda, isStreaming, responseStreamFor } = require("./streaming.cjs");

const MAJOR = Number(process.versions.node.split(".")[0]);
/** From this version on handlers with a callback are refused, as on Lambda. */
const HAS_CALLBACKS = MAJOR < 24;
/** Exit statuses of AWS's client. */
const [UNHANDLED_REJECTION, UNCAUGHT_EXCEPTION] = [128, 129];

// --- The log --------------------------------------------------------------------------------------------------

let currentRequestId;
/** Only where the function's settings ask for it. */
let jsonLogging;
/** Of the descriptor for messages that are one event however many lines they have; not for the function to see. */
let logDescriptor;

/** Longer ones are no event of CloudWatch Logs. */
const EVENT_BYTES_MAX = 256 * 1024;

/** A whole message, written at once and in order, also when the process ends right after. */
function write(text) {
  const message = Buffer.from(text);
  let bytes = logDescriptor === undefined || message.length > EVENT_BYTES_MAX ? message : framed(message);
  while (bytes.length) {
    try {
      bytes = bytes.subarray(writeSync(Number(logDescriptor ?? 1), bytes));
    } catch (error) {
      if (error.code === "EBADF" && logDescriptor !== undefined) {
        // A wrapper script closed it.
        logDescriptor = undefined;
        bytes = message;
      } else if (error.code !== "EAGAIN") throw error;
    }
  }
}

/** Type, length, microseconds, message. */
function framed(message) {
  const head = Buffer.alloc(16);
  head.writeUInt32BE(0xa55a0003, 0);
  head.writeUInt32BE(message.length, 4);
  head.writeBigUInt64BE(BigInt(Date.now()) * 1000n, 8);
  return Buffer.concat([head, message]);
}

function log(level, text) {
  const oneLine = logDescriptor === undefined ? text.replace(/\n/g, "\r") : text;
  write(`${new Date().toISOString()}\t${currentRequestId}\t${level}\t${oneLine}\n`);
}

function setUpConsole() {
  const levels = { trace: "TRACE", debug: "DEBUG", info: "INFO", log: "INFO", warn: "WARN", error: "ERROR", fatal: "FATAL" };
  for (const [name, level] of Object.entries(levels)) {
    console[name] = jsonLogging
      ? (...values) => jsonLogging.isLoud(level) && write(jsonLogging.line(level, currentRequestId, values))
      : (...values) => log(level, format(...values));
  }
}

// --- Errors ---------------------------------------------------------------------------------------------------

/** An error with a name of the platform's. */
class RuntimeFault extends Error {
  constructor(name, message) {
    super(message);
    // Not among the properties that the log shows.
    Object.defineProperty(this, "name", { value: name });
    if (typeof this.stack === "string") this.stack = this.stack.replace(/^Error/, name);
  }
}

const isError = (value) =>
  types.isNativeError(value) ||
  (Boolean(value) && [value.name, value.message, value.stack].every((text) => text && typeof text === "string"));

/** The error as AWS's client words it. */
function errorJson(error) {
  try {
    if (!isError(error)) return { errorType: typeof error, errorMessage: error.toString(), trace: [] };
    const [name, message] = [error.name, error.message].map((text) => text?.replace(/\x7f/g, "%7F"));
    return { errorType: name, errorMessage: message, trace: error.stack.replace(/\x7f/g, "%7F").split("\n") };
  } catch {
    const problem = "there was a problem while retrieving one or more of its message, name, and stack";
    return { errorType: "handled", errorMessage: `callback called with Error argument, but ${problem}` };
  }
}

/** What an error was, in X-Ray's form, for the trace: JSON of characters that a header may have. */
function errorCause(error) {
  try {
    if (!isError(error)) return undefined;
    const stack = error.stack.split("\n").slice(1).map(frameOf);
    const cause = {
      working_directory: process.cwd(),
      exceptions: [{ type: error.name, message: error.message, stack }],
      paths: [...new Set(stack.map((frame) => frame.path))],
    };
    const escaped = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
    return JSON.stringify(cause).replace(/[^\x20-\x7e]/g, escaped);
  } catch {
    // An error that cannot even be looked at.
    return undefined;
  }
}

/** A line of a stack: `at label (path:line:column)`, or without a label. */
function frameOf(text) {
  const [, label, path, line] = /^\s*at (?:(.*) \()?(.*?):(\d+):\d+\)?$/.exec(text) ?? [undefined, undefined, text.trim()];
  return { path, line: line === undefined ? undefined : Number(line), label: label || "anonymous" };
}

/** What is in an error for the log: its own properties too. */
function withProperties(_key, value) {
  if (!(value instanceof Error)) return value;
  const shown = { errorType: value.name, errorMessage: value.message, code: value.code, ...value };
  if (typeof value.stack === "string") shown.stack = value.stack.split("\n");
  return shown;
}

function logError(what, error) {
  if (jsonLogging) return write(jsonLogging.line("ERROR", currentRequestId, [error]));
  let json;
  try {
    json = JSON.stringify(error instanceof Error ? error : new Error(error), withProperties);
  } catch {
    // Some are circular, such as those of HTTP clients.
    json = JSON.stringify(errorJson(error));
  }
  log("ERROR", `${what} \t${json}`);
}

// --- The function ---------------------------------------------------------------------------------------------

/** The function that `name` (`folder/module.export.export`) means. */
async function loadHandler(root, name) {
  if (name.includes("..")) {
    const advice = "Use absolute paths when specifying root directories in handler names.";
    throw new RuntimeFault("Runtime.MalformedHandlerName", `'${name}' is not a valid handler name. ${advice}`);
  }
  const slash = name.lastIndexOf("/") + 1;
  const parts = /^([^.]*)\.(.*)$/.exec(name.slice(slash));
  if (!parts) throw new RuntimeFault("Runtime.MalformedHandlerName", "Bad handler");
  const module = await loadModule(root, name.slice(0, slash), parts[1]);
  const handler = parts[2].split(".").reduce((value, key) => value && value[key], module);
  if (!handler) throw new RuntimeFault("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  if (typeof handler !== "function") throw new RuntimeFault("Runtime.HandlerNotFound", `${name} is not a function`);
  if (!HAS_CALLBACKS && handler.length >= 3) {
    throw new RuntimeFault(
      "Runtime.CallbackHandlerDeprecated",
      "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. " +
        "You need to modify this function to use a supported handler signature to use Node.js 24 or later. " +
        "For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.",
    );
  }
  return handler;
}

async function loadModule(root, folder, name) {
  try {
    return await findModule(root, folder, name);
  } catch (error) {
    if (error instanceof SyntaxError) throw named(error, "Runtime.UserCodeSyntaxError");
    if (error?.code === "MODULE_NOT_FOUND") throw named(error, "Runtime.ImportModuleError");
    throw error;
  }
}

/** In the order of AWS's client. */
async function findModule(root, folder, name) {
  const path = resolve(root, folder, name);
  const load = (file) => import(pathToFileURL(file).href);
  if (existsSync(path)) return require(path);
  if (existsSync(`${path}.js`)) {
    return isOfModulePackage(join(path, "..")) ? load(`${path}.js`) : require(`${path}.js`);
  }
  if (existsSync(`${path}.mjs`)) return load(`${path}.mjs`);
  if (existsSync(`${path}.cjs`)) return require(`${path}.cjs`);
  return require(require.resolve(name, { paths: [root, join(root, folder)] }));
}

/** The same error under a name of the platform's; its message says what it was. */
function named(error, name) {
  const fault = new RuntimeFault(name, String(error));
  const stack = String(error.stack);
  const frames = stack.startsWith(fault.message) ? stack.slice(fault.message.length) : `\n${stack}`;
  fault.stack = `${name}: ${fault.message}${frames}`;
  return fault;
}

/** Whether the nearest package.json says `"type": "module"`. */
function isOfModulePackage(folder) {
  if (folder.endsWith("/node_modules")) return false;
  const manifest = join(folder, "package.json");
  if (existsSync(manifest)) {
    try {
      return JSON.parse(readFileSync(manifest, "utf8"))?.type === "module";
    } catch (error) {
      console.warn(`${manifest} cannot be read, it will be ignored for ES module detection purposes.`, error);
      return false;
    }
  }
  return folder !== "/" && isOfModulePackage(join(folder, ".."));
}

/** Version 2 of the SDK, which Node.js 16 carries, does not know AWS_ENDPOINT_URL. */
function setUpSdkV2(endpoint) {
  const load = Module._load;
  const configured = new WeakSet();
  Module._load = function (request, ...rest) {
    const loaded = load.call(this, request, ...rest);
    // `import` asks for it by its whole path.
    const asked = /^(.*\/node_modules\/)?aws-sdk(\/|$)/.exec(request);
    if (asked) {
      const { config } = load.call(this, `${asked[1] ?? ""}aws-sdk/lib/core`, ...rest);
      if (!configured.has(config)) config.update({ endpoint, s3ForcePathStyle: true });
      configured.add(config);
    }
    return loaded;
  };
}

/**
 * The runtime's own modules lie in /node_modules for `import`, which does not know NODE_PATH. `require` does: there the layers come
 * before the runtime, as on Lambda.
 */
function preferModulesOfLayers() {
  const find = Module._nodeModulePaths;
  Module._nodeModulePaths = (from) => find(from).filter((path) => path !== "/node_modules");
}

/** Debian's Node.js would find the modules of the host, some of which it needs itself. */
function hideModulesOfTheHost() {
  const isOfTheHost = (path) => /^\/usr\/(share|lib)\/([^/]+\/)?nodejs$/.test(path);
  if (!Module.globalPaths.some(isOfTheHost)) return;
  const find = Module._findPath;
  Module._findPath = (request, paths, ...rest) => find(request, paths?.filter((path) => !isOfTheHost(path)), ...rest);
}

/** What lets scripts that were compiled when they were deployed not be compiled again; see there for the name. */
function compiledScripts() {
  const text = readFileSync(join(__dirname, "compiled.cjs"), "utf8");
  const module = { exports: {} };
  compileFunction(text, ["require", "module"], { filename: "node:internal/modules/cjs/loader" })(require, module);
  return module.exports;
}

// --- One invocation -------------------------------------------------------------------------------------------

/** Called when the event loop is empty; the process would end if nobody did anything. */
let whenLoopIsEmpty = null;

/** Runs the handler: resolves with its answer, rejects with its error. */
function call(handler, event, context) {
  return new Promise((answer, fail) => {
    let isDone = false;
    let waits = true;
    const done = (error, value) => (isNothing(error) ? answer(value) : fail(error));
    const first = (act) => (...values) => {
      if (!isDone) act(...values);
      isDone = true;
    };
    const callback = first((error, value) => {
      whenLoopIsEmpty = null;
      if (!isNothing(error) || !waits) done(error, value);
      // A callback's answer is sent when nothing is left to do, unless the function says otherwise.
      else whenLoopIsEmpty = () => answer(value);
    });
    const succeed = first((value) => answer(value));
    const failed = first((error) => fail(isNothing(error) ? "handled" : error));
    if (HAS_CALLBACKS) {
      Object.defineProperty(context, "callbackWaitsForEmptyEventLoop", {
        get: () => waits,
        set: (value) => (waits = value),
        enumerable: true,
      });
      Object.assign(context, { succeed, fail: failed, done: first(done) });
    }
    whenLoopIsEmpty = () => answer(null);
    const result = HAS_CALLBACKS ? handler(event, context, callback) : handler(event, context);
    if (typeof result?.then === "function") result.then(succeed, failed);
    else if (!HAS_CALLBACKS) answer(result);
  }).finally(() => (whenLoopIsEmpty = null));
}

const isNothing = (value) => value === undefined || value === null;

function contextOf(headers) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  return {
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsed(headers["lambda-runtime-client-context"], "ClientContext"),
    identity: parsed(headers["lambda-runtime-cognito-identity"], "CognitoIdentity"),
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    tenantId: headers["lambda-runtime-aws-tenant-id"],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

function parsed(text, what) {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`Cannot parse ${what} as json: ${error}`);
  }
}

function toJson(answer) {
  try {
    return JSON.stringify(answer === undefined ? null : answer) ?? "null";
  } catch {
    throw new Error("Unable to stringify response body");
  }
}

/** To its answer or error. The next event, if it came with that. */
async function serve(api, handler, headers, body) {
  const id = headers["lambda-runtime-aws-request-id"];
  const trace = headers["lambda-runtime-trace-id"];
  currentRequestId = id;
  if (trace) process.env._X_AMZN_TRACE_ID = trace;
  else delete process.env._X_AMZN_TRACE_ID;
  if (isStreaming(handler)) return serveStreaming(api, handler, headers, body);
  let answer;
  try {
    answer = toJson(await call(handler, JSON.parse(body.toString()), contextOf(headers)));
  } catch (error) {
    logError("Invoke Error", error);
    const json = errorJson(error);
    await api.post(`/invocation/${id}/error`, JSON.stringify(json), json.errorType, errorCause(error));
    return undefined;
  }
  return api.answer(`/invocation/${id}/response`, answer);
}

/** The next event comes when the response is out and nothing is left to do, unless the function says otherwise. */
async function serveStreaming(api, handler, headers, body) {
  const id = headers["lambda-runtime-aws-request-id"];
  const stream = responseStreamFor(handler, api, `${API}/invocation/${id}/response`);
  const context = contextOf(headers);
  context.callbackWaitsForEmptyEventLoop = true;
  try {
    const result = handler(JSON.parse(body.toString()), stream, context);
    if (typeof result?.then !== "function") throw new Error("Streaming does not support non-async handlers.");
    await result;
  } catch (error) {
    logError("Invoke Error", error);
    stream.fail(errorJson(error));
  }
  await stream.isSent;
  if (!context.callbackWaitsForEmptyEventLoop) return;
  await new Promise((isEmpty) => (whenLoopIsEmpty = isEmpty));
  whenLoopIsEmpty = null;
}

// --- The process ----------------------------------------------------------------------------------------------

/** Ends the process after an error that no handler caught; the caller hears of it first. */
async function dieOf(api, what, error, status) {
  logError(what, error);
  if (api.isClosed) return;
  const path = currentRequestId === undefined ? "/init/error" : `/invocation/${currentRequestId}/error`;
  await api.end(path, errorJson(error), errorCause(error));
  process.exit(status);
}

async function main() {
  const waitsAt = process.env._LAMBENT_WAITS;
  const connection = waitsAt && new RuntimeApi(waitsAt);
  const { use } = compiledScripts();
  if (connection) await require("./waiting.cjs").wait(connection);
  logDescriptor = process.env._LAMBDA_TELEMETRY_LOG_FD;
  delete process.env._LAMBDA_TELEMETRY_LOG_FD;
  const compiled = process.env._LAMBENT_COMPILED;
  delete process.env._LAMBENT_COMPILED;
  if (compiled !== undefined) use(compiled);
  if (process.env.AWS_LAMBDA_LOG_FORMAT === "JSON") jsonLogging = require("./json_logging.cjs");
  setUpConsole();
  globalThis.awslambda = { ...globalThis.awslambda, ...awslambda };
  hideModulesOfTheHost();
  preferModulesOfLayers();
  if (MAJOR < 18 && process.env.AWS_ENDPOINT_URL) setUpSdkV2(process.env.AWS_ENDPOINT_URL);
  const api = connection ?? new RuntimeApi(process.env.AWS_LAMBDA_RUNTIME_API);
  process.on("beforeExit", () => whenLoopIsEmpty?.());
  process.on("uncaughtException", (error) => dieOf(api, "Uncaught Exception", error, UNCAUGHT_EXCEPTION));
  process.on("unhandledRejection", (reason, promise) => {
    const fault = new RuntimeFault("Runtime.UnhandledPromiseRejection", reason);
    dieOf(api, "Unhandled Promise Rejection", Object.assign(fault, { reason, promise }), UNHANDLED_REJECTION);
  });
  let handler;
  try {
    handler = await loadHandler(process.env.LAMBDA_TASK_ROOT ?? "/var/task", process.env._HANDLER ?? "");
  } catch (error) {
    return dieOf(api, "Uncaught Exception", error, UNCAUGHT_EXCEPTION);
  }
  let event;
  for (;;) {
    const { headers, body } = event ?? (await api.next());
    event = await serve(api, handler, headers, body);
  }
}

main();
