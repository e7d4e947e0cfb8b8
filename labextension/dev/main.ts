/** `?view=run|project|projects&theme=dark&show=empty|error|lost|slow|waiting&points=300&keys=12&runs=12&live=1&every=250&height=480` */

import { mountView, type ViewRequest } from '../src/panels';
import { FakeSource, type Wishes } from './fake';

const asked = new URLSearchParams(location.search);
const store = '00000000-0000-4000-8000-000000000000';
const source = new FakeSource(store, {
  points: Number(asked.get('points') ?? 300),
  keys: Number(asked.get('keys') ?? 12),
  runs: Number(asked.get('runs') ?? 12),
  live: Number(asked.get('live') ?? 1),
  every: Number(asked.get('every') ?? 250),
  show: (asked.get('show') ?? 'data') as Wishes['show']
});
const themed = new Set<() => void>();
document.documentElement.dataset.theme = asked.get('theme') ?? 'light';
const view = (asked.get('view') ?? 'run') as ViewRequest['view'];
const request: ViewRequest = { store, view, height: Number(asked.get('height') ?? 0) || undefined };
if (view !== 'projects') Object.assign(request, { entity: 'ada', project: 'digits' });
if (view === 'run') request.run = asked.get('run') ?? `r${(1234).toString(36)}x0`;

mountView(document.getElementById('view') as HTMLElement, request, {
  source,
  translate: text => text,
  open: asked.get('open') === '0' ? undefined : () => undefined,
  onTheme: listener => {
    themed.add(listener);
    return { dispose: () => themed.delete(listener) };
  }
});

Object.assign(window, {
  setTheme: (theme: string) => {
    document.documentElement.dataset.theme = theme;
    for (const listener of themed) listener();
  },
  source
});
