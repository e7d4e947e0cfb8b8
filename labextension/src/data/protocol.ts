/**
 * What the pages of a browser and the pump of their one stream say to each other: through the port of a shared worker,
 * through a broadcast channel, or by plain calls.
 */

import type { SourceEvent } from './source';

/** Where the server is. Given anew with every wish: cookies change. */
export interface Server {
  /** Absolute address of the interface, such as `https://host/user/ada/tracker-nb/api/v1`. */
  root: string;
  /** Headers of requests, such as X-XSRFToken. */
  headers: Record<string, string>;
  /** The token, only where it must stand in addresses because cookies do not reach the server. */
  token?: string;
}

/** What a page wants to hear of. `live` of these closely. */
export interface Wish {
  stores: string[];
  live: string[];
}

export type ToPump =
  /** Also says that the page is there. `since`: id of the last event it heard, from whichever pump. */
  { kind: 'want'; server: Server; wish: Wish; since: string } | { kind: 'leave' };

export type FromPump =
  | { kind: 'event'; event: SourceEvent; id: string }
  /** The server tells of these stores from now on. */
  | { kind: 'begun'; stores: string[] };

/** The way to a pump. */
export interface Line {
  send(message: ToPump): void;
  /** The line is not needed any more. */
  close(): void;
}

/** Opens a line; what comes is given to `hear`. `again` is called where another pump took over: say what is wanted. */
export type OpenLine = (server: Server, hear: (message: FromPump) => void, again: () => void) => Line;
