/** The shared worker that holds the browser's one stream. */

import { serve } from './serving';

const scope = self as unknown as { onconnect: (event: MessageEvent) => void };
const connected = serve();

scope.onconnect = event => connected(event.ports[0]!);
