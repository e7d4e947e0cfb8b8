/** How a line of the sidebar looks. A line is filled again only where something on it has changed. */

import { h, icon, setText } from '../dom';
import { age, ago, count, duration, exact, fill, full, short, stateWord, type Translate } from '../format';
import { colour } from '../palette';
import { empty, errorBox } from '../states';
import type { MoreRow, NoteRow, ProjectRow, Row, RunRow, SectionRow } from './rows';

/** What a line can do by itself; the tree does the rest. */
export interface Acts {
  retry: () => void;
  stop: (row: RunRow) => void;
}

/** A node for a line of this kind. */
export function make(row: Row): HTMLElement {
  return h('div', {
    class: `tnb-side-row tnb-side-${row.kind}`,
    role: 'treeitem',
    tabindex: '-1',
    'data-key': row.key,
    'aria-level': String(row.level)
  });
}

/** Brings a node up to date with its line. */
export function draw(node: HTMLElement, row: Row, acts: Acts, t: Translate): void {
  const said = JSON.stringify(row.kind === 'run' ? runLooks(row) : row);
  if (node.dataset['looks'] === said) return;
  node.dataset['looks'] = said;
  if (row.kind === 'section') section(node, row);
  else if (row.kind === 'project') project(node, row, t);
  else if (row.kind === 'run') run(node, row, acts, t);
  else if (row.kind === 'more') more(node, row);
  else note(node, row, acts, t);
}

function runLooks({ at, metric, value, best, where, level }: RunRow): unknown[] {
  const { name, run, state, color, tags, started, ended, notes, project } = at.run;
  return [name, run, state, color, tags, started, ended, notes, project, metric, String(value), best, where, level];
}

function caret(open: boolean): SVGElement {
  const node = icon('fold');
  node.classList.toggle('tnb-side-shut', !open);
  return node;
}

function section(node: HTMLElement, { word, note, metric, open }: SectionRow): void {
  node.setAttribute('aria-expanded', String(open));
  node.setAttribute('aria-label', [word, note].filter(Boolean).join(', '));
  node.replaceChildren(
    caret(open),
    h('span', { class: 'tnb-side-word' }, word),
    h('span', { class: 'tnb-side-hint', title: note }, note),
    ...(metric ? [h('span', { class: 'tnb-side-of', title: metric }, metric)] : [])
  );
}

function project(node: HTMLElement, { at, store, open }: ProjectRow, t: Translate): void {
  const { entity, project, runs, running, updated } = at.project;
  const runsWord = fill(runs === 1 ? t('%1 run') : t('%1 runs'), count(runs));
  const runningWord = running ? fill(t('%1 running'), count(running)) : '';
  node.setAttribute('aria-expanded', String(open));
  node.setAttribute('aria-label', [project, store, runsWord, runningWord].filter(Boolean).join(', '));
  node.title = [
    `${entity}/${project}`,
    store && fill(t('store: %1'), store),
    `${t('last activity')} ${ago(updated, Date.now(), t)}, ${exact(updated)}`
  ]
    .filter(Boolean)
    .join('\n');
  node.replaceChildren(
    h('span', { class: 'tnb-side-caret' }, caret(open)),
    h(
      'span',
      { class: 'tnb-side-name' },
      h('span', { class: 'tnb-side-text' }, project),
      store ? h('span', { class: 'tnb-side-where' }, store) : null
    ),
    ...(running ? [h('span', { class: 'tnb-side-live', title: runningWord }, icon('running'), count(running))] : []),
    h('span', { class: 'tnb-side-count' }, runsWord)
  );
}

function run(node: HTMLElement, row: RunRow, acts: Acts, t: Translate): void {
  const { run } = row.at;
  const { metric, value, best, where } = row;
  const name = run.name || run.run;
  const word = stateWord(run.state, t);
  const running = run.state === 'running';
  const mark = h('span', { class: `tnb-side-mark tnb-side-${run.state}`, title: word }, icon(run.state));
  mark.style.color = colour(run.run, run.color);
  const figure = metric
    ? h(
        'span',
        { class: 'tnb-side-figure', title: `${metric} ${full(value)}` },
        h('span', { class: 'tnb-side-metric' }, metric),
        h('span', { class: 'tnb-side-value' }, short(value))
      )
    : null;
  const star = best
    ? h('span', { class: 'tnb-side-best', title: fill(t('Best %1 of its project'), metric) }, '★')
    : null;
  const stop = running
    ? h(
        'button',
        {
          class: 'tnb-side-stop',
          title: fill(t('Stop %1'), name),
          'aria-label': fill(t('Stop %1'), name),
          tabindex: '-1',
          onclick: event => {
            event.stopPropagation();
            acts.stop(row);
          }
        },
        icon('stop')
      )
    : null;
  const tags = run.tags.map(tag => h('span', { class: 'tnb-side-tag' }, tag));
  node.replaceChildren(
    mark,
    h(
      'span',
      { class: 'tnb-side-name' },
      h('span', { class: 'tnb-side-text' }, name),
      where ? h('span', { class: 'tnb-side-where' }, where) : null,
      ...tags
    ),
    ...[star, figure, stop].filter(one => one !== null),
    h('span', { class: 'tnb-side-time' })
  );
  node.title = '';
  node.querySelector<HTMLElement>('.tnb-side-name')!.title = [
    `${name} (${run.entity}/${run.project}/${run.run})`,
    run.tags.length ? fill(t('tags: %1'), run.tags.join(', ')) : '',
    run.notes
  ]
    .filter(Boolean)
    .join('\n');
  const label = [name, word, metric && `${metric} ${short(value)}`, best && t('best'), where, ...run.tags];
  node.setAttribute('aria-label', label.filter(Boolean).join(', '));
  tick(node, row, t);
}

/** How long it has run, or how long ago it ended. */
export function tick(node: HTMLElement, { at: { run } }: RunRow, t: Translate): void {
  const time = node.querySelector<HTMLElement>('.tnb-side-time');
  if (!time) return;
  const now = Date.now();
  const end = run.ended ?? run.updated;
  if (run.state === 'running') {
    setText(time, duration(now * 1000 - run.started), fill(t('running since %1'), exact(run.started)));
  } else {
    const took = fill(t('took %1'), duration(end - run.started));
    setText(time, age(end, now, t), `${stateWord(run.state, t)} ${ago(end, now, t)}, ${exact(end)}\n${took}`);
  }
}

function more(node: HTMLElement, { word }: MoreRow): void {
  node.replaceChildren(h('span', { class: 'tnb-link' }, word));
}

function note(node: HTMLElement, { word, code, error }: NoteRow, acts: Acts, t: Translate): void {
  if (error) node.replaceChildren(errorBox(error, t, acts.retry));
  else if (code !== undefined) node.replaceChildren(empty(word, code, t));
  else node.replaceChildren(h('p', { class: 'tnb-hint' }, word));
}
