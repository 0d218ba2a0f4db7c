// An application whose people sign in at the accounts service: `node app.js settings.json`.

import { createServer } from "node:http";

import * as pages from "./pages.js";
import { Provider } from "./provider.js";
import { Sessions } from "./sessions.js";
import { isSecure, read, Unusable } from "./settings.js";

const ROLE = "MEMBER";
const HOUR_S = 3600;
const MOST = 10_000;

const settings = load();
const secure = isSecure(settings.origin);
const provider = new Provider(settings);
const begun = new Sessions({ lifetimeS: HOUR_S / 6, most: MOST });
const sessions = new Sessions({ lifetimeS: 12 * HOUR_S, most: MOST });

const BEGUN = secure ? "__Host-example-sign-in" : "example-sign-in";
const SESSION = secure ? "__Host-example-session" : "example-session";
const HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy":
    `default-src 'none'; base-uri 'none'; frame-ancestors 'none'; ` +
    `form-action 'self' ${settings.issuer}`, // signing out leads there
  "Referrer-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  ...(secure && { "Strict-Transport-Security": "max-age=31536000" }),
};

const ROUTES = {
  "GET /": home,
  "GET /members": members,
  "GET /sign-in": signIn,
  "GET /signed-in": signedIn,
  "POST /refresh": refresh,
  "POST /sign-out": signOut,
};

async function home(visit) {
  const person = await visit.person();
  visit.show(200, person ? pages.signedIn(person) : pages.welcome());
}

async function members(visit) {
  const person = await visit.person();
  if (!person) visit.lead("/sign-in");
  else if (!person.roles.includes(ROLE)) visit.show(403, pages.noMember());
  else visit.show(200, pages.members());
}

async function signIn(visit) {
  const { url, begun: known } = await provider.begin();
  visit.set(BEGUN, begun.add(known), HOUR_S / 6);
  visit.lead(url.href);
}

async function signedIn(visit) {
  const known = begun.take(visit.cookie(BEGUN)); // an answer counts once, in the browser that asked
  visit.unset(BEGUN);
  if (!known) return visit.show(400, pages.failed());
  const session = await provider.end(visit.query, known);
  sessions.remove(visit.cookie(SESSION));
  visit.set(SESSION, sessions.add(session), 12 * HOUR_S); // a new id: none can be planted before
  visit.lead("/");
}

async function refresh(visit) {
  await visit.person({ now: true });
  visit.lead("/");
}

async function signOut(visit) {
  const session = sessions.take(visit.cookie(SESSION));
  visit.unset(SESSION);
  visit.lead(session ? (await provider.leave(session)).href : "/");
}

/** One request and its answer. */
class Visit {
  #request;
  #response;
  #cookies = [];

  constructor(request, response) {
    const [path, ...rest] = request.url.split("?");
    this.route = `${request.method} ${path}`;
    this.query = rest.length ? `?${rest.join("?")}` : "";
    this.#request = request;
    this.#response = response;
  }

  /** Whether a page of this application sent it: a browser says so of every form. */
  get isOwn() {
    return this.#request.method === "GET" || this.#request.headers.origin === settings.origin;
  }

  /** Who is signed in, as of the last refresh; undefined is nobody. */
  async person(when) {
    const id = this.cookie(SESSION);
    const session = sessions.get(id);
    if (!session) return undefined;
    if (await provider.refresh(session, when)) return session.person;
    sessions.remove(id);
    this.unset(SESSION);
    return undefined;
  }

  cookie(name) {
    const all = (this.#request.headers.cookie ?? "").split("; ");
    return all.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
  }

  set(name, value, ageS) {
    const more = secure ? "; Secure" : "";
    this.#cookies.push(`${name}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${ageS}${more}`);
  }

  unset(name) {
    this.set(name, "", 0);
  }

  lead(to) {
    this.#answer(303, { Location: to }, "");
  }

  show(status, page) {
    this.#answer(status, { "Content-Type": "text/html; charset=utf-8" }, page);
  }

  #answer(status, headers, body) {
    this.#response.writeHead(status, { ...HEADERS, ...headers, "Set-Cookie": this.#cookies });
    this.#response.end(body);
  }
}

async function answer(request, response) {
  request.resume(); // no form here has a field
  const visit = new Visit(request, response);
  const page = Object.hasOwn(ROUTES, visit.route) ? ROUTES[visit.route] : undefined;
  try {
    if (!page) visit.show(404, pages.refused());
    else if (!visit.isOwn) visit.show(403, pages.refused());
    else await page(visit);
  } catch (error) {
    // Codes alone: messages and causes may hold tokens.
    console.error(JSON.stringify({ route: visit.route, error: error.code ?? error.name }));
    if (!response.headersSent) visit.show(400, pages.failed());
  }
}

function load() {
  try {
    return read(process.argv[2] ?? "settings.json");
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    console.error(error.message);
    process.exit(2);
  }
}

const server = createServer({ requestTimeout: 30_000, maxHeaderSize: 16_384 }, answer);
server.listen(settings.port, settings.host, () => console.error(`at ${settings.origin}`));
process.once("SIGTERM", () => server.close(() => process.exit(0)));
