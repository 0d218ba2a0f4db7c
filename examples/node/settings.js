// Reads the settings, and refuses what would be unsafe.

import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

const LOCAL = new Set(["localhost", "127.0.0.1", "[::1]"]);

export class Unusable extends Error {}

/** Return the settings of a JSON file; throws Unusable with what is wrong and the mend. */
export function read(path) {
  const given = parsed(path);
  const [host, port] = split(given.listen ?? "127.0.0.1:3000");
  const secret = given.client_secret && own(resolve(dirname(path), given.client_secret));
  return {
    origin: origin("origin", given.origin),
    issuer: origin("issuer", given.issuer),
    host,
    port,
    clientId: text("client_id", given.client_id),
    clientSecret: secret,
  };
}

export const isSecure = (address) => address.startsWith("https:");

function parsed(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Unusable(`${path}: ${error.code ?? "is no JSON"}`);
  }
}

/** Read a secret from a file that nobody else may use. */
function own(path) {
  let mode;
  try {
    ({ mode } = statSync(path));
  } catch (error) {
    throw new Unusable(`client_secret: ${path}: ${error.code}`);
  }
  if (mode & 0o077) throw new Unusable(`client_secret: others may use it: chmod go= ${path}`);
  return text("client_secret", readFileSync(path, "utf8").trim());
}

function text(name, value) {
  if (typeof value !== "string" || !value) throw new Unusable(`${name}: is missing`);
  return value;
}

function origin(name, value) {
  let url;
  try {
    url = new URL(text(name, value));
  } catch {
    throw new Unusable(`${name}: write it as https://www.example.com`);
  }
  if (url.protocol !== "https:" && !(url.protocol === "http:" && LOCAL.has(url.hostname)))
    throw new Unusable(`${name}: ${url.origin} is in clear: write https://`);
  if (url.href !== `${url.origin}/`)
    throw new Unusable(`${name}: nothing may follow the name and the port`);
  return url.origin;
}

function split(listen) {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(listen) ?? [];
  if (!host) throw new Unusable("listen: write address and port, as in 127.0.0.1:3000");
  return [host, Number(port)];
}
