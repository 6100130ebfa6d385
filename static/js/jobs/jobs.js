/** Background jobs on the server, followed by event streams; they outlive the page and are found again on every load. */

const ACTIVE = new Set(["queued", "running", "paused"]);
const MOST_STREAMS = 2; // browsers allow six connections to one server, and pictures need some
const POLL = 4000;

/** @param {Pick<Job, "state">} job */
export const isActive = (job) => ACTIVE.has(job.state);

/** Emits `change` when `list` (newest first) was replaced, and `finished` with the job once it comes to an end. */
export class Jobs extends EventTarget {
  #api;
  /** @type {Map<string, EventSource>} */
  #streams = new Map();
  #timer = 0;
  #asked = 0;
  /** @type {readonly Job[]} jobs that the server does not know yet */
  #local = [];
  /** @type {readonly Job[]} */
  list = Object.freeze([]);

  /** @param {Page["api"]} api */
  constructor(api) {
    super();
    this.#api = api;
  }

  async refresh() {
    const before = this.list;
    const fresh = await this.#api.jobs();
    this.#replace(fresh);
    for (const job of fresh) {
      const known = before.find(({ id }) => id === job.id);
      if (known && isActive(known) && !isActive(job)) this.#finished(job);
    }
    this.#follow();
  }

  /** @param {Job} job */
  add(job) {
    this.#replace([job, ...this.list.filter((one) => one.id !== job.id)]);
    this.#follow();
  }

  /**
   * Show a job at once, while the server is asked for it; `ask` adds the job that it answers with.
   * @template T
   * @param {{kind: string, title: string, message: string}} parts
   * @param {() => Promise<T>} ask
   */
  async expect(parts, ask) {
    const job = { ...parts, id: `local-${++this.#asked}`, state: "queued", progress: 0, local: true };
    this.#replace(this.list, [job, ...this.#local]);
    try {
      return await ask();
    } finally {
      this.#replace(this.list, this.#local.filter((one) => one !== job));
    }
  }

  /** @param {string} id */
  async cancel(id) {
    this.#update(await this.#api.cancelJob(id));
  }

  #follow() {
    const waiting = this.list.filter((job) => isActive(job) && !job.local && !this.#streams.has(job.id)).reverse();
    for (const job of waiting.slice(0, MOST_STREAMS - this.#streams.size)) this.#listen(job.id);
    clearTimeout(this.#timer);
    if (this.list.some(isActive)) this.#timer = setTimeout(() => this.refresh().catch(() => this.#follow()), POLL);
  }

  /** @param {string} id */
  #listen(id) {
    const stream = new EventSource(this.#api.jobEvents(id));
    this.#streams.set(id, stream);
    const stop = () => {
      stream.close();
      this.#streams.delete(id);
    };
    stream.addEventListener("job", ({ data }) => {
      const job = JSON.parse(data);
      if (!isActive(job)) stop();
      this.#update(job);
    });
    stream.addEventListener("error", () => {
      if (stream.readyState === EventSource.CLOSED) stop(); // polling continues without it
    });
  }

  /** @param {Job} job */
  #update(job) {
    const known = this.list.find(({ id }) => id === job.id);
    this.#replace(this.list.map((one) => (one.id === job.id ? job : one)));
    if (known && isActive(known) && !isActive(job)) {
      this.#finished(job);
      this.#follow();
    }
  }

  /** @param {Job} job */
  #finished(job) {
    this.#streams.get(job.id)?.close();
    this.#streams.delete(job.id);
    this.dispatchEvent(new CustomEvent("finished", { detail: job }));
  }

  /**
   * @param {readonly Job[]} list the jobs of the server; local ones among them are left out
   * @param {readonly Job[]} [local]
   */
  #replace(list, local = this.#local) {
    this.#local = local;
    this.list = Object.freeze([...local, ...list.filter((job) => !job.local)]);
    this.dispatchEvent(new Event("change"));
  }
}
