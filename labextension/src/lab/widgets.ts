/**
 * What our widgets get from this page in the place of a program of their own: the same views, and the data of the page.
 * So a widget's charts move while its kernel is busy, which its comm cannot do.
 */

import { CommSource } from '../data/comm';
import type { Host, Mount } from '../panels';
import { follow, type Program } from '../widget/follow';
import { read } from './payload';
import type { Surroundings } from './renderer';

/** Where the loader looks for it: `tracker_nb/panels/loader.js`. */
const PLACE = Symbol.for('tracker_nb.page');

export function provide(surroundings: Pick<Surroundings, 'host' | 'isHere'>): void {
  (globalThis as Record<symbol, unknown>)[PLACE] = program(surroundings);
}

export function program({ host, isHere }: Pick<Surroundings, 'host' | 'isHere'>): Program {
  return {
    render({ model, el }) {
      const leave = follow(model, async view => {
        const found = read(view);
        if ('problem' in found) {
          el.textContent = host.translate('This display cannot be read.');
          return { resize: () => undefined, dispose: () => el.replaceChildren() };
        }
        const { request } = found;
        const [here, panels] = await Promise.all([isHere(request.store), import('../panels')]);
        if (here === true || here === undefined) return panels.mountView(el, request, host);
        return overComm(model, host, one => panels.mountView(el, request, one));
      });
      return leave;
    }
  };
}

/** Of a store that only the kernel can reach. Nothing of it can be opened in a tab. */
function overComm(model: ConstructorParameters<typeof CommSource>[0], host: Host, mount: (host: Host) => Mount): Mount {
  const { open: _, ...rest } = host;
  const source = new CommSource(model);
  const mounted = mount({ ...rest, source });
  return {
    resize: height => mounted.resize(height),
    dispose: () => {
      mounted.dispose();
      source.dispose();
    }
  };
}
