/** What the first plugin has made and the others use. */

import { Token } from '@lumino/coreutils';

import type { Host } from '../panels';
import type { Actions } from './actions';
import type { Connection } from './connection';

export interface ITracker extends Connection {
  host: Host;
  actions: Actions;
}

export const ITracker = new Token<ITracker>('tracker-nb:ITracker', 'Data of tracker_nb, and what can be done to runs.');
