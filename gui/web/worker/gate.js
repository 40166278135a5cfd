/** Where the guest is held: pause, step and breakpoints. The guest is in a call to its observer then, and waits for its answer. */
/** The name of a call. */
export const nameOf = (call) => (typeof call === 'string' ? call : Object.keys(call)[0]);

export class Gate {
  hold = false;
  steps = 0;
  breaks = [];
  #names = [];

  /** Holds at the next step. */
  pause() {
    this.hold = true;
  }

  /** Lets go. */
  goOn() {
    Object.assign(this, { hold: false, steps: 0 });
  }

  /** Lets one step through. */
  step() {
    this.hold = true;
    this.steps += 1;
  }

  /** Another session gives its names anew. */
  forgetNames() {
    this.#names = [];
  }

  /**
   * Passes records; holds the caller where it is to be held.
   *
   * @param {() => void} wait blocks until there is news for this gate
   */
  pass(records, wait, held, resumed) {
    let why;
    let moved;
    for (const record of records) {
      if (record.names) this.#names.splice(record.names.first, Infinity, ...record.names.names);
      moved = this.#stopPoint(record) ?? moved;
      why = this.#hit(record) ?? why;
    }
    if (why) Object.assign(this, { hold: true, steps: 0 });
    if (!this.hold || !(why ?? moved)) return;
    held(why ?? moved);
    while (this.hold && this.steps === 0) wait();
    this.steps = Math.max(0, this.steps - 1);
    if (!this.hold) resumed();
  }

  #name(index) {
    return this.#names[index] ?? '?';
  }

  /** Whether the guest can be held at this record, and what it did. */
  #stopPoint({ step, call }) {
    if (call !== undefined) return `before ${nameOf(call)}`;
    const { transition, command } = step?.what ?? {};
    if (transition) return `${this.#name(step.machine)}: ${this.#name(transition[0])} → ${this.#name(transition[1])}`;
    return command === undefined ? undefined : `${this.#name(step.machine)} asks to ${this.#name(command)}`;
  }

  #hit({ step, return: returned }) {
    if (this.breaks.length === 0) return undefined;
    const onError = this.breaks.includes('Error');
    if (returned) {
      const bad = returned.answer.failed !== undefined || returned.answer['batch-failed'] !== undefined;
      return onError && bad ? 'the host did not do what was asked' : undefined;
    }
    const { transition, answer, outcome } = step?.what ?? {};
    if (onError && answer && !answer[1]) return `${this.#name(answer[0])} was answered badly`;
    if (onError && outcome && !outcome[1]) return `${this.#name(outcome[0])} ended badly`;
    if (!transition) return undefined;
    const [machine, from, to] = [step.machine, ...transition].map((index) => this.#name(index));
    const hit = this.breaks.some(({ State: state, Edge: edge }) =>
      state
        ? state.machine === machine && state.state === to && from !== to
        : edge && edge.machine === machine && edge.from === from && edge.to === to,
    );
    return hit ? `breakpoint at ${machine}: ${from} → ${to}` : undefined;
  }
}
