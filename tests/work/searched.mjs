// Searches in the modules for pages: reads cases from stdin, and prints what each search returned.
// A case is [file, search's name, seed in hexadecimal, part, start, count, target's two halves].
import { readFileSync } from "node:fs";

const loaded = new Map();
const answers = [];
for (const [file, name, seed, ...place] of JSON.parse(readFileSync(0, "utf8"))) {
  if (!loaded.has(file)) {
    const { instance } = await WebAssembly.instantiate(readFileSync(file), {});
    loaded.set(file, instance.exports);
  }
  const module = loaded.get(file);
  new Uint8Array(module.memory.buffer, module.seed_at(), 32).set(Buffer.from(seed, "hex"));
  answers.push(module[name](...place.map((number) => number | 0)) >>> 0);
}
console.log(JSON.stringify(answers));
