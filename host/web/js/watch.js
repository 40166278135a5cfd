/** Who ends a component that computes for ever. No engine of JavaScript can be interrupted, but a worker can be ended from outside. */
import { LoadError } from './fault.js';
import { parse } from './json.js';

/** Ends a worker when its component computes for longer than it may. `alarm` is the other end of the port that the session there has; `ended` is told why. */
export function watch(worker, alarm, ended) {
  let timer;
  alarm.onmessage = ({ data: { within, error } }) => {
    clearTimeout(timer);
    if (within === undefined) return;
    timer = setTimeout(() => {
      worker.terminate();
      ended(new LoadError(parse(error)));
    }, within);
  };
}
