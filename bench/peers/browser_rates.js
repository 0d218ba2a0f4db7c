// One worker for each solver; rate() lets one of them hash for a while, and says hashes a second.
const workers = {};
const TEXT = ["A".repeat(22), "B".repeat(22), "C".repeat(43)].join(":");
const MISSING = "/ours/missing.wasm";
const OURS = {
  simd: { simd: "/ours/solver.simd.wasm" },
  scalar: { simd: MISSING, scalar: "/ours/solver.wasm" },
  script: { simd: MISSING, scalar: MISSING },
  argon2: { argon2: "/ours/argon2.wasm" },
};

function answer(worker, message) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message: why }) => reject(new Error(why ?? "a worker did not start"));
    if (message) worker.postMessage(message);
  });
}

/** Our own worker, told as the page tells it; no hash is below 0, so it counts to the end. */
async function ours(method, ms) {
  const kind = method === "argon2" ? "argon2id" : "sha256";
  if (!workers[method]) {
    const worker = new Worker("/ours/worker.js");
    const text = `1:${kind}:8:1000:4000000000:${TEXT}`;
    const told = await answer(worker, { kind, text, target: [0, 0], files: OURS[method] });
    if (told.method !== method) throw new Error(`${method}: it counts by ${told.method}`);
    workers[method] = worker;
  }
  let [hashes, took, count, start] = [0, 0, 1, 1];
  while (took < ms) {
    const done = await answer(workers[method], { part: 1, start, count });
    hashes += count;
    took += done.ms;
    start += count;
    count = Math.ceil(count * Math.min(8, 70 / (done.ms + 0.1)));
  }
  return (hashes / took) * 1000;
}

/** ALTCHA's own worker: each challenge takes some 4,000 hashes, and it says how many they were. */
async function altcha(ms) {
  workers.altcha ??= new Worker("/peers/altcha/dist/workers/sha.js");
  let [hashes, took] = [0, 0];
  while (took < ms) {
    const nonce = [...crypto.getRandomValues(new Uint8Array(16))]
      .map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const prefix = { keyLength: 32, keyPrefix: "000" };
    const parameters = { algorithm: "SHA-256", cost: 1, ...prefix, nonce, salt: nonce };
    const found = await answer(workers.altcha, { type: "work", challenge: { parameters } });
    hashes += found.counter + 1;
    took += found.time;
  }
  return (hashes / took) * 1000;
}

async function peer(name, ms) {
  workers[name] ??= new Worker("/bench/browser_hashing.js", { type: "module" });
  return answer(workers[name], { name, ms });
}

export async function rate(name, ms) {
  if (name in OURS) return ours(name, ms);
  return name === "altcha" ? altcha(ms) : peer(name, ms);
}
