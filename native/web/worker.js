// A worker of <holdfast-work>. It is told a puzzle once, and says by which method it will count;
// then it is given ranges of counters, and answers with the first of each that is good, or with 0.
"use strict";

const K = new Int32Array(64);
const IV = new Int32Array(8);
const W = new Int32Array(64); // the block that is hashed, and its message schedule behind it

// FIPS 180-4: the first 32 bits behind the point of the roots of the first primes.
for (let n = 0, prime = 2; n < 64; prime++) {
  let divisor = 2;
  while (prime % divisor) divisor++;
  if (divisor < prime) continue;
  if (n < 8) IV[n] = prime ** 0.5 % 1 * 2 ** 32;
  K[n++] = Math.cbrt(prime) % 1 * 2 ** 32;
}

function schedule() {
  for (let i = 16; i < 64; i++) {
    const x = W[i - 15], y = W[i - 2];
    W[i] = W[i - 16] + W[i - 7] + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) +
      ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10);
  }
}

function rounds(state, from, to) {
  let a = state[0], b = state[1], c = state[2], d = state[3];
  let e = state[4], f = state[5], g = state[6], h = state[7];
  for (let i = from; i < to; i++) {
    const t = h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) +
      (g ^ e & (f ^ g)) + K[i] + W[i] | 0;
    const u = ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) +
      (a & b | c & (a | b)) | 0;
    h = g, g = f, f = e, e = d + t | 0, d = c, c = b, b = a, a = t + u | 0;
  }
  state[0] = a, state[1] = b, state[2] = c, state[3] = d;
  state[4] = e, state[5] = f, state[6] = g, state[7] = h;
}

// SHA-256 of ASCII text, as words: a page that came by plain http has no crypto.subtle.
function sha256(text) {
  const bytes = new DataView(new ArrayBuffer((text.length + 72 >> 6) * 64));
  for (let i = 0; i < text.length; i++) bytes.setUint8(i, text.charCodeAt(i));
  bytes.setUint8(text.length, 128);
  bytes.setUint32(bytes.byteLength - 4, text.length * 8);
  const hash = IV.slice();
  for (let at = 0; at < bytes.byteLength; at += 64) {
    for (let i = 0; i < 16; i++) W[i] = bytes.getInt32(at + i * 4);
    schedule();
    const state = hash.slice();
    rounds(state, 0, 64);
    for (let i = 0; i < 8; i++) hash[i] += state[i];
  }
  return hash;
}

// The search of the WebAssembly, in JavaScript. Only word 9 of the block differs from counter to
// counter, so that the rounds before it are done once.
const plain = (seed) => (part, start, count, high, low) => {
  const state = new Int32Array(8);
  const begun = IV.slice();
  W.fill(0);
  W.set(seed);
  W[8] = part;
  W[10] = 1 << 31;
  W[15] = 320;
  rounds(begun, 0, 9);
  for (let counter = start; counter < start + count; counter++) {
    W[9] = counter;
    schedule();
    state.set(begun);
    rounds(state, 9, 64);
    const top = state[0] + IV[0] >>> 0;
    if (top < high || top === high && state[1] + IV[1] >>> 0 < low) return counter;
  }
  return 0;
};

async function compiled(url, name, seed) {
  const { instance } = await WebAssembly.instantiate(await (await fetch(url)).arrayBuffer());
  const { memory, seed_at, [name]: search } = instance.exports;
  const view = new DataView(memory.buffer, seed_at());
  seed.forEach((word, i) => view.setInt32(i * 4, word));
  return search;
}

let search, target;

async function prepare({ kind, text, files, ...puzzle }) {
  ({ target } = puzzle);
  const seed = sha256(text);
  const light = kind === "sha256";
  for (const method of light ? ["simd", "scalar"] : ["argon2"]) {
    try {
      search = await compiled(files[method], light ? "search" : "search_argon2", seed);
      return postMessage({ method });
    } catch {
      // The page says by which method it goes on.
    }
  }
  search = plain(seed);
  postMessage({ method: light && "script" }); // argon2id would take hours so
}

onmessage = ({ data }) => {
  if (data.text) return prepare(data);
  const began = performance.now();
  const found = search(data.part, data.start, data.count, ...target) >>> 0;
  postMessage({ ...data, found, ms: performance.now() - began });
};
