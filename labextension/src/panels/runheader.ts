/** The first line of a run: what it is, how it is, how long already; Stop, Open, and what can be copied. */

import type { Run } from '../data/source';
import { SourceError } from '../data/source';
import type { Dashboard } from './dashboard';
import { h, icon, setText } from './dom';
import { ago, count, duration, exact, fill, stateWord } from './format';
import { pathOf } from './lines';
import { colour } from './palette';
import { type Entry, menuButton } from './menu';
import { trackLine } from './trackline';

export class RunHeader {
  readonly node: HTMLElement;
  private readonly dot = h('span', { class: 'tnb-dot' });
  private readonly name = h('strong', { class: 'tnb-run-name' });
  private readonly project = h('span', { class: 'tnb-muted' });
  private readonly state = h('span', { class: 'tnb-state' });
  private readonly clock = h('span', { class: 'tnb-number' });
  private readonly step = h('span', { class: 'tnb-number' });
  private readonly note = h('span', { class: 'tnb-muted', role: 'status' });
  private readonly stop: HTMLButtonElement;
  private readonly stopWord: HTMLElement;
  private run: Run;
  private asked = false;
  private shownState = '';

  constructor(
    private readonly dashboard: Dashboard,
    run: Run,
    keys: HTMLElement
  ) {
    const { host, request } = dashboard;
    const t = host.translate;
    this.run = run;
    this.stopWord = h('span', {}, t('Stop'));
    this.stop = h(
      'button',
      {
        class: 'tnb-button tnb-stop',
        title: t('Interrupt the run, as Ctrl+C does; what is logged stays'),
        onclick: () => void this.ask()
      },
      icon('stop'),
      this.stopWord
    );
    const open =
      host.open &&
      h(
        'button',
        {
          class: 'tnb-button',
          title: t('Open in a tab'),
          onclick: () => host.open?.({ ...request, height: undefined })
        },
        icon('open'),
        h('span', {}, t('Open'))
      );
    const path = pathOf(run);
    const more = menuButton(
      t('More'),
      [
        { word: t('Copy run path'), copies: path },
        { word: t('Copy %track line'), copies: trackLine(run) },
        ...this.edits()
      ],
      t
    );
    this.node = h(
      'div',
      { class: 'tnb-header' },
      this.dot,
      this.name,
      this.project,
      h('span', { class: 'tnb-state-line' }, this.state, this.clock),
      this.step,
      this.note,
      h('span', { class: 'tnb-space' }),
      this.stop,
      open,
      keys,
      more
    );
    this.update(run, null);
    dashboard.disposables.every(1000, () => this.tick());
  }

  private edits(): Entry[] {
    const { host, request } = this.dashboard;
    const { edit } = host;
    if (!edit) return [];
    const t = host.translate;
    return [
      { word: t('Rename…'), does: () => void edit.rename(request.store, this.run) },
      { word: t('Edit tags…'), does: () => void edit.editTags(request.store, this.run) },
      { word: t('Delete'), does: () => void edit.remove(request.store, this.run) }
    ];
  }

  update(run: Run, step: number | null): void {
    const t = this.dashboard.host.translate;
    this.run = run;
    if (this.shownState !== run.state) {
      this.shownState = run.state;
      this.dot.replaceChildren(icon(run.state));
      this.dot.style.color = colour(run.run, run.color);
      this.state.className = `tnb-state tnb-state-${run.state}`;
    }
    setText(this.name, run.name || run.run, run.run);
    setText(this.project, run.project, `${run.entity}/${run.project}`);
    setText(this.state, this.asked && run.state === 'running' ? t('Stopping') : stateWord(run.state, t));
    if (step !== null) setText(this.step, fill(t('step %1'), count(step)));
    this.stop.hidden = run.state !== 'running';
    if (run.state !== 'running') setText(this.note, '');
    this.tick();
  }

  private tick(): void {
    const { run } = this;
    const end = run.state === 'running' ? Date.now() * 1000 : (run.ended ?? run.updated);
    const when = run.state === 'running' ? '' : ` · ${ago(end, Date.now(), this.dashboard.host.translate)}`;
    const title = run.state === 'running' ? exact(run.started) : `${exact(run.started)} – ${exact(end)}`;
    setText(this.clock, duration(end - run.started) + when, title);
  }

  private async ask(): Promise<void> {
    const { host, request } = this.dashboard;
    const t = host.translate;
    this.asked = true;
    this.stop.disabled = true;
    setText(this.stopWord, t('Stopping'));
    this.update(this.run, null);
    try {
      const asked = await host.source.stop(request.store, pathOf(this.run));
      if (asked > 0) return;
      setText(this.note, t('No program of this run answers: it has ended, or runs on another machine.'));
    } catch (error) {
      const said = error instanceof SourceError ? error.message : t('The server did not answer.');
      setText(this.note, fill(t('Not stopped: %1'), said));
    }
    this.asked = false;
    this.stop.disabled = false;
    setText(this.stopWord, t('Stop'));
    this.update(this.run, null);
  }
}
