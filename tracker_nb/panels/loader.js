/* Fetches the program that draws dashboards, which is too large to be saved with every widget: from the page where our
   extension runs in it, else from the files of the labextension, else from the server extension, else from the kernel. */
const VERSION = '@VERSION@';
const PAGE = Symbol.for('tracker_nb.page');
const KEY = Symbol.for(`tracker_nb.panels.${VERSION}`);

function places() {
  let config = {};
  try {
    config = JSON.parse(document.getElementById('jupyter-config-data').textContent);
  } catch {
    return []; // not a page of Jupyter
  }
  const at = url => `${new URL(url, location.href).href}?v=${VERSION}`;
  const found = [];
  if (config.fullLabextensionsUrl) found.push(at(`${config.fullLabextensionsUrl}/tracker-nb/static/panels.js`));
  if (config.baseUrl) found.push(at(`${config.baseUrl}tracker-nb/api/v1/panels.js`));
  return found;
}

function fromKernel(model) {
  return new Promise((resolve, reject) => {
    const id = `panels-${Math.random().toString(36).slice(2)}`;
    const hear = (message, buffers) => {
      if (message?.id !== id) return;
      model.off('msg:custom', hear);
      if (message.error) {
        reject(new Error(message.error.message));
        return;
      }
      const url = URL.createObjectURL(new Blob([buffers[0]], { type: 'text/javascript' }));
      import(/* @vite-ignore */ url).then(resolve, reject).finally(() => URL.revokeObjectURL(url));
    };
    model.on('msg:custom', hear);
    model.send({ id, method: 'panels', params: {} });
  });
}

async function load(model) {
  if (globalThis[PAGE]) return { default: globalThis[PAGE] };
  for (const url of places()) {
    try {
      return await import(/* @vite-ignore */ url);
    } catch {
      // not there: the next place
    }
  }
  return await fromKernel(model);
}

async function render({ model, el }) {
  let program;
  try {
    globalThis[KEY] ??= load(model);
    program = await globalThis[KEY];
  } catch (error) {
    delete globalThis[KEY];
    el.textContent = `This dashboard cannot be shown: ${error.message}`;
    return undefined;
  }
  return program.default.render({ model, el });
}

export default { render };
