import { describe, expect, it, vi } from 'vitest';

import { SourceError } from '../../src/data/source';
import { errorBox } from '../../src/panels/states';

const t = (text: string) => text;

describe('what stands in a place whose data cannot be had', () => {
  it.each([
    ['NoExtension', 'This Jupyter server has no tracker_nb', "pip install 'tracker_nb[lab]', then restart Jupyter"],
    ['NoExtension', '', 'jupyter server extension enable tracker_nb_server'],
    ['OtherVersion', 'different releases', 'Restart Jupyter and reload this page'],
    ['StoreTooNew', 'A newer tracker_nb', "pip install -U 'tracker_nb[lab]'"],
    ['StoreNotHere', 'not on this machine', 'copy the store folder here'],
    ['StoreReadOnly', 'cannot be changed', 'tracker-nb doctor'],
    ['StoreDamaged', 'cannot be read', 'tracker-nb doctor'],
    ['StoreBusy', 'busy', 'Nothing is lost'],
    ['Forbidden', 'log in again', 'Reload this page'],
    ['NoConnection', 'cannot be reached', 'lose nothing'],
    ['SomethingNew', 'could not be read', 'What is recorded is safe']
  ])('of %s says what happened, what is safe and what to do', (type, title, advice) => {
    const box = errorBox(new SourceError(type, 'in other words', 'ab12'), t);
    expect(box.getAttribute('role')).toBe('alert');
    expect(box.querySelector('strong')!.textContent).toContain(title);
    expect(box.querySelector('p')!.textContent).toContain(advice);
    expect(box.querySelector('details')!.open).toBe(false);
    expect(box.querySelector('code')!.textContent).toBe(`${type}\nin other words\nab12`);
  });

  it('can be tried again where that may help', () => {
    const again = vi.fn();
    errorBox(new SourceError('StoreBusy', ''), t, again).querySelector('button')!.click();
    expect(again).toHaveBeenCalledTimes(1);
    expect(errorBox(new SourceError('StoreBusy', ''), t).querySelector('button')).toBeNull();
  });
});
