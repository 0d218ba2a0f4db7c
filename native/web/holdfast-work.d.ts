/** How far a puzzle is solved. */
export interface Progress {
  /** Parts that are solved, of `parts`. Within a part there is no progress: tries have no memory. */
  done: number;
  parts: number;
  /** Hashes tried so far. */
  hashes: number;
  /** Hashes a second of all workers together; 0 until it was measured. */
  rate: number;
  /** Seconds that the rest takes on average; null until the rate was measured. */
  left: number | null;
  /** What the workers count by: WebAssembly with or without SIMD, plain JavaScript, Argon2. */
  method: "simd" | "scalar" | "script" | "argon2" | undefined;
}

/** Where the parts of the package lie, if not beside the module. Workers: same origin only. */
export interface Files {
  worker?: string | URL | null;
  simd?: string | URL | null;
  scalar?: string | URL | null;
  argon2?: string | URL | null;
}

export interface Options {
  /** Ends the work; the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
  onProgress?: (now: Progress) => void;
  /** How many workers; otherwise one for each core, at most four. */
  workers?: number;
  files?: Files;
}

/** Why there is no answer: `slow` means that a memory-hard puzzle needs WebAssembly. */
export type Reason = "puzzle" | "expired" | "slow" | "worker" | "exhausted";

export class WorkError extends Error {
  constructor(reason: Reason);
  readonly reason: Reason;
}

/** The answer to a puzzle. Rejects with a WorkError, or with the reason of the signal. */
export function solve(text: string, options?: Options): Promise<string>;

/** The words of one language; `{time}` stands for a time. What is missing is said in English. */
export type Texts = Partial<
  Record<
    | "running" | "scalar" | "script" | "progress" | "left" | "half" | "solved" | "waiting" | "wait"
    | "ready" | "cancel" | "cancelled" | "unasked" | "expired" | "slow" | "failed",
    string
  >
>;

export interface HoldfastWorkEvents {
  progress: CustomEvent<Progress>;
  solved: CustomEvent<string>;
  failed: CustomEvent<Reason | "unasked">;
  cancelled: CustomEvent<null>;
}

export class HoldfastWork extends HTMLElement {
  static readonly formAssociated: true;
  /** By language tag in lower case, such as `de` or `pt-br`. */
  static texts: Record<string, Texts>;
  /** The answer, or "". */
  readonly value: string;
  /** Stop working; the form is not sent. */
  cancel(): void;
  addEventListener<K extends keyof HoldfastWorkEvents>(
    type: K,
    listener: (this: HoldfastWork, event: HoldfastWorkEvents[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "holdfast-work": HoldfastWork;
  }
}
