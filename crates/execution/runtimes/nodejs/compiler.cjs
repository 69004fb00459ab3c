// Compiles the scripts below a folder, all of their functions, as V8 would one after another when they are called first.
//
// Standard output gets a frame for each: how long the path of what was compiled is and how long that is, both, and at the end an empty
// frame. Where anything is the matter with a script nothing was compiled: the function is to hear of it, at each of its starts. It stands
// there all the same, so that no other layer's stands for that script.

"use strict";

const { readdirSync, readFileSync, statSync, writeSync } = require("fs");
const { join, relative } = require("path");
const { setFlagsFromString } = require("v8");
const { compileFunction } = require("vm");

const { digestOf, scriptOf } = require("./compiled.cjs");

/**
 * Smaller ones are compiled as soon as what was compiled is read. Of those that are no bundle the function's own are not compiled: V8
 * forgets how it would call a function without a name (`exports.handler`) in the stacks of errors, and those are read.
 */
const [LIBRARY_BYTES_MIN, BUNDLE_BYTES_MIN] = [2 << 10, 64 << 10];
/** Larger ones are data that somebody wrote as a program. */
const SOURCE_BYTES_MAX = 8 << 20;
/** Of V8 before Node.js 22, which forgets where a compiled `import()` stands. */
const IMPORTS = Number(process.versions.node.split(".")[0]) < 22 ? /\bimport\s*[(/]/ : undefined;
const PARAMETERS = ["exports", "require", "module", "__filename", "__dirname"];

/** Paths below the folder, in a fixed order; a link is compiled where it leads to. */
function* sources(folder) {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (entry.isFile() && /\.c?js$/.test(entry.name)) yield path;
  }
}

function compiled(path) {
  const { size } = statSync(path);
  const least = path.includes("/node_modules/") ? LIBRARY_BYTES_MIN : BUNDLE_BYTES_MIN;
  if (size < least || size > SOURCE_BYTES_MAX) return Buffer.alloc(0);
  try {
    const content = readFileSync(path, "utf8").replace(/^\ufeff/, "");
    if (IMPORTS?.test(content)) return Buffer.alloc(0);
    // As Node.js would: a text that closes what it is put into is none.
    compileFunction(content, PARAMETERS, { filename: path });
    return Buffer.concat([digestOf(content), wholly(() => scriptOf(content, path)).createCachedData()]);
  } catch {
    return Buffer.alloc(0);
  }
}

/** Functions too that nobody has called. What was made under other settings of V8's than it is used under counts as damaged. */
function wholly(compile) {
  setFlagsFromString("--no-lazy");
  try {
    return compile();
  } finally {
    setFlagsFromString("--lazy");
  }
}

function write(bytes) {
  for (let rest = bytes; rest.length; ) rest = rest.subarray(writeSync(1, rest));
}

function frame(path, file) {
  const name = Buffer.from(path);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(name.length, 0);
  head.writeUInt32LE(file.length, 4);
  return Buffer.concat([head, name, file]);
}

const root = process.argv[2];
for (const path of sources(root)) write(frame(`${relative(root, path)}.v8`, compiled(path)));
write(frame("", Buffer.alloc(0)));
