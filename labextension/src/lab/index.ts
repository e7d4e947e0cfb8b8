/** What JupyterLab and Notebook 7 load. */

import plugin from './plugin';
import sidebar from './sidebar';

export default [plugin, sidebar];
