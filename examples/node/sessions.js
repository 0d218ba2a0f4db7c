// What is remembered of a browser, in this process's memory: under a name made by chance, for a
// while, and of so many browsers at most. Where several processes serve, a shared store stands here.

import { createHash, randomBytes } from "node:crypto";

const digest = (id) => createHash("sha256").update(id).digest("base64");

export class Sessions {
  #kept = new Map();
  #lifetime;
  #most;

  constructor({ lifetimeS, most }) {
    this.#lifetime = lifetimeS * 1000;
    this.#most = most;
  }

  /** Keep a value; return the id that the browser brings back. The oldest goes when there are too many. */
  add(value) {
    if (this.#kept.size >= this.#most) this.#kept.delete(this.#kept.keys().next().value);
    const id = randomBytes(32).toString("base64url");
    this.#kept.set(digest(id), { value, ends: Date.now() + this.#lifetime });
    return id;
  }

  get(id = "") {
    const found = this.#kept.get(digest(id));
    if (found && found.ends > Date.now()) return found.value;
    this.remove(id);
    return undefined;
  }

  remove(id = "") {
    this.#kept.delete(digest(id));
  }

  /** Return a value once. */
  take(id) {
    const value = this.get(id);
    this.remove(id);
    return value;
  }
}
