import { describe, expect, it } from 'vitest';

import { CommSource } from '../../src/data/comm';
import type { SourceEvent } from '../../src/data/source';
import { OTHER, STORE } from './fakes';

interface Question {
  id: string;
  method: string;
  params: Record<string, unknown>;
}

function setUp() {
  const sent: Question[] = [];
  const listeners = new Set<(message: unknown) => void>();
  const channel = {
    send: (content: unknown) => void sent.push(content as Question),
    on: (_: 'msg:custom', listener: (message: unknown) => void) => void listeners.add(listener),
    off: (_: 'msg:custom', listener: (message: unknown) => void) => void listeners.delete(listener)
  };
  const say = (message: unknown) => listeners.forEach(listener => listener(message));
  return { sent, say, listeners, channel, source: new CommSource(channel) };
}

describe('data over a comm', () => {
  it('matches answers with questions in any order', async () => {
    const { source, sent, say } = setUp();
    const one = source.run(STORE, 'e/p/one');
    const two = source.run(STORE, 'e/p/two');
    expect(sent.map(({ method, params }) => ({ method, params }))).toEqual([
      { method: 'run', params: { store: STORE, path: 'e/p/one' } },
      { method: 'run', params: { store: STORE, path: 'e/p/two' } }
    ]);
    say({ id: sent[1]!.id, result: 2 });
    say({ id: sent[0]!.id, result: 1 });
    expect(await Promise.all([one, two])).toEqual([1, 2]);
  });

  it('ignores what is for another view of the same widget', async () => {
    const { source, channel, sent, say } = setUp();
    const other = new CommSource(channel);
    const mine = source.stop(STORE, 'e/p/r');
    const theirs = other.stop(STORE, 'e/p/r');
    expect(sent[0]!.id).not.toBe(sent[1]!.id);
    say({ id: sent[1]!.id, result: 7 });
    say({ id: 'nobody', result: 8 });
    say('noise');
    say(null);
    expect(await theirs).toBe(7);
    say({ id: sent[0]!.id, result: 1 });
    expect(await mine).toBe(1);
  });

  it('passes errors on by name', async () => {
    const { source, sent, say } = setUp();
    const answer = source.projects(STORE);
    say({ id: sent[0]!.id, error: { type: 'StoreNotHere', message: 'This store is not on this machine.' } });
    await expect(answer).rejects.toMatchObject({
      name: 'SourceError',
      type: 'StoreNotHere',
      message: 'This store is not on this machine.'
    });
  });

  it('rejects what was aborted, and does not mind the answer', async () => {
    const { source, sent, say } = setUp();
    const control = new AbortController();
    const answer = source.metrics(STORE, ['e/p/r'], control.signal);
    control.abort();
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
    say({ id: sent[0]!.id, result: [] });
    await expect(source.metrics(STORE, [], AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    expect(sent).toHaveLength(1);
  });

  it('says what is watched when that changes, and passes events on to those who listen to that store', () => {
    const { source, sent, say } = setUp();
    const heard: SourceEvent[] = [];
    const one = source.subscribe(STORE, event => heard.push(event));
    const two = source.subscribe(OTHER, () => undefined);
    source.subscribe(STORE, () => undefined);
    two.setLive(false);
    one.dispose();
    expect(sent.map(({ method, params }) => [method, params])).toEqual([
      ['watch', { stores: [], live: [STORE] }],
      ['watch', { stores: [], live: [STORE, OTHER] }],
      ['watch', { stores: [OTHER], live: [STORE] }]
    ]);
    say({ event: { kind: 'reset', store: STORE } });
    expect(heard).toEqual([]);
    source.subscribe(STORE, event => heard.push(event));
    say({ event: { kind: 'reset', store: STORE } });
    say({ event: { kind: 'reset', store: OTHER } });
    say({ event: { kind: 'connection', state: 'reconnecting' } });
    expect(heard.map(event => event.kind)).toEqual(['reset', 'connection']);
  });

  it('gives up what is waited for when the view is closed', async () => {
    const { source, listeners } = setUp();
    const answer = source.projects(STORE);
    source.dispose();
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
    expect(listeners.size).toBe(0);
  });
});
