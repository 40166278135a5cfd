/** Recordings as `docs/recording.md` describes them: JSON Lines with a check per line, the same bytes that the native host writes and reads. */
import { describe } from './component.js';
import { Sentence, escape } from './fault.js';
import { base64, parse, stringify, unbase64 } from './values.js';

const VERSION = 1;
const MAX_LINE = 64 << 20;
/** Zeros that all lines together may stand for, as in the native host. */
const MAX_ZEROS = 256 << 20;
/** Fewer zeros at the end of header bytes are not worth a field. */
const FEW_ZEROS = 64;

const TABLE = Uint16Array.from({ length: 256 }, (_, index) => {
  let crc = index << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** CRC-16/XMODEM. */
export function crc16(bytes) {
  let crc = 0;
  for (let at = 0; at < bytes.length; at += 1) crc = ((crc << 8) & 0xffff) ^ TABLE[(crc >> 8) ^ bytes[at]];
  return crc;
}

/** The recording of a session: what it did until now. Bytes of tensors, which a header window can end in, become zeros. */
export function recordingOf(session, component) {
  const { log } = session;
  const capabilities = log.records.find((record) => record.return?.answer?.capabilities)?.return.answer.capabilities;
  const header = {
    weighbridge: component.version,
    component: component.id,
    ...(capabilities && { capabilities }),
    ...(log.lost > 0 && { lost: log.lost, names: log.names.slice(0, log.namesLost) }),
    machines: describe(component),
  };
  return { header, records: withoutTensors(log.records, session.listing ?? []) };
}

function withoutTensors(records, tensors) {
  const starts = new Map();
  for (const { source, offset, bytes } of tensors) {
    if (Number(bytes) > 0) starts.set(source, Math.min(starts.get(source) ?? Infinity, Number(offset)));
  }
  let begins;
  return records.map((record) => {
    if (record.call !== undefined) {
      const read = record.call.read;
      begins = read && starts.has(read.source) ? Math.max(0, starts.get(read.source) - Number(read.offset)) : undefined;
      return record;
    }
    const bytes = record.return?.answer?.bytes;
    if (!bytes || begins === undefined || begins >= bytes.length) return record;
    const header = bytes.slice();
    header.fill(0, begins);
    return { ...record, return: { ...record.return, answer: { bytes: header } } };
  });
}

/** The bytes of the recording's file. */
export function writeRecording(session, component) {
  return encode(recordingOf(session, component));
}

/** A recording as a file. */
export function encode({ header, records }) {
  const encoder = new TextEncoder();
  const lines = [];
  const checks = new Uint8Array(2 * (records.length + 1));
  const push = (text) => {
    const line = encoder.encode(`${text}\n`);
    const crc = crc16(line.subarray(0, -1));
    checks.set([crc >> 8, crc & 0xff], 2 * lines.length);
    lines.push(line);
  };
  push(stringify({ 'weighbridge-recording': VERSION, ...header }));
  let before = 0;
  for (const record of records) {
    push(encodeRecord(record, before));
    before = record.at;
  }
  lines.push(encoder.encode(`${JSON.stringify({ end: records.length, checks: base64(checks), check: crc16(checks) })}\n`));
  const bytes = new Uint8Array(lines.reduce((sum, line) => sum + line.length, 0));
  let at = 0;
  for (const line of lines) {
    bytes.set(line, at);
    at += line.length;
  }
  return bytes;
}

const KINDS = { event: 'e', guard: 'g', action: 'a', transition: 't', command: 'c', answer: 'r', outcome: 'o' };
const NAMES = Object.fromEntries(Object.entries(KINDS).map(([name, kind]) => [kind, name]));

function encodeRecord(record, before) {
  if (record.step) {
    const { machine, instance, what } = record.step;
    const [[kind, value]] = Object.entries(what);
    const rest = (Array.isArray(value) ? value : [value]).map(Number);
    return JSON.stringify([record.seq, Math.max(0, record.at - before), machine, instance ?? null, KINDS[kind], ...rest]);
  }
  const bytes = record.return?.answer?.bytes;
  if (!bytes) return stringify(record);
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  const zeros = bytes.length - end;
  if (zeros < FEW_ZEROS) return stringify(record);
  return stringify({ ...record, zeros, return: { ...record.return, answer: { bytes: bytes.subarray(0, end) } } });
}

/** Why a recording was not read: a sentence. */
export class RecordingError extends Sentence {}

const damaged = (line, what) => new RecordingError(`line ${line} of the recording is damaged: ${what}`);

/** Reads a recording and checks that it is whole. */
export function readRecording(file) {
  const lines = [...split(file)];
  const first = readJson(lines[0], 1, 'this is no weighbridge recording: its first line is no JSON');
  const { 'weighbridge-recording': version, ...header } = first ?? {};
  if (!Number.isInteger(version) || version < 1) {
    throw new RecordingError('this is no weighbridge recording: its first line does not begin with {"weighbridge-recording":…}');
  }
  if (version > VERSION) {
    throw new RecordingError(
      `the recording has format version ${version}, and this weighbridge reads up to ${VERSION}: use weighbridge ${escape(header.weighbridge, 40)} or newer`,
    );
  }
  const checks = [crc16(lines[0].bytes)];
  const records = [];
  let before = 0;
  let next = header.lost ?? 0;
  const zeros = { left: MAX_ZEROS };
  for (const [index, line] of lines.entries()) {
    if (index === 0) continue;
    const json = readJson(line, index + 1);
    if (json === null || typeof json !== 'object') throw damaged(index + 1, 'it is no record');
    if (json.end !== undefined) {
      finish(json, checks, records, index + 1);
      if (lines.length > index + 1) throw damaged(index + 2, 'it stands after the last line');
      return { header, records };
    }
    const record = Array.isArray(json) ? decodeStep(json, before, index + 1) : decodeRecord(json, index + 1, zeros);
    if (record.seq !== next) throw damaged(index + 1, `the field \`seq\` is ${record.seq}, and ${next} is next`);
    checks.push(crc16(line.bytes));
    records.push(record);
    before = record.at;
    next += 1;
  }
  throw new RecordingError(
    `the recording is cut short after line ${lines.length}: its last line, \`{"end":…}\`, is missing; copy it again, or record again`,
  );
}

function* split(file) {
  let start = 0;
  for (let number = 1; start < file.length; number += 1) {
    const end = file.indexOf(10, start);
    if (end < 0) {
      throw new RecordingError(
        `the recording is cut short after line ${number - 1}: line ${number} ends after ${file.length - start} bytes; copy it again, or record again`,
      );
    }
    if (end - start > MAX_LINE) throw damaged(number, `it is longer than ${MAX_LINE} bytes`);
    yield { bytes: file.subarray(start, end) };
    start = end + 1;
  }
  if (start === 0) throw new RecordingError('this is no weighbridge recording: it is empty');
}

function readJson(line, number, otherwise) {
  try {
    return parse(new TextDecoder('utf-8', { fatal: true }).decode(line.bytes));
  } catch (error) {
    throw otherwise ? new RecordingError(otherwise) : damaged(number, error.message);
  }
}

function decodeStep(fields, before, line) {
  const [seq, wait, machine, instance, kind, ...rest] = fields;
  const name = NAMES[kind];
  const numbers = [seq, wait, machine, instance ?? 0, ...rest];
  const count = ['event', 'action', 'command'].includes(name) ? 1 : 2;
  if (!name || rest.length !== count || !numbers.every((number) => Number.isInteger(number) && number >= 0)) {
    throw damaged(line, 'it is no step');
  }
  const value = { transition: rest, event: rest[0], action: rest[0], command: rest[0] }[name] ?? [rest[0], rest[1] === 1];
  return { seq, at: before + wait, step: { machine, ...(instance !== null && { instance }), what: { [name]: value } } };
}

const WHATS = ['names', 'step', 'enter', 'leave', 'call', 'return', 'host'];

const isCount = (number) => Number.isSafeInteger(number) && number >= 0;

function decodeRecord({ zeros = 0, ...record }, line, most) {
  for (const [field, number] of Object.entries({ seq: record.seq, at: record.at, zeros })) {
    if (!isCount(number)) throw damaged(line, `the field \`${field}\` is no number of 0 or more`);
  }
  const whats = Object.keys(record).filter((key) => key !== 'seq' && key !== 'at');
  if (whats.length !== 1 || !WHATS.includes(whats[0])) throw damaged(line, `it is none of ${WHATS.join(', ')}`);
  const text = record.return?.answer?.bytes;
  if (text === undefined) return record;
  const short = bytesOf(text, line, 'bytes');
  if (zeros + short.length > MAX_LINE || zeros > most.left) throw damaged(line, 'the field `zeros` is too large');
  most.left -= zeros;
  const bytes = new Uint8Array(short.length + zeros);
  bytes.set(short);
  return { ...record, return: { ...record.return, answer: { bytes } } };
}

/** The bytes of a field in base64. */
function bytesOf(text, line, field) {
  try {
    if (typeof text === 'string') return unbase64(text);
  } catch {
    // It is no base64.
  }
  throw damaged(line, `the field \`${field}\` is no base64`);
}

function finish(last, checks, records, line) {
  const written = bytesOf(last.checks ?? '', line, 'checks');
  if (crc16(written) !== last.check) throw damaged(line, 'the field `checks` does not match the field `check`');
  if (last.end !== records.length) throw damaged(line, `it counts ${last.end} records, and ${records.length} are there`);
  if (written.length !== 2 * checks.length) {
    throw damaged(line, `it checks ${written.length / 2} lines, and ${checks.length} are there`);
  }
  const changed = checks.findIndex((check, at) => check !== (written[2 * at] << 8) + written[2 * at + 1]);
  if (changed >= 0) {
    const what = changed === 0 ? 'header' : `record ${records[changed - 1].seq}`;
    throw new RecordingError(`line ${changed + 1} of the recording (${what}) was changed after it was written: its check does not match`);
  }
}
