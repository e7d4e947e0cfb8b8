/** Drags a line of code: a notebook makes a cell of it, an editor takes it as text. */

import { MimeData } from '@lumino/coreutils';
import { Drag } from '@lumino/dragdrop';

import { cellOf } from './notebooks';

const CELLS = 'application/vnd.jupyter.cells';

export async function dragLine(line: string, event: PointerEvent): Promise<void> {
  const mimeData = new MimeData();
  mimeData.setData(CELLS, [cellOf(line)]);
  mimeData.setData('text/plain', line);
  const dragImage = document.createElement('div');
  dragImage.className = 'tnb-drag';
  dragImage.textContent = line;
  const drag = new Drag({ mimeData, dragImage, supportedActions: 'copy', proposedAction: 'copy' });
  await drag.start(event.clientX, event.clientY);
}
