/** The worker's side: pages connect, say what they want, and go, often without a word. */

import { FORGOTTEN, type FromWorker, STILL_THERE, type ToWorker } from './lines';
import { Pump } from './pump';

/** Returns what to do with the port of each page. */
export function serve(pump: Pump = new Pump()): (port: MessagePort) => void {
  let number = 0;
  const heardOf = new Map<string, number>();
  const leave = (page: string) => {
    heardOf.delete(page);
    pump.leave(page);
  };
  // Where there are no locks, silence tells; a page that was asleep for long speaks up when it wakes.
  setInterval(() => {
    for (const [page, time] of heardOf) {
      if (Date.now() - time > FORGOTTEN) leave(page);
    }
  }, STILL_THERE);
  return port => {
    const page = String(++number);
    let locked = false;
    const post = (message: FromWorker) => port.postMessage(message);
    port.onmessage = (event: MessageEvent<ToWorker>) => {
      const said = event.data;
      if (!locked) heardOf.set(page, Date.now());
      if (said.kind === 'hello') {
        post({ kind: 'welcome' });
        if (said.lock !== undefined) {
          locked = true;
          heardOf.delete(page);
          void navigator.locks.request(said.lock, () => pump.leave(page));
        }
      } else if (said.kind === 'here') {
        if (!pump.knows(page)) post({ kind: 'again' });
      } else {
        pump.take(page, said, post);
      }
    };
    port.start();
  };
}
