import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { Host, ViewRequest } from '../../src/panels';
import { DisplayRenderer, factory, RANK } from '../../src/lab/renderer';
import { MIME } from '../../src/lab/payload';

// Lumino looks for it when it is loaded; jsdom has none.
vi.hoisted(() => {
  globalThis.DragEvent ??= class extends Event {} as unknown as typeof DragEvent;
});

const STORE = '01234567-89ab-cdef-0123-456789abcdef';
const PICTURE = 'iVBORw0KGgo=';
const PAYLOAD = { version: 1, store: STORE, view: 'project', entity: 'ada', project: 'digits' };

const mounted: { node: HTMLElement; request: ViewRequest; disposed: boolean }[] = [];
vi.mock('../../src/panels', () => ({
  mountView: (node: HTMLElement, request: ViewRequest) => {
    const view = { node, request, disposed: false };
    mounted.push(view);
    return { resize: () => undefined, dispose: () => (view.disposed = true) };
  }
}));

/** What is on the screen is what a test says. */
class FakeObserver {
  static all: FakeObserver[] = [];
  private node: Element | undefined;
  constructor(private readonly callback: (entries: { isIntersecting: boolean }[]) => void) {
    FakeObserver.all.push(this);
  }
  observe(node: Element): void {
    this.node = node;
  }
  disconnect(): void {
    this.node = undefined;
  }
  show(): void {
    if (this.node !== undefined) this.callback([{ isIntersecting: true }]);
  }
}

const host = { source: {}, translate: (text: string) => text } as unknown as Host;
const rendermime = { getFactory: () => undefined };
const settled = () => vi.waitFor(() => new Promise(resolve => setTimeout(resolve, 5)));

function render(bundle: Record<string, unknown>, isHere: boolean | undefined | null = true) {
  const renderer = new DisplayRenderer({ host, isHere: async () => isHere, rendermime });
  const model = { trusted: false, data: bundle as never, metadata: {}, setData: () => undefined };
  return { renderer, node: renderer.node.firstElementChild as HTMLElement, model, done: renderer.renderModel(model) };
}

async function show() {
  FakeObserver.all.forEach(one => one.show());
  await settled();
}

describe('a display in a notebook', () => {
  beforeEach(() => {
    mounted.length = 0;
    FakeObserver.all = [];
    vi.stubGlobal('IntersectionObserver', FakeObserver);
  });

  it('wins over the view of ipywidgets, in untrusted notebooks too', () => {
    expect(RANK).toBeLessThan(-10);
    expect(factory({ host, isHere: async () => true, rendermime })).toMatchObject({ safe: true, mimeTypes: [MIME] });
  });

  it('costs nothing until it is near the screen', async () => {
    const { node, done } = render({ [MIME]: PAYLOAD });
    await done;
    expect(mounted).toEqual([]);
    expect(node.style.minHeight).not.toBe('');
    await show();
    expect(mounted.map(view => view.request)).toEqual([
      { store: STORE, view: 'project', entity: 'ada', project: 'digits' }
    ]);
    expect(node.style.minHeight).toBe('');
  });

  it('goes on when it is rendered again as it was, and starts anew when it is another', async () => {
    const { renderer, model } = render({ [MIME]: PAYLOAD });
    await show();
    await renderer.renderModel(model);
    await show();
    expect(mounted).toHaveLength(1);
    await renderer.renderModel({ ...model, data: { [MIME]: { ...PAYLOAD, project: 'other' } } });
    expect(mounted[0]!.disposed).toBe(true);
    await show();
    expect(mounted[1]!.request.project).toBe('other');
    renderer.dispose();
    expect(mounted[1]!.disposed).toBe(true);
  });

  it('shows the picture of a store that is not on this machine, and says so', async () => {
    const { node } = render({ [MIME]: PAYLOAD, 'image/png': `${PICTURE}\n`, 'text/plain': 'digits: 3 runs' }, false);
    await show();
    expect(mounted).toEqual([]);
    const image = node.querySelector('img')!;
    expect([image.src, image.alt]).toEqual([`data:image/png;base64,${PICTURE}`, 'digits: 3 runs']);
    expect(node.textContent).toBe('This store is not on this machine.');
  });

  it('shows the newest picture of a display that goes on where it is not live', async () => {
    const { renderer, node, model } = render({ [MIME]: PAYLOAD, 'text/plain': 'Running' }, false);
    await renderer.renderModel({ ...model, data: { [MIME]: PAYLOAD, 'text/plain': 'Running 0:01' } });
    await show();
    expect(node.querySelector('pre')!.textContent).toBe('Running 0:01');
    const newer = { [MIME]: PAYLOAD, 'image/png': PICTURE, 'text/plain': 'Finished' };
    await renderer.renderModel({ ...model, data: newer });
    expect(node.querySelector('img')!.alt).toBe('Finished');
    expect(node.querySelectorAll('.tnb-note')).toHaveLength(1);
    await renderer.renderModel({ ...model, data: { ...newer, [MIME]: { ...PAYLOAD, project: 'other' } } });
    expect(node.querySelector('img')).toBeNull(); // another display: looked for anew
  });

  it('shows the picture where the server has no extension of ours, and says what to type', async () => {
    const { node } = render({ [MIME]: PAYLOAD, 'image/png': PICTURE, 'text/plain': 'digits: 3 runs' }, null);
    await show();
    expect(mounted).toEqual([]);
    expect(node.querySelector('img')).not.toBeNull();
    expect(node.textContent).toContain("pip install 'tracker_nb[lab]'");
    expect(node.textContent).toContain('jupyter server extension enable tracker_nb_server');
  });

  it('is shown where nobody can say whether the store is here: the view has words for it', async () => {
    render({ [MIME]: PAYLOAD }, undefined);
    await show();
    expect(mounted).toHaveLength(1);
  });

  it('shows the picture of a display that a newer release has written', async () => {
    const { node } = render({ [MIME]: { version: 2 }, 'image/png': [PICTURE] });
    await show();
    expect(node.querySelector('img')).not.toBeNull();
    expect(node.textContent).toContain('A newer tracker_nb has written this display');
    expect(node.textContent).toContain("pip install -U 'tracker_nb[lab]'");
  });

  it('shows text as text where there is no picture, whatever the notebook says', async () => {
    const evil = '<img src=x onerror=alert(1)>';
    const { node } = render({ [MIME]: { version: 1 }, 'image/png': '"><script>', 'text/plain': evil });
    await show();
    expect(node.querySelector('img, script')).toBeNull();
    expect(node.querySelector('pre')!.textContent).toBe(evil);
  });

  it('makes nothing after it was thrown away', async () => {
    const { renderer } = render({ [MIME]: PAYLOAD });
    FakeObserver.all[0]!.show();
    renderer.dispose();
    await settled();
    expect(mounted).toEqual([]);
  });
});
