import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Host } from '../../src/panels';
import { WIDGET_MIME } from '../../src/lab/live';
import { MIME } from '../../src/lab/payload';
import { DisplayRenderer } from '../../src/lab/renderer';

// Lumino looks for it when it is loaded; jsdom has none.
vi.hoisted(() => {
  globalThis.DragEvent ??= class extends Event {} as unknown as typeof DragEvent;
});
const { Panel, Widget } = await import('@lumino/widgets');

const STORE = '01234567-89ab-cdef-0123-456789abcdef';
const MODEL = '0123456789abcdef0123456789abcdef';
const PAYLOAD = { version: 1, store: STORE, view: 'project', entity: 'ada', project: 'digits', model_id: MODEL };

const mounted: { node: HTMLElement; disposed: boolean }[] = [];
vi.mock('../../src/panels', () => ({
  mountView: (node: HTMLElement) => {
    const view = { node, disposed: false };
    mounted.push(view);
    node.textContent = 'from the store';
    return { resize: () => undefined, dispose: () => (view.disposed = true) };
  }
}));

/** A renderer as ipywidgets': its promise may never be done, and what it shows comes and goes. */
class FakeWidgetView extends Panel implements IRenderMime.IRenderer {
  asked: unknown;
  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.asked = model.data[WIDGET_MIME];
    this.node.textContent = 'Loading widget...';
    return new Promise(() => undefined);
  }
  /** A view of ours, or of somebody else. */
  come(html: string): void {
    this.node.textContent = '';
    const view = new Widget();
    view.node.append(...new DOMParser().parseFromString(html, 'text/html').body.children);
    this.addWidget(view);
  }
}

const DRAWN = '<div class="tnb-root" data-complete=""><div class="tnb-panel"><canvas></canvas></div></div>';
const views: FakeWidgetView[] = [];
const aFactory = (): IRenderMime.IRendererFactory => ({
  safe: false,
  mimeTypes: [WIDGET_MIME],
  createRenderer: () => new FakeWidgetView()
});

/** The registry of a notebook, a copy of JupyterLab's own. */
class Registry {
  constructor(public found: IRenderMime.IRendererFactory | undefined) {}
  getFactory = () => this.found;
  createRenderer = () => {
    const made = this.found!.createRenderer({} as never);
    views.push(made as FakeWidgetView);
    return made;
  };
}

const host = { source: {}, translate: (text: string) => text } as unknown as Host;
const pass = async (milliseconds: number) => {
  await vi.advanceTimersByTimeAsync(milliseconds);
};

interface How {
  trusted?: boolean;
  payload?: object;
  isHere?: boolean;
}

let renderer: InstanceType<typeof DisplayRenderer>;
/** Shows a display in a notebook; `own` is the notebook's registry, `everywhere` JupyterLab's. */
async function show(
  own: Registry,
  everywhere: Registry,
  { trusted = true, payload = PAYLOAD, isHere = true }: How = {}
) {
  renderer = new DisplayRenderer({ host, isHere: async () => isHere, rendermime: everywhere });
  const notebook = Object.assign(new Panel(), { rendermime: own });
  const area = new Panel();
  notebook.addWidget(area);
  area.addWidget(renderer);
  document.body.append(notebook.node);
  const data = { [MIME]: payload, 'text/plain': 'digits' } as never;
  const model = { trusted, data, metadata: {}, setData: () => undefined };
  await renderer.renderModel(model);
  await pass(10);
  return model;
}

const base = () => renderer.node.firstElementChild as HTMLElement;
const seen = () => [...renderer.node.children].filter(one => !/lm-mod-hidden|tnb-waiting/.test(one.className));

describe('the live view of a widget', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    mounted.length = views.length = 0;
    document.body.replaceChildren();
    vi.stubGlobal(
      'IntersectionObserver',
      class {
        constructor(private readonly callback: (entries: { isIntersecting: boolean }[]) => void) {}
        observe(): void {
          this.callback([{ isIntersecting: true }]);
        }
        disconnect(): void {}
      }
    );
  });
  afterEach(() => {
    renderer.dispose();
    vi.useRealTimers();
  });

  it('takes the place of the display when it is drawn, and not before', async () => {
    const [placeholder, own] = [aFactory(), aFactory()];
    const registry = new Registry(placeholder);
    await show(registry, new Registry(placeholder));
    await pass(3000);
    expect(views).toEqual([]); // ipywidgets does not know the notebook's kernel yet
    registry.found = own;
    await pass(2000);
    expect(views[0]!.asked).toEqual({ version_major: 2, version_minor: 0, model_id: MODEL });
    expect(seen()).toEqual([base()]);
    views[0]!.come('<div class="tnb-root"></div>');
    await pass(10);
    expect(seen()).toEqual([base()]);
    views[0]!.come(DRAWN);
    await pass(10);
    expect(seen()).toEqual([views[0]!.node]);
    expect(mounted.map(view => view.disposed)).toEqual([true]);
  });

  it('waits for its charts only so long', async () => {
    await show(new Registry(aFactory()), new Registry(aFactory()));
    await pass(200);
    views[0]!.come('<div class="tnb-root" data-complete=""><div class="tnb-panel"></div></div>');
    await pass(1000);
    expect(seen()).toEqual([base()]);
    await pass(1500);
    expect(seen()).toEqual([views[0]!.node]);
  });

  it('gives the place back when its model is gone', async () => {
    await show(new Registry(aFactory()), new Registry(aFactory()));
    await pass(200);
    views[0]!.come(DRAWN);
    await pass(10);
    views[0]!.widgets[0]!.dispose();
    await pass(10);
    expect(seen()).toEqual([base()]);
    expect(views[0]!.isDisposed).toBe(true);
    expect(mounted.map(view => view.disposed)).toEqual([true, false]);
    expect(base().textContent).toBe('from the store');
  });

  it.each([
    [
      'there is no model',
      (view: FakeWidgetView) => (view.node.textContent = 'Error displaying widget: model not found')
    ],
    ['the model is of another program', (view: FakeWidgetView) => view.come('<input type="range">')]
  ])('is not there, and nothing changes, where %s', async (_, happens) => {
    await show(new Registry(aFactory()), new Registry(aFactory()));
    await pass(200);
    happens(views[0]!);
    await pass(120_000);
    expect(seen()).toEqual([base()]);
    expect(mounted.map(view => view.disposed)).toEqual([false]);
  });

  it.each([
    ['the notebook is not trusted', { trusted: false }],
    ['the display names no model', { payload: { ...PAYLOAD, model_id: undefined } }],
    ['its id is none', { payload: { ...PAYLOAD, model_id: '../' } }]
  ] as [string, How][])('is not looked for where %s', async (_, how) => {
    await show(new Registry(aFactory()), new Registry(aFactory()), how);
    await pass(120_000);
    expect(views).toEqual([]);
    expect(mounted).toHaveLength(1);
  });

  it('is looked for once the notebook is trusted, and the display goes on meanwhile', async () => {
    const model = await show(new Registry(aFactory()), new Registry(aFactory()), { trusted: false });
    await renderer.renderModel({ ...model, trusted: true });
    await pass(200);
    expect(views).toHaveLength(1);
    expect(mounted.map(view => view.disposed)).toEqual([false]);
  });

  it('goes when the notebook is trusted no longer', async () => {
    const model = await show(new Registry(aFactory()), new Registry(aFactory()));
    await pass(200);
    views[0]!.come(DRAWN);
    await pass(10);
    await renderer.renderModel({ ...model, trusted: false });
    await pass(1000);
    expect(seen()).toEqual([base()]);
    expect(views.map(view => view.isDisposed)).toEqual([true]);
  });

  it('is not there where ipywidgets is not installed, and after a minute nobody looks', async () => {
    const registry = new Registry(undefined);
    await show(registry, registry);
    await pass(70_000);
    expect(vi.getTimerCount()).toBe(0);
    expect(seen()).toEqual([base()]);
  });

  it('shows what only the kernel can reach, in the place of the picture', async () => {
    await show(new Registry(aFactory()), new Registry(aFactory()), { isHere: false });
    expect(base().textContent).toContain('not on this machine');
    await pass(200);
    views[0]!.come(DRAWN);
    await pass(10);
    expect(seen()).toEqual([views[0]!.node]);
  });

  it('is given up with its display', async () => {
    await show(new Registry(aFactory()), new Registry(aFactory()));
    await pass(200);
    renderer.dispose();
    expect(views[0]!.isDisposed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});
