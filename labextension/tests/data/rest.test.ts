import { readFileSync } from 'node:fs';

import { describe, expect, it, vi } from 'vitest';

import { RestSource } from '../../src/data/rest';
import { SourceError } from '../../src/data/source';
import { VERSION } from '../../src/data/version';
import { SERVER, STORE } from './fakes';

function setUp(answer: () => Promise<Response>, server = SERVER) {
  const asked: { url: URL; init: RequestInit }[] = [];
  const begun = vi.fn(async () => undefined);
  const source = new RestSource(
    () => server,
    { begun, subscribe: () => ({ setLive: () => undefined, dispose: () => undefined }) },
    (url, init) => {
      asked.push({ url: new URL(url), init });
      return answer();
    }
  );
  return { source, asked, begun };
}

const json =
  (document: unknown, status = 200) =>
  async () =>
    Response.json(document, { status });

describe('data over REST', () => {
  it('asks below the base URL, as a page of Jupyter does', async () => {
    const { source, asked } = setUp(json({ runs: [], total: 0, offset: 0, next: null }));
    await source.runs(STORE, { project: 'p', filter: { 'config.lr': 0.1 }, limit: 5 });
    const { url, init } = asked[0]!;
    expect(url.pathname).toBe(`/user/a/tracker-nb/api/v1/stores/${STORE}/runs`);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      project: 'p',
      filter: '{"config.lr":0.1}',
      limit: '5',
      no_track_activity: '1'
    });
    expect(init).toMatchObject({ method: 'GET', credentials: 'same-origin', headers: { 'X-XSRFToken': 'x' } });
  });

  it('puts the token into addresses only where cookies do not reach', async () => {
    const { source, asked } = setUp(json({ projects: [] }), { ...SERVER, token: 't' });
    await source.projects(STORE);
    expect(asked[0]!.url.searchParams.get('token')).toBe('t');
  });

  it('keeps NaN and the infinities as they came', async () => {
    const series = [{ run: 'e/p/r', key: 'k', exact: true, x: [0, 1], last: ['NaN', 'Infinity'] }];
    const { source, asked } = setUp(json({ x: '_step', series }));
    expect(await source.buckets(STORE, { runs: ['e/p/r'], keys: ['k'], window: [null, 3] })).toEqual(series);
    expect(JSON.parse(asked[0]!.init.body as string)).toEqual({ runs: ['e/p/r'], keys: ['k'], window: [null, 3] });
  });

  it('changes a run, puts it into the trash and takes it out of it', async () => {
    const { source, asked } = setUp(json({}));
    await source.update(STORE, 'e/p/r', { tags: ['a'] });
    await source.remove(STORE, 'e/p/r');
    await source.restore(STORE, 'e/p/r');
    const run = `/user/a/tracker-nb/api/v1/stores/${STORE}/projects/e/p/runs/r`;
    expect(asked.map(({ url, init }) => [init.method, url.pathname, init.body])).toEqual([
      ['PATCH', run, '{"tags":["a"]}'],
      ['DELETE', run, undefined],
      ['POST', `${run}/restore`, '{}']
    ]);
    // What a person does is activity, unlike what panels read.
    expect(asked.some(({ url }) => url.searchParams.has('no_track_activity'))).toBe(false);
  });

  it('names runs by parts that hold anything but a slash', async () => {
    const { source, asked } = setUp(json({ asked: 1 }));
    expect(await source.stop(STORE, 'a b/p?&#/r1')).toBe(1);
    expect(asked[0]!.url.pathname).toBe(
      `/user/a/tracker-nb/api/v1/stores/${STORE}/projects/a%20b/p%3F%26%23/runs/r1/stop`
    );
    expect(asked[0]!.init.method).toBe('POST');
    expect(asked[0]!.url.searchParams.has('no_track_activity')).toBe(false); // a person did this
  });

  it.each(['r1', 'a/b/c/d', '../p/r1', 'a//r1', ''])('asks for no run named %j', async path => {
    const { source, asked } = setUp(json({}));
    await expect(source.run(STORE, path)).rejects.toMatchObject({ name: 'SourceError', type: 'BadValue' });
    expect(asked).toEqual([]);
  });

  it.each(['', '../../etc', `${STORE}/..`, STORE.toUpperCase()])('asks for no store named %j', async store => {
    const { source, asked } = setUp(json({}));
    await expect(source.projects(store)).rejects.toBeInstanceOf(SourceError);
    expect(asked).toEqual([]);
  });

  it("passes the server's errors on by name", async () => {
    const error = { id: 'ab12', type: 'RunNotFound', message: 'This run is not in the store.' };
    const { source } = setUp(json({ error }, 404));
    await expect(source.run(STORE, 'e/p/r')).rejects.toMatchObject({ name: 'SourceError', ...error });
  });

  it.each([
    [403, 'Forbidden'],
    [404, 'NoExtension'],
    [502, 'NoConnection']
  ])('has a name for an answer of %i that is not ours', async (status, type) => {
    const { source } = setUp(async () => new Response('<html>', { status }));
    await expect(source.projects(STORE)).rejects.toMatchObject({ name: 'SourceError', type });
  });

  const missing = () => new Response('<html>', { status: 404 });

  it.each([
    ['nothing of ours answers: there is no extension', missing, 'NoExtension', null],
    [
      'another release answers: that is what is wrong',
      () => Response.json({ version: '9.1.0' }),
      'OtherVersion',
      undefined
    ],
    [
      'this release answers: something is in the way',
      () => Response.json({ version: VERSION }),
      'NoConnection',
      undefined
    ]
  ])('asks what the server is when an address is not there; %s', async (_, info, type, here) => {
    const { source, asked } = setUp(async () => (asked.at(-1)!.url.pathname.endsWith('/info') ? info() : missing()));
    await expect(source.projects(STORE)).rejects.toMatchObject({ type });
    expect(asked.map(one => one.url.pathname.split('/').at(-1))).toEqual(['projects', 'info']);
    expect(await source.storesHere()).toBe(here);
  });

  it('names both releases', async () => {
    const { source, asked } = setUp(async () =>
      asked.at(-1)!.url.pathname.endsWith('/info') ? Response.json({ version: '9.1.0' }) : missing()
    );
    await expect(source.projects(STORE)).rejects.toThrow(`This page is of tracker_nb ${VERSION}, the server of 9.1.0.`);
  });

  it('is of the release that the package is of', () => {
    expect(VERSION).toBe((JSON.parse(readFileSync('package.json', 'utf-8')) as { version: string }).version);
  });

  it('says so when nobody answers, or something else does', async () => {
    const nobody = setUp(() => Promise.reject(new TypeError('Failed to fetch')));
    await expect(nobody.source.projects(STORE)).rejects.toMatchObject({ type: 'NoConnection' });
    const page = setUp(async () => new Response('<html>log in</html>'));
    await expect(page.source.projects(STORE)).rejects.toMatchObject({ type: 'NoConnection' });
  });

  it('rejects what was aborted with an AbortError, before, while and after it is asked', async () => {
    const before = setUp(json({ projects: [] }));
    await expect(before.source.projects(STORE, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    expect(before.asked).toEqual([]);

    const control = new AbortController();
    const during = setUp(() => {
      control.abort();
      return Promise.reject(new TypeError('a network error, as JupyterLab makes of it'));
    });
    await expect(during.source.projects(STORE, control.signal)).rejects.toMatchObject({ name: 'AbortError' });
    expect(during.asked[0]!.init.signal).toBe(control.signal);
  });

  it('waits with reading until changes are told', async () => {
    const { source, begun, asked } = setUp(json({ metrics: [] }));
    let go = () => undefined as void;
    begun.mockImplementationOnce(() => new Promise(resolve => (go = () => resolve(undefined))));
    const answer = source.metrics(STORE, ['e/p/r']);
    await Promise.resolve();
    expect(asked).toEqual([]);
    go();
    await answer;
    expect(asked).toHaveLength(1);
  });

  it('asks for nothing where nothing is wanted', async () => {
    const { source, asked } = setUp(json({}));
    expect(await source.metrics(STORE, [])).toEqual([]);
    expect(await source.buckets(STORE, { runs: [], keys: ['k'] })).toEqual([]);
    expect(asked).toEqual([]);
  });

  it('knows which stores are here, or that nobody can say', async () => {
    const { source } = setUp(
      json({
        stores: [
          { id: STORE, here: true },
          { id: 'x', here: false }
        ]
      })
    );
    expect(await source.storesHere()).toEqual(new Set([STORE]));
    expect(await setUp(json({}, 500)).source.storesHere()).toBeUndefined();
  });
});
