/** What a person does to runs, from wherever: asked for, done, and said, with a way back. */

import { InputDialog, Notification } from '@jupyterlab/apputils';
import { Signal } from '@lumino/signaling';

import { type Run, type RunChanges, type RunCommands, type RunPath, SourceError } from '../data/source';
import type { DataSource } from '../data/source';

/** A run and the store it is in. */
export interface RunAt {
  store: string;
  run: Run;
}

/** Milliseconds that the way back from a deletion stays on the screen; the run stays in the trash. */
const UNDO = 15_000;

export class Actions {
  /** Runs have left the lists, or come back. */
  readonly removed = new Signal<this, { runs: RunAt[]; back: boolean }>(this);
  readonly changed = new Signal<this, void>(this);

  constructor(
    private readonly source: DataSource & RunCommands,
    private readonly t: (text: string) => string
  ) {}

  async change({ store, run }: RunAt, changes: RunChanges): Promise<boolean> {
    const word = changes.name === undefined ? this.t('The tags were not changed.') : this.t('The run was not renamed.');
    const done = await this._try(word, () => this.source.update(store, pathOf(run), changes));
    this.changed.emit();
    return done;
  }

  async rename(at: RunAt): Promise<boolean> {
    const { value } = await InputDialog.getText({
      title: this.t('Rename the run'),
      label: this.t('Name'),
      text: at.run.name || at.run.run,
      okLabel: this.t('Rename')
    });
    const name = value?.trim();
    return name !== undefined && name !== '' && name !== at.run.name && this.change(at, { name });
  }

  async editTags(at: RunAt): Promise<boolean> {
    const { value } = await InputDialog.getText({
      title: this.t('Tags of the run'),
      label: this.t('Tags, with commas between them'),
      text: at.run.tags.join(', '),
      okLabel: this.t('Save')
    });
    if (value === null) return false;
    const tags = value
      .split(',')
      .map(tag => tag.trim())
      .filter(Boolean);
    return this.change(at, { tags: [...new Set(tags)] });
  }

  async stop(runs: readonly RunAt[]): Promise<boolean> {
    const running = runs.filter(at => at.run.state === 'running');
    const said = this.t('Not stopped.');
    const each = running.map(({ store, run }) =>
      this._try(said, async () => {
        if ((await this.source.stop(store, pathOf(run))) > 0) return;
        throw new SourceError('', this.t('No program of this run answers: it has ended, or runs on another machine.'));
      })
    );
    return (await Promise.all(each)).some(Boolean);
  }

  /** Into the trash, with a way back. */
  async remove(runs: readonly RunAt[]): Promise<boolean> {
    if (runs.length === 0) return false;
    this.removed.emit({ runs: [...runs], back: false });
    const done: RunAt[] = [];
    const left: RunAt[] = [];
    for (const at of runs) {
      const failed = this.t('The run was not deleted.');
      const is = await this._try(failed, () => this.source.remove(at.store, pathOf(at.run)));
      (is ? done : left).push(at);
    }
    if (left.length > 0) this.removed.emit({ runs: left, back: true });
    if (done.length === 0) return false;
    const [first] = done as [RunAt, ...RunAt[]];
    const what = done.length === 1 ? first.run.name || first.run.run : `${done.length} ${this.t('runs')}`;
    const goesOn = done.some(at => at.run.state === 'running') ? ` ${this.t('What is running goes on.')}` : '';
    Notification.info(`${this.t('Moved to the trash:')} ${what}.${goesOn}`, {
      autoClose: UNDO,
      actions: [{ label: this.t('Undo'), callback: () => void this._restore(done) }]
    });
    return true;
  }

  private async _restore(runs: RunAt[]): Promise<void> {
    const failed = this.t('The run is still in the trash.');
    for (const { store, run } of runs) await this._try(failed, () => this.source.restore(store, pathOf(run)));
    this.removed.emit({ runs, back: true });
  }

  private async _try(failed: string, act: () => Promise<unknown>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      const why = error instanceof SourceError ? error.message : this.t('The server did not answer.');
      Notification.error(`${failed} ${why}`, { autoClose: UNDO });
      return false;
    }
  }
}

export function pathOf(run: Run): RunPath {
  return `${run.entity}/${run.project}/${run.run}`;
}
