import { expect, it } from 'vitest';

import { asked, parse, write } from '../../src/panels/query';
import { trackLine } from '../../src/panels/trackline';

it.each([
  ['brave otter', { words: 'brave otter' }, { search: 'brave otter' }],
  ['otter state:Failed', { words: 'otter', state: 'Failed' }, { search: 'otter', filter: { state: 'failed' } }],
  ['tag:"best one"  project:digits', { words: '', tag: 'best one', project: 'digits' }, undefined],
  ['tag:a tag:b', { words: '', tag: 'b' }, { filter: { tags: 'b' } }],
  ['state:', { words: '' }, {}],
  ['lr:0.1', { words: 'lr:0.1' }, { search: 'lr:0.1' }]
])('%j is read as words and fields', (text, search, query) => {
  expect(parse(text)).toEqual(search);
  expect(parse(write(parse(text)))).toEqual(search);
  if (query) expect(asked(parse(text))).toEqual(query);
});

it.each([
  [{ project: 'digits', run: 'k3v9' }, '%track digits/k3v9'],
  [{ project: 'digits' }, '%track digits'],
  [{ project: 'my project', run: 'a' }, "%track 'my project/a'"],
  [{ project: '{exit()} $HOME' }, "%track '{{exit()}} $$HOME'"],
  [{ project: 'a - b' }, "%track 'a - b'"],
  [{ project: "ada's" }, `%track 'ada'"'"'s'`]
])('%j is a line that %%track reads', (what, line) => expect(trackLine(what)).toBe(line));
