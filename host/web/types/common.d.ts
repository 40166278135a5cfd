/** What the package has everywhere. Values are the JSON that serde writes of the contract (`wit/`): integers that a double cannot hold are bigints. */

/** A whole number; a bigint where a double cannot hold it. */
export type Int = number | bigint;

export type Strategy = 'mapped-file' | 'read-copy' | 'staged-read' | 'external-buffer';
export type Level = 'off' | 'outcomes' | 'transitions' | 'steps';
export type Advice = 'normal' | 'sequential' | 'random' | 'will-need' | 'dont-need';
export type AdviceEffect = 'applied' | 'ignored' | 'unsupported';
export type Selection = 'all' | { tensors: number[] } | { matching: string };

/** Why a source does not do what it was asked. */
export type StorageErrorJson =
  | 'unsupported'
  | 'access-denied'
  | 'out-of-bounds'
  | 'busy'
  | 'exhausted'
  | 'changed'
  | 'end-of-source'
  | 'cancelled'
  | 'deadline'
  | { io: number }
  | { other: string };

/** The typed error of the contract. */
export interface ErrorJson {
  phase: string;
  cause: string;
  strategy?: Strategy;
  tensor?: number;
  source?: number;
  offset?: Int;
  field?: string;
  'os-code'?: number;
  message: string;
}

/** A source does not do what it was asked: an answer to the component, not an end. */
export class StorageFault extends Error {
  constructor(why: StorageErrorJson);
  why: StorageErrorJson;
}

/** The contract's error. On one of `Session.open`, `session` has what was recorded until then. */
export class LoadError extends Error {
  constructor(error: ErrorJson);
  error: ErrorJson;
  session?: Session;
}

/** What a person is told and can act on; no part of the contract. */
export class Sentence extends Error {}

/** A typed error with what every error has, and what else applies. */
export function typed(phase: string, cause: string, message: string, more?: Partial<ErrorJson>): ErrorJson;

/** Text of a model or a person, for a sentence: control characters and what reorders a line are made visible. */
export function escape(text: string, most?: number): string;

/** JSON of a value: 64 bits as digits, bytes as base64. */
export function stringify(value: unknown): string;
/** Reads JSON; an integer that a double cannot hold becomes a bigint. */
export function parse(text: string): any;

/** A piece that somebody else reads. */
export interface Begun {
  /** Waits a moment: whether it was read, or nothing where that is not known yet. */
  wait(): boolean | undefined;
  /** Its bytes, when the caller is back in its event loop. */
  bytes: Promise<Uint8Array>;
}

/** A file that can be read synchronously. Each function may throw a {@link StorageFault}. */
export interface Source {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Numbers of 64 bits, some of which change when the file does. */
  fingerprint(): BigUint64Array;
  /** Throws where the file is not what it was. */
  check(): void;
  read(offset: number, len: number): Uint8Array;
  readInto(bytes: Uint8Array, offset: number): void;
  /** Where bytes come as memory that nobody else has, they are kept as they came. */
  fetch?(offset: number, len: number): Uint8Array;
  /** Where several pieces can be read at the same time: one more, if somebody is free. */
  begin?(offset: number, len: number): Begun | undefined;
  /** Where the bytes are in memory anyway: they can be mapped, if the session offers it. */
  map?(offset: number, len: number): Uint8Array;
  /** Where each read costs more than its bytes: small ones are cut out of windows of so many bytes. */
  readonly window?: number;
  /** Bytes that come in a moment, where that is not long. */
  readonly piece?: number;
}

/** A compiled host and component, which sessions share. */
export interface Component {
  /** SHA-256 of the component. */
  readonly id: string;
  readonly version: string;
  readonly bytes: number;
  readonly memoryLimit: number;
  readonly imports: string[];
  readonly exports: string[];
  readonly compileMs: number;
}

/** Bounds on what a component may use; see `HostLimits` of `weighbridge-core`. */
export interface Limits {
  'guest-memory'?: Int;
  /** Longest that the component may compute in one call, in ms, without what the host does for it; default 10 s. Kept when it calls the host, and by {@link watch} while it does not. */
  'guest-time'?: number;
  /** Most bytes that the component may pass in one call as lists and texts; default 128 MiB. */
  'hostcall-bytes'?: number;
  'mapped-bytes'?: Int;
  mappings?: number;
  'header-bytes'?: Int;
  /** Most bytes of buffers at once; default 2 GiB. */
  'buffer-bytes'?: Int;
  /** Longest that one call may take, in ms; 0 and default: as long as it takes. */
  deadline?: number;
  'host-calls'?: Int;
  'host-work'?: Int;
  handles?: number;
  files?: number;
  'listing-bytes'?: Int;
  'trace-bytes'?: Int;
  'trace-batch'?: number;
  'trace-names'?: number;
}

/** What the component is told: bounds on a file, and what its observer gets. */
export interface GuestOptions {
  slots?: number;
  limits?: { 'header-bytes'?: Int; tensors?: number; 'metadata-entries'?: number; 'name-bytes'?: number; nesting?: number };
  observe?: Level;
  /** Also open a model of which not all is there, to list it. */
  partial?: boolean;
}

export interface SessionOptions {
  component: Component;
  /** The first names the model. */
  sources: Source[];
  /** A further file of the model by its plain name. */
  find?: (name: string) => Source | undefined;
  guest?: GuestOptions;
  limits?: Limits;
  offers?: { mmap?: boolean; advise?: boolean; 'map-granularity'?: number; 'max-read'?: number; 'max-batch'?: number; auto?: Strategy[] };
  /** Memory for tensors, by their names. */
  registered?: Iterable<[string, Uint8Array]>;
  /** Records kept for a recording; default 65,536. */
  ring?: number;
  /** Whether file names may stand in a recording. */
  'names-in-trace'?: boolean;
  /** Asked between pieces of work whether it is to end. */
  cancelled?: () => boolean;
  /** Told how long the component may compute from now on: one end of a channel whose other end {@link watch} has, outside of this worker. */
  alarm?: Alarm;
  /** Told the bytes moved so far. */
  progress?: (moved: number) => void;
  /** Told every record; the component waits until it returns. */
  observe?: (records: TraceRecord[]) => void;
  /** An answer in the host's place: injected faults. */
  interpose?: (call: Call) => object | string | undefined;
}

/** An end of a channel of messages: a page's `MessagePort`, or Node's. */
export interface Alarm {
  postMessage(message: unknown): void;
}

/** What can be ended from outside: a page's `Worker`, or Node's. */
export interface Ended {
  terminate(): unknown;
}

/**
 * Ends a worker when its component computes for longer than it may, which nothing inside of the worker can: `limit-exceeded`, or `deadline`. For
 * whoever runs components of strangers.
 */
export function watch(worker: Ended, alarm: { onmessage: ((event: any) => void) | null }, ended: (error: LoadError) => void): void;

/** A call of the component, as recordings have it. */
export type Call = string | Record<string, Record<string, unknown>>;

/** One thing that happened; see `docs/recording.md`. */
export interface TraceRecord {
  seq: number;
  at: number;
  [what: string]: unknown;
}

export interface LoadOptions {
  policy?: 'auto' | { only: Strategy } | { 'first-available': Strategy[] };
  extent?: 'auto' | 'whole-file' | 'per-tensor' | { window: Int };
  'staging-bytes'?: Int;
  validate?: { structure: boolean; architecture: boolean };
}

export interface LoadReport {
  used?: Strategy;
  refused: { strategy: Strategy; reason: ErrorJson }[];
  tensors: number;
  bytes: Int;
  moved: Int;
  mapped: Int;
  extents: number;
  'slots-peak': number;
}

export interface ModelSummary {
  format: string;
  version: number;
  architecture?: string;
  sources: number;
  tensors: number;
  'metadata-entries': number;
  'tensor-bytes': Int;
  alignment: Int;
}

export interface TensorInfo {
  name: string;
  dtype: string;
  shape: Int[];
  source: number;
  offset: Int;
  bytes: Int;
}

export interface TensorState {
  lifecycle: 'unbound' | 'loading' | 'resident' | 'mmap-resident' | 'evicted';
  strategy?: Strategy;
  slot?: number;
  location?: { place: { mapping: Int } | { target: Int }; offset: Int; bytes: Int };
}

/** Something that was noticed of a model that could be opened all the same. */
export interface Finding {
  /** Which rule, for programs. */
  rule: string;
  severity: 'note' | 'warning' | 'error';
  /** A sentence for a person. */
  message: string;
  source?: number;
  tensor?: number;
  offset?: Int;
}

export interface MetadataEntry {
  key: string;
  kind: string;
  source: number;
  value:
    | { boolean: boolean }
    | { unsigned: Int }
    | { signed: Int }
    | { floating: number }
    | { text: string }
    | { sequence: { element: string; count: Int; head: string[] } };
}

export interface SlotState {
  status: string;
  generation: number;
  source: number;
  offset: Int;
  bytes: Int;
  tensors: number;
}

export interface BufferState {
  status: string;
  generation: number;
  target: Int;
  bytes: Int;
  tensors: number;
  external: boolean;
}

export interface MachineStatus {
  machine: string;
  instance?: number;
  state: string;
}

export interface FormatInfo {
  name: string;
  title: string;
  versions: string;
  extensions: string[];
  'multi-file': 'none' | 'numbered' | { index: string };
}

/** One machine's transition table. */
export interface MachineTable {
  machine: string;
  initial: string;
  order: number;
  pooled: boolean;
  owns?: 'slots' | 'buffers';
  rows: Record<string, unknown>[];
}

/** A view of a resident tensor: until it is freed, evicting the tensor is answered `busy`. */
export interface View {
  /** The bytes, at most so many, in one piece; memory of the session, to be read and not written. */
  bytes(most?: number): Uint8Array;
  free(): void;
}

/** One model. Errors are {@link LoadError}s. */
export class Session {
  private constructor();
  /** Opens a model and reads its headers. */
  static open(options: SessionOptions): Session;
  readonly summary: ModelSummary;
  /** In the order in which the tensors name them. */
  readonly files: { name: string; size: number }[];
  readonly capabilities: { mmap: boolean; advise: boolean; 'map-granularity': Int; 'max-read': number; 'max-batch': number; auto: Strategy[] };
  /** What the session holds and what it did. */
  readonly stats: Record<string, number>;
  /** What it took, in ns. */
  readonly timings: Record<string, number>;
  /** What it holds and moved so far, batches that failed included; also of a session that could not be opened. */
  readonly usage: { moved: number; bufferBytes: number; buffers: number; mappings: number };
  /** Every tensor, in the order of the files. Asked once, then kept. */
  tensors(): TensorInfo[];
  /** The metadata; of an array at most `head` elements. */
  metadata(head: number): MetadataEntry[];
  /** What was noticed of the model that did not keep it from being opened. */
  findings(): Finding[];
  states(): TensorState[];
  slots(): SlotState[];
  buffers(): BufferState[];
  machines(): MachineStatus[];
  /** The index of a tensor, by its exact name. */
  find(name: string): number | undefined;
  /** Makes tensors resident. Where several read at the same time, the bytes are there when it is {@link settled}. */
  load(selection?: Selection, options?: LoadOptions): LoadReport;
  /** Waits until all bytes that were read are in their places. */
  settled(): Promise<void>;
  /**
   * Hands the bytes of tensors to `take` in chunks of at most `staging`, each tensor's in order. The tensors count as resident, without a
   * view, until they are evicted. `take` may throw a {@link StorageFault}.
   */
  loadInto(selection: Selection, take: (tensor: number, offset: number, bytes: Uint8Array) => void, staging?: number): LoadReport;
  /** Ends mapped residency, of how many tensors. */
  release(selection?: Selection): number;
  /** Ends copied residency, of how many tensors. */
  evict(selection?: Selection): number;
  advise(tensor: number, advice: Advice): AdviceEffect;
  /** Changes what the observer gets. */
  observe(level: Level): void;
  view(tensor: number): View;
  /** The bytes of a resident tensor, which nothing keeps from being evicted. */
  bytes(tensor: number, most?: number): Uint8Array;
  /** Memory for a tensor, which is filled where it is; false while the tensor lies in what was registered before. */
  register(name: string, bytes: Uint8Array): boolean;
  /** What the session did, as far as the ring has it. */
  recording(): Recording;
  /** Releases everything. What is busy is reported and stays, and close can be asked again. */
  close(): void;
  /** Gives back all that no view uses. Nothing can be asked afterwards. */
  free(): void;
}

/** What a replay found. */
export interface ReplayReport {
  complete: boolean;
  compared: number;
  exports: number;
  calls: number;
  steps: number;
  bytes_read: number;
  recorded_ns: number;
  replayed_ns: number;
  machines: MachineStatus[];
}

/** A recorded session (`docs/recording.md`). */
export class Recording {
  private constructor();
  /** Reads a file and checks that it is whole; a {@link Sentence} says why it is not. */
  static read(bytes: Uint8Array): Recording;
  /** The bytes of its file. */
  write(): Uint8Array;
  readonly header: { weighbridge: string; component: string; capabilities?: object; lost?: number; names?: string[]; machines?: MachineTable[] };
  /** How many records there are. */
  readonly length: number;
  /** Records from one on, at most so many. */
  records(start?: number, count?: number): TraceRecord[];
  /** Runs the component against it. No file is opened: every answer comes from the recording; the first difference is a {@link Sentence}. */
  replay(component: Component, options?: { until?: number }): ReplayReport;
  free(): void;
}

/** What a desk works on. */
export interface DeskOptions {
  component: Component;
  /** The file behind a token of a request, opened anew. What it throws is why it cannot be opened. */
  source: (name: string, token: string) => Source;
  /** A further file of the model that begins with the file behind `token`, by its plain name. */
  find: (name: string, token: string) => Source | undefined;
  /** Told every update. */
  tell: (update: string) => void;
  /** Gets a file that is for the person: a recording, a picture. */
  deliver: (name: string, bytes: Uint8Array) => void;
  /** Told the bytes moved so far. */
  progress?: (moved: number) => void;
  /** Most bytes of buffers at once; default 2 GiB. */
  bufferBytes?: number;
  /** An urgent request that came meanwhile, if there is one. */
  take?: () => string | undefined;
  /** Blocks until there is one. Without it the component cannot be held. */
  wait?: () => void;
}

/**
 * Answers an inspector, and a page, with the messages of `weighbridge-core`'s desk (`host/core/src/desk/messages.rs`): requests and
 * updates as JSON text.
 */
export class Desk {
  constructor(options: DeskOptions);
  /** Does what is asked, one thing after the other; back when it is done. What it throws has broken the desk: it answers nothing more. */
  handle(request: string): Promise<void>;
}

export const STRATEGIES: Strategy[];

/** The formats that the component reads. */
export function formats(component: Component): FormatInfo[];
/** The transition tables of every machine in the component. */
export function describe(component: Component): MachineTable[];
