/** Our icon: axes, a curve, its last point. */

import { LabIcon } from '@jupyterlab/ui-components';

export const runsIcon = new LabIcon({
  name: 'tracker-nb:runs',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16">
  <g fill="none" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">
    <path class="jp-icon3" stroke="#616161" d="M4 4v16h16"/>
    <path class="jp-icon3" stroke="#616161" d="M8 8c1 6 3.5 8 6 6s3-2 6-1"/>
  </g><circle class="jp-icon3" fill="#616161" cx="19" cy="6" r="2.2"/></svg>`
});
