/** The sound of a walk: stored in the browser, decoded for its waveform, and played in step with the playhead. */

const SOUNDS = "latentwalk-sounds"; // the name of the browser's cache
const PEAKS = 600; // points of a waveform as it is drawn

/** Emits `change` when the peaks of another sound are there. */
export class Sound extends EventTarget {
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {AudioBuffer | null} */
  #buffer = null;
  /** @type {AudioBufferSourceNode | null} */
  #source = null;
  /** @type {string | null} */
  #sha = null;

  /** @type {Wave | null} of the sound in use; null while it is not known here */
  wave = null;

  /**
   * Keep a file under its digest, for this visit and the next.
   * @param {string} sha
   * @param {Blob} file
   */
  async keep(sha, file) {
    const store = await globalThis.caches?.open(SOUNDS).catch(() => null); // only secure pages have one
    await store?.put(`/${sha}`, new Response(file));
    await this.#read(sha, file);
  }

  /**
   * Use the sound of that digest, or none; one that was never kept here stays silent.
   * @param {string | null} sha
   */
  async use(sha) {
    if (sha === this.#sha) return;
    this.#clear(sha);
    if (!sha) return;
    const store = await globalThis.caches?.open(SOUNDS).catch(() => null);
    const kept = await store?.match(`/${sha}`);
    if (kept && sha === this.#sha && !this.#buffer) await this.#read(sha, await kept.blob());
  }

  /**
   * Play from a time on, in step with the playhead.
   * @param {number} at
   */
  play(at) {
    this.stop();
    if (!this.#buffer || at >= this.#buffer.duration) return;
    this.#context ??= new AudioContext();
    this.#source = new AudioBufferSourceNode(this.#context, { buffer: this.#buffer });
    this.#source.connect(this.#context.destination);
    this.#source.start(0, at);
  }

  stop() {
    this.#source?.stop();
    this.#source = null;
  }

  /**
   * @param {string} sha
   * @param {Blob} blob
   */
  async #read(sha, blob) {
    this.#clear(sha);
    const buffer = await new OfflineAudioContext(1, 1, 44100).decodeAudioData(await blob.arrayBuffer());
    if (sha !== this.#sha) return;
    this.#buffer = buffer;
    this.wave = Object.freeze({ peaks: peaks(buffer.getChannelData(0)), seconds: buffer.duration });
    this.dispatchEvent(new Event("change"));
  }

  /** @param {string | null} sha */
  #clear(sha) {
    this.stop();
    [this.#sha, this.#buffer, this.wave] = [sha, null, null];
    this.dispatchEvent(new Event("change"));
  }
}

// The largest swing of each stretch, the loudest of all being 1.
/** @param {Float32Array} samples */
function peaks(samples) {
  const size = Math.max(1, Math.floor(samples.length / PEAKS));
  const found = Array.from({ length: Math.ceil(samples.length / size) }, (_, index) => {
    let most = 0;
    for (let at = index * size; at < Math.min(samples.length, (index + 1) * size); at++) {
      most = Math.max(most, Math.abs(samples[at]));
    }
    return most;
  });
  const loudest = Math.max(...found, 1e-6);
  return found.map((peak) => peak / loudest);
}
