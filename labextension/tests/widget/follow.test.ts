import { describe, expect, it, vi } from 'vitest';

import { program } from '../../src/lab/widgets';
import type { Host, ViewRequest } from '../../src/panels';
import { CommSource } from '../../src/data/comm';
import { follow, type Model } from '../../src/widget/follow';

const STORE = '01234567-89ab-cdef-0123-456789abcdef';
const VIEW = { version: 1, store: STORE, view: 'project', entity: 'ada', project: 'digits' };

const mounts: { request: ViewRequest; host: Host; heights: (number | undefined)[]; disposed: boolean }[] = [];
function mountView(_: HTMLElement, request: ViewRequest, host: Host) {
  const made = { request, host, heights: [] as (number | undefined)[], disposed: false };
  mounts.push(made);
  return { resize: (height?: number) => void made.heights.push(height), dispose: () => void (made.disposed = true) };
}
vi.mock('../../src/panels', () => ({ mountView: (...all: Parameters<typeof mountView>) => mountView(...all) }));

function aModel(view: object) {
  const listeners = new Map<string, Set<() => void>>();
  const of = (name: string) => listeners.get(name) ?? listeners.set(name, new Set()).get(name)!;
  const model = {
    view,
    get: () => model.view,
    send: () => undefined,
    on: (name: string, one: () => void) => void of(name).add(one),
    off: (name: string, one: () => void) => void of(name).delete(one),
    set: (changed: object) => {
      model.view = { ...model.view, ...changed };
      of('change:view').forEach(one => one());
    },
    listening: () => [...listeners.values()].reduce((sum, set) => sum + set.size, 0)
  };
  return model;
}

const settled = () => new Promise(resolve => setTimeout(resolve, 5));

describe('a view that follows its model', () => {
  it('is another one when the model shows another thing, and only higher when it has another height', async () => {
    mounts.length = 0;
    const model = aModel(VIEW);
    const el = document.createElement('div');
    const leave = follow(model as unknown as Model, view => mountView(el, view, {} as Host));
    await settled();
    model.set({ height: 300 });
    await settled();
    expect(mounts.map(one => [one.heights.at(-1), one.disposed])).toEqual([[300, false]]);
    model.set({ project: 'other' });
    await settled();
    expect(mounts.map(one => [one.request.project, one.heights.at(-1), one.disposed])).toEqual([
      ['digits', 300, true],
      ['other', 300, false]
    ]);
    leave();
    expect([mounts[1]!.disposed, model.listening()]).toEqual([true, 0]);
  });

  it('is the last one, however long the first takes', async () => {
    mounts.length = 0;
    const model = aModel(VIEW);
    const waits: (() => void)[] = [];
    const el = document.createElement('div');
    follow(model as unknown as Model, async view => {
      await new Promise<void>(resolve => waits.push(resolve));
      return mountView(el, view, {} as Host);
    });
    model.set({ project: 'other' });
    waits[1]!();
    await settled();
    waits[0]!();
    await settled();
    expect(mounts.filter(one => !one.disposed).map(one => one.request.project)).toEqual(['other']);
  });
});

describe('what a page gives to its widgets', () => {
  const host = {
    source: { mark: 'page' },
    translate: (text: string) => text,
    open: () => undefined
  } as unknown as Host;

  async function render(isHere: boolean | undefined, view: object = VIEW) {
    mounts.length = 0;
    const model = aModel(view);
    const el = document.createElement('div');
    const leave = program({ host, isHere: async () => isHere }).render({ model: model as unknown as Model, el });
    await settled();
    return { model, el, leave };
  }

  it.each([true, undefined])(
    'is its own data, which come while the kernel is busy (the store is here: %s)',
    async isHere => {
      const { leave, model } = await render(isHere);
      expect(mounts[0]!.host).toBe(host);
      leave();
      expect([mounts[0]!.disposed, model.listening()]).toEqual([true, 0]);
    }
  );

  it('is the comm where only the kernel reaches the store, and nothing of it opens in a tab', async () => {
    const { leave, model } = await render(false);
    expect(mounts[0]!.host.source).toBeInstanceOf(CommSource);
    expect(mounts[0]!.host.open).toBeUndefined();
    leave();
    expect([mounts[0]!.disposed, model.listening()]).toEqual([true, 0]);
  });

  it('is a word where the model names no view', async () => {
    const { el } = await render(true, { ...VIEW, store: '../..' });
    expect(mounts).toEqual([]);
    expect(el.textContent).toBe('This display cannot be read.');
  });
});
