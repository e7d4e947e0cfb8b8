/** What is typed into the sidebar's search: words, and `state:`, `tag:` and `project:` with a value. */

import type { RunsQuery } from '../data/source';

export const FIELDS = ['state', 'tag', 'project'] as const;
export type Field = (typeof FIELDS)[number];

export interface Search extends Partial<Record<Field, string>> {
  words: string;
}

const TOKEN = /(?:(state|tag|project):)?(?:"([^"]*)"?|(\S+))/gi;

const UNFINISHED = /^(state|tag|project):$/i;

/** Reads a search. Of a field that stands there twice the last counts. */
export function parse(text: string): Search {
  const found: Search = { words: '' };
  const words: string[] = [];
  for (const [, field, quoted, bare] of text.matchAll(TOKEN)) {
    const value = quoted ?? bare ?? '';
    if (field === undefined) words.push(value);
    else if (value) found[field.toLowerCase() as Field] = value;
  }
  found.words = words.filter(word => word && !UNFINISHED.test(word)).join(' ');
  return found;
}

/** The text that reads as this. */
export function write(search: Search): string {
  const quote = (value: string): string => (/[\s"]/.test(value) ? `"${value.replaceAll('"', '')}"` : value);
  return [
    search.words,
    ...FIELDS.filter(field => search[field]).map(field => `${field}:${quote(search[field] as string)}`)
  ]
    .filter(Boolean)
    .join(' ');
}

export function isEmpty(search: Search): boolean {
  return !search.words && FIELDS.every(field => !search[field]);
}

/** The question to the store. */
export function asked(search: Search): RunsQuery {
  const filter: Record<string, unknown> = {};
  if (search.state) filter.state = search.state.toLowerCase();
  if (search.tag) filter.tags = search.tag;
  return {
    ...(search.project ? { project: search.project } : {}),
    ...(search.words ? { search: search.words } : {}),
    ...(Object.keys(filter).length ? { filter } : {})
  };
}
