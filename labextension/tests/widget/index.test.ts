import { describe, expect, it, vi } from 'vitest';

import type { DataSource } from '../../src/data/source';
import type { Host } from '../../src/panels';

const REQUEST = { store: '01234567-89ab-cdef-0123-456789abcdef', view: 'projects' };

let host: Host | undefined;
let disposed = 0;
vi.mock('../../src/panels', () => ({
  mountView: (node: HTMLElement, request: unknown, given: Host) => {
    host = given;
    node.textContent = JSON.stringify(request);
    return { resize: () => undefined, dispose: () => disposed++ };
  }
}));
vi.stubGlobal('TNB_STYLES', '.tnb-view { color: red }');

function setUp() {
  const sent: { id: string }[] = [];
  const listeners = new Set<(message: unknown) => void>();
  const model = {
    get: () => REQUEST,
    send: (content: unknown) => void sent.push(content as { id: string }),
    on: (_: string, listener: (message: unknown) => void) => void listeners.add(listener),
    off: (_: string, listener: (message: unknown) => void) => void listeners.delete(listener)
  };
  const el = document.createElement('div');
  return { model: model as never, el, sent, listeners };
}

describe('the entry of widgets', () => {
  it('mounts the view of its model with data over its comm, and lets go of both', async () => {
    const { default: widget } = await import('../../src/widget');
    const { model, el, sent, listeners } = setUp();
    document.body.append(el);
    const leave = widget.render({ model, el });
    expect(el.textContent).toBe(JSON.stringify(REQUEST));
    const source: DataSource = host!.source;
    const answer = source.projects(REQUEST.store);
    listeners.forEach(listener => listener({ id: sent[0]!.id, result: ['p'] }));
    expect(await answer).toEqual(['p']);
    leave();
    expect([disposed, listeners.size]).toEqual([1, 0]);
  });

  it('brings its styles once to a document, and to each shadow root', async () => {
    const { default: widget } = await import('../../src/widget');
    for (let i = 0; i < 3; i++) {
      const { model, el } = setUp();
      document.body.append(el);
      widget.render({ model, el });
    }
    expect(document.querySelectorAll('style[data-tracker-nb]')).toHaveLength(1);
    const shadow = document.body.appendChild(document.createElement('div')).attachShadow({ mode: 'open' });
    const { model, el } = setUp();
    shadow.append(el);
    widget.render({ model, el });
    expect(shadow.querySelector('style')!.textContent).toContain('.tnb-view');
  });
});
