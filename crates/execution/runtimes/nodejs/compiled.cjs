// Scripts that were compiled when their package was deployed, for whoever compiles them and for whoever takes them.
//
//   SHA-256 of the text (32 bytes) │ what V8 made of it
//
// Evaluated under the name of Node.js's own loader of CommonJS modules, whose place one function takes: errors name that in their stacks.

"use strict";

/** What a module's text stands in. */
const [BEFORE, AFTER] = ["(function (exports, require, module, __filename, __dirname) { ", "\n})"];
const DIGEST_BYTES = 32;

/** The script of a module whose text is `content`; what was compiled of it is used if V8 finds that it fits. */
function scriptOf(content, filename, cachedData) {
  const { Script, constants } = require("vm");
  const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  return new Script(BEFORE + content + AFTER, { filename, columnOffset: -BEFORE.length, cachedData, importModuleDynamically });
}

function digestOf(content) {
  return require("crypto").createHash("sha256").update(content).digest();
}

/** What is below `folder` stands for what V8 would make of scripts of the package and the layers. */
function use(folder) {
  const Module = require("module");
  const { readFileSync } = require("fs");
  const { dirname } = require("path");
  const places = [["/var/task/", `${folder}/task/`], ["/opt/", `${folder}/opt/`]];

  /** Undefined where nothing was compiled, or of another text than this. */
  const compiled = (content, filename) => {
    const place = places.find(([root]) => filename.startsWith(root));
    if (!place || process.sourceMapsEnabled) return undefined;
    let bytes;
    try {
      bytes = readFileSync(`${place[1]}${filename.slice(place[0].length)}.v8`);
    } catch {
      return undefined;
    }
    // Empty where its compiler found something to complain of.
    if (!bytes.length || !digestOf(content).equals(bytes.subarray(0, DIGEST_BYTES))) return undefined;
    const script = scriptOf(content, filename, bytes.subarray(DIGEST_BYTES));
    return script.cachedDataRejected ? undefined : script;
  };

  const compile = Module.prototype._compile;
  Module.prototype._compile = function (content, filename, format) {
    const script = (format === undefined || format === "commonjs") && compiled(content, filename);
    if (!script) return compile.apply(this, arguments);
    const require = compile.call(this, "return require", filename, "commonjs");
    return script.runInThisContext().call(this.exports, this.exports, require, this, filename, dirname(filename));
  };
}

module.exports = { DIGEST_BYTES, digestOf, scriptOf, use };
