/** The history as a tree of edits and walks: a change after going back starts a branch and loses nothing. */

import { canonical } from "../picture/canonical.js";

const MOST_NODES = 200;
const SAME_GESTURE = 900; // ms: repeated steps of one control within this time are one change

export class History extends EventTarget {
  /** @type {Map<number, HistoryNode>} */
  #nodes = new Map();
  /** @type {number | null} */
  #current = null;
  #last = 0;

  get current() {
    return this.#nodes.get(this.#current ?? 0) ?? null;
  }

  get canUndo() {
    return this.current?.parent !== null && this.current !== null;
  }

  get canRedo() {
    return (this.current?.next ?? null) !== null;
  }

  /**
   * A new node after the current one. The same `key` again at once replaces it, so that a burst of steps is one.
   * @param {{edit: Edit, walk: Walk}} parts
   * @param {string} label
   * @param {string} [key]
   * @param {number} [now]
   */
  commit({ edit, walk }, label, key = "", now = Date.now()) {
    const here = this.current;
    const burst = here && key && here.key === key && here.next === null && now - here.at < SAME_GESTURE;
    const parent = here && burst ? this.#nodes.get(here.parent ?? 0) : undefined;
    if (here && parent && parent.walk === walk && canonical(parent.edit) === canonical(edit)) {
      this.#nodes.delete(here.id); // back where the gesture began, as after a double click: nothing to undo
      this.#nodes.set(parent.id, { ...parent, next: null });
      this.#current = parent.id;
    } else if (burst && here.parent !== null) {
      this.#nodes.set(here.id, { ...here, edit, walk, label, at: now });
    } else {
      const id = ++this.#last;
      this.#nodes.set(id, { id, parent: this.#current, edit, walk, label, key, at: now, next: null });
      if (here) this.#nodes.set(here.id, { ...here, next: id });
      this.#current = id;
      this.#prune();
    }
    this.#changed();
  }

  /** One step back, or null where there is none. */
  undo() {
    const parent = this.current?.parent ?? null;
    return parent === null ? null : this.goTo(parent);
  }

  /** One step forward along the branch last walked, or null. */
  redo() {
    const next = this.current?.next ?? null;
    return next === null ? null : this.goTo(next);
  }

  /**
   * Go to any node; the way to it becomes the branch that redo follows.
   * @param {number} id
   */
  goTo(id) {
    if (!this.#nodes.has(id)) return null;
    this.#current = id;
    let node = this.current;
    while (node) {
      const parent = this.#nodes.get(node.parent ?? 0);
      if (parent) this.#nodes.set(parent.id, { ...parent, next: node.id });
      node = parent ?? null;
    }
    this.#changed();
    return this.current;
  }

  /** The tree as rows to draw: a first child goes on in its parent's row, later children start rows of their own. */
  rows() {
    const children = Map.groupBy(this.#nodes.values(), (node) => node.parent);
    /** @type {{depth: number, nodes: HistoryNode[]}[]} */
    const rows = [];
    const starts = (children.get(null) ?? []).map((node) => ({ node, depth: 0 }));
    for (let next = starts.shift(); next; next = starts.shift()) {
      const { node: start, depth } = next;
      /** @type {{depth: number, nodes: HistoryNode[]}} */
      const row = { depth, nodes: [] };
      /** @type {{node: HistoryNode, depth: number}[]} */
      const forks = [];
      for (/** @type {HistoryNode | undefined} */ let node = start; node;) {
        row.nodes.push(node);
        const [first, ...others] = children.get(node.id) ?? [];
        forks.unshift(...others.map((other) => ({ node: other, depth: depth + 1 })));
        node = first;
      }
      rows.push(row);
      starts.unshift(...forks);
    }
    return rows;
  }

  /** A plain value for session storage; most steps share their walk, which is written once. */
  toJSON() {
    return this.#written([...this.#nodes.values()]);
  }

  /** The same of where we are alone, for when all of it is more than a browser keeps. */
  tip() {
    const here = this.current;
    return this.#written(here ? [{ ...here, parent: null, next: null }] : []);
  }

  /**
   * Take over a value of `toJSON`; false where it is not one. What `parse` or `revive` throw changes nothing.
   * @param {any} stored
   * @param {(edit: unknown) => Edit} parse
   * @param {(walk: any) => Walk} revive
   */
  restore(stored, parse, revive) {
    /** @type {(Omit<HistoryNode, "walk"> & {walk: number})[]} as written: the number of the walk stands for it */
    const written = Array.isArray(stored?.nodes) ? stored.nodes : [];
    if (!written.some(({ id }) => id === stored.current)) return false;
    /** @type {Walk[]} */
    const walks = stored.walks.map(revive);
    /** @type {HistoryNode[]} */
    const nodes = written.map((node) => ({ ...node, edit: parse(node.edit), walk: /** @type {Walk} */ (walks[node.walk]) }));
    this.#nodes = new Map(nodes.map((node) => [node.id, node]));
    [this.#current, this.#last] = [stored.current, stored.last];
    this.#changed();
    return true;
  }

  // Only the oldest leaf off the way we came is ever forgotten, and only when there are very many.
  #prune() {
    if (this.#nodes.size <= MOST_NODES) return;
    const parents = new Set([...this.#nodes.values()].map(({ parent }) => parent));
    const leaf = [...this.#nodes.values()].find(({ id }) => id !== this.#current && !parents.has(id));
    if (!leaf) return;
    const parent = this.#nodes.get(leaf.parent ?? 0);
    if (parent?.next === leaf.id) this.#nodes.set(parent.id, { ...parent, next: null });
    this.#nodes.delete(leaf.id);
  }

  /** @param {HistoryNode[]} nodes */
  #written(nodes) {
    const walks = [...new Set(nodes.map(({ walk }) => walk))];
    const plain = nodes.map((node) => ({ ...node, walk: walks.indexOf(node.walk) }));
    return { nodes: plain, walks, current: this.#current, last: this.#last };
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
