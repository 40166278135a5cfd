/** Cases one after the other: what failed is said at once, and how many at the end. */
export class Tally {
  passed = 0;
  failed = 0;

  /** @param {string} [wanted] only cases whose names have this in them */
  constructor(wanted = '') {
    this.wanted = wanted;
  }

  /** Runs a case; `failure` is told of an error before it is counted. */
  async run(name, work, failure = () => {}) {
    if (!name.includes(this.wanted)) return;
    const began = performance.now();
    try {
      await work();
      this.passed += 1;
      console.log(`ok      ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
    } catch (error) {
      this.failed += 1;
      console.log(`FAILED  ${name}\n${String(error?.stack ?? error).replace(/^/gm, '        ')}`);
      await failure(error);
    }
  }

  /** Says how many there were, and ends the program: well only if some ran and none failed. */
  end() {
    console.log(`${this.passed} passed, ${this.failed} failed`);
    process.exit(this.failed > 0 || this.passed === 0 ? 1 : 0);
  }
}
