import { describe, expect, it } from 'vitest';

import { read } from '../../src/lab/payload';

const STORE = '01234567-89ab-cdef-0123-456789abcdef';
const RUN = { version: 1, store: STORE, view: 'run', entity: 'ada', project: 'digits', run: 'k3v9x0aq' };

describe('what a notebook says about a display', () => {
  it('is read where it is as we write it', () => {
    const { version: _, ...request } = RUN;
    expect(read(RUN)).toEqual({ request });
    expect(read({ ...RUN, name: 'n', height: 420.4, cell: 'c0ffee', model_id: 'm' })).toEqual({
      request: { ...request, height: 420, cell: 'c0ffee' }
    });
    const model_id = '0123456789abcdef0123456789abcdef';
    expect(read({ ...RUN, model_id })).toEqual({ request, model: model_id });
    expect(read({ version: 1, store: STORE, view: 'projects', model_id })).toMatchObject({ model: model_id });
    expect(read({ ...RUN, view: 'project' })).toEqual({
      request: { store: STORE, view: 'project', entity: 'ada', project: 'digits' }
    });
    expect(read({ version: 1, store: STORE, view: 'projects' })).toEqual({
      request: { store: STORE, view: 'projects' }
    });
  });

  it('may be of a newer release', () => {
    expect(read({ version: 2, anything: 1 })).toEqual({ problem: 'newer' });
  });

  it.each([
    undefined,
    null,
    'text',
    [],
    {},
    { ...RUN, version: '1' },
    { ...RUN, version: 0 },
    { ...RUN, store: `${STORE}/../..` },
    { ...RUN, store: '../../../etc' },
    { ...RUN, store: [STORE] },
    { ...RUN, view: 'script' },
    { ...RUN, entity: undefined },
    { ...RUN, entity: '..' },
    { ...RUN, project: 'a/b' },
    { ...RUN, project: '' },
    { ...RUN, project: 'a\u0000b' },
    { ...RUN, project: 'x'.repeat(257) },
    { ...RUN, run: '../x' },
    { ...RUN, run: '<img src=x>' },
    { ...RUN, run: 'x'.repeat(65) }
  ])('is not believed: %j', payload => {
    expect(read(payload)).toEqual({ problem: 'broken' });
  });

  it.each([
    { height: 1e9 },
    { height: -1 },
    { height: '100' },
    { cell: '"><script>' },
    { cell: 7 },
    { model_id: '0123456789ABCDEF0123456789ABCDEF' },
    { model_id: '' },
    { model_id: '0123456789abcdef0123456789abcdef0' },
    { model_id: ['0123456789abcdef0123456789abcdef'] }
  ])('loses what is odd and not needed: %j', odd => {
    const { version: _, ...request } = RUN;
    expect(read({ ...RUN, ...odd })).toEqual({ request });
  });
});
