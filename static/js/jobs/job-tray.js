/** <job-tray>: the jobs that wait or run, wherever they were started, above the buttons below the sliders. */

import { Component } from "../elements/component.js";
import { showJobs } from "./job-card.js";
import { isActive } from "./jobs.js";

const MOST = 4;

/** A job that an open panel shows is not shown here as well: the style sheet hides it. */
export class JobTray extends Component {
  /** @param {readonly Job[]} jobs */
  set jobs(jobs) {
    showJobs(this, jobs.filter(isActive).slice(-MOST).reverse());
  }
}

customElements.define("job-tray", JobTray);
