/** What JupyterLab and Notebook 7 load. */

export { default } from './plugin';
