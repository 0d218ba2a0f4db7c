// A worker in which a peer hashes for a while; it answers with hashes a second. Each is used at its
// best: nothing is done beside the hash but what finds out whether it is good.
import { argon2id, createSHA256 } from "/peers/hash-wasm/dist/index.esm.min.js";
import cap, { solve_pow } from "/peers/@cap.js/wasm/browser/cap_wasm.js";

const encoder = new TextEncoder();
const challenge = "0123456789abcdef".repeat(4);
let salt = 0;

const TRIES = {
  // await for every try, as the fast algorithm of Anubis has it
  webcrypto: async (n) => {
    const hash = await crypto.subtle.digest("SHA-256", encoder.encode(challenge + n));
    return new Uint8Array(hash)[0] === 0;
  },
  "hash-wasm argon2id": async (n) => {
    const [password, given] = [Uint32Array.of(0, n), new Uint8Array(16)];
    const cost = { parallelism: 1, iterations: 2, memorySize: 19_456, hashLength: 32 };
    const hash = await argon2id({ password, salt: given, ...cost, outputType: "binary" });
    return hash[0] === 0;
  },
};

async function tried(one, ms) {
  const began = performance.now();
  let n = 0;
  while (performance.now() - began < ms) await one(++n);
  return (n / (performance.now() - began)) * 1000;
}

async function hashWasm(ms) {
  const hasher = await createSHA256();
  const block = new Uint8Array(40);
  const view = new DataView(block.buffer);
  const began = performance.now();
  let n = 0;
  while (performance.now() - began < ms) {
    for (const until = n + 1000; n < until; n++) {
      view.setUint32(36, n);
      if (hasher.init().update(block).digest("binary")[0] > 255) return 0;
    }
  }
  return (n / (performance.now() - began)) * 1000;
}

/** It counts from 0 to the first hash with 16 bits 0 in front, which says how many it were. */
async function capWasm(ms) {
  await cap();
  const began = performance.now();
  let hashes = 0;
  while (performance.now() - began < ms) hashes += Number(solve_pow(`salt${++salt}`, "0000")) + 1;
  return (hashes / (performance.now() - began)) * 1000;
}

onmessage = async ({ data: { name, ms } }) => {
  const rates = { "hash-wasm": hashWasm, cap: capWasm };
  postMessage(await (rates[name] ?? ((most) => tried(TRIES[name], most)))(ms));
};
