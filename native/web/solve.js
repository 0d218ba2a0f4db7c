// Solves a puzzle in workers.

export const FILES = {
  worker: new URL("./worker.js", import.meta.url),
  simd: new URL("./solver.simd.wasm", import.meta.url),
  scalar: new URL("./solver.wasm", import.meta.url),
  argon2: new URL("./argon2.wasm", import.meta.url),
};
const PUZZLE =
  /^1:(sha256|argon2id):([1-9]\d?):([1-9]\d{0,9}):(\d{1,12}):[\w-]{22}:[\w-]{22}:[\w-]{43}$/;
const COUNTERS = 2 ** 32;
const CHUNK_MS = 70;

/** No answer; `reason` is puzzle (unreadable), expired, slow, worker or exhausted. */
export class WorkError extends Error {
  constructor(reason) {
    super(`no answer to the puzzle: ${reason}`);
    this.reason = reason;
  }
}

/** What a puzzle asks for; `until` in ms. Throws a WorkError. */
export function read(text) {
  const [, kind, parts, cost, expires] = PUZZLE.exec(text) ?? [];
  if (!kind || parts > 64 || cost > 2 ** 30) throw new WorkError("puzzle");
  const top = ((1n << 64n) - 1n) / BigInt(cost); // of the 256 bits below which a hash is good
  const target = [Number(top >> 32n), Number(top & 0xffffffffn)];
  return { kind, target, parts: +parts, cost: +cost, until: expires * 1000 };
}

/** The answer to a puzzle, found in workers, which rest while the page is hidden. */
export async function solve(text, { signal, onProgress, workers, files } = {}) {
  signal?.throwIfAborted();
  const { kind, target, cost, until, ...puzzle } = read(text);
  const old = Date.now() >= until; // already: then this clock is wrong, and the server's decides
  const parts = Array.from({ length: puzzle.parts }, () => ({ next: 1, busy: 0, found: 0 }));
  const crew = [];
  const idle = new Set();
  let hashes = 0, ms = 0, wake;

  const give = (worker) => {
    const open = parts.filter((part) => !part.found && part.next < COUNTERS);
    idle.add(worker);
    if (document.hidden) return;
    if (!old && Date.now() >= until) throw new WorkError("expired");
    if (!open.length) {
      if (idle.size === crew.length) throw new WorkError("exhausted");
      return; // others still look at what is left
    }
    const part = open.reduce((least, one) => (one.busy < least.busy ? one : least));
    const count = Math.min(worker.count, COUNTERS - part.next);
    worker.postMessage({ part: parts.indexOf(part), start: part.next, count });
    part.next += count;
    part.busy++;
    idle.delete(worker);
  };

  /** What a worker says, and what is to be done then; true when all is solved. */
  const take = (worker, { method, part, start, count, found, ms: took }) => {
    if (method === false) throw new WorkError("slow");
    worker.method ??= method;
    if (count) {
      hashes += found ? found - start + 1 : count;
      ms += took;
      parts[part].busy--;
      parts[part].found ||= found;
      if (!found) worker.count = Math.ceil(count * Math.min(8, CHUNK_MS / (took + 0.1)));
    }
    const done = parts.filter((one) => one.found).length;
    const rate = ms > 500 ? (hashes / ms) * 1000 * crew.length : 0;
    const left = rate ? ((parts.length - done) * cost) / rate : null;
    onProgress?.({ done, parts: parts.length, hashes, rate, left, method: worker.method });
    if (done < parts.length) give(worker);
    return done === parts.length;
  };

  try {
    await new Promise((resolve, reject) => {
      const guarded = (act) => (event) => {
        try {
          if (act(event)) resolve();
        } catch (error) {
          reject(error);
        }
      };
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      wake = guarded(() => [...idle].forEach(give));
      document.addEventListener("visibilitychange", wake);
      const at = (name) => [name, new URL(files?.[name] ?? FILES[name], document.baseURI).href];
      const urls = Object.fromEntries(Object.keys(FILES).map(at));
      for (let n = workers ?? Math.min(4, navigator.hardwareConcurrency || 1); n > 0; n--) {
        const worker = new Worker(urls.worker);
        crew.push(worker);
        worker.count = kind === "sha256" ? 2048 : 1;
        worker.onmessage = guarded(({ data }) => take(worker, data));
        worker.onerror = () => reject(new WorkError("worker"));
        worker.postMessage({ kind, text, target, files: urls });
      }
    });
  } finally {
    document.removeEventListener("visibilitychange", wake);
    for (const worker of crew) worker.terminate();
  }
  return `${text}:${parts.map((part) => part.found).join(".")}`;
}
