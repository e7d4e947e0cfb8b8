/** The entry for hosts without our extension: an anywidget view whose data come over its comm. */

import { CommSource } from '../data/comm';
import { mountView } from '../panels';
import { follow, type Program } from './follow';

/** The panels' CSS, put here by the build. */
declare const TNB_STYLES: string;

const program: Program = {
  render({ model, el }) {
    addStyles(el);
    const source = new CommSource(model);
    const leave = follow(model, view => mountView(el, view, { source, translate: text => text }));
    return () => {
      leave();
      source.dispose();
    };
  }
};

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

export default program;
