// How good a password is, while it is typed. Nothing leaves the page.
// <meter> and text stand in an element with data-strength-for="ID OF THE FIELD", its words in
// data-words, from the weakest to the strongest, separated by "|", and the length in data-least.
"use strict";

function steps(text) {
  const seen = new Set();
  for (let n = 1; n < text.length; n++) seen.add(text.charCodeAt(n) - text.charCodeAt(n - 1));
  return seen.size;
}

function grade(text, least) {
  const length = [...text.normalize("NFKC")].length;
  if (length === 0) return 0;
  const different = new Set(text.toLowerCase()).size;
  if (different < 5 || steps(text) < 2) return 1;
  if (length < least) return length < least / 2 ? 1 : 2;
  return different < 8 ? 3 : length < least + 6 ? 3 : 4;
}

for (const place of document.querySelectorAll("[data-strength-for]")) {
  const field = document.getElementById(place.dataset.strengthFor);
  const meter = place.querySelector("meter");
  const said = place.querySelector("[aria-live]");
  const words = place.dataset.words.split("|");
  const least = Number(place.dataset.least);
  if (!field || !meter || !said) continue;
  place.hidden = false;
  field.addEventListener("input", () => {
    const now = grade(field.value, least);
    meter.value = now;
    said.textContent = now ? words[now - 1] : "";
  });
}
