/** The line that shows a run or a project in a notebook. */

import type { Run } from '../data/source';

/**
 * `%track` reads its line as a shell reads words, after IPython has put in what stands as `{expression}` and `$name`. A
 * name that somebody else has chosen must not be run as code: braces and dollars are doubled, which stands for themselves.
 */
export function trackLine(what: Pick<Run, 'project'> & { run?: string }): string {
  const path = what.run === undefined ? what.project : `${what.project}/${what.run}`;
  const word = /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'"'"'`)}'`;
  return `%track ${word.replace(/[{}]|\$(?=[\w.])/g, '$&$&')}`;
}
