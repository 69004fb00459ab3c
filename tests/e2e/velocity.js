// Renders templates with npm's velocityjs: a JSON list of cases on the input, a JSON list of texts on the output.
const { parse, Compile } = require("velocityjs");

const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
const util = {
  escapeJavaScript: (text) => JSON.stringify(String(text)).slice(1, -1).replace(/'/g, "\\'").replace(/\//g, "\\/"),
  parseJson: JSON.parse,
  urlEncode: (text) => encodeURIComponent(text).replace(/%20/g, "+"),
  urlDecode: (text) => decodeURIComponent(text.replace(/\+/g, " ")),
  base64Encode: (text) => Buffer.from(text).toString("base64"),
  base64Decode: (text) => Buffer.from(text, "base64").toString(),
};

/** What a path of members and items leads to. */
function at(document, path) {
  const steps = path.replace(/^\$/, "").match(/[^.[\]'"]+/g) || [];
  return steps.reduce((value, step) => (value == null ? undefined : value[step]), document);
}

function rendered({ template, body, params, context, stageVariables }) {
  let document = body || "{}";
  try {
    document = JSON.parse(document);
  } catch {}
  const all = { path: {}, querystring: {}, header: {}, ...params };
  const input = {
    body: body || "{}",
    path: (path) => at(document, path),
    json: (path) => JSON.stringify(at(document, path) ?? ""),
    params: (name) => (name ? (all.path[name] ?? all.querystring[name] ?? all.header[name] ?? "") : all),
  };
  return new Compile(parse(template)).render({ input, util, context: context || {}, stageVariables: stageVariables || {} });
}

const texts = cases.map((one) => {
  try {
    return rendered(one);
  } catch (error) {
    return `error: ${error.message}`;
  }
});
process.stdout.write(JSON.stringify(texts));
