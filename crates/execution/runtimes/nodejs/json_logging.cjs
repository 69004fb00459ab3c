// The JSON log format of Lambent's runtime for Node.js: members are those of AWS's client.

"use strict";

const { format, types } = require("util");

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

/** Whether the function's settings let a level through. */
const isLoud = (level) => {
  const least = LEVELS.indexOf((process.env.AWS_LAMBDA_LOG_LEVEL ?? "").toUpperCase());
  return LEVELS.indexOf(level) >= least;
};

/** One line for what was given to a method of `console`. */
function line(level, requestId, values) {
  const made = { timestamp: new Date().toISOString(), level, requestId };
  if (values.length === 1) {
    try {
      // An object is the message itself; an error in it shows what it says.
      return JSON.stringify({ ...made, message: values[0] }, withErrors) + "\n";
    } catch {
      // Circular: as text.
    }
  }
  made.message = format(...values);
  const error = values.find((value) => types.isNativeError(value));
  if (error) Object.assign(made, shown(error));
  return JSON.stringify(made) + "\n";
}

const shown = (error) => ({
  errorType: error?.name ?? "UnknownError",
  errorMessage: error?.message,
  stackTrace: typeof error?.stack === "string" ? error.stack.split("\n") : [],
});

const withErrors = (_key, value) => (types.isNativeError(value) ? shown(value) : value);

module.exports = { isLoud, line };
