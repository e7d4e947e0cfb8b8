/** The entry for hosts without our extension: an anywidget view whose data come over its comm. */

import { type Channel, CommSource } from '../data/comm';
import { mountView, type ViewRequest } from '../panels';

/** The panels' CSS, put here by the build. */
declare const TNB_STYLES: string;

interface Model extends Channel {
  get(name: 'view'): ViewRequest;
}

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  addStyles(el);
  const source = new CommSource(model);
  const view = mountView(el, model.get('view'), { source, translate: text => text });
  return () => {
    view.dispose();
    source.dispose();
  };
}

/** Once a document, or once a shadow root where the host gives each widget its own. */
function addStyles(el: HTMLElement): void {
  const root = el.getRootNode();
  const place = root instanceof ShadowRoot ? root : el.ownerDocument.head;
  if (place.querySelector('style[data-tracker-nb]') !== null) return;
  const style = el.ownerDocument.createElement('style');
  style.dataset['trackerNb'] = '';
  style.textContent = TNB_STYLES;
  place.append(style);
}

export default { render };
