// <holdfast-work>: does the work that the server of a form asks for. README.md tells how to use it.
import { FILES, WorkError, read, solve } from "./solve.js";

export { WorkError, solve };

const ASKING_MS = 10_000;
const LONGEST_WAIT_S = 86_400;

const STYLE = `:host{display:block;--tint:var(--holdfast-work-accent,var(--accent,LinkText))}
:host([hidden]),[hidden]{display:none}
p{margin:.25rem 0}
p:empty{margin:0}
[part=note]{font-size:.9em}
[part=bar]{height:.4rem;margin:.6rem 0;border:1px solid;border-radius:9px;padding:2px}
[part=fill]{height:100%;width:0;border-radius:9px;background:var(--tint);forced-color-adjust:none}
[part=cancel]{font:inherit;color:var(--tint);background:none;
border:1px solid;border-radius:8px;padding:.4rem 1rem;margin-top:.4rem}
@media(prefers-reduced-motion:no-preference){[part=fill]{transition:width .2s}
:host([state=running]) [part=bar]{animation:on 2s infinite}@keyframes on{50%{opacity:.6}}}`;

const TEXTS = {
  en: {
    running: "Your device is solving a small puzzle. This keeps out programs that guess.",
    scalar: "Your browser lacks fast instructions (SIMD): this takes longer.",
    script: "Your browser allows no WebAssembly here: this takes longer.",
    progress: "Progress",
    left: "About {time} more, on average",
    half: "Half of the puzzle is solved.",
    solved: "The puzzle is solved.",
    waiting: "Too many attempts. Please wait.",
    wait: "{time} more",
    ready: "You can try again now.",
    cancel: "Cancel",
    cancelled: "Cancelled. Nothing was sent.",
    unasked: "The server did not say whether there is a puzzle to solve.",
    expired: "The puzzle is too old now. Please reload the page.",
    slow: "Without WebAssembly, which your browser does not allow here, this would take hours.",
    failed: "The puzzle could not be solved here. Please reload the page.",
  },
  de: {
    running: "Ihr Gerät löst eine kleine Aufgabe. Das hält Programme fern, die raten.",
    scalar: "Ihrem Browser fehlen schnelle Befehle (SIMD): Es dauert länger.",
    script: "Ihr Browser lässt hier kein WebAssembly zu: Es dauert länger.",
    progress: "Fortschritt",
    left: "Im Mittel noch etwa {time}",
    half: "Die Aufgabe ist halb gelöst.",
    solved: "Die Aufgabe ist gelöst.",
    waiting: "Zu viele Versuche. Bitte warten Sie.",
    wait: "Noch {time}",
    ready: "Sie können es wieder versuchen.",
    cancel: "Abbrechen",
    cancelled: "Abgebrochen. Nichts wurde gesendet.",
    unasked: "Der Server sagte nicht, ob eine Aufgabe zu lösen ist.",
    expired: "Die Aufgabe ist inzwischen zu alt. Bitte laden Sie die Seite neu.",
    slow: "Ohne WebAssembly, das Ihr Browser hier nicht zulässt, würde es Stunden dauern.",
    failed: "Die Aufgabe ließ sich hier nicht lösen. Bitte laden Sie die Seite neu.",
  },
};

export class HoldfastWork extends HTMLElement {
  static formAssociated = true;
  static observedAttributes = ["puzzle"];
  static texts = TEXTS;

  #value = "";
  #internals = this.attachInternals?.();
  #field = null; // a hidden input, where a browser has no form-associated elements
  #parts = {};
  #form = null;
  #submitter = null;
  #held = false; // the form waits for the answer
  #passing = false; // and goes on
  #until = 0; // ms; until then the answer can be sent, once
  #account = null; // for whom the puzzle was asked
  #work = null; // an AbortController while there is some
  #clock = 0;
  #noted = 0; // ms; when the estimate was last written

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    if (root.adoptedStyleSheets) {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
    }
    const tags = { text: "p", bar: "div", note: "p", cancel: "button", fill: "div" };
    for (const part in tags) {
      const one = (this.#parts[part] = document.createElement(tags[part]));
      one.setAttribute("part", part);
      (part === "fill" ? this.#parts.bar : root).append(one);
    }
    this.#parts.text.setAttribute("role", "status");
    this.#parts.bar.setAttribute("role", "progressbar");
    this.#parts.cancel.type = "button";
    this.#parts.cancel.onclick = () => this.cancel();
  }

  /** The answer, or "". */
  get value() {
    return this.#value;
  }

  connectedCallback() {
    if (!this.hasAttribute("name")) this.setAttribute("name", "work");
    this.#form = this.#internals?.form ?? this.closest("form");
    // Before the page's own listeners, so that none of them sends the form while it is held.
    this.#form?.addEventListener("submit", this.#submit, true);
    this.#show("idle", "");
    this.attributeChangedCallback();
  }

  disconnectedCallback() {
    this.#form?.removeEventListener("submit", this.#submit, true);
    this.#work?.abort();
    this.#held = false;
    clearInterval(this.#clock);
  }

  attributeChangedCallback() {
    const puzzle = this.getAttribute("puzzle");
    if (puzzle && this.isConnected) this.#solve(puzzle);
  }

  /** Stop working; the form is not sent. */
  cancel() {
    if (this.getAttribute("state") !== "running") return;
    this.#work.abort();
    this.#held = false;
    this.#submitter?.focus();
    this.#show("cancelled");
    this.#tell("cancelled");
  }

  #submit = (event) => {
    const state = this.getAttribute("state");
    const busy = state === "asking" || state === "running";
    const ask = this.hasAttribute("src") && !busy && Date.now() >= this.#until;
    if (this.#passing || (!busy && !ask)) {
      this.#until = 0;
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    if (state === "waiting") return;
    this.#held = true;
    this.#submitter = event.submitter;
    if (ask) this.#ask();
  };

  /** Let the form go on, if it waits. */
  #pass() {
    if (!this.#held) return;
    const form = this.#form;
    this.#held = false;
    this.#passing = true;
    form.requestSubmit(this.#submitter?.form === form ? this.#submitter : null);
    this.#passing = false;
  }

  #valueOf(attribute, otherwise) {
    return this.#form?.elements[this.getAttribute(attribute) ?? otherwise]?.value ?? "";
  }

  async #ask() {
    const csrf = this.getAttribute("csrf-field") ?? "csrfmiddlewaretoken";
    const body = new URLSearchParams({ [csrf]: this.#valueOf("csrf-field", csrf) });
    this.#account = this.#valueOf("account-field");
    if (this.hasAttribute("account-field")) body.set("account", this.#account);
    this.#fill("");
    this.#show("asking", "");
    let puzzle, wait;
    try {
      const signal = AbortSignal.timeout?.(ASKING_MS);
      const headers = { Accept: "application/json" };
      const asking = { method: "POST", mode: "same-origin", body, headers, signal };
      const answer = await fetch(this.getAttribute("src"), asking);
      ({ puzzle, wait } = await answer.json());
      if (!answer.ok && !wait) throw new Error(answer.status);
    } catch {
      return this.#fail("unasked");
    }
    if (puzzle) return this.#solve(puzzle);
    if (wait > 0) return this.#wait(wait);
    this.#show("idle", "");
    this.#pass();
  }

  async #solve(puzzle) {
    const work = new AbortController();
    const files = {};
    for (const name in FILES) files[name] = this.getAttribute(`${name}-src`);
    clearInterval(this.#clock);
    this.#work?.abort();
    this.#work = work;
    this.#noted = performance.now();
    this.#fill("");
    this.#show("running");
    try {
      const onProgress = (now) => work.signal.aborted || this.#progress(now);
      const answer = await solve(puzzle, { signal: work.signal, files, onProgress });
      const account = this.#account ?? this.#valueOf("account-field");
      if (account !== this.#valueOf("account-field")) return this.#ask();
      this.#fill(answer);
    } catch (error) {
      if (work.signal.aborted) return;
      if (error.reason === "expired" && this.hasAttribute("src")) return this.#ask();
      return this.#fail(error.reason ?? "worker");
    }
    this.#until = read(puzzle).until;
    this.#show("solved");
    this.#tell("solved", this.#value);
    this.#pass();
  }

  #wait(seconds) {
    const until = Date.now() + Math.min(seconds, LONGEST_WAIT_S) * 1000;
    const tick = () => {
      const left = (until - Date.now()) / 1000;
      if (left > 0) {
        this.#parts.note.textContent = this.#text("wait", left);
      } else {
        clearInterval(this.#clock);
        this.#show("idle", "ready");
      }
    };
    this.#held = false;
    this.#show("waiting");
    this.#clock = setInterval(tick, 1000);
    tick();
  }

  #fail(reason) {
    this.#show("failed", reason in TEXTS.en ? reason : "failed");
    this.#tell("failed", reason);
    this.#pass(); // without an answer: the server knows other ways
  }

  #fill(answer) {
    this.#value = answer;
    if (this.#internals?.setFormValue) return this.#internals.setFormValue(answer || null);
    this.#field ??= this.appendChild(document.createElement("input"));
    this.#field.type = "hidden";
    this.#field.name = this.getAttribute("name");
    this.#field.value = answer;
    this.#field.disabled = !answer;
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }

  get #language() {
    const asked = this.closest("[lang]")?.lang.toLowerCase() ?? "";
    const near = [asked, asked.split("-")[0]];
    return near.find((one) => Object.hasOwn(HoldfastWork.texts, one)) ?? "en";
  }

  #text(name, seconds = 0) {
    const language = this.#language;
    const text = HoldfastWork.texts[language][name] ?? TEXTS.en[name] ?? "";
    const [unit, many] = seconds < 100 ? ["second", seconds] : ["minute", seconds / 60];
    const style = { style: "unit", unit, unitDisplay: "long" };
    return text.replace("{time}", new Intl.NumberFormat(language, style).format(Math.ceil(many)));
  }

  #show(state, text = state) {
    const { bar, cancel } = this.#parts;
    this.setAttribute("state", state);
    bar.hidden = cancel.hidden = state !== "running";
    for (const one of Object.values(this.#parts)) one.lang = this.#language;
    this.#parts.text.textContent = this.#text(text);
    this.#parts.note.textContent = "";
    bar.setAttribute("aria-label", this.#text("progress"));
    cancel.textContent = this.#text("cancel");
    this.#parts.fill.style.width = "0";
  }

  #progress(now) {
    const { text, bar, fill, note } = this.#parts;
    const how = this.#text(now.method); // where it is a slow one
    const said = `${this.#text(now.done * 2 < now.parts ? "running" : "half")} ${how}`.trim();
    if (text.textContent !== said) text.textContent = said;
    fill.style.width = `${(now.done / now.parts) * 100}%`;
    bar.setAttribute("aria-valuemax", now.parts);
    // A single part is solved or it is not: nobody knows how far it is.
    if (now.parts > 1) bar.setAttribute("aria-valuenow", now.done);
    if (now.left !== null && performance.now() - this.#noted > 1000) {
      this.#noted = performance.now();
      note.textContent = this.#text("left", now.left);
    }
    this.#tell("progress", now);
  }
}
if (!customElements.get("holdfast-work")) customElements.define("holdfast-work", HoldfastWork);
