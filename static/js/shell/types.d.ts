// The values that cross modules, as the server sends them (see docs: HTTP API) and as the page keeps them.

/** How amounts of a slider are written and added. */
interface Unit {
  symbol: string;
  neutral: number;
  scale: "linear" | "log";
  decimals: number;
}

interface ImageGenerator {
  name: string;
  title: string;
  family?: string;
  resolution: number;
  layers: number;
  classes: string[];
  default_classes: Record<string, number>;
  installed: boolean;
  inverts?: boolean;
  precision?: string;
  fingerprint: string;
  card: Record<string, string | number>;
  download?: { bytes?: number; licence?: string; requirement?: string };
}

/** What is measured about a direction. */
interface Report {
  measured_in_seconds?: number;
  n?: number;
  reached?: number[][];
  slope?: number;
  slope_ci?: [number, number];
  monotone?: number;
  leakage?: number;
  positive?: number;
  identity_error?: number;
  seeds_cosine?: number;
  judge?: { name: string; slope: number };
  diversity?: [number, number][];
  factors?: Record<string, { sign: string; slope: number; r2: number }>;
  edit_error?: number;
  closed_form_error?: number;
  pca_error?: number;
  random_error?: number;
}

interface DataMirror {
  classes: Record<string, [number, number]>;
  r: number | null;
  n: number;
}

interface Direction {
  id: string;
  name: string;
  generator: string;
  group: string;
  kind: string;
  space: string;
  unit: Unit;
  range: [number, number];
  track: [number, number];
  asked?: [number, number];
  step: number;
  verdict: string;
  note: string;
  layers: Span | null;
  method: string;
  seed: number;
  created: string;
  origin: string;
  removable: boolean;
  strip?: string;
  settings?: { steps?: number; seconds?: number; warning?: string; reason?: string };
  card?: Report;
  mirror?: DataMirror;
}

/** What a slider element needs to know; a direction has all of it. */
type SliderConfig = Pick<Direction, "name" | "unit" | "track" | "range" | "step"> & { verdict?: string };

type Span = [first: number, stop: number];
type Weights = Readonly<Record<string, number>>;
type Base = { seed?: number; seeds?: Record<string, number>; latent?: string; space?: string };

/** Everything that determines a picture. */
interface Edit {
  readonly generator: string;
  readonly base: Base;
  readonly classes: Weights;
  readonly truncation: number;
  readonly amounts: Weights;
  readonly layers: Readonly<Record<string, Span>>;
  readonly hold: readonly string[];
  readonly cutoff: number | null;
  readonly mean: string;
  readonly styles: Readonly<Record<string, Span>>;
}
type EditParts = Partial<Edit> & Pick<Edit, "generator" | "base">;

/** A keyframe; times are in seconds. */
interface Stop {
  readonly id: number;
  readonly at: number;
  readonly hold: number;
  readonly easing: Easing;
  readonly edit: Edit;
}

/** The amount of one slider at a time. */
interface Key {
  readonly id: number;
  readonly at: number;
  readonly hold: number;
  readonly easing: Easing;
  readonly amount: number;
}

type Easing = "linear" | "smooth" | "in" | "out" | "hold";
interface Track {
  readonly slider: string;
  readonly keys: readonly Key[];
}

/** A key of a track as drawn: one of its own, or the amount that a keyframe sets. */
type Amount = Key & { stop: boolean };

/** The keyframe (`track` is null) or key that is selected. */
interface Place {
  track: string | null;
  id: number;
}

/** A keyframe of a timeline that sets something other than a whole edit. */
interface OtherKeyframe {
  at: number;
  hold?: number;
  easing?: Easing;
  edit?: EditParts;
  amounts?: Record<string, number>;
  classes?: Record<string, number>;
  truncation?: number;
}

interface Walk {
  readonly stops: readonly Stop[];
  readonly tracks: readonly Track[];
  readonly play: "loop" | "pingpong" | "once";
  readonly back: number;
  readonly curve: string;
  readonly speed: string;
  readonly grid: { seeds: number[] } | null;
  readonly title: string;
  readonly caption: boolean;
  readonly mark: boolean;
  readonly audio: { name: string; sha256: string } | null;
  readonly beats: readonly number[];
  /** keyframes that only a recipe can set, kept as they are */
  readonly others: readonly OtherKeyframe[];
}

/** A walk as the server renders it and as files carry it. */
interface Timeline {
  generator: string;
  keyframes: OtherKeyframe[];
  seconds?: number;
  output?: Partial<Output>;
  [name: string]: unknown;
}

/** How a film is written. */
interface Output {
  format: string;
  fps: number;
  size: number | null;
  quality: string;
}

interface Estimate {
  seconds: number;
  frames: number;
  width: number;
  height: number;
  bytes: number | null;
  render_seconds: number | null;
}

interface Film {
  id: string;
  title: string;
  format: string;
  width: number;
  height: number;
  seconds: number;
  bytes: number;
  url: string;
  thumbnail: string;
  credential: string;
  sidecar?: string;
  recipe: Timeline;
}

interface Preset {
  id: string;
  title: string;
  about: string;
  needs: string[];
}

interface Transform {
  name: string;
  title: string;
  about: string;
  group: string;
  unit: Unit;
  range: [number, number];
}

interface Bookmark {
  id: string;
  title: string;
  kind: "edit" | "timeline";
  created: string;
  edit?: EditParts;
  timeline?: Timeline;
}

interface Regressor {
  name: string;
  title: string;
  origin: string;
  installed: boolean;
  removable: boolean;
  differentiable: boolean;
  card: Record<string, string>;
  missing: string[];
  asks: string[];
  warning: string;
  /** since when it may not score, because its scores took too long */
  suspended?: string | null;
  reason?: string;
  span: [number, number];
  trust?: { n: number; correlation?: number; mean?: number; deviation?: number };
  plan?: RegressorPlan;
  notes?: string[];
  passport?: {
    shape?: (number | null)[];
    nodes: number;
    parameters: number;
    opset: number;
    producer: string;
    outputs: [string, unknown, (number | null)[]?][];
  };
}

/** How an uploaded regressor expects its input images. */
interface RegressorPlan {
  layout: string;
  channels: number;
  batch: number | null;
  sigmoid?: boolean;
  bins?: number[];
  scale: string;
  mean: number[];
  std: number[];
  order: string;
  side: number;
  output: string;
  column: number;
  softmax: boolean;
}

interface Rating {
  seed: number;
  classes: Weights;
}

/** What the server says of a dropped file. */
interface IdentifiedFile {
  format: string;
  description: string;
  media_type: string;
  uses: ("recipe" | "audio" | "regressor" | "ratings" | "direction" | "external_directions" | "generator")[];
  hint: string;
}

/** What an uploaded checkpoint contains. */
interface CheckpointPassport {
  id: string;
  name: string;
  title: string;
  picture: string;
  golden: string;
  licence?: string;
  format: string;
  family: string;
  sizes: { width: number; height: number; channels: number; classes: number; z: number; w: number; layers: number };
  bytes: number;
  sha256: string;
  numbers: number;
  tensors: { name: string; dtype: string; shape: number[] }[];
  names: string[];
  inert: string[];
  sources: Record<string, string>;
  notes: string[];
  graph?: {
    range: string;
    is_range_given: boolean;
    is_given: boolean;
    low: number;
    high: number;
    samples: number;
    inputs: [string, string, string, string][];
  } | null;
}

interface Job {
  id: string;
  kind: string;
  title: string;
  state: string;
  progress: number;
  message?: string;
  eta_s?: number;
  /** of a job that waits: its place in the queue, 1 for the next */
  place?: number | null;
  /** the server does not know it yet */
  local?: boolean;
  error?: Problem;
  detail?: { loss?: number[][]; strip?: string };
  /** what the job made; each kind has its own fields */
  result?: unknown;
}

/** Why something was refused: a sentence, and what to do about it. */
interface Problem {
  message: string;
  hint?: string;
  code?: string;
  /** the number of the edit that was refused */
  rev?: number;
}

/** One picture from the live connection. */
interface Frame {
  rev: number;
  edit: Edit | null;
  settled: boolean;
  blob: Blob;
  width: number;
  height: number;
  waitMs: number;
  renderMs: number;
  encodeMs: number;
  roundTripMs: number | null;
}

/** The decoded waveform of a sound. */
interface Wave {
  peaks: number[];
  seconds: number;
}

/** A stored entry that cannot be used, and why. */
interface Damaged {
  id: string;
  reason: string;
}

interface State {
  generators: ImageGenerator[];
  directions: Direction[];
  damaged: Damaged[];
  edit: Edit | null;
  /** the id of the slider that the filmstrip shows */
  activeSlider: string | null;
  comparing: boolean;
  walk: Walk;
  chosen: Place | null;
  /** whether the edit is a moment of the walk */
  visiting: boolean;
  timeline: boolean;
  /** the ids of the sliders that play */
  swaying: ReadonlySet<string>;
  output: Output;
  link: "connecting" | "open" | "waiting";
  /** the id of the mode that stands in the picture's place */
  mode: string | null;
  device: string;
  problem: Problem | null;
  jobs: readonly Job[];
  exports: Film[];
}

/** What lives as long as the page; the functions that connect its parts take what they need of it. */
interface Page {
  api: typeof import("./api.js").api;
  attempt<T>(work: () => T | Promise<T>): Promise<T | void>;
  dock: import("./dock.js").Dock;
  history: import("../history/history.js").History;
  jobs: import("../jobs/jobs.js").Jobs;
  live: import("../live/live-socket.js").LiveSocket;
  modes: import("./modes.js").Modes;
  report(error: unknown): void;
  session: import("./session.js").Session;
  store: import("./store.js").Store;
  sway: import("../sliders/sway.js").Sway;
  toasts: import("../elements/toast-stack.js").ToastStack;
}

/** Stands in the place of the picture until it is closed. */
interface OpenMode {
  close(): void;
  /** shows the frames of the live connection, in place of the picture */
  show?(frame: Frame): Promise<void>;
}

interface Mode {
  id: string;
  name: string;
  icon: string;
  key: string;
  about: string;
  style: string;
  load(): Promise<{ open(page: Page, host: HTMLElement): OpenMode }>;
}

type Child = Node | string | null | undefined;
type Props = Record<string, unknown>;

interface HTMLElementTagNameMap {
  "amount-slider": import("../sliders/amount-slider.js").AmountSlider;
  "bookmark-panel": import("../history/bookmark-panel.js").BookmarkPanel;
  "class-mix": import("../setup/class-mix.js").ClassMix;
  "direction-slider": import("../sliders/direction-slider.js").DirectionSlider;
  "export-panel": import("../films/export-panel.js").ExportPanel;
  "film-card": import("../films/film-card.js").FilmCard;
  "film-library": import("../films/film-library.js").FilmLibrary;
  "film-strip": import("../picture/film-strip.js").FilmStrip;
  "generator-picker": import("../setup/generator-picker.js").GeneratorPicker;
  "history-tree": import("../history/history-tree.js").HistoryTree;
  "job-card": import("../jobs/job-card.js").JobCard;
  "job-tray": import("../jobs/job-tray.js").JobTray;
  "keyframe-row": import("../walk/keyframe-row.js").KeyframeRow;
  "layer-mix": import("../setup/layer-mix.js").LayerMix;
  "learn-panel": import("../sliders/learn/learn-panel.js").LearnPanel;
  "model-card": import("../setup/model-card.js").ModelCard;
  "passport-dialog": import("../modes/passport-dialog.js").PassportDialog;
  "picture-stage": import("../picture/picture-stage.js").PictureStage;
  "presets-dialog": import("../walk/presets-dialog.js").PresetsDialog;
  "rating-panel": import("../regressors/rating-panel.js").RatingPanel;
  "regressor-card": import("../regressors/regressor-card.js").RegressorCard;
  "regressor-panel": import("../regressors/regressor-panel.js").RegressorPanel;
  "regressor-plan": import("../regressors/regressor-plan.js").RegressorPlan;
  "report-card": import("../sliders/report-card.js").ReportCard;
  "score-readout": import("../regressors/score-readout.js").ScoreReadout;
  "seed-field": import("../setup/seed-field.js").SeedField;
  "shortcuts-dialog": import("../shell/shortcuts/shortcuts-dialog.js").ShortcutsDialog;
  "slider-panel": import("../sliders/slider-panel.js").SliderPanel;
  "status-bar": import("../live/status-bar.js").StatusBar;
  "toast-stack": import("../elements/toast-stack.js").ToastStack;
  "track-row": import("../walk/track-row.js").TrackRow;
  "walk-inspector": import("../walk/walk-inspector.js").WalkInspector;
  "walk-panel": import("../walk/walk-panel.js").WalkPanel;
  "walk-rows": import("../walk/walk-rows.js").WalkRows;
}

/** What a drag does with the pointer's movements. */
interface Drag {
  move(event: PointerEvent): void;
  drop(): void;
  cancel(): void;
}

type Point = [x: number, y: number];

/** One step of the history. */
interface HistoryNode {
  id: number;
  parent: number | null;
  next: number | null;
  edit: Edit;
  walk: Walk;
  label: string;
  key: string;
  at: number;
}

type Timescale = import("../walk/timescale.js").Timescale;

/** What a row of the timeline draws. */
interface Row {
  walk: Walk;
  chosen: Place | null;
  scale: Timescale;
  points: number[];
}
